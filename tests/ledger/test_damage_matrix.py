"""Every derived table of the ledger x {changed, lost, planted}: found, and named by its key.

The list of tables is the catalogue's: a new one is in the matrix or among those that are given,
with the reason, or the first test here is red. Each column of each derived table is changed alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ledger import embedded
from ledger.proof.report import Report
from ledger.proof.verify import verify_ledger
from products.proof.verify import verify_products
from tests.ledger.damage_book import BOOK, whole_book
from tests.ledger.damaging import Derived, as_owner, changed, lost, planted, tables_of

CLOCK = "a clock's word, not the book's: not derived and not digested"
LABEL = "a name for people: given, and changed by people"
MINE = "r.book_id = 1"

_BATCH_OF = """'ledger.batch ' || (
    SELECT b.batch_no FROM ledger.batch AS b
    WHERE b.book_id = r.book_id AND {0} BETWEEN b.first_seq AND b.last_seq
    ORDER BY b.batch_no LIMIT 1
)"""
_PERIOD = "CASE r.kind WHEN 1 THEN 'month ' ELSE 'fiscal year ' END || r.starts_on"

MATRIX: dict[str, Derived] = {
    "ledger.batch": Derived(
        # A batch's row is named by itself, or by the one that does not follow it any more.
        place=("'ledger.batch ' || r.batch_no", "'ledger.batch ' || (r.batch_no + 1)"),
        pick=f"{MINE} AND r.batch_no = 4",
        plant={"batch_no": "r.batch_no + 900", "xact": "pg_current_xact_id()"},
        to={"batch_no": "r.batch_no + 900"},
        free={"recorded_at": CLOCK, "xact": "the server's own number of the transaction"},
    ),
    "ledger.transfer": Derived(
        place=(_BATCH_OF.format("r.recorded_seq"), "'ledger.transfer ' || r.recorded_seq"),
        pick=f"{MINE} AND r.reference = 'BACK-DATED'",
        plant={"journal_id": "gen_random_uuid()", "line": "r.line + 1"},
    ),
    "ledger.event": Derived(
        place=(_BATCH_OF.format("r.recorded_seq"), "'ledger.event ' || r.recorded_seq"),
        pick=f"{MINE} AND r.kind = 13",
        plant={"recorded_seq": "(SELECT min(t.recorded_seq) FROM ledger.transfer AS t)"},
        to={"kind": "12", "recorded_seq": "r.recorded_seq + 5000"},
    ),
    "ledger.refusal": Derived(
        place=("'ledger.batch ' || r.batch_no",),
        pick=MINE,
        plant={"position": "r.position + 9", "operation_id": "gen_random_uuid()"},
    ),
    "ledger.movement": Derived(
        place=(
            "format('ledger.movement account %s, %s, batch %s, value %s', r.account_id, "
            "r.business_date, r.batch_no, r.value_date)",
        ),
        pick=f"{MINE} AND r.batch_no = 3",
        plant={"value_date": "r.value_date - 9"},
    ),
    "ledger.movement_mark": Derived(
        place=(
            "format('ledger.movement_mark account %s, batch %s, value %s', r.account_id, "
            "r.batch_no, r.value_date)",
        ),
        pick=MINE,
        plant={"value_date": "r.value_date - 9"},
        to={"account_id": "999"},
    ),
    "ledger.balance": Derived(
        place=("'ledger.balance account ' || r.account_id",),
        pick=f"{MINE} AND r.account_id = 203",
        plant={"account_id": "999"},
    ),
    "ledger.account": Derived(
        place=("'ledger.account ' || r.account_id",),
        pick=f"{MINE} AND r.account_id = 203",
        plant={"account_id": "999", "code": "'PLANTED'"},
        free={"name_th": LABEL, "name_en": LABEL},
    ),
    "ledger.hold": Derived(
        place=("'ledger.hold ' || r.hold_id",),
        pick=f"{MINE} AND r.state = 2",
        plant={"hold_id": "gen_random_uuid()"},
    ),
    "ledger.book_head": Derived(
        place=(
            "'ledger.book_head'",
            "'ledger.batch ' || r.batch_no",
            "'ledger.book ' || r.book_id",
        ),
        pick=MINE,
        free={"epoch": "raised by migrations and repairs, by hand"},
        no_extra="a book has one head: its key is the book",
    ),
    "ledger.day": Derived(
        place=("'ledger.day ' || r.business_date",),
        pick=f"{MINE} AND r.state = 3",
        plant={"business_date": "r.business_date + 99"},
        free={"cut_at": CLOCK, "proven_at": CLOCK},
    ),
    "ledger.snapshot": Derived(
        place=("format('ledger.snapshot %s account %s', r.business_date, r.account_id)",),
        pick=f"{MINE} AND r.business_date = '2025-12-30'",
        plant={"account_id": "999"},
    ),
    "ledger.day_total": Derived(
        place=("format('ledger.day_total %s code %s', r.business_date, r.gl_code)",),
        pick=f"{MINE} AND r.business_date = '2025-12-30'",
        plant={"gl_code": "'999999'"},
    ),
    "ledger.period": Derived(
        place=(f"'ledger.period ' || {_PERIOD}",),
        pick=MINE,
        plant={"starts_on": "r.starts_on - 31"},
    ),
    "ledger.period_total": Derived(
        place=(
            f"'ledger.period_total ' || {_PERIOD} || ' closing ' || r.closing || ' code ' "
            "|| r.gl_code",
        ),
        pick=f"{MINE} AND r.closing = 1 AND r.kind = 2",
        plant={"gl_code": "'999999'"},
    ),
    "ledger.limit_plan": Derived(
        place=("format('ledger.limit_plan account %s, planned %s', r.account_id, r.planned_seq)",),
        pick=f"{MINE} AND r.applied_seq IS NULL",
        plant={"planned_seq": "1"},
    ),
    "ledger.seal": Derived(
        place=("'ledger.seal ' || r.seal_no",),
        pick=f"{MINE} AND r.seal_no = 1",
        plant={
            "seal_no": "99",
            "business_date": "r.business_date + 99",
            "last_seq": "r.last_seq + 999",
        },
        free={"sealed_at": CLOCK},
    ),
    "ledger.seal_node": Derived(
        place=("format('ledger.seal_node %s piece %s', r.seal_no, r.piece)",),
        pick=f"{MINE} AND r.seal_no = 1",
        plant={"piece": "r.piece + 9"},
    ),
    "ledger.found_transfer": Derived(
        place=("format('ledger.found_transfer %s line %s', r.recorded_seq, r.line)",),
        pick=f"{MINE} AND r.reference = 'BACK-DATED'",
        plant={"line": "r.line + 9"},
        free={"run": "generated by the server from recorded_seq"},
        generated=("run",),
    ),
    "ledger.manual_journal": Derived(
        place=("'ledger.manual_journal ' || r.journal_id",),
        pick=f"{MINE} AND r.state = 2",
        plant={"journal_id": "gen_random_uuid()"},
        free={
            "made_at": CLOCK,
            "decided_at": CLOCK,
            "version": "guards against two deciders at once; says nothing of the book",
            "reason": "the words of both persons; those of the record stand in its events",
        },
    ),
}
"""Every table that is derived, or is the record that everything is derived from."""

GIVEN: dict[str, str] = {
    "ledger.book": "who the book is; its dates are judged by its first date and year",
    "ledger.gl_account": "the chart, written by people",
    "ledger.party": "members, written by people",
    "ledger.party_kind": "a lookup table of the program",
    "ledger.journal_kind": "a lookup table of the program",
    "ledger.event_kind": "a lookup table of the program",
    "ledger.idempotency_key": "what a client said and was answered; its batch must exist",
    "ledger.consumer": "how far a follower says it has come; never beyond the head",
    "ledger.consumer_rewind": "why a person set a cursor back",
    "ledger.posting_run": "how far a file has come; what became of its lines is recorded",
    "ledger.seal_key": "public keys: a wrong one fails every seal that it signed",
}
"""Tables that nothing derives, with the reason."""


@pytest.fixture(scope="module")
async def book(
    server: embedded.Lease, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[asyncpg.Connection]:
    """The book that all cases damage, each in a transaction that is rolled back."""
    async with whole_book(server, template, tmp_path_factory.mktemp("key")) as connection:
        yield connection


async def verify(connection: asyncpg.Connection) -> Report:
    """Both proofs of the book in one report."""
    ledger = await verify_ledger(connection, BOOK)
    products = await verify_products(connection, BOOK)
    return Report(
        book_id=BOOK,
        differences=ledger.differences + products.differences,
        totals=ledger.totals | products.totals,
    )


async def test_every_table_is_in_the_matrix_or_given(book: asyncpg.Connection) -> None:
    tables = await tables_of(book, "ledger")
    assert tables == MATRIX.keys() | GIVEN.keys()
    assert not MATRIX.keys() & GIVEN.keys()


async def test_the_whole_book_is_proven(book: asyncpg.Connection) -> None:
    report = await verify(book)
    assert report.ok, "\n".join(map(str, report.differences))
    for table in MATRIX:
        assert await book.fetchval(f"SELECT count(*) FROM {table} WHERE book_id = 1") > 0, table


@pytest.mark.parametrize("table", MATRIX)
async def test_a_changed_row_is_found_and_named_whatever_column(
    book: asyncpg.Connection, table: str
) -> None:
    unfound = await changed(book, table, MATRIX[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", MATRIX)
async def test_a_lost_row_is_found_and_named(book: asyncpg.Connection, table: str) -> None:
    unfound = await lost(book, table, MATRIX[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", [name for name in MATRIX if not MATRIX[name].no_extra])
async def test_a_planted_row_is_found_and_named(book: asyncpg.Connection, table: str) -> None:
    unfound = await planted(book, table, MATRIX[table], verify)
    assert not unfound, "\n".join(unfound)


OUT_OF_PLACE = {
    "ledger.idempotency_key till k-1": "UPDATE ledger.idempotency_key SET batch_no = 999",
    "ledger.consumer find": "UPDATE ledger.consumer SET cursor_seq = 9999",
    "ledger.seal 1": "UPDATE ledger.seal_key SET public_key = sha256('another')",
}
"""Given, but not free to be anything: what must be named -> damage."""


@pytest.mark.parametrize("place", OUT_OF_PLACE)
async def test_what_is_given_must_still_fit_the_book(book: asyncpg.Connection, place: str) -> None:
    async with as_owner(book, "ledger.seal_key"):
        await book.execute(OUT_OF_PLACE[place])
        report = await verify(book)
    assert place in [each.where for each in report.differences]
