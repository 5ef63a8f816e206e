"""Settings: the environment is read here and nowhere else; below, values are passed in.

Every variable begins with CFF_. A value that cannot be read is an `InvalidInput` that names the
variable, what stood there and what was expected, before anything is opened.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import InvalidInput
from ledger.homes import default_home

LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one process runs.

    database_url:      PostgreSQL 15 to 18; None = the private embedded server.
    book:              code of the book that the command line works in.
    live:              real money: only keys `cff_live_...` are taken, and no day is closed early.
    pool_max:          connections to the database at most.
    key_cache_seconds: how long a revoked API key may go on working in this process.
    seal_key_file:     private key of day seals; None = beside the private server's data, or in the
                       user's state directory when the database is named by URL.
    """

    database_url: str | None = None
    book: str = "cff"
    host: str = "127.0.0.1"
    port: int = 8000
    log_level: str = "info"
    live: bool = False
    pool_max: int = 8
    key_cache_seconds: int = 5
    seal_key_file: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read CFF_DATABASE_URL, CFF_BOOK, CFF_HOST, CFF_PORT, CFF_LOG_LEVEL, CFF_LIVE,
        CFF_POOL_MAX, CFF_KEY_CACHE_SECONDS and CFF_SEAL_KEY_FILE; what is not set keeps its
        default.
        """
        found = os.environ if environment is None else environment
        usual = cls()
        return cls(
            database_url=found.get("CFF_DATABASE_URL") or None,
            book=found.get("CFF_BOOK") or usual.book,
            host=found.get("CFF_HOST") or usual.host,
            port=_number(found, "CFF_PORT", usual.port, 0, 65535),
            log_level=_choice(found, "CFF_LOG_LEVEL", usual.log_level, LOG_LEVELS),
            live=_choice(found, "CFF_LIVE", "no", ("yes", "no")) == "yes",
            pool_max=_number(found, "CFF_POOL_MAX", usual.pool_max, 2, 200),
            key_cache_seconds=_number(
                found, "CFF_KEY_CACHE_SECONDS", usual.key_cache_seconds, 0, 60
            ),
            seal_key_file=_path(found, "CFF_SEAL_KEY_FILE"),
        )

    @property
    def seal_key_path(self) -> Path:
        """Where the private key of day seals lies, or is to lie."""
        if self.seal_key_file is not None:
            return Path(self.seal_key_file)
        if self.database_url is None:
            home = default_home()
            return home.with_name(f"{home.name}-seal-key.pem")
        return Path.home() / ".local/state/cff/seal-key.pem"


def _path(found: Mapping[str, str], name: str) -> str | None:
    text = found.get(name) or None
    if text is not None and not Path(text).is_absolute():
        raise InvalidInput.one(f"environment variable {name}", text, "an absolute path")
    return text


def _number(found: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = found.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise InvalidInput.one(f"environment variable {name}", text, f"a number {low} to {high}")
    return int(text)


def _choice(found: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    text = found.get(name, "").lower() or default
    if text not in choices:
        expected = f"one of {', '.join(choices)}"
        raise InvalidInput.one(f"environment variable {name}", text, expected)
    return text
