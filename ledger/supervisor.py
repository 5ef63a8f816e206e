"""Keeps one private PostgreSQL server up for as long as somebody holds a lease on its home.

`ledger.embedded` starts this file by path and isolated (`python -I`), so it imports the standard
library only and nothing of the caller's environment can bend it. Three facts carry the design:

* a lease is a shared flock; the kernel drops it however its holder ends, SIGKILL included;
* this process holds a POSIX lock for life, so the kernel itself names the supervisor's pid;
* the server is a direct child with a parent-death signal, so no supervisor means no server.

Hence nothing here trusts a pid file. A server that dies is started again; the last lease gone, it
is stopped; a supervisor that fails leaves its reason in `status.json` for those who wait.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

TICK_MS = 250
PORT = 5432
USER = "postgres"
TAKEN = 75
"""Exit code of the start when another supervisor already holds the home."""

_PR_SET_PDEATHSIG = 1
_FLOCK = "hhqqi0q"  # struct flock: type, whence, start, length, pid
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_DEFAULTS = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "100",
    # A new book grows from nothing to a hundred thousand rows in a minute: without fresh
    # statistics its plans stay those of empty tables.
    "autovacuum_naptime": "3s",
}


class Trouble(Exception):  # noqa: N818 - it is not an error of ours but the operator's reading
    """The server cannot be kept; the words say what was found and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a supervisor needs to know; it travels as one JSON argument.

    uid, gid: as whom the server runs; they differ from the supervisor's own only under root.
    settings: server settings laid over the defaults; where it listens cannot be changed.
    """

    home: str
    bin_dir: str
    socket_dir: str
    version_major: int
    uid: int
    gid: int
    settings: dict[str, str]

    @property
    def data(self) -> Path:
        """The data directory of the cluster; it exists only when it is whole."""
        return Path(self.home) / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a supervisor says of itself. Never proof of life: compare `supervisor_pid`, connect.

    state: `preparing`, `up` (the server process runs; it may still be recovering), `stopping`,
    `failed` (then `words` says why).
    """

    supervisor_pid: int
    state: str
    postmaster_pid: int = 0
    words: str = ""


