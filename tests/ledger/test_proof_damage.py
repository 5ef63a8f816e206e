"""`cff verify` finds and names damage: every table of the ledger, each in every way it can be hurt.

Each case is a superuser with the guards switched off, in a transaction that is rolled back; the
proof must name the table and the key, and on the healed book it must be silent again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ledger import embedded
from ledger.proof.verify import verify_ledger
from tests.ledger.proof_book import (
    BANK,
    BOOK,
    GONE,
    SAVINGS_A,
    SAVINGS_B,
    SHARES,
    lived_book,
    named,
)

BALANCES = "balances are the transfers"
MOVEMENTS = "movements are the transfers"
HOLDS = "holds are their events"
SNAPSHOTS = "snapshots are the closing counters"
TOTALS = "day totals are the trial balance"
CHAIN = "the digest chain is unbroken"
COUNTS = "batches count their records"
FOLLOW = "batches follow one another"
GAPS = "recorded_seq is gap-free"
RULES = "every recorded row was admissible"
DAYS = "days are their events"
HEAD = "the head is the last batch's"
OPENED = "accounts are as opened"
BEYOND = "nothing stands beyond the head"

DEPOSIT = f"(SELECT recorded_seq FROM ledger.transfer WHERE journal_id = '{named('deposit-a')}')"
FROZEN = "(SELECT min(recorded_seq) FROM ledger.event WHERE kind = 12)"

DAMAGES: dict[str, tuple[str, str, str]] = {
    # what is hurt: (statement, check that must find it, place that it must name)
    "a balance with one satang too many": (
        f"UPDATE ledger.balance SET credits = credits + 1 WHERE account_id = {SAVINGS_A}",
        BALANCES,
        f"ledger.balance account {SAVINGS_A}",
    ),
    "a balance that holds too much": (
        f"UPDATE ledger.balance SET held = held + 1 WHERE account_id = {SAVINGS_A}",
        BALANCES,
        f"ledger.balance account {SAVINGS_A}",
    ),
    "an excess that nothing explains": (
        f"UPDATE ledger.balance SET excess_satang = 5 WHERE account_id = {SAVINGS_A}",
        BALANCES,
        f"ledger.balance account {SAVINGS_A}",
    ),
    "a freeze that nobody ordered": (
        f"UPDATE ledger.balance SET frozen = 3 WHERE account_id = {BANK}",
        BALANCES,
        f"ledger.balance account {BANK}",
    ),
    "a limit that nobody set": (
        f"UPDATE ledger.balance SET balance_max = NULL WHERE account_id = {SHARES}",
        BALANCES,
        f"ledger.balance account {SHARES}",
    ),
    "a closed account that stands open": (
        f"UPDATE ledger.balance SET state = 1 WHERE account_id = {GONE}",
        BALANCES,
        f"ledger.balance account {GONE}",
    ),
    "a balance row lost": (
        f"DELETE FROM ledger.balance WHERE account_id = {SAVINGS_B}",
        BALANCES,
        f"ledger.balance account {SAVINGS_B}",
    ),
    "a balance row too many": (
        "INSERT INTO ledger.balance (book_id, account_id, changed_seq) VALUES (1, 999, 1)",
        BALANCES,
        "ledger.balance account 999",
    ),
    "an account moved to another line of the chart": (
        f"UPDATE ledger.account SET gl_code = '431000' WHERE account_id = {SAVINGS_A}",
        OPENED,
        f"ledger.account {SAVINGS_A}",
    ),
    "an account row lost": (
        f"DELETE FROM ledger.account WHERE account_id = {SAVINGS_A}",
        OPENED,
        f"ledger.account {SAVINGS_A}",
    ),
    "a movement with another amount": (
        f"UPDATE ledger.movement SET debits = debits + 1 WHERE account_id = {BANK} AND debits > 0",
        MOVEMENTS,
        f"ledger.movement account {BANK}, 2026-06-01, batch 2",
    ),
    "a movement with another counter": (
        "UPDATE ledger.movement SET credits_after = credits_after + 1 WHERE batch_no = 2",
        MOVEMENTS,
        "ledger.movement account",
    ),
    "a movement with other journals": (
        "UPDATE ledger.movement SET journals = ARRAY[gen_random_uuid()] WHERE batch_no = 2",
        MOVEMENTS,
        "ledger.movement account",
    ),
    "a movement that names no journals though they are few": (
        "UPDATE ledger.movement SET journals = NULL WHERE batch_no = 2",
        MOVEMENTS,
        "ledger.movement account",
    ),
    "a movement with another count of transfers": (
        "UPDATE ledger.movement SET transfers = transfers + 1 WHERE batch_no = 2",
        MOVEMENTS,
        "ledger.movement account",
    ),
    "a movement at another value date": (
        "UPDATE ledger.movement SET value_date = value_date - 1 WHERE batch_no = 2",
        MOVEMENTS,
        "value 2026-05-31",
    ),
    "a movement lost": (
        f"DELETE FROM ledger.movement WHERE account_id = {SAVINGS_B} AND value_date = '2026-05-28'",
        MOVEMENTS,
        f"ledger.movement account {SAVINGS_B}, 2026-06-01, batch 2, value 2026-05-28",
    ),
    "a movement too many": (
        f"INSERT INTO ledger.movement VALUES (1, {BANK}, '2026-06-01', 1, '2026-06-01', "
        "1, 0, 1, 0, 1)",
        MOVEMENTS,
        f"ledger.movement account {BANK}, 2026-06-01, batch 1",
    ),
    "a movement of a batch to come": (
        f"INSERT INTO ledger.movement VALUES (1, {BANK}, '2026-06-03', 99, '2026-06-01', "
        "1, 0, 1, 0, 1)",
        BEYOND,
        "ledger.movement",
    ),
    "a captured hold with another amount": (
        "UPDATE ledger.hold SET captured_satang = captured_satang - 1 WHERE state = 2",
        HOLDS,
        f"ledger.hold {named('captured')}",
    ),
    "a released hold that stands open": (
        "UPDATE ledger.hold SET state = 1 WHERE state = 3",
        HOLDS,
        f"ledger.hold {named('released')}",
    ),
    "an open hold with another amount": (
        "UPDATE ledger.hold SET amount_satang = amount_satang + 1 WHERE state = 1",
        HOLDS,
        f"ledger.hold {named('standing')}",
    ),
    "an open hold lost": (
        "DELETE FROM ledger.hold WHERE state = 1",
        HOLDS,
        f"ledger.hold {named('standing')}",
    ),
    "an ended hold lost": (
        "DELETE FROM ledger.hold WHERE state = 4",
        HOLDS,
        f"ledger.hold {named('expiring')}",
    ),
    "a hold too many": (
        "INSERT INTO ledger.hold (book_id, hold_id, account_id, amount_satang, state, reference, "
        f"placed_seq, changed_seq) VALUES (1, '{named('nobody')}', {BANK}, 5, 3, '', 1, 1)",
        HOLDS,
        f"ledger.hold {named('nobody')}",
    ),
    "a snapshot with another counter": (
        f"UPDATE ledger.snapshot SET credits = credits + 1 WHERE account_id = {SAVINGS_A}",
        SNAPSHOTS,
        f"ledger.snapshot 2026-06-01 account {SAVINGS_A}",
    ),
    "a snapshot lost": (
        f"DELETE FROM ledger.snapshot WHERE account_id = {SAVINGS_B}",
        SNAPSHOTS,
        f"ledger.snapshot 2026-06-01 account {SAVINGS_B}",
    ),
    "a snapshot too many": (
        "INSERT INTO ledger.snapshot VALUES (1, 999, '2026-06-01', 1, 1, 1)",
        SNAPSHOTS,
        "ledger.snapshot 2026-06-01 account 999",
    ),
    "a snapshot of an open day": (
        f"INSERT INTO ledger.snapshot VALUES (1, {BANK}, '2026-06-03', 1, 1, 1)",
        "closings belong to days cut off",
        "ledger.snapshot 2026-06-03",
    ),
    "a day total with another sum": (
        "UPDATE ledger.day_total SET debits = debits + 1 WHERE gl_code = '111100'",
        TOTALS,
        "ledger.day_total 2026-06-01 code 111100",
    ),
    "a day total lost": (
        "DELETE FROM ledger.day_total WHERE gl_code = '211100'",
        TOTALS,
        "ledger.day_total 2026-06-01 code 211100",
    ),
    "a day total too many": (
        "INSERT INTO ledger.day_total VALUES (1, '2026-06-01', '999999', 0, 0)",
        TOTALS,
        "ledger.day_total 2026-06-01 code 999999",
    ),
    "a batch with another digest": (
        "UPDATE ledger.batch SET digest = sha256('x') WHERE batch_no = 3",
        CHAIN,
        "ledger.batch 3",
    ),
    "a batch with other counts": (
        "UPDATE ledger.batch SET journal_count = journal_count - 1, event_count = event_count + 1 "
        "WHERE batch_no = 2",
        COUNTS,
        "ledger.batch 2",
    ),
    "a batch with another sum": (
        "UPDATE ledger.batch SET amount_sum = amount_sum + 1 WHERE batch_no = 2",
        COUNTS,
        "ledger.batch 2",
    ),
    "a batch of another business date": (
        "UPDATE ledger.batch SET business_date = '2026-06-02' WHERE batch_no = 2",
        "a batch has one business date",
        "recorded_seq 9",
    ),
    "a batch lost": ("DELETE FROM ledger.batch WHERE batch_no = 3", FOLLOW, "ledger.batch 4"),
    "a batch too many": (
        "INSERT INTO ledger.batch SELECT (jsonb_populate_record(b, '{\"batch_no\": 99}')).* "
        "FROM ledger.batch AS b WHERE batch_no = 3",
        BEYOND,
        "ledger.batch",
    ),
    "a transfer with another amount": (
        "UPDATE ledger.transfer SET amount_satang = amount_satang + 1 "
        f"WHERE journal_id = '{named('deposit-a')}'",
        CHAIN,
        "ledger.batch 2",
    ),
    "a transfer on another account": (
        f"UPDATE ledger.transfer SET credit_account = {SAVINGS_B} "
        f"WHERE journal_id = '{named('deposit-a')}'",
        BALANCES,
        f"ledger.balance account {SAVINGS_A}",
    ),
    "a transfer with another narrative": (
        "UPDATE ledger.transfer SET narrative = 'x' WHERE recorded_seq = " + DEPOSIT,
        CHAIN,
        "ledger.batch 2",
    ),
    "a transfer with a later value date": (
        f"UPDATE ledger.transfer SET value_date = '2026-05-29' WHERE journal_id = "
        f"'{named('deposit-b')}'",
        MOVEMENTS,
        "value 2026-05-29",
    ),
    "a transfer valued before the fiscal year": (
        f"UPDATE ledger.transfer SET value_date = '2025-12-31' WHERE journal_id = "
        f"'{named('deposit-b')}'",
        RULES,
        "ledger.transfer",
    ),
    "a journal lost": ("DELETE FROM ledger.transfer WHERE recorded_seq = 9", GAPS, "9 to 9"),
    "one transfer of a journal lost": (
        f"DELETE FROM ledger.transfer WHERE journal_id = '{named('capture')}' AND line = 0",
        "journals are whole",
        "ledger.transfer",
    ),
    "a journal too many": (
        "INSERT INTO ledger.transfer (book_id, journal_id, line, recorded_seq, debit_account, "
        "credit_account, amount_satang, kind, may_exceed_limit, forced, business_date, value_date, "
        f"actor, reference, narrative) VALUES (1, '{named('planted')}', 0, 999, {BANK}, {SHARES}, "
        "5, 2, FALSE, FALSE, '2026-06-01', '2026-06-01', 'x', '', '')",
        BEYOND,
        "ledger.transfer",
    ),
    "a debit of a frozen account": (
        "UPDATE ledger.transfer SET kind = 2, recorded_seq = 900, business_date = '2026-06-01' "
        f'WHERE FALSE; UPDATE ledger.event SET body = \'{{"credits":true,"debits":true}}\' '
        f"WHERE kind = 12 AND recorded_seq > {FROZEN}",
        RULES,
        "ledger.transfer",
    ),
    "a reversal of another amount": (
        f"UPDATE ledger.transfer SET amount_satang = 13 WHERE journal_id = '{named('mistake')}'",
        "reversals mirror their journals",
        "ledger.transfer",
    ),
    "a reversal of nothing": (
        f"UPDATE ledger.transfer SET reverses = '{named('nobody')}' "
        f"WHERE journal_id = '{named('mistake-back')}'",
        "reversals mirror their journals",
        "ledger.transfer",
    ),
    "a burnt id that is used": (
        f"UPDATE ledger.refusal SET operation_id = '{named('shares')}' WHERE batch_no = 2",
        "refused ids stay unused",
        f"ledger.refusal of {named('shares')}",
    ),
    "a refusal with other words": (
        "UPDATE ledger.refusal SET detail = '{}' WHERE batch_no = 2",
        CHAIN,
        "ledger.batch 2",
    ),
    "a refusal lost": ("DELETE FROM ledger.refusal WHERE batch_no = 2", COUNTS, "ledger.batch 2"),
    "an event with another body": (
        'UPDATE ledger.event SET body = \'{"by":"ข"}\' WHERE kind = 31',
        CHAIN,
        "ledger.batch 2",
    ),
    "an event whose body is no JSON": (
        "UPDATE ledger.event SET body = 'nonsense' WHERE kind = 31",
        RULES,
        "ledger.event",
    ),
    "a limit changed in its event": (
        'UPDATE ledger.event SET body = \'{"balance_max":1,"balance_min":0}\' WHERE kind = 13',
        BALANCES,
        f"ledger.balance account {SHARES}",
    ),
    "an event lost": ("DELETE FROM ledger.event WHERE kind = 31", GAPS, "recorded_seq"),
    "a number twice": (
        "INSERT INTO ledger.event (book_id, recorded_seq, kind, business_date, actor, reason, "
        f"body) SELECT 1, {DEPOSIT}, 31, '2026-06-01', '', '', '{{}}'",
        GAPS,
        "recorded_seq 9",
    ),
    "a head with another digest": (
        "UPDATE ledger.book_head SET digest = sha256('x')",
        HEAD,
        "ledger.book_head",
    ),
    "a head on another date": (
        "UPDATE ledger.book_head SET business_date = '2026-06-04'",
        HEAD,
        "ledger.book_head",
    ),
    "a head that lost its last numbers": (
        "UPDATE ledger.book_head SET recorded_seq = recorded_seq - 1, batch_no = batch_no - 1",
        BEYOND,
        "ledger.batch",
    ),
    "a day cut off elsewhere": (
        "UPDATE ledger.day SET cut_seq = cut_seq - 1 WHERE business_date = '2026-06-01'",
        DAYS,
        "ledger.day 2026-06-01",
    ),
    "a day proven that was not": (
        "UPDATE ledger.day SET state = 3, proven_seq = 30 WHERE business_date = '2026-06-02'",
        DAYS,
        "ledger.day 2026-06-02",
    ),
    "a day lost": (
        "DELETE FROM ledger.day WHERE business_date = '2026-06-02'",
        DAYS,
        "ledger.day 2026-06-02",
    ),
    "a day too many": (
        "INSERT INTO ledger.day (book_id, business_date, state) VALUES (1, '2026-07-01', 1)",
        DAYS,
        "ledger.day 2026-07-01",
    ),
}


@pytest.fixture(scope="module")
async def book(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """The book that all cases damage, each in a transaction that is rolled back."""
    async with lived_book(server, template) as connection:
        yield connection


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_found_and_named(book: asyncpg.Connection, damage: str) -> None:
    statement, check, place = DAMAGES[damage]
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("SET LOCAL session_replication_role = replica")
        await book.execute(statement)
        report = await verify_ledger(book, BOOK)
    finally:
        await transaction.rollback()
    assert not report.ok
    named_places = [d.where for d in report.differences if d.check == check]
    assert any(place in where for where in named_places), "\n".join(map(str, report.differences))


async def test_the_same_book_without_damage_is_proven(book: asyncpg.Connection) -> None:
    report = await verify_ledger(book, BOOK)
    assert report.ok, "\n".join(map(str, report.differences))
