"""Records that fit together and should have been refused: the proof knows the rules by itself.

Each case changes what was recorded, so digests and sums are wrong too; asked here is that the rule
which the change breaks is named, at the number that breaks it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ledger import embedded
from ledger.proof.book import RULES
from ledger.proof.verify import verify_ledger
from tests.ledger.damage_book import BOOK, FIRST, LAST, named, whole_book

_SEQ = "SELECT recorded_seq FROM ledger.transfer WHERE book_id = 1 AND journal_id = '{}'"
_LATE = "SELECT min(batch_no) FROM ledger.batch WHERE book_id = 1 AND period = 1"
_ADJUSTED = "SELECT min(batch_no) FROM ledger.batch WHERE book_id = 1 AND origin = 4"
_EVENT = "SELECT {} FROM ledger.event WHERE book_id = 1 AND kind = {}"

BROKEN: dict[str, tuple[str, str, str, str]] = {
    # what was recorded: (statement, check, kind of place, number of the place as SQL)
    "a debit dated before the money came": (
        "UPDATE ledger.transfer SET value_date = '2025-12-01' WHERE reference = 'BACK-DATED'",
        RULES,
        "ledger.transfer",
        _SEQ.format(named("back-dated")),
    ),
    "a debit beyond the limit that nobody forced": (
        "UPDATE ledger.transfer SET forced = FALSE, may_exceed_limit = FALSE "
        "WHERE reference = 'FORCED-FEE'",
        RULES,
        "ledger.transfer",
        _SEQ.format(named("forced-fee")),
    ),
    "a forced journal without a reason": (
        "UPDATE ledger.event SET reason = '' WHERE kind = 33",
        "forced journals say why",
        "ledger.transfer",
        _SEQ.format(named("forced-fee")),
    ),
    "a note of force for a journal that was not": (
        f"UPDATE ledger.event SET subject = '{named('fee')}' WHERE kind = 33",
        "forced journals say why",
        "ledger.event",
        _EVENT.format("recorded_seq", 33),
    ),
    "a correction of what came later": (
        f"UPDATE ledger.transfer SET adjusts = '{named('new-year')}' WHERE adjusts IS NOT NULL",
        "adjustments name earlier journals",
        "ledger.transfer",
        _SEQ.format(named("adjustment")),
    ),
    "a door's posting on a proven day": (
        "UPDATE ledger.batch SET origin = 1 WHERE origin = 4",
        RULES,
        "ledger.batch",
        _ADJUSTED,
    ),
    "an ordinary posting in a closed month": (
        "UPDATE ledger.batch SET period = 0 WHERE period = 1",
        RULES,
        "ledger.batch",
        _LATE,
    ),
    "a cut-off that thaws another account": (
        "UPDATE ledger.event SET account_id = 201 WHERE kind = 12 AND account_id = 204 "
        "AND reason = 'cut-off'",
        RULES,
        "ledger.event",
        _EVENT.format("recorded_seq", 12) + " AND reason = 'cut-off' AND account_id = 204",
    ),
    "planned limits that did not take effect as planned": (
        "UPDATE ledger.event SET body = replace(body, '-5000', '-5001') WHERE kind = 13 "
        "AND reason = 'cut-off'",
        RULES,
        "ledger.event",
        _EVENT.format("min(recorded_seq)", 13) + " AND reason = 'cut-off'",
    ),
    "an account opened again while what settled it stands": (
        f"UPDATE ledger.transfer SET reverses = NULL WHERE journal_id = '{named('swept-back')}'",
        "re-openings undo the closing",
        "ledger.event",
        _EVENT.format("recorded_seq", 16),
    ),
    "a closing settled by a journal that is not there": (
        "UPDATE ledger.transfer SET journal_id = gen_random_uuid() WHERE reference = 'SWEPT'",
        "closings name what settled them",
        "ledger.event",
        _EVENT.format("min(recorded_seq)", 14),
    ),
    "a month opened again without a reason": (
        "UPDATE ledger.event SET reason = '' WHERE kind = 24",
        RULES,
        "ledger.event",
        _EVENT.format("min(recorded_seq)", 24),
    ),
    "a month closed before its days were proven": (
        f"UPDATE ledger.event SET body = replace(body, '{LAST}', '{FIRST}') WHERE kind = 22",
        RULES,
        "ledger.event",
        _EVENT.format("min(recorded_seq)", 23),
    ),
    "money between books of which one half is gone": (
        f"DELETE FROM ledger.transfer WHERE book_id = 2 "
        f"AND journal_id = '{named('to-the-sister')}'",
        "money between books has both halves",
        "ledger.event",
        _EVENT.format("recorded_seq", 34),
    ),
    "a plan that was called off twice": (
        "UPDATE ledger.event AS e SET body = c.body FROM ledger.event AS c "
        "WHERE c.book_id = 1 AND c.kind = 15 AND c.body LIKE '%cancels%' AND e.book_id = 1 "
        "AND e.recorded_seq = c.recorded_seq - 1 AND e.kind = 15",
        RULES,
        "ledger.event",
        _EVENT.format("max(recorded_seq)", 15),
    ),
}


@pytest.fixture(scope="module")
async def book(
    server: embedded.Lease, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[asyncpg.Connection]:
    """The book that all cases damage, each in a transaction that is rolled back."""
    async with whole_book(server, template, tmp_path_factory.mktemp("key")) as connection:
        yield connection


@pytest.mark.parametrize("case", BROKEN)
async def test_what_should_have_been_refused_is_named(book: asyncpg.Connection, case: str) -> None:
    statement, check, kind, number = BROKEN[case]
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("ALTER TABLE ledger.transfer DROP CONSTRAINT forced_exceeds")
        await book.execute("SET LOCAL session_replication_role = replica")
        place = f"{kind} {await book.fetchval(number)}"
        status = await book.execute(statement)
        assert not status.endswith(" 0"), status
        report = await verify_ledger(book, BOOK)
    finally:
        await transaction.rollback()
    places = [d.where for d in report.differences if d.check == check]
    assert place in places, "\n".join(map(str, report.differences))
