"""Corrections in the open: reversed once, mirrored, with its value date; forced by right alone."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from ledger import accounts, manual
from ledger.corrections import correction, mirror, with_its_reason
from ledger.cut_off import end_business_date
from ledger.db import Pool
from ledger.errors import InvalidInput
from ledger.kinds import EventKind, JournalKind
from ledger.posting.records import JournalRecord
from ledger.posting.values import (
    CloseAccount,
    Journal,
    Note,
    Origin,
    Outcome,
    SetFreeze,
    SetLimits,
    Status,
    Unit,
)
from ledger.proof.verify import verify_ledger
from tests.builders import OPENED_ON, Scene, journal, make_scene, post, post_units


async def _record(pool: Pool, journal_id: UUID) -> JournalRecord:
    async with pool.acquire() as connection:
        found = await manual.recorded_journal(connection, 1, journal_id)
    assert found is not None
    return found


async def _posted(pool: Pool, debit: int, credit: int, amount: int) -> JournalRecord:
    made = journal(debit, credit, amount)
    assert (await post(pool, 1, [made])).status is Status.ACCEPTED
    return await _record(pool, made.journal_id)


async def _correct(pool: Pool, made: Journal, reason: str = "posted twice") -> Outcome:
    unit = correction(made, actor="test:chief", reason=reason)
    return (await post_units(pool, 1, [unit]))[0]


def _code(outcome: Outcome) -> str:
    return "accepted" if outcome.refusal is None else outcome.refusal.code


async def _tomorrow(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await end_business_date(connection, 1, OPENED_ON, actor="test:clock", origin=Origin.DOORS)


async def _clean(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert (await verify_ledger(connection, 1)).differences == ()


async def _spent(pool: Pool) -> tuple[Scene, JournalRecord]:
    """100.00 that went from one member to the other, who has spent them since."""
    scene = await make_scene(pool, opening=10_000)
    one, other = scene.members
    record = await _posted(pool, one, other, 10_000)
    await _posted(pool, other, scene.bank, 20_000)
    return scene, record


async def test_a_reversal_mirrors_its_journal_on_its_value_date(pool: Pool) -> None:
    scene = await make_scene(pool, opening=10_000)
    one, other = scene.members
    record = await _posted(pool, one, other, 4_000)
    await _tomorrow(pool)
    assert _code(await _correct(pool, mirror(record, uuid4()))) == "accepted"
    row = await pool.fetchrow(
        "SELECT debit_account, credit_account, amount_satang, value_date, business_date, kind "
        "FROM ledger.transfer WHERE reverses = $1",
        record.journal_id,
    )
    assert row is not None
    assert tuple(row) == (
        other,
        one,
        4_000,
        OPENED_ON,
        OPENED_ON + timedelta(days=1),
        JournalKind.REVERSAL,
    )
    assert _code(await _correct(pool, mirror(record, uuid4()))) == "already_reversed"
    await _clean(pool)


async def test_a_reversal_may_name_a_value_date_of_its_own(pool: Pool) -> None:
    scene = await make_scene(pool, opening=10_000)
    one, other = scene.members
    record = await _posted(pool, one, other, 4_000)
    await _tomorrow(pool)
    tomorrow = OPENED_ON + timedelta(days=1)
    reversal = mirror(record, uuid4(), value_date=tomorrow)
    assert _code(await _correct(pool, reversal)) == "accepted"
    assert (await _record(pool, reversal.journal_id)).value_date == tomorrow
    await _clean(pool)


async def test_a_reversal_obeys_limits_unless_it_is_forced(pool: Pool) -> None:
    scene, record = await _spent(pool)
    assert _code(await _correct(pool, mirror(record, uuid4()))) == "below_balance_min"
    forced = mirror(record, uuid4(), forced=True)
    assert _code(await _correct(pool, forced)) == "accepted"
    async with pool.acquire() as connection:
        position = await accounts.position(connection, 1, "SAV-0002")
    assert (position.balance_satang, position.excess_satang) == (-10_000, 10_000)
    assert scene.members[1] == position.account.account_id
    await _clean(pool)


async def test_a_forced_journal_has_its_reason_in_the_event_right_after_it(pool: Pool) -> None:
    _, record = await _spent(pool)
    forced = mirror(record, uuid4(), forced=True)
    outcome = await _correct(pool, forced, "court order 7/2569")
    first, second = (receipt.recorded_seq for receipt in outcome.receipts)
    assert second == first + 1
    event = await pool.fetchrow("SELECT * FROM ledger.event WHERE recorded_seq = $1", second)
    assert event is not None
    assert (event["kind"], event["subject"], event["actor"], event["reason"]) == (
        EventKind.JOURNAL_FORCED,
        forced.journal_id,
        "test:chief",
        "court order 7/2569",
    )
    assert event["amount_satang"] == 10_000
    assert (await _record(pool, forced.journal_id)).forced


async def test_nobody_forces_without_a_reason(pool: Pool) -> None:
    _, record = await _spent(pool)
    forced = mirror(record, uuid4(), forced=True)
    with pytest.raises(InvalidInput, match="why the journal is made"):
        correction(forced, actor="test:chief", reason="  ")
    both = with_its_reason(forced, made_by="test:clerk", reason="because")
    note = both[1]
    assert isinstance(note, Note)
    for operations, reason in (
        ((forced,), "because"),
        (both, ""),
        ((both[1], forced), "because"),
        ((forced, Note(kind=EventKind.JOURNAL_FORCED, subject=uuid4())), "because"),
    ):
        unit = Unit(operations=operations, actor="test:chief", reason=reason)
        (outcome,) = await post_units(pool, 1, [unit])
        assert _code(outcome) == "force_without_reason"
    # The id is not burnt: with its reason it is posted.
    assert _code(await _correct(pool, forced)) == "accepted"


async def test_force_passes_freezes_on_both_sides_and_never_a_closed_account(pool: Pool) -> None:
    scene = await make_scene(pool, opening=10_000)
    one, other = scene.members
    record = await _posted(pool, one, other, 10_000)
    frozen = [SetFreeze(account=each, debits=True, credits=True) for each in (one, other)]
    await post(pool, 1, frozen)
    assert _code(await _correct(pool, mirror(record, uuid4()))) == "account_frozen_debit"
    assert _code(await _correct(pool, mirror(record, uuid4(), forced=True))) == "accepted"
    thawed = [SetFreeze(account=each, debits=False, credits=False) for each in (one, other)]
    await post(pool, 1, thawed)
    second = await _posted(pool, one, other, 10_000)
    assert (await post(pool, 1, [CloseAccount(account=one)])).status is Status.ACCEPTED
    assert _code(await _correct(pool, mirror(second, uuid4(), forced=True))) == "account_closed"
    await _clean(pool)


async def test_force_passes_the_lowest_later_balance_too(pool: Pool) -> None:
    scene = await make_scene(pool, opening=10_000)
    one, other = scene.members
    record = await _posted(pool, one, other, 5_000)
    await _posted(pool, other, scene.bank, 15_000)
    await _tomorrow(pool)
    await _posted(pool, scene.bank, other, 5_000)
    # Today there is enough; on the day of the journal there would not have been.
    assert _code(await _correct(pool, mirror(record, uuid4()))) == "below_balance_min_later"
    assert _code(await _correct(pool, mirror(record, uuid4(), forced=True))) == "accepted"
    await _clean(pool)


async def test_a_forced_credit_passes_the_upper_limit(pool: Pool) -> None:
    scene = await make_scene(pool, opening=10_000)
    one, other = scene.members
    record = await _posted(pool, one, other, 10_000)
    await post(pool, 1, [SetLimits(account=one, balance_min=0, balance_max=3_000)])
    assert _code(await _correct(pool, mirror(record, uuid4()))) == "above_balance_max"
    assert _code(await _correct(pool, mirror(record, uuid4(), forced=True))) == "accepted"
    async with pool.acquire() as connection:
        position = await accounts.position(connection, 1, "SAV-0001")
    assert (position.balance_satang, position.excess_satang) == (10_000, 7_000)
    await _clean(pool)


async def test_an_adjusting_journal_names_the_journal_that_it_corrects(pool: Pool) -> None:
    scene = await make_scene(pool, opening=10_000)
    one, other = scene.members
    record = await _posted(pool, one, other, 4_000)
    missing = journal(other, one, 500, adjusts=uuid4())
    assert _code(await _correct(pool, missing)) == "unknown_journal"
    adjusting = journal(other, one, 500, adjusts=record.journal_id)
    assert _code(await _correct(pool, adjusting)) == "accepted"
    assert (await _record(pool, adjusting.journal_id)).adjusts == record.journal_id
    # It is no reversal: that may still come, once.
    assert _code(await _correct(pool, mirror(record, uuid4()))) == "accepted"
    await _clean(pool)
