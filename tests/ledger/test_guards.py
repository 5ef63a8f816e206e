"""The database's own last line: what it refuses whoever asks, the owner with psql included.

`KEEPING` says of every table how it is kept; a table that is missing there fails the first test, so
that none is forgotten. Each statement below is tried in a transaction that is rolled back; what
counts is the SQLSTATE or the constraint that stopped it.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from ledger.db import APPLICATION, AUDITOR, POSTER, READER, Connection
from ledger.posting.values import MoveBusinessDate, Operation, PlaceHold, ReleaseHold
from products.payments.lines import LineStatus
from products.payments.notice_values import NoticeStatus
from tests.builders import journal, unit
from tests.ledger.keeping import KEEPING, LENDING_RULES, LOOKED_UP, NEVER, OPEN, UPDATED
from tests.ledger.play import OPENED_ON, Table

OWNER = "owner"
ROLES = (OWNER, POSTER, APPLICATION, READER, AUDITOR)
APPEND_ONLY, NO_RIGHT, FOREIGN_KEY = "LG001", "42501", "23503"
BANK, SAV = 1, 2
HELD, ENDED = UUID(int=11), UUID(int=12)


@pytest.fixture
async def owner(shared_url: str) -> AsyncIterator[Connection]:
    """The login that owns the schema, as an operator with psql would use it."""
    connection = await asyncpg.connect(shared_url)
    yield connection
    await connection.close()


@pytest.fixture
async def table(bare_table: Table) -> Table:
    """A book with money, an open hold and an ended one."""
    operations: list[Operation] = [
        journal(BANK, SAV, 100),
        PlaceHold(hold_id=HELD, account=SAV, amount_satang=30),
        PlaceHold(hold_id=ENDED, account=SAV, amount_satang=10),
        ReleaseHold(hold_id=ENDED),
    ]
    await bare_table.play([unit(*operations)])
    return bare_table


async def stopped_by(
    connection: Connection, statement: str, *arguments: object, role: str = OWNER
) -> str:
    """The constraint or SQLSTATE that stopped a statement, "" if nothing did; always undone."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        if role != OWNER:
            await connection.execute(f"SET LOCAL ROLE {role}")
        await connection.execute(statement, *arguments)
    except asyncpg.PostgresError as error:
        return str(getattr(error, "constraint_name", None) or error.sqlstate)
    else:
        return ""
    finally:
        await transaction.rollback()


async def test_every_table_of_the_schema_is_listed_here(owner: Connection) -> None:
    rows = await owner.fetch(
        "SELECT schemaname || '.' || tablename FROM pg_tables "
        "WHERE schemaname IN ('ledger', 'pricing', 'products', 'api')"
    )
    assert {row[0] for row in rows} == KEEPING.keys()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", [name for name, kept in KEEPING.items() if kept != OPEN])
async def test_what_is_recorded_is_never_deleted(owner: Connection, name: str, role: str) -> None:
    refused = {APPEND_ONLY} if role == OWNER else {APPEND_ONLY, NO_RIGHT}
    assert await stopped_by(owner, f"DELETE FROM {name}", role=role) in refused
    assert await stopped_by(owner, f"TRUNCATE {name} CASCADE", role=role) in refused


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", [name for name, kept in KEEPING.items() if kept == NEVER])
async def test_what_is_append_only_is_never_updated(
    owner: Connection, name: str, role: str
) -> None:
    refused = {APPEND_ONLY} if role == OWNER else {NO_RIGHT}
    column = LOOKED_UP.get(name, "book_id")
    assert await stopped_by(owner, f"UPDATE {name} SET {column} = {column}", role=role) in refused


@pytest.mark.parametrize("role", [OWNER, POSTER])
@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("products.bank_line", "line_id"),
        ("products.notice", "notice_id"),
        ("products.bank_match", "line_id"),
        ("products.bank_match", "notice_id"),
    ],
)
async def test_what_a_match_names_keeps_its_key(
    owner: Connection, name: str, column: str, role: str
) -> None:
    statement = f"UPDATE {name} SET {column} = gen_random_uuid()"
    assert await stopped_by(owner, statement, role=role) == APPEND_ONLY


