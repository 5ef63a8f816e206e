"""Bugs planted in what becomes of placements: the proof of a month of them must find each one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from ledger.db import Connection, Database
from pricing.quotes import Quote, quote
from products import maturing, withholding
from products.deposits import opening
from products.deposits.early_figures import EarlyFigures
from products.deposits.outcomes import Maker, Way
from products.schedules.due_dates import Calendar
from products.withholding import TaxRate, Withheld
from tests.products.closing_scene import differences
from tests.products.placed_life import a_month

Patch = pytest.MonkeyPatch


def _holidays_are_not_asked(patch: Patch) -> None:
    async def weekends_only(connection: Connection, book_id: int, known_on: date) -> Calendar:
        return Calendar()

    patch.setattr(opening, "load_calendar", weekends_only)


def _no_tax_is_withheld(patch: Patch) -> None:
    def untaxed(interest_satang: int, tax: TaxRate, rounding: object) -> Withheld:
        return Withheld(interest_satang=interest_satang, tax_satang=0, tax=tax)

    patch.setattr(withholding, "withhold", untaxed)


def _a_roll_keeps_the_rate_of_before(patch: Patch) -> None:
    async def last_week(connection: Connection, book_id: int, code: str, on: date) -> Quote:
        return await quote(connection, book_id, code, on - timedelta(days=7))

    patch.setattr(maturing, "quote", last_week)


def _an_early_end_takes_nothing_back(patch: Patch) -> None:
    patch.setattr(EarlyFigures, "repriced_satang", property(lambda figures: 0))


def _a_roll_forgets_what_it_has_grown_by(patch: Patch) -> None:
    def rolls(maker: Maker) -> Way:
        return maker._rolls(maker._interest_to(maker.due.account_id))

    patch.setattr(Maker, "_rolls_all", rolls)


BUGS = (
    _holidays_are_not_asked,
    _no_tax_is_withheld,
    _a_roll_keeps_the_rate_of_before,
    _an_early_end_takes_nothing_back,
    _a_roll_forgets_what_it_has_grown_by,
)


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__.strip("_"))
async def test_a_bug_planted_in_placements_is_found(
    database: Database, monkeypatch: Patch, plant: Callable[[Patch], None]
) -> None:
    plant(monkeypatch)
    made = await a_month(database)
    assert await differences(made.savings)
