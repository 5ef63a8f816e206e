"""Asked twice, done once: by the ids of journals and holds for ever, by the door's key as well.

The same id with the same body is a replay; with another body it is refused, and the answer names
the fields that differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from ledger.posting.values import (
    IdempotencyKey,
    Journal,
    MoveBusinessDate,
    Note,
    Outcome,
    RowRead,
    RowWrite,
    Status,
    Transfer,
    Unit,
)
from tests.builders import journal, unit
from tests.ledger.play import OPENED_ON, ROW_IDS, Table
from tests.ledger.recipes import NEXT_VERSION, ROWS

BANK, SAV, SAV2 = 1, 2, 3
ONE_DAY = timedelta(days=1)


def key(name: str, body: bytes = b"1") -> IdempotencyKey:
    """A key of one client for one request."""
    return IdempotencyKey(client="web", key=name, request_hash=hashlib.sha256(body).digest())


def keyed(asked: Unit, name: str, body: bytes = b"1") -> Unit:
    """A unit under a key, whose answer is its status."""
    return replace(asked, key=key(name, body), answer=lambda outcome: outcome.status.value)


async def ask(table: Table, asked: Unit) -> Outcome:
    """Play one unit."""
    (outcome,) = await table.play([asked])
    return outcome


async def test_the_same_journal_again_is_a_replay_with_the_same_receipt(bare_table: Table) -> None:
    asked = unit(journal(BANK, SAV, 100))
    first = await ask(bare_table, asked)
    again = await ask(bare_table, asked)
    assert (again.status, again.replay) == (Status.REPLAYED, True)
    assert again.receipts == first.receipts
    assert again.batch_no is None


CHANGES: tuple[tuple[str, Callable[[Journal], Journal]], ...] = (
    ("reference", lambda j: replace(j, reference="x")),
    ("narrative", lambda j: replace(j, narrative="x")),
    ("kind", lambda j: replace(j, kind=1)),
    ("value_date", lambda j: replace(j, value_date=OPENED_ON - ONE_DAY)),
    ("may_exceed_limit", lambda j: replace(j, may_exceed_limit=True)),
    ("hold_id", lambda j: replace(j, hold_id=uuid4())),
    ("reverses", lambda j: replace(j, reverses=uuid4())),
    ("transfers", lambda j: replace(j, transfers=j.transfers * 2)),
    ("transfers[0].debit", lambda j: _line(j, debit=SAV2)),
    ("transfers[0].credit", lambda j: _line(j, credit=SAV2)),
    ("transfers[0].amount_satang", lambda j: _line(j, amount_satang=99)),
)


def _line(asked: Journal, **changes: int) -> Journal:
    facts = {"debit": BANK, "credit": SAV, "amount_satang": 100} | changes
    return replace(asked, transfers=(Transfer(**facts),))


@pytest.mark.parametrize(("name", "change"), CHANGES, ids=[name for name, _ in CHANGES])
async def test_the_same_id_with_another_body_names_what_differs(
    bare_table: Table, name: str, change: Callable[[Journal], Journal]
) -> None:
    asked = journal(BANK, SAV, 100)
    await ask(bare_table, unit(asked))
    outcome = await ask(bare_table, unit(change(asked)))
    assert outcome.refusal is not None
    assert outcome.refusal.code == "id_conflict"
    assert outcome.refusal.detail["differing_fields"] == [name]


async def test_a_retry_without_a_value_date_is_a_replay_on_a_later_day_too(
    bare_table: Table,
) -> None:
    asked = journal(BANK, SAV, 100)
    await ask(bare_table, unit(asked))
    await ask(bare_table, unit(MoveBusinessDate(to=OPENED_ON + ONE_DAY)))
    assert (await ask(bare_table, unit(asked))).status is Status.REPLAYED
    dated = replace(asked, value_date=OPENED_ON)
    assert (await ask(bare_table, unit(dated))).status is Status.REPLAYED


async def test_a_dated_reversal_is_not_the_reversal_without_a_date(bare_table: Table) -> None:
    wrong = journal(BANK, SAV, 100, value_date=OPENED_ON - ONE_DAY)
    await ask(bare_table, unit(wrong))
    dated = journal(SAV, BANK, 100, reverses=wrong.journal_id, value_date=OPENED_ON)
    await ask(bare_table, unit(dated))
    # Without a date it would take the day before: another request under the same id.
    outcome = await ask(bare_table, unit(replace(dated, value_date=None)))
    assert outcome.refusal is not None
    assert outcome.refusal.detail["differing_fields"] == ["value_date"]


async def test_a_unit_of_which_only_a_part_is_recorded_is_a_conflict(bare_table: Table) -> None:
    old, new = journal(BANK, SAV, 1), journal(BANK, SAV, 2)
    await ask(bare_table, unit(old))
    outcome = await ask(bare_table, unit(new, old))
    assert outcome.refusal is not None
    assert outcome.refusal.detail["differing_fields"] == ["operations"]


async def test_a_key_gives_the_same_answer_for_ever(bare_table: Table) -> None:
    first = await ask(bare_table, keyed(unit(journal(BANK, SAV, 1)), "k1"))
    assert first.status is Status.ACCEPTED
    # New ids, as a door makes them for every request: the key alone says it is the same one.
    again = await ask(bare_table, keyed(unit(journal(BANK, SAV, 1)), "k1"))
    assert (again.status, again.answer) == (Status.REPLAYED, "accepted")


async def test_a_key_with_another_request_is_a_conflict(bare_table: Table) -> None:
    await ask(bare_table, keyed(unit(journal(BANK, SAV, 1)), "k1"))
    outcome = await ask(bare_table, keyed(unit(journal(BANK, SAV, 2)), "k1", b"2"))
    assert outcome.status is Status.KEY_CONFLICT


async def test_a_key_belongs_to_its_client(bare_table: Table) -> None:
    await ask(bare_table, keyed(unit(journal(BANK, SAV, 1)), "k1"))
    other = replace(unit(journal(BANK, SAV, 1)), key=replace(key("k1"), client="mobile"))
    assert (await ask(bare_table, other)).status is Status.ACCEPTED


async def test_a_sticky_refusal_is_kept_under_the_key(bare_table: Table) -> None:
    await ask(bare_table, keyed(unit(journal(SAV, BANK, 1)), "k1"))
    await ask(bare_table, unit(journal(BANK, SAV, 100)))
    again = await ask(bare_table, keyed(unit(journal(SAV, BANK, 1)), "k1"))
    assert (again.status, again.answer) == (Status.REPLAYED, "refused")


async def test_a_slip_leaves_the_key_free(bare_table: Table) -> None:
    slip = await ask(bare_table, keyed(unit(journal(BANK, SAV, 0)), "k1"))
    assert slip.status is Status.REFUSED
    mended = await ask(bare_table, keyed(unit(journal(BANK, SAV, 1)), "k1"))
    assert mended.status is Status.ACCEPTED


async def test_a_key_used_twice_in_one_batch_is_in_progress(bare_table: Table) -> None:
    outcomes = await bare_table.play([keyed(unit(journal(BANK, SAV, 1)), "k1") for _ in range(2)])
    assert [o.status for o in outcomes] == [Status.ACCEPTED, Status.IN_PROGRESS]


async def test_a_retry_is_answered_although_its_rows_have_changed(bare_table: Table) -> None:
    read = RowRead(table=ROWS, row_id=ROW_IDS[0], version=1)
    write = RowWrite(statement=NEXT_VERSION, arguments=(bare_table.book_id, ROW_IDS[0]))
    asked = replace(unit(journal(BANK, SAV, 1)), reads=(read,), writes=(write,))
    assert (await ask(bare_table, asked)).status is Status.ACCEPTED
    assert (await ask(bare_table, asked)).status is Status.REPLAYED
    # An event of our own products, decided by two at once, is no retry: look again.
    assert (await ask(bare_table, replace(asked, event_id=uuid4()))).status is Status.STALE
    other = replace(asked, operations=(journal(BANK, SAV, 2), Note(kind=31)))
    assert (await ask(bare_table, other)).status is Status.STALE