_MATCH = """
INSERT INTO products.bank_match (
    book_id, match_id, line_id, notice_id, amount_satang, how, purpose, journal_id, made_by,
    made_seq
) VALUES ($1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 1, 1,
    gen_random_uuid(), 'psql', 1)
"""


async def test_a_match_names_a_line_and_a_notice_that_are_there(
    table: Table, owner: Connection
) -> None:
    assert await stopped_by(owner, _MATCH, table.book_id) == FOREIGN_KEY


async def test_an_event_is_of_a_kind_that_is_known(table: Table, owner: Connection) -> None:
    unknown = _EVENT.replace("11,", "999,", 1)
    assert await stopped_by(owner, unknown, table.book_id) == FOREIGN_KEY


@pytest.mark.parametrize(
    ("name", "enumeration"), [("bank_line", LineStatus), ("notice", NoticeStatus)]
)
async def test_a_status_is_one_that_is_known(
    owner: Connection, name: str, enumeration: type[enum.IntEnum]
) -> None:
    check = await owner.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1",
        f"{name}_status_known",
    )
    known = [
        status
        for status in range(100)
        if await owner.fetchval(
            # The check itself, asked of one status after the other.
            f"SELECT {check.removeprefix('CHECK ')} FROM (VALUES ($1::smallint)) AS v (status)",
            status,
        )
    ]
    assert known == sorted(enumeration)


_RIGHTS = """
SELECT schemaname || '.' || tablename AS name,
    has_table_privilege($1, schemaname || '.' || tablename, 'INSERT') AS insert,
    has_any_column_privilege($1, schemaname || '.' || tablename, 'UPDATE') AS update,
    has_table_privilege($1, schemaname || '.' || tablename, 'DELETE') AS delete,
    has_table_privilege($1, schemaname || '.' || tablename, 'TRUNCATE') AS truncate
FROM pg_tables WHERE schemaname IN ('ledger', 'pricing', 'products', 'api')
"""


async def rights(owner: Connection, role: str, what: str) -> set[str]:
    """Tables on which a role has a right."""
    return {row["name"] for row in await owner.fetch(_RIGHTS, role) if row[what]}


@pytest.mark.parametrize("role", [READER, AUDITOR])
async def test_who_reads_cannot_write_anywhere(owner: Connection, role: str) -> None:
    for what in ("insert", "update", "delete", "truncate"):
        assert not await rights(owner, role, what)


async def test_the_application_writes_only_what_takes_no_number(owner: Connection) -> None:
    changed = {"pricing.rate_sheet", "products.file_intake", "api.api_key"}
    fixed = {"ledger.book", "ledger.gl_account", "ledger.party", "pricing.rate_line"} | {
        f"products.{name}" for name in LENDING_RULES
    }
    assert await rights(owner, APPLICATION, "insert") == changed | fixed
    assert await rights(owner, APPLICATION, "update") == changed | {"ledger.party"}
    assert not await rights(owner, APPLICATION, "delete")
    assert not await rights(owner, APPLICATION, "truncate")


async def test_the_poster_updates_what_stands_and_never_what_is_recorded(
    owner: Connection,
) -> None:
    updated = {name for name, kept in KEEPING.items() if kept == UPDATED}
    working = {"products.file_intake", "products.match_proposal", "api.api_key"}
    assert await rights(owner, POSTER, "update") == (updated - {"ledger.gl_account"}) | working
    assert await rights(owner, POSTER, "delete") == {"products.match_proposal"}
    assert not await rights(owner, POSTER, "truncate")


async def test_only_the_poster_and_the_application_know_the_keys_of_the_api(
    owner: Connection,
) -> None:
    for role in (READER, AUDITOR):
        assert await stopped_by(owner, "SELECT * FROM api.api_key", role=role) == NO_RIGHT


