"""Every derived table of products x {changed, lost, planted}: found, and named by its key.

Together with the ledger's matrix this is the whole catalogue: a new table of products, pricing or
the API is in the matrix or among those that are given, with the reason, or the first test is red.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from ledger import embedded
from ledger.db import open_database, open_pool
from ledger.proof.report import Report
from products.proof.verify import verify_products
from tests.ledger.damaging import Derived, changed, columns_of, lost, planted, tables_of
from tests.products import test_proof_requests
from tests.products.damaged_placements import PLACED
from tests.products.loans.loan_scene import loan_scene
from tests.products.payments.payments_scene import payments_scene
from tests.products.test_proof import lived
from tests.products.test_proof_payments import live

LOCK = "guards against two deciders at once; says nothing of the book"
LENDING_RULE = "what loan requests are judged by, written by two people"
PERSON = "who did it stands with the event; the row repeats it for people"

_CONTRACT_NO = (
    "(SELECT c.contract_no FROM products.contract AS c WHERE c.contract_id = r.contract_id)"
)


def _interest(table: str, key: str) -> tuple[str, ...]:
    """A row of a contract by its number and key, or by the contract that nobody knows."""
    head = f"'products.{table} '"
    return (
        f"{head} || {_CONTRACT_NO} || {key}",
        f"{head} || 'of contract ' || r.contract_id",
    )


NIGHTS: dict[str, Derived] = {
    "products.contract": Derived(
        place=(
            "'products.contract ' || r.contract_no",
            "'products.interest_leg ' || r.contract_no",
            "'products.interest_span of contract ' || r.contract_id",
        ),
        pick="r.contract_no = 'SAV-1'",
        plant={
            "contract_id": "gen_random_uuid()",
            "contract_no": "'PLANTED'",
            "account_id": "r.account_id + 50",
        },
        free={"version": LOCK},
    ),
    "products.interest_leg": Derived(
        place=_interest("interest_leg", "''"),
        pick="r.slope_exact > 0",
        plant={"contract_id": "gen_random_uuid()"},
        free={"version": LOCK},
    ),
    "products.interest_span": Derived(
        place=(
            *_interest("interest_span", "' ' || r.from_date"),
            *_interest("interest_span", "format(' %s made on %s', r.from_date, r.made_on)"),
            *_interest("interest_span", "format(' %s made on %s, number', r.from_date, r.made_on)"),
        ),
        plant={"span_no": "r.span_no + 50"},
    ),
    "products.day_rate": Derived(
        place=("format('products.day_rate %s %s', r.product_code, r.business_date)",),
        pick="r.business_date = '2026-06-29'",
        plant={"business_date": "r.business_date + 700"},
    ),
    "pricing.rate_line": Derived(
        place=("format('pricing.rate_line %s %s', r.sheet_id, r.slab_from_satang)",),
        plant={"sheet_id": "gen_random_uuid()"},
    ),
    "products.capitalisation": Derived(
        place=_interest("capitalisation", "format(' %s made on %s', r.period_end, r.made_on)"),
        pick="r.made_on = r.period_end",
        plant={"period_end": "r.period_end - 99"},
    ),
    "products.night_chunk": Derived(
        place=(
            "format('products.night_chunk %s %s %s', r.business_date, r.step, r.chunk)",
            "format('products.night_chunk %s %s', r.business_date, r.step)",
        ),
        pick="r.step = 'accrue' AND r.amount_satang > 0",
        plant={"chunk": "r.chunk + 9"},
        free={
            "finished_at": "a clock's word, not the book's",
            "contracts": "how many a chunk looked at: for people who watch the night",
            "refused": "what a chunk could not do; tested with nights that refuse",
            "chunk": "how a night was cut into transactions",
            "product_code": "how a night was cut into transactions",
            "first_contract": "how a night was cut into transactions",
            "stop_contract": "how a night was cut into transactions",
        },
    ),
}
"""What nights write, and the lines that must be their sheets'."""

