"""Settings come from the environment, in one place, and a slip names its variable."""

from __future__ import annotations

import pytest

from api.settings import Settings
from ledger.errors import InvalidInput


def test_without_an_environment_the_defaults_hold() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().database_url is None


def test_every_setting_is_read_from_its_variable() -> None:
    found = Settings.from_environment(
        {
            "CFF_DATABASE_URL": "postgresql://localhost/cff",
            "CFF_BOOK": "other",
            "CFF_HOST": "0.0.0.0",
            "CFF_PORT": "9000",
            "CFF_LOG_LEVEL": "WARNING",
            "CFF_LIVE": "yes",
            "CFF_POOL_MAX": "20",
            "CFF_KEY_CACHE_SECONDS": "0",
        }
    )
    assert found == Settings(
        database_url="postgresql://localhost/cff",
        book="other",
        host="0.0.0.0",
        port=9000,
        log_level="warning",
        live=True,
        pool_max=20,
        key_cache_seconds=0,
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CFF_PORT", "http"),
        ("CFF_PORT", "70000"),
        ("CFF_PORT", "๘๐๘๐"),
        ("CFF_LOG_LEVEL", "loud"),
        ("CFF_LIVE", "1"),
        ("CFF_POOL_MAX", "1"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(name: str, text: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        Settings.from_environment({name: text})
