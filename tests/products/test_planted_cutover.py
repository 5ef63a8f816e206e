"""A bug planted in what a cut-over brings along: the tests of the cut-over must find it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger.db import Database
from products import late_cases
from tests.products import test_cutover

Patch = pytest.MonkeyPatch


def _interest_that_was_brought_is_forgotten(patch: Patch) -> None:
    nothing = late_cases._SQL["interest_brought"].replace("e.kind = 131", "e.kind = -1")
    patch.setitem(late_cases._SQL, "interest_brought", nothing)


BUGS = (_interest_that_was_brought_is_forgotten,)


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__.strip("_"))
async def test_a_bug_planted_in_the_cut_over_is_found(
    database: Database, monkeypatch: Patch, plant: Callable[[Patch], None]
) -> None:
    plant(monkeypatch)
    held = test_cutover.test_a_late_posting_in_the_first_period_keeps_the_interest_that_was_brought
    with pytest.raises(AssertionError):
        await held(database)
