"""A private PostgreSQL server in a directory of ours: nothing to install, nothing left behind.

`lease(home)` gives any number of processes the same server. The first lease starts it, the last
one gone stops it, however its holder went; the data stay. The server listens on a socket in a
directory that its user alone can enter, never on TCP. `ledger.supervisor` keeps it meanwhile.

Alive means here that the server answered on its socket, whatever files and process ids say. Which
programs it runs is found by `ledger.binaries`, where it lives by `ledger.homes`.

In a home: `data/` (the cluster), `run/` (the socket), `server.log`, `status.json` and two lock
files. To throw a database away, `stop(home)` and remove the home.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from ledger.binaries import Binaries, find_binaries
from ledger.errors import DatabaseUnavailable
from ledger.homes import absolute, check_version, make_home, server_ids, socket_dir_of, user_name
from ledger.supervisor import PORT, TAKEN, USER, Plan, command, lock_owner, log_tail, read_status

START_SECONDS = 120
"""How long a lease waits for a server that does not answer at all."""
RECOVERY_SECONDS = 900
"""How long a lease waits for a server that says it is starting up, i.e. recovers from a crash."""

_POLL_MS = 30
_SAY_EVERY_SECONDS = 5

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to a running server, until `close`. A context manager.

    The server is started again if it crashes, so a pool reconnects; a lease outlives that.
    socket_dir: directory of the socket; pass it as the host.
    user:       superuser of the cluster.
    """

    home: Path
    socket_dir: Path
    port: int
    user: str
    _plan: Plan = field(repr=False)
    _file: BinaryIO = field(repr=False)

    def dsn(self, database: str) -> str:
        """A postgresql:// address of `database` on this server, understood by asyncpg and psql."""
        host = urllib.parse.quote(str(self.socket_dir), safe="")
        name = urllib.parse.quote(database, safe="")
        return f"postgresql://{self.user}@/{name}?host={host}&port={self.port}"

    @property
    def postmaster_pid(self) -> int:
        """Process id of the server as last started; it changes when the server is restarted."""
        return postmaster_pid(self.home)

    def revive(self, say: Say | None = None) -> None:
        """Make sure that the server answers, also after its supervisor was killed.

        Raises `DatabaseUnavailable` if it cannot be started.
        """
        _ensure_running(self._plan, say or _silent)

    def close(self) -> None:
        """Give the lease back; the server stops a moment after the last one. May be repeated."""
        self._file.close()

    def __enter__(self) -> Lease:
        """The lease itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lease back."""
        self.close()


def lease(
    home: Path,
    *,
    binaries: Binaries | None = None,
    settings: Mapping[str, str] | None = None,
    say: Say | None = None,
) -> Lease:
    """A lease on the server of `home`, which is made and started if need be. Blocks until it runs.

    settings: server settings over the defaults, in force if this lease starts the server. The
              defaults keep fsync, full_page_writes and synchronous_commit on.
    say:      takes short lines for a person who waits.

    Raises `DatabaseUnavailable` with what the server said, `InvalidInput` for a wrong setting of
    the environment. A process that forks shares its lease with its child; exec drops it.
    """
    if not sys.platform.startswith("linux"):
        raise DatabaseUnavailable("the private server needs Linux; set CFF_DATABASE_URL instead")
    home = absolute(home, "home")
    chosen = binaries or find_binaries()
    make_home(home)
    check_version(home, chosen)
    plan = _plan(home, chosen, settings or {})
    # Closed to others: whoever can open it could hold the server up, or keep it from starting.
    file = open(home / "lease.lock", "ab", opener=_private)  # noqa: SIM115 - closed by the lease
    try:
        _hold(file, home, say or _silent)
        _ensure_running(plan, say or _silent)
    except BaseException:
        file.close()
        raise
    socket_dir = Path(plan.socket_dir)
    return Lease(home=home, socket_dir=socket_dir, port=PORT, user=USER, _plan=plan, _file=file)


def postmaster_pid(home: Path) -> int:
    """Process id of the server of `home`, 0 if none runs under a living supervisor."""
    owner = lock_owner(home)
    status = read_status(home)
    ours = owner is not None and status is not None and status.supervisor_pid == owner
    return status.postmaster_pid if ours and status is not None else 0


