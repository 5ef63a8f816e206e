"""Where the tests' servers live: in memory where there is enough of it, else on the disk.

A cloned database is some seven hundred files, and a run makes and drops thousands of databases.
On a disk that is most of a small test's time, and some file systems slow down with every file
deleted lately; in memory a clone takes 30 ms. Nothing is lost by it: a test kills processes, never
the machine, and what a process has written survives its death in memory as it does in the page
cache of a disk.

Memory that a killed run leaves behind is lost until the machine starts again. So whoever makes a
place holds the lock of its file `held`; a watcher waits for that lock, which the kernel frees
however the holder went, stops what still runs in the place and removes it. A run whose watchers
were killed with it is cleaned up by the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ledger import embedded

MEMORY, DISK = Path("/dev/shm"), Path("/tmp")
ENOUGH_BYTES = 3 * 1024**3
"""Two workers, each with a server to clone in and one to kill, need 0.5 GiB, and WAL 1 GiB more."""

_CLONE = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def place(prefix: str) -> Iterator[Path]:
    """A new directory that the server's user may pass; it goes with the context, or its process."""
    for root in (MEMORY, DISK):
        clear(root, prefix)
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=roomiest(MEMORY, DISK)))
    made.chmod(0o711)
    # A place without `held` is still being made, and nobody clears it.
    (made / "making").touch()
    with holding(made / "making"):
        (made / "making").rename(made / "held")
        watch = [sys.executable, "-m", "tests.homes", str(made)]
        subprocess.run(watch, cwd=_CLONE, stdin=subprocess.DEVNULL, check=True)
        try:
            yield made
        finally:
            remove(made)


def roomiest(memory: Path, disk: Path, *, enough_bytes: int = ENOUGH_BYTES) -> Path:
    """`memory` where anybody may write and folder and machine have enough left, else `disk`."""
    if not os.access(memory, os.W_OK | os.X_OK):
        return disk
    free = os.statvfs(memory)
    # A server's programs are copied beside its data where its user cannot reach them otherwise.
    if free.f_flag & os.ST_NOEXEC:
        return disk
    left = min(free.f_bavail * free.f_frsize, _available_bytes())
    return memory if left > enough_bytes else disk


def remove(made: Path) -> None:
    """Stop the servers of a place and remove it."""
    try:
        for lock in made.glob("**/supervisor.lock"):
            embedded.stop(lock.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def holding(lock: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock of a file; with `LOCK_NB`, `OSError` if somebody else does."""
    with lock.open("rb") as file:
        fcntl.flock(file, how)
        yield


def clear(root: Path, prefix: str) -> None:
    """Remove the places that nobody holds any more."""
    for held in root.glob(f"{prefix}*/held"):
        # Somebody else's place, or one that goes this moment, is not ours to remove.
        with contextlib.suppress(OSError), holding(held, fcntl.LOCK_EX | fcntl.LOCK_NB):
            remove(held.parent)


def _watch(made: Path) -> None:
    """Wait, away from everything that could end with the run, until nobody holds the place."""
    if os.fork():
        return
    os.setsid()
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(silence, stream)
    with holding(made / "held"):
        remove(made)


def _available_bytes() -> int:
    """Memory that could be had without swapping, as the kernel reckons it."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return int(found["MemAvailable"].removesuffix("kB")) * 1024


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