DESK: dict[str, Derived] = {
    "products.notice": Derived(
        place=("'products.notice ' || r.notice_id",),
        pick="r.kind = 2 AND r.status = 12",
        plant={"notice_id": "gen_random_uuid()"},
        to={"status": "23", "kind": "1"},
        free={"version": LOCK},
    ),
    "products.bank_statement": Derived(
        place=(
            "format('products.bank_statement %s %s', r.bank_code, r.sequence_no)",
            "'products.bank_statement ' || r.statement_id",
        ),
        pick="r.sequence_no = 102",
        plant={"statement_id": "gen_random_uuid()", "sequence_no": "r.sequence_no + 99"},
    ),
    "products.bank_line": Derived(
        place=(
            "'products.bank_line ' || r.bank_reference",
            "'products.bank_line ' || r.line_id",
            "(SELECT format('products.bank_statement %s %s', s.bank_code, s.sequence_no) "
            "FROM products.bank_statement AS s WHERE s.statement_id = r.statement_id)",
        ),
        pick="r.status = 2",
        plant={
            "line_id": "gen_random_uuid()",
            "line_no": "r.line_no + 99",
            "bank_reference": "'PLANTED'",
        },
        free={"version": LOCK},
    ),
    "products.bank_match": Derived(
        place=(
            "'products.bank_match ' || r.match_id",
            "(SELECT 'products.bank_line ' || l.bank_reference FROM products.bank_line AS l "
            "WHERE l.line_id = r.line_id)",
        ),
        pick="r.undone_seq IS NULL AND r.purpose = 1",
        plant={"match_id": "gen_random_uuid()", "purpose": "3 - r.purpose"},
        free={
            "match_id": "a name of its own, made by the program",
            "made_by": PERSON,
            "undone_by": PERSON,
            "how": "automatic or by a person: said by who made it",
            "made_seq": "a number for people to look the event up by",
        },
    ),
}
"""What the desk writes."""

OWN_NAME = "a name of its own, made by the program"

REQUESTS: dict[str, Derived] = {
    "products.loan_request": Derived(
        place=("'products.loan_request ' || r.request_id",),
        pick="r.state = 8",
        plant={"request_id": "gen_random_uuid()", "request_no": "r.request_no + 900"},
    ),
    "products.loan_request_step": Derived(
        place=("format('products.loan_request_step %s %s', r.request_id, r.step_no)",),
        pick="r.verb = 6",
        plant={"step_no": "r.step_no + 50"},
    ),
    "products.loan_request_document": Derived(
        place=("format('products.loan_request_document %s %s', r.request_id, r.document_no)",),
        plant={"document_no": "r.document_no + 50"},
    ),
    "products.loan_decision": Derived(
        place=("format('products.loan_decision %s %s %s', r.request_id, r.round, r.approver)",),
        pick="cardinality(r.conditions) > 0",
        plant={"approver": "'planted'"},
    ),
    "products.loan_condition": Derived(
        place=("format('products.loan_condition %s %s', r.request_id, r.condition_no)",),
        pick="r.met_seq IS NOT NULL",
        plant={"condition_no": "r.condition_no + 50"},
    ),
    "products.loan_borrower": Derived(
        place=("'products.loan_borrower ' || r.party_id",),
        plant={"borrower_id": "gen_random_uuid()", "party_id": "r.party_id + 50"},
        free={"borrower_id": OWN_NAME},
    ),
    "products.loan_request_year": Derived(
        place=("'products.loan_request_year ' || r.request_year",),
        plant={"year_id": "gen_random_uuid()", "request_year": "r.request_year + 50"},
        free={"year_id": OWN_NAME},
    ),
}
"""What the loan desk writes."""

GIVEN: dict[str, str] = {
    "products.loan_kind": LENDING_RULE,
    "products.loan_document_rule": LENDING_RULE,
    "products.approval_authority": LENDING_RULE,
    "products.loan_approver": LENDING_RULE,
    "products.borrowing_ceiling": LENDING_RULE,
    "products.single_borrower_limit": LENDING_RULE,
    "products.loan_request_state": "a lookup table of the program",
    "products.loan_request_verb": "a lookup table of the program",
    "products.loan_request_transition": "a lookup table of the program",
    "products.product": "terms, written by people",
    "products.savings_terms": "what special savings ask, written by people",
    "products.placement_product": "what is offered for a term, written by people",
    "products.early_rule": "what an early withdrawal earns, written by people",
    "products.holiday": "dates without banking, announced by people",
    "products.tax_rate": "the table of withholding tax, written by two people",
    "products.maturity_instruction": "a lookup table of the program",
    "products.early_end_state": "a lookup table of the program",
    "products.bank_account": "accounts at banks, written by people",
    "products.payment_accounts": "which accounts payments use, written by people",
    "products.notice_status": "a lookup table of the program",
    "products.bank_line_status": "a lookup table of the program",
    "products.file_intake": "files that came through a door, by their own hash",
    "products.match_proposal": "suggestions for a person; nothing stands on them",
    "pricing.rate_sheet": "rates, written by two people",
    "api.api_key": "keys of clients, given and taken by people",
}
"""Tables that nothing derives, with the reason."""