def lock_owner(home: Path) -> int | None:
    """Process id of the living supervisor of `home`, as the kernel knows it, or None."""
    try:
        handle = os.open(home / "supervisor.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        query = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(handle, fcntl.F_GETLK, query))
    finally:
        os.close(handle)
    return None if kind == fcntl.F_UNLCK else int(pid)


def read_status(home: Path) -> Status | None:
    """The last words of the last supervisor of `home`, or None if there are none to read."""
    try:
        return Status(**json.loads((home / "status.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def log_tail(home: Path, lines: int = 8) -> str:
    """The end of the server's log, for an error message."""
    try:
        text = (home / "server.log").read_text("utf-8", errors="replace")
    except OSError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])


def private_dir(path: Path, uid: int, gid: int) -> None:
    """Make `path` a directory that only `uid` can enter, or prove that it is one already.

    An existing directory is never changed, save one left half made by ourselves (owned by us, no
    access for others). Raises `Trouble` for a link, another owner or an open mode: the name may be
    in a directory where everybody can write.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(0o700)
        path.chmod(0o700)
    found = path.lstat()
    closed = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) & 0o077 == 0
    if closed and found.st_uid == os.geteuid() != uid:
        os.chown(path, uid, gid, follow_symlinks=False)
        found = path.lstat()
    if not closed or found.st_uid != uid:
        raise Trouble(
            f"{path}: expected a directory of user id {uid} that nobody else can enter, found "
            f"{stat.filemode(found.st_mode)} of user id {found.st_uid}. Look who made it, move it "
            "away, and try again."
        )


class Supervisor:
    """One home, one server. Single-threaded: a parent-death signal belongs to a thread."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._home = Path(plan.home)
        self._bin_dir = Path(plan.bin_dir)
        self._server: subprocess.Popen[bytes] | None = None
        self._stop_asked = False
        self._leftover_ticks = 0
        self._prctl: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
        self._lock = os.open(
            self._home / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        self._lease = os.open(
            self._home / "lease.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )

    def take(self) -> bool:
        """Become the supervisor of this home; False if there is one already."""
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        self._report("preparing")
        signal.signal(signal.SIGTERM, self._on_stop)
        return True

    def run(self) -> int:
        """Keep the server until the last lease is gone or SIGTERM comes; the exit code."""
        try:
            self._prepare()
            while not self._stop_asked and not self._idle():
                self._tick()
                time.sleep(TICK_MS / 1000)
        except (Trouble, OSError, subprocess.SubprocessError) as trouble:
            self._stop()
            with contextlib.suppress(OSError):
                self._report("failed", str(trouble))
            return 1
        self._stop()
        if Path(self._plan.socket_dir).parent != self._home:
            with contextlib.suppress(OSError):
                Path(self._plan.socket_dir).rmdir()
        return 0

    def _on_stop(self, _signum: int, _frame: object) -> None:
        self._stop_asked = True

    def _report(self, state: str, words: str = "") -> None:
        pid = self._server.pid if self._server is not None else 0
        status = Status(supervisor_pid=os.getpid(), state=state, postmaster_pid=pid, words=words)
        fresh = self._home / "status.json.new"
        fresh.write_text(json.dumps(asdict(status)), "utf-8")
        fresh.replace(self._home / "status.json")

    def _idle(self) -> bool:
        """True if nobody holds a lease; from then on nobody gets one until this process ends."""
        try:
            fcntl.flock(self._lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    # --- preparing the home ------------------------------------------------------------------

    def _prepare(self) -> None:
        if self._run("/bin/sh", "-c", 'cd -- "$1"', "sh", str(self._home)) != 0:
            raise Trouble(
                f"user id {self._plan.uid}, as whom the server runs, cannot enter {self._home}. "
                "Set CFF_HOME to a place whose parent directories others may pass (mode 0711)."
            )
        self._bin_dir = self._reachable_binaries()
        private_dir(Path(self._plan.socket_dir), self._plan.uid, self._plan.gid)
        if not (self._plan.data / "PG_VERSION").exists():
            self._initialise()

    def _reachable_binaries(self) -> Path:
        """The binaries, or our copy of them when the server's user cannot reach the originals.

        That is the case of a clone under /root; opening /root itself is not ours to do.
        """
        programs = (str(self._bin_dir / name) for name in ("postgres", "initdb"))
        if all(self._run(program, "--version") == 0 for program in programs):
            return self._bin_dir
        source = self._bin_dir.parent
        if not (source / "share").is_dir():
            raise Trouble(
                f"user id {self._plan.uid} cannot run {self._bin_dir}/postgres and there is no "
                "whole installation to copy. Set CFF_PG_BIN to binaries that everybody may run."
            )
        made = (self._bin_dir / "postgres").stat().st_mtime_ns
        mark = hashlib.sha256(f"{self._bin_dir} {made}".encode()).hexdigest()[:8]
        copy = self._home / f"postgresql-{self._plan.version_major}-{mark}"
        if not copy.exists():
            _copy_readable(source, copy)
        return copy / source.parent.name / source.name / "bin"

    def _initialise(self) -> None:
        """Make the cluster under another name and rename it whole: a kill leaves no half."""
        data = self._plan.data
        if data.exists() and any(data.iterdir()):
            raise Trouble(
                f"{data} holds files but no PG_VERSION: it is not a whole cluster and will not be "
                "overwritten. Restore it from a backup, or move it away to begin an empty one."
            )
        for stale in self._home.glob("data.new-*"):
            shutil.rmtree(stale, ignore_errors=True)
        fresh = self._home / f"data.new-{os.getpid()}-{time.monotonic_ns()}"
        private_dir(fresh, self._plan.uid, self._plan.gid)
        if self._run(*self._initdb(fresh)) != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise Trouble(f"initdb failed in {self._home}:\n{log_tail(self._home)}")
        fresh.rename(data)
        handle = os.open(self._home, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)

    def _initdb(self, data: Path) -> Sequence[str]:
        """Sorting by code point whatever the caller's locale; no TCP client is let in.

        Trust needs no secret because the socket's directory lets in the server's user (and root)
        only, and such a user could read the data files anyway.
        """
        if self._plan.version_major >= 17:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        else:
            locale = ["--locale=C.UTF-8"]
        sync = ["--no-sync"] if self._plan.settings.get("fsync") == "off" else []
        fixed = ["--encoding=UTF8", "--data-checksums", f"--username={USER}"]
        entry = ["--auth-local=trust", "--auth-host=reject"]
        program = str(self._bin_dir / "initdb")
        return [program, f"--pgdata={data}", *fixed, *entry, *locale, *sync]

    # --- keeping the server ------------------------------------------------------------------

    def _tick(self) -> None:
        if self._server is not None:
            code = self._server.poll()
            if code is None:
                return
            self._server = None
            if code > 0:
                # A server that was killed is started again; one that refuses has a reason that
                # will not go away by waiting.
                tail = log_tail(self._home)
                raise Trouble(f"the server ended with code {code}; the end of its log:\n{tail}")
        if not (self._plan.data / "PG_VERSION").exists():
            raise Trouble(f"{self._plan.data} is gone")
        if not self._leftovers_are_going():
            self._start()

    def _leftovers_are_going(self) -> bool:
        """True while processes of an earlier server still leave; hurries them.

        A killed supervisor leaves a server that is shutting down, a killed server leaves sessions
        that are about to notice. Only when none is left may the pid files be removed: the number
        in them may by then be another process's, or one that nobody buried (a container without
        an init), and PostgreSQL would refuse to start for ever.
        """
        pid_file = self._plan.data / "postmaster.pid"
        leftovers = _processes_in(self._plan.data)
        if not leftovers:
            self._leftover_ticks = 0
            pid_file.unlink(missing_ok=True)
            Path(self._plan.socket_dir, f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
            return False
        self._leftover_ticks += 1
        slow = self._leftover_ticks * TICK_MS > 20_000
        try:
            postmaster = int(pid_file.read_text("ascii").split("\n", 1)[0])
        except (OSError, ValueError):
            postmaster = 0
        for pid in leftovers:
            if slow or pid == postmaster:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGQUIT if slow else signal.SIGINT)
        return True

    def _start(self) -> None:
        settings = _DEFAULTS | {"wal_compression": self._wal_compression()} | self._plan.settings
        settings |= {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": self._plan.socket_dir,
            "unix_socket_permissions": "0700",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        program = str(self._bin_dir / "postgres")
        arguments = [program, "-D", str(self._plan.data), *options]
        self._server = self._spawn(arguments, signal.SIGINT)
        self._report("up")

    def _wal_compression(self) -> str:
        """lz4 if these binaries were built with it, else off (pglz costs more than it saves)."""
        try:
            answer = subprocess.run(  # noqa: S603 - our own fixed program
                [self._bin_dir / "pg_config", "--configure"],
                env=_ENVIRONMENT,
                capture_output=True,
                check=False,
            )
        except OSError:
            return "off"
        return "lz4" if b"--with-lz4" in answer.stdout else "off"

    def _stop(self) -> None:
        if self._server is None or self._server.poll() is not None:
            return
        with contextlib.suppress(OSError):
            self._report("stopping")
        for signum, seconds in ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            self._server.send_signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(seconds)
                return

    def _run(self, *arguments: str) -> int:
        """Run a program as the server's user; its exit code, 126 if it may not be executed."""
        try:
            return self._spawn(arguments, signal.SIGKILL).wait()
        except PermissionError:
            return 126

    def _spawn(self, arguments: Sequence[str], death: signal.Signals) -> subprocess.Popen[bytes]:
        drop = os.geteuid() == 0
        supervisor = os.getpid()

        def die_with_supervisor() -> None:
            # Runs after the change of user, which would clear it; the second look closes the
            # moment in which the supervisor may have died already.
            failed = self._prctl(_PR_SET_PDEATHSIG, int(death), 0, 0, 0) != 0
            if failed or os.getppid() != supervisor:
                os._exit(127)

        return subprocess.Popen(  # noqa: S603 - fixed programs, no shell of the caller's words
            arguments,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=_ENVIRONMENT,
            user=self._plan.uid if drop else None,
            group=self._plan.gid if drop else None,
            extra_groups=[] if drop else None,
            umask=0o077,
            preexec_fn=die_with_supervisor,
        )


def _processes_in(data: Path) -> Sequence[int]:
    """The server processes that stand in `data`, as all of a cluster's do; no others do."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                named = (entry / "comm").read_text("utf-8", errors="replace").strip()
                if named == "postgres" and (entry / "cwd").samefile(data):
                    found.append(int(entry.name))
    return found


def _copy_readable(source: Path, target: Path) -> None:
    """Copy an installation so that everybody may run it; it appears whole or not at all.

    A wheel keeps the libraries that its programs need beside the package, in `<package>.libs`, and
    finds them by relative path: the copy keeps the distance.
    """
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    package = source.parent
    parts = {source: fresh / package.name / source.name}
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        parts[libraries] = fresh / libraries.name
    for origin, place in parts.items():
        shutil.copytree(origin, place, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for path in (fresh, *fresh.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
    fresh.rename(target)


def _fresh_signals() -> None:
    """Undo what the caller may have ignored or blocked; stay when its terminal goes away."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for signum in (signal.SIGHUP, signal.SIGINT):
        # A handler rather than SIG_IGN: programs started from here must not inherit it.
        signal.signal(signum, lambda _signum, _frame: None)


def command(plan: Plan) -> Sequence[str]:
    """The command line that starts a supervisor of `plan`; it returns once the lock is decided."""
    return [sys.executable, "-I", str(Path(__file__).resolve()), json.dumps(asdict(plan))]


def main(arguments: Sequence[str]) -> int:
    """Detach a supervisor; 0 when it holds the home, `TAKEN` when another one does."""
    raw: Mapping[str, object] = json.loads(arguments[0])
    plan = Plan(**raw)  # type: ignore[arg-type]  # written by `command` a moment ago
    _fresh_signals()
    os.umask(0o077)
    reader, writer = os.pipe()
    if os.fork() != 0:
        os.close(writer)
        return 0 if os.read(reader, 1) == b"+" else TAKEN
    os.close(reader)
    supervisor = Supervisor(plan)
    taken = supervisor.take()
    os.write(writer, b"+" if taken else b"-")
    os.close(writer)
    return supervisor.run() if taken else TAKEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