BACKWARD = {
    "a number is taken back": "UPDATE ledger.book_head SET recorded_seq = recorded_seq - 1",
    "a batch is taken back": "UPDATE ledger.book_head SET batch_no = batch_no - 1",
    "the date goes back": "UPDATE ledger.book_head SET business_date = business_date - 1",
    "the date jumps": "UPDATE ledger.book_head SET business_date = business_date + 2",
    "a voucher is taken back": "UPDATE ledger.book_head SET voucher_no = voucher_no - 1",
    "a fiscal year is taken back": "UPDATE ledger.book_head SET voucher_year = voucher_year - 1",
    "the floor falls": "UPDATE ledger.book_head SET value_date_floor = value_date_floor - 1",
    "the floor rises": "UPDATE ledger.book_head SET value_date_floor = value_date_floor + 1",
    "an epoch is taken back": "UPDATE ledger.book_head SET epoch = epoch - 1",
    "debits shrink": "UPDATE ledger.balance SET debits = greatest(debits - 1, 0)",
    "credits shrink": "UPDATE ledger.balance SET credits = greatest(credits - 1, 0)",
    "a change is back-dated": "UPDATE ledger.balance SET changed_seq = changed_seq - 1",
    "a hold changes its amount": "UPDATE ledger.hold SET amount_satang = 1",
    "an ended hold is opened": "UPDATE ledger.hold SET state = 1",
    "a day skips its night": "UPDATE ledger.day SET state = 3, cut_seq = 1, proven_seq = 1",
    "a proposal is rewritten": "UPDATE ledger.manual_journal SET body = '{\"amount\": 1}'",
    "a proposal changes its maker": "UPDATE ledger.manual_journal SET made_by = 'another'",
}


@pytest.mark.parametrize("what", BACKWARD)
async def test_nothing_that_moves_forward_is_moved_back(
    owner: Connection, table: Table, what: str
) -> None:
    statement = f"{BACKWARD[what]} WHERE book_id = $1"
    assert await stopped_by(owner, statement, table.book_id) == "LG005"


async def test_a_closed_account_comes_back_only_with_a_number_of_its_own(
    owner: Connection, table: Table
) -> None:
    close = "UPDATE ledger.balance SET state = 2 WHERE book_id = $1 AND account_id = 3"
    reopen = close.replace("state = 2", "state = 1")
    both = f"DO $$ BEGIN {close}; {reopen}; END $$".replace("$1", str(table.book_id))
    assert await stopped_by(owner, both) == "LG005"


CHECKED = {
    "within_balance_min": "UPDATE ledger.balance SET debits = debits + 71",
    "within_balance_max": "UPDATE ledger.balance SET balance_max = 99",
    "held_in_range": "UPDATE ledger.balance SET held = -1",
    "excess_not_negative": "UPDATE ledger.balance SET excess_satang = -1",
    "limits_in_range": "UPDATE ledger.balance SET balance_min = 0, balance_max = -1",
    "state_known": "UPDATE ledger.balance SET debits = credits, held = 0, balance_min = NULL, "
    "state = 3",
    "frozen_known": "UPDATE ledger.balance SET frozen = 4",
    "frozen_if_until": "UPDATE ledger.balance SET frozen_until = '2026-06-01'",
    "closed_is_empty": "UPDATE ledger.balance SET state = 2",
    "counters_in_range": "UPDATE ledger.balance SET balance_min = NULL, "
    "debits = 9000000000000000000, credits = 9000000000000000000",
    "balance_in_range": "UPDATE ledger.balance SET credits = 900000000000000101",
}


@pytest.mark.parametrize("constraint", CHECKED)
async def test_a_balance_row_cannot_stand_outside_its_bounds(
    owner: Connection, table: Table, constraint: str
) -> None:
    statement = f"{CHECKED[constraint]} WHERE book_id = $1 AND account_id = {SAV}"
    assert await stopped_by(owner, statement, table.book_id) == constraint


