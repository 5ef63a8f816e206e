"""Programs that hold a lease on the private server, and what a test asks of one.

A program is another process, as `cff` would be: tests kill it, interrupt it, or let it end.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import ledger
from ledger import embedded
from ledger.binaries import find_binaries
from ledger.supervisor import lock_owner

QUICK = {"fsync": "off"}
"""Settings of a server that need not survive the machine."""
CLONE = Path(ledger.__file__).resolve().parents[1]
PROGRAM = """
import json, sys, time
from pathlib import Path
from ledger import embedded
with embedded.lease(Path(sys.argv[1]), settings=json.loads(sys.argv[2])) as held:
    waits = False
    while True:
        try:
            if not waits:
                waits = True  # said inside the try: the interrupt may come with the line's reading
                print(held.postmaster_pid, flush=True)
            if not sys.stdin.readline():
                break
        except KeyboardInterrupt:
            print("interrupted", flush=True)
"""


def program_in(
    home: Path, before: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A program that holds a lease until its input is closed; it runs the lines `before` first."""
    path = [str(CLONE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-c", before + PROGRAM, str(home), json.dumps(QUICK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **(environment or {})},
        start_new_session=True,
    )


def server_of(process: subprocess.Popen[str]) -> int:
    """The server's process id as a program saw it, once it has its lease."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    return int(line)


def sql(held: embedded.Lease, statement: str) -> str:
    """What psql answers to `statement`."""
    psql = find_binaries().bin_dir / "psql"
    options = ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", held.dsn("postgres"), "-c", statement]
    done = subprocess.run([str(psql), *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def alive(pid: int) -> bool:
    """True if `pid` is a process that runs, and not merely one that nobody has buried."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def wait_until(condition: Callable[[], bool], seconds: int = 5) -> None:
    """Wait for something that must happen within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.02)


def supervisor_of(home: Path) -> int:
    """The supervisor's process id; there must be one."""
    owner = lock_owner(home)
    assert owner
    return owner
