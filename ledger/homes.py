"""The directory in which a private server lives: its place, its owner, what is checked there.

What exists is checked and never changed; what is missing is made for its owner alone. Whose server
it is does not follow from who asks: under root it is another user's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
import stat
from pathlib import Path

from ledger.binaries import Binaries
from ledger.errors import DatabaseUnavailable, InvalidInput
from ledger.supervisor import PORT

_SOCKET_PATH_MAX = 103  # 108 bytes on Linux with the closing zero, 104 elsewhere
_SHARED_STATE = Path("/var/lib/cff")


def default_home() -> Path:
    """Where this clone's server lives; nothing is created.

    CFF_HOME if set; for root /var/lib/cff/<clone>, as the server may not run as root and its user
    cannot pass /root; else $XDG_DATA_HOME or ~/.local/share, then cff/<clone>. <clone> is a short
    hash of the clone's path, so that two clones do not share data.
    """
    named = os.environ.get("CFF_HOME", "")
    if named:
        return absolute(Path(named), "CFF_HOME")
    clone = Path(__file__).resolve().parents[1]
    name = hashlib.sha256(os.fsencode(clone)).hexdigest()[:12]
    if os.geteuid() == 0:
        return _SHARED_STATE / name
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".local/share") / "cff" / name


def absolute(path: Path, where: str) -> Path:
    """The path without links. Raises `InvalidInput` that names `where` for a relative one."""
    if not path.is_absolute():
        raise InvalidInput.one(where, str(path), "an absolute path")
    return path.resolve()


def make_home(home: Path) -> None:
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
        got = f"{home} {stat.filemode(found.st_mode)} of {user_name(found.st_uid)}"
        expected = "a directory of your own that nobody else can write"
        raise InvalidInput.one("home", got, expected, "Run as its owner, or set CFF_HOME.")


def check_version(home: Path, binaries: Binaries) -> None:
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


def server_ids(home: Path) -> tuple[int, int]:
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
            got = f"{named or 'nothing'}, while {home}/data belongs to {user_name(owner.st_uid)}"
            raise InvalidInput.one("CFF_PG_USER", got, "the owner of the cluster, not root")
        return owner.st_uid, owner.st_gid
    return entry.pw_uid, entry.pw_gid


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name) if name else None
    except KeyError:
        return None


def user_name(uid: int) -> str:
    """The name of a user, or its number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"id {uid}"


def socket_dir_of(home: Path, uid: int) -> Path:
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