_TRANSFER = """
INSERT INTO ledger.transfer (
    book_id, journal_id, line, recorded_seq, debit_account, credit_account, amount_satang, kind,
    may_exceed_limit, forced, business_date, value_date, actor, reference, narrative
) VALUES ($1, gen_random_uuid(), 0, 1000, {debit}, 2, {amount}, 2, FALSE, {forced}, '2026-06-01',
    {value}, 'x', '', '')
"""
_EVENT = """
INSERT INTO ledger.event (book_id, recorded_seq, kind, business_date, actor, reason, body)
VALUES ($1, 1000, 11, '2026-06-01', 'x', '', '{}')
"""
_ANY_BATCH = """
INSERT INTO ledger.batch (
    book_id, batch_no, business_date, first_seq, last_seq, journal_count, event_count,
    transfer_count, amount_sum, refusal_count, origin, digest_version, digest, period, fiscal_year,
    first_voucher
) SELECT $1, h.batch_no + {skipped} + 1, $2, h.recorded_seq + {passed} + 1,
    h.recorded_seq + {passed} + $3, 1, 0, 1, 100, 0, $4, 1, decode(repeat('00', 32), 'hex'), 0,
    2026, h.voucher_no + 1 FROM ledger.book_head AS h WHERE h.book_id = $1
"""
_BATCH = _ANY_BATCH.format(skipped=0, passed=0)
"""The next batch of the book, of $3 numbers (one journal), on date $2 by origin $4."""
_MOVEMENT = """
INSERT INTO ledger.movement (
    book_id, account_id, business_date, batch_no, value_date, debits, credits, debits_after,
    credits_after, transfers
) VALUES ($1, 2, '2026-06-01', {batch}, '2026-06-01', 5, {credits}, 5, 5, 1)
"""


@pytest.mark.parametrize("role", [OWNER, POSTER])
async def test_money_does_not_move_without_a_batch_of_its_own(
    owner: Connection, table: Table, role: str
) -> None:
    transfer = _TRANSFER.format(debit=1, amount=5, value="'2026-06-01'", forced="FALSE")
    assert await stopped_by(owner, transfer, table.book_id, role=role) == "LG002"
    assert await stopped_by(owner, _EVENT, table.book_id, role=role) == "LG002"
    for movement in (_MOVEMENT.format(batch=1, credits=5), _MOVEMENT.format(batch=77, credits=5)):
        assert await stopped_by(owner, movement, table.book_id, role=role) == "LG003"


async def test_movements_must_add_up_to_their_batch(owner: Connection, table: Table) -> None:
    batch = _BATCH.replace("$2", "'2026-06-01'").replace("$3", "1").replace("$4", "1")
    following = "(SELECT h.batch_no + 1 FROM ledger.book_head AS h WHERE h.book_id = $1)"
    movement = _MOVEMENT.format(batch=following, credits=5)
    both = f"DO $$ BEGIN {batch}; {movement}; END $$".replace("$1", str(table.book_id))
    assert await stopped_by(owner, both) == "LG003"


@pytest.mark.parametrize(
    ("constraint", "debit", "amount", "value", "forced"),
    [
        ("amount_in_range", 1, 0, "'2026-06-01'", "FALSE"),
        ("amount_in_range", 1, 10**15, "'2026-06-01'", "FALSE"),
        ("accounts_differ", 2, 5, "'2026-06-01'", "FALSE"),
        ("value_date_not_later", 1, 5, "'2026-06-02'", "FALSE"),
        ("forced_exceeds", 1, 5, "'2026-06-01'", "TRUE"),
    ],
)
async def test_an_impossible_transfer_cannot_be_written(
    owner: Connection,
    table: Table,
    constraint: str,
    debit: int,
    amount: int,
    value: str,
    forced: str,
) -> None:
    transfer = _TRANSFER.format(debit=debit, amount=amount, value=value, forced=forced)
    assert await stopped_by(owner, transfer, table.book_id) == constraint


async def test_a_batch_uses_every_number_of_its_range(owner: Connection, table: Table) -> None:
    found = await stopped_by(owner, _BATCH, table.book_id, OPENED_ON, 2, 1)
    assert found == "numbers_are_all_used"


@pytest.mark.parametrize(("skipped", "passed"), [(1, 0), (0, 1), (-1, 0), (0, -1)])
async def test_batches_and_their_numbers_follow_each_other_without_a_gap(
    owner: Connection, table: Table, skipped: int, passed: int
) -> None:
    batch = _ANY_BATCH.format(skipped=skipped, passed=passed)
    assert await stopped_by(owner, _BATCH, table.book_id, OPENED_ON, 1, 1) == ""
    assert await stopped_by(owner, batch, table.book_id, OPENED_ON, 1, 1) == "LG004"


