"""Holds: money set aside, and the four ways in which that ends.

A hold counts against the lower limit from the moment it is placed. It is captured by a journal, in
whole or in part, or it is released, or it expires with the cut-off of its last day.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from ledger.posting.values import (
    CloseAccount,
    MoveBusinessDate,
    Operation,
    Outcome,
    PlaceHold,
    ReleaseHold,
    SetFreeze,
    SetLimits,
    Status,
)
from tests.builders import journal, unit
from tests.ledger.play import OPENED_ON, Table

BANK, SAV, SAV2 = 1, 2, 3
HELD = UUID(int=31)
ONE_DAY = timedelta(days=1)


@pytest.fixture
async def table(bare_table: Table) -> Table:
    """A member with 100 satang, 60 of them held until the end of the first day."""
    hold = PlaceHold(hold_id=HELD, account=SAV, amount_satang=60, expires_on=OPENED_ON)
    await bare_table.play([unit(journal(BANK, SAV, 100), hold)])
    return bare_table


async def ask(table: Table, *operations: Operation) -> Outcome:
    """Play one unit."""
    (outcome,) = await table.play([unit(*operations)])
    return outcome


def code(outcome: Outcome) -> str | None:
    """Why it was refused; None if it was not."""
    return outcome.refusal.code if outcome.refusal else None


def free(outcome: Outcome) -> tuple[int, int, int | None]:
    """(balance, held, available) of the member after a unit."""
    (found,) = [b for b in outcome.balances if b.account == SAV]
    return found.balance_satang, found.held_satang, found.available_satang


async def test_what_is_held_cannot_be_spent_or_held_again(table: Table) -> None:
    assert code(await ask(table, journal(SAV, BANK, 41))) == "below_balance_min"
    again = PlaceHold(hold_id=uuid4(), account=SAV, amount_satang=41)
    assert code(await ask(table, again)) == "below_balance_min"
    assert free(await ask(table, journal(SAV, BANK, 40))) == (60, 60, 0)


async def test_a_capture_of_all_debits_the_account_and_ends_the_hold(table: Table) -> None:
    assert free(await ask(table, journal(SAV, BANK, 60, hold_id=HELD))) == (40, 0, 40)
    assert code(await ask(table, ReleaseHold(hold_id=HELD))) == "hold_not_open"


async def test_a_capture_of_a_part_releases_the_rest(table: Table) -> None:
    assert free(await ask(table, journal(SAV, BANK, 25, hold_id=HELD))) == (75, 0, 75)


async def test_no_more_is_captured_than_was_held(table: Table) -> None:
    assert code(await ask(table, journal(SAV, BANK, 61, hold_id=HELD))) == "capture_exceeds_hold"


async def test_a_hold_is_good_although_the_limit_was_raised_above_it(table: Table) -> None:
    await ask(table, SetLimits(account=SAV, balance_min=90, balance_max=None))
    outcome = await ask(table, journal(SAV, BANK, 60, hold_id=HELD))
    assert outcome.status is Status.ACCEPTED
    # The account was 50 short with the hold and is 50 short without it: never more than before.
    (found,) = [b for b in outcome.balances if b.account == SAV]
    assert (found.balance_satang, found.excess_satang) == (40, 50)


async def test_a_freeze_stops_a_capture_and_not_a_release(table: Table) -> None:
    await ask(table, SetFreeze(account=SAV, debits=True, credits=False))
    captured = await ask(table, journal(SAV, BANK, 60, hold_id=HELD))
    assert code(captured) == "account_frozen_debit"
    assert (await ask(table, ReleaseHold(hold_id=HELD))).status is Status.ACCEPTED


async def test_a_release_gives_everything_back(table: Table) -> None:
    assert free(await ask(table, ReleaseHold(hold_id=HELD))) == (100, 0, 100)


async def test_a_hold_may_be_captured_on_its_last_day_and_not_after_the_cut_off(
    table: Table,
) -> None:
    other = PlaceHold(hold_id=uuid4(), account=SAV, amount_satang=10, expires_on=OPENED_ON)
    await ask(table, other)
    last_day = await ask(table, journal(SAV, BANK, 60, hold_id=HELD))
    assert last_day.status is Status.ACCEPTED
    await ask(table, MoveBusinessDate(to=OPENED_ON + ONE_DAY))
    too_late = await ask(table, journal(SAV, BANK, 10, hold_id=other.hold_id))
    assert code(too_late) == "hold_expired"


async def test_a_hold_does_not_expire_before_its_last_day_is_cut_off(table: Table) -> None:
    expire = ReleaseHold(hold_id=HELD, expired=True)
    assert code(await ask(table, expire)) == "hold_not_yet_due"
    await ask(table, MoveBusinessDate(to=OPENED_ON + ONE_DAY))
    (outcome,) = await table.play([unit(expire)], on=OPENED_ON)
    assert free(outcome) == (100, 0, 100)


async def test_the_night_of_a_day_does_not_end_the_holds_of_the_next(table: Table) -> None:
    later = uuid4()
    hold = PlaceHold(hold_id=later, account=SAV, amount_satang=5, expires_on=OPENED_ON + ONE_DAY)
    await ask(table, hold)
    for days in (1, 2):
        await ask(table, MoveBusinessDate(to=OPENED_ON + days * ONE_DAY))
    (early,) = await table.play([unit(ReleaseHold(hold_id=later, expired=True))], on=OPENED_ON)
    assert code(early) == "hold_not_yet_due"


async def test_a_hold_without_an_end_never_expires(table: Table) -> None:
    endless = uuid4()
    await ask(table, PlaceHold(hold_id=endless, account=SAV, amount_satang=1))
    await ask(table, MoveBusinessDate(to=OPENED_ON + ONE_DAY))
    assert code(await ask(table, ReleaseHold(hold_id=endless, expired=True))) == "hold_not_yet_due"


async def test_the_reversal_of_a_capture_does_not_open_the_hold_again(table: Table) -> None:
    paid = journal(SAV, BANK, 60, hold_id=HELD)
    await ask(table, paid)
    outcome = await ask(table, journal(BANK, SAV, 60, reverses=paid.journal_id))
    assert free(outcome) == (100, 0, 100)


async def test_a_hold_is_placed_once_however_often_it_is_asked_for(table: Table) -> None:
    hold = PlaceHold(hold_id=HELD, account=SAV, amount_satang=60, expires_on=OPENED_ON)
    assert (await ask(table, hold)).status is Status.REPLAYED
    other = PlaceHold(hold_id=HELD, account=SAV, amount_satang=61, expires_on=OPENED_ON)
    outcome = await ask(table, other)
    assert outcome.refusal is not None
    assert outcome.refusal.detail["differing_fields"] == ["amount_satang"]


async def test_a_hold_placed_and_captured_in_one_unit_leaves_both_on_record(table: Table) -> None:
    quick = uuid4()
    hold = PlaceHold(hold_id=quick, account=SAV, amount_satang=20)
    outcome = await ask(table, hold, journal(SAV, SAV2, 20, hold_id=quick))
    assert free(outcome) == (80, 60, 20)


async def test_an_account_with_a_hold_is_not_closed(table: Table) -> None:
    # All of it is held: nothing else could be moved out.
    await ask(table, journal(SAV, BANK, 40))
    assert code(await ask(table, CloseAccount(account=SAV))) == "account_not_empty"
    await ask(table, journal(SAV, BANK, 60, hold_id=HELD))
    assert (await ask(table, CloseAccount(account=SAV))).status is Status.ACCEPTED