def stop(home: Path, *, timeout_seconds: int = 90) -> bool:
    """Stop the server of `home` even if leases are held; False if none was running.

    The supervisor is named by the kernel as the owner of its lock, never by a file. Raises
    `DatabaseUnavailable` if it has not gone after `timeout_seconds`.
    """
    owner = lock_owner(home)
    if not owner:
        return False
    try:
        handle = os.pidfd_open(owner)
    except ProcessLookupError:
        return False
    try:
        # Asked again with the process in hand: it cannot become another one between the two.
        if lock_owner(home) != owner:
            return False
        signal.pidfd_send_signal(handle, signal.SIGTERM)
    finally:
        os.close(handle)
    deadline = time.monotonic() + timeout_seconds
    while lock_owner(home) == owner:
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(f"the server of {home} does not stop; see its server.log")
        _pause()
    return True


class _Answer(enum.Enum):
    """What came back from the socket."""

    NONE = 0
    STARTING = 1
    READY = 2


def _ask(socket_dir: Path) -> _Answer:
    """Open a session as any client would: the only test of life that counts."""
    words = b"".join(f"{word}\0".encode() for word in ("user", USER, "database", "template1"))
    hello = struct.pack("!ii", len(words) + 9, 196608) + words + b"\0"
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(str(socket_dir / f".s.PGSQL.{PORT}"))
            line.sendall(hello)
            with line.makefile("rb") as answers:
                while head := answers.read(5):
                    kind, length = struct.unpack("!ci", head)
                    body = answers.read(length - 4)
                    if kind == b"E":
                        # 57P03: not yet, or no longer. Any other refusal comes from a server
                        # that works (it may be full).
                        return _Answer.STARTING if b"\0C57P03\0" in body else _Answer.READY
                    if kind == b"Z":
                        line.sendall(struct.pack("!ci", b"X", 4))
                        return _Answer.READY
    except (OSError, struct.error):
        return _Answer.NONE
    return _Answer.NONE


def _ensure_running(plan: Plan, say: Say) -> None:
    """Return when the server answers, having started its supervisor if there is none."""
    home = Path(plan.home)
    began = spoke = time.monotonic()
    patience, spawned = START_SECONDS, False
    while True:
        owner = lock_owner(home)
        status = read_status(home)
        if owner is None:
            if spawned and status is not None and status.state == "failed":
                raise DatabaseUnavailable(f"the private server did not start: {status.words}")
            spawned = _spawn(plan, say) or spawned
        elif status is not None and (status.supervisor_pid, status.state) == (owner, "up"):
            answer = _ask(Path(plan.socket_dir))
            if answer is _Answer.READY:
                return
            patience = RECOVERY_SECONDS if answer is _Answer.STARTING else patience
        present = time.monotonic()
        if present - began > patience:
            raise DatabaseUnavailable(
                f"the private server in {home} gave no answer in {patience} s; the end of its log:"
                f"\n{log_tail(home)}\nIf it is recovering, try again; what it did is kept."
            )
        if present - spoke > _SAY_EVERY_SECONDS:
            say("still waiting for the server (after a crash it first recovers its data) …")
            spoke = present
        _pause()


def _spawn(plan: Plan, say: Say) -> bool:
    """Start a supervisor; False if another process was quicker."""
    home = Path(plan.home)
    who = "" if os.geteuid() == plan.uid else f" as user {user_name(plan.uid)}"
    doing = "starting the" if plan.data.exists() else "making a new"
    say(f"{doing} private PostgreSQL {plan.version_major} server in {home}{who}")
    log = home / "server.log"
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > 10_000_000:
            log.replace(home / "server.log.1")
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        done = subprocess.run(  # noqa: S603 - our own supervisor
            command(plan),
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            cwd="/",
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(handle)
    if done.returncode not in (0, TAKEN):
        raise DatabaseUnavailable(f"the supervisor of {home} did not start:\n{log_tail(home)}")
    return done.returncode == 0


def _hold(file: BinaryIO, home: Path, say: Say) -> None:
    """Take the shared lock that is the lease; waits while a server of before is being stopped."""
    deadline = time.monotonic() + START_SECONDS
    waiting = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                words = f"the server of {home} is stopping and does not end; see its server.log"
                raise DatabaseUnavailable(words) from None
            if not waiting:
                say("waiting for the server of a moment ago to stop …")
            waiting = True
            _pause()
        else:
            return


def _plan(home: Path, binaries: Binaries, settings: Mapping[str, str]) -> Plan:
    uid, gid = server_ids(home)
    return Plan(
        home=str(home),
        bin_dir=str(binaries.bin_dir),
        socket_dir=str(socket_dir_of(home, uid)),
        version_major=binaries.version_major,
        uid=uid,
        gid=gid,
        settings=dict(settings),
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _silent(_line: str) -> None:
    """Nobody listens."""


def _pause() -> None:
    time.sleep(_POLL_MS / 1000)