@pytest.mark.parametrize(
    "change",
    ["recorded_seq = recorded_seq + 1", "batch_no = batch_no + 1", "digest = sha256('x')"],
)
async def test_the_head_moves_only_as_its_newest_batch_says(
    owner: Connection, table: Table, change: str
) -> None:
    moved = f"UPDATE ledger.book_head SET {change} WHERE book_id = $1"
    assert await stopped_by(owner, moved, table.book_id) == "LG003"


async def test_no_batch_lies_ahead_of_the_head_or_behind_it(
    owner: Connection, table: Table
) -> None:
    tomorrow, yesterday = (OPENED_ON + timedelta(days=days) for days in (1, -1))
    for origin in (1, 2, 3):
        found = await stopped_by(owner, _BATCH, table.book_id, tomorrow, 1, origin)
        assert found == "LG004"
    for origin in (1, 3):
        found = await stopped_by(owner, _BATCH, table.book_id, yesterday, 1, origin)
        assert found == "LG004"


_CLOSE = "UPDATE ledger.day SET state = 3, proven_seq = 1, proven_at = now() WHERE book_id = $1"


async def test_a_closed_day_takes_nothing_more_even_from_the_night(
    owner: Connection, table: Table
) -> None:
    await table.play([unit(MoveBusinessDate(to=OPENED_ON + timedelta(days=1)))])
    batch = _BATCH.replace("$2", "'2026-06-01'").replace("$3", "1").replace("$4", "2")
    assert await stopped_by(owner, batch, table.book_id) == ""
    close = f"{_CLOSE} AND business_date = '2026-06-01'"
    both = f"DO $$ BEGIN {close}; {batch}; END $$".replace("$1", str(table.book_id))
    assert await stopped_by(owner, both) == "LG004"


async def test_days_are_closed_in_their_order(owner: Connection, table: Table) -> None:
    for days in (1, 2):
        await table.play([unit(MoveBusinessDate(to=OPENED_ON + timedelta(days=days)))])
    second = f"{_CLOSE} AND business_date = '2026-06-02'"
    assert await stopped_by(owner, second, table.book_id) == "LG006"
    first = f"{_CLOSE} AND business_date = '2026-06-01'"
    assert await stopped_by(owner, first, table.book_id) == ""


async def test_no_journal_is_recorded_or_reversed_twice(owner: Connection, table: Table) -> None:
    again = (
        "INSERT INTO ledger.transfer SELECT * FROM ledger.transfer WHERE book_id = $1 AND line = 0"
    )
    assert await stopped_by(owner, again, table.book_id) == "transfer_pkey"


async def test_the_maker_is_never_the_checker(owner: Connection, table: Table) -> None:
    decided = (
        "UPDATE ledger.manual_journal SET state = 2, decided_by = made_by, decided_at = now() "
        "WHERE book_id = $1"
    )
    assert await stopped_by(owner, decided, table.book_id) == "maker_is_not_checker"
    notice = (
        "INSERT INTO products.notice (book_id, notice_id, kind, status, contract_id, bank_code, "
        "amount_satang, value_date, reference, made_by, received_by, approved_by, received_on, "
        "received_seq, changed_seq) VALUES ($1, gen_random_uuid(), 2, 12, gen_random_uuid(), "
        "'KTB', 1, '2026-06-01', 'A1', 'somchai', 'malee', 'Somchai', '2026-06-01', 1, 1)"
    )
    assert await stopped_by(owner, notice, table.book_id) == "notice_maker_is_not_approver"
    sheet = (
        "INSERT INTO pricing.rate_sheet (book_id, sheet_id, product_code, effective_from, "
        "annual_rate_e8, made_by, made_at, approved_by) VALUES ($1, gen_random_uuid(), 'SAV', "
        "'2026-07-01', 1, 'somchai', now(), 'somchai')"
    )
    assert await stopped_by(owner, sheet, table.book_id) == "sheet_maker_is_not_approver"