ELSEWHERE = {
    "products.withdrawal_fee": "payments/test_withdrawal_terms.py, beside its withdrawals",
}
"""Derived tables that a scene of their own damages."""


@asynccontextmanager
async def _database(server: embedded.Lease, template: str) -> AsyncIterator[str]:
    name = f"damage_{uuid4().hex}"
    keeper = await asyncpg.connect(server.dsn("postgres"))
    await keeper.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.dsn(name)
    finally:
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


@pytest.fixture(scope="module")
async def nights(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a book with nights over a capitalisation."""
    async with _database(server, template) as url:
        database = await open_database(url)
        try:
            await lived(database)
            connection = await asyncpg.connect(url)
            yield connection
            await connection.close()
        finally:
            await database.close()


@pytest.fixture(scope="module")
async def desk(
    server: embedded.Lease, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a desk with notices, statements and matches."""
    folder: Path = tmp_path_factory.mktemp("desk")
    async with _database(server, template) as url:
        pool = await open_pool(url)
        try:
            async with payments_scene(pool, folder) as scene:
                await live(scene)
            connection = await asyncpg.connect(url)
            yield connection
            await connection.close()
        finally:
            await pool.close()


@pytest.fixture(scope="module")
async def requests(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a loan desk with requests in every state."""
    async with _database(server, template) as url:
        pool = await open_pool(url)
        try:
            async with loan_scene(pool) as scene:
                await test_proof_requests.live(scene)
            connection = await asyncpg.connect(url)
            yield connection
            await connection.close()
        finally:
            await pool.close()


async def verify(connection: asyncpg.Connection) -> Report:
    """The proof of products."""
    return await verify_products(connection, 1)


async def test_every_table_is_in_the_matrix_or_given(desk: asyncpg.Connection) -> None:
    tables = await tables_of(desk, "products", "pricing", "api")
    written = NIGHTS | DESK | PLACED | REQUESTS
    assert tables == written.keys() | ELSEWHERE.keys() | GIVEN.keys()
    for table, derived in written.items():
        assert derived.free.keys() <= (await columns_of(desk, table)).keys()


@pytest.mark.parametrize("table", NIGHTS)
async def test_a_changed_row_of_the_night_is_found_and_named_whatever_column(
    nights: asyncpg.Connection, table: str
) -> None:
    unfound = await changed(nights, table, NIGHTS[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", NIGHTS)
async def test_a_lost_row_of_the_night_is_found_and_named(
    nights: asyncpg.Connection, table: str
) -> None:
    unfound = await lost(nights, table, NIGHTS[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", NIGHTS)
async def test_a_planted_row_of_the_night_is_found_and_named(
    nights: asyncpg.Connection, table: str
) -> None:
    unfound = await planted(nights, table, NIGHTS[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", DESK)
async def test_a_changed_row_of_the_desk_is_found_and_named_whatever_column(
    desk: asyncpg.Connection, table: str
) -> None:
    unfound = await changed(desk, table, DESK[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", DESK)
async def test_a_lost_row_of_the_desk_is_found_and_named(
    desk: asyncpg.Connection, table: str
) -> None:
    unfound = await lost(desk, table, DESK[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", DESK)
async def test_a_planted_row_of_the_desk_is_found_and_named(
    desk: asyncpg.Connection, table: str
) -> None:
    unfound = await planted(desk, table, DESK[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", REQUESTS)
async def test_a_changed_row_of_a_loan_request_is_found_and_named_whatever_column(
    requests: asyncpg.Connection, table: str
) -> None:
    unfound = await changed(requests, table, REQUESTS[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", REQUESTS)
async def test_a_lost_row_of_a_loan_request_is_found_and_named(
    requests: asyncpg.Connection, table: str
) -> None:
    unfound = await lost(requests, table, REQUESTS[table], verify)
    assert not unfound, "\n".join(unfound)


@pytest.mark.parametrize("table", REQUESTS)
async def test_a_planted_row_of_a_loan_request_is_found_and_named(
    requests: asyncpg.Connection, table: str
) -> None:
    unfound = await planted(requests, table, REQUESTS[table], verify)
    assert not unfound, "\n".join(unfound)
