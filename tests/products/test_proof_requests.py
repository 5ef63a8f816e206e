"""The proof of loan requests: silent on a sound desk, and it names what is hurt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from ledger import embedded
from ledger.db import open_pool
from ledger.proof.report import Report
from ledger.proof.verify import verify_ledger
from products.loans.request_values import RequestState, VoteKind
from products.proof.verify import verify_products
from tests.products.loans.loan_scene import (
    CHAIR,
    COMMITTEE,
    DIRECTOR,
    MANAGER,
    MILLION,
    LoanScene,
    loan_scene,
)

S = RequestState
ROWS = "loan requests are their notes"
RULES = "loan requests keep their rules"
NUMBERS = "loan requests are numbered without gap"
BORROWERS = "borrowers are members that asked"

DAMAGES: dict[str, tuple[str, str, str]] = {
    # what is hurt: (statement, check that must find it, place that it must name)
    "a declined request said to be approved": (
        "UPDATE products.loan_request SET state = 6, approved_satang = 1, "
        "approved_term_months = 1, sign_by = changed_on WHERE state = 21",
        ROWS,
        "products.loan_request ",
    ),
    "less approved than was granted": (
        "UPDATE products.loan_request SET approved_satang = approved_satang - 1 WHERE state = 8",
        ROWS,
        "products.loan_request ",
    ),
    "another person in the history": (
        "UPDATE products.loan_request_step SET person = 'somebody:else' WHERE verb = 6",
        ROWS,
        "products.loan_request_step ",
    ),
    "a remark that was never said": (
        "UPDATE products.loan_request_step SET remark = 'fine' WHERE verb = 9",
        ROWS,
        "products.loan_request_step ",
    ),
    "a vote turned round": (
        "UPDATE products.loan_decision SET vote = 1, granted_satang = 1, granted_term_months = 1 "
        "WHERE vote = 2",
        ROWS,
        "products.loan_decision ",
    ),
    "a vote lost": ("DELETE FROM products.loan_decision WHERE vote = 3", ROWS, "loan_decision "),
    "a paper exchanged": (
        "UPDATE products.loan_request_document SET sha256 = sha256('other') WHERE document_no = 1",
        ROWS,
        "products.loan_request_document ",
    ),
    "a condition said to be met": (
        "UPDATE products.loan_condition SET met_on = '2026-06-01', met_by = 'x', met_seq = 1 "
        "WHERE met_seq IS NULL",
        ROWS,
        "products.loan_condition ",
    ),
    "a condition taken away": (
        "DELETE FROM products.loan_condition WHERE condition_no = 2",
        ROWS,
        "products.loan_condition ",
    ),
    "a request lost with everything": (
        "DO $$ BEGIN "
        "DELETE FROM products.loan_request WHERE state = 21; "
        "DELETE FROM products.loan_request_step AS s WHERE NOT EXISTS (SELECT FROM "
        "products.loan_request AS r WHERE r.request_id = s.request_id); "
        "DELETE FROM products.loan_request_document AS s WHERE NOT EXISTS (SELECT FROM "
        "products.loan_request AS r WHERE r.request_id = s.request_id); "
        "DELETE FROM products.loan_decision AS s WHERE NOT EXISTS (SELECT FROM "
        "products.loan_request AS r WHERE r.request_id = s.request_id); END $$",
        ROWS,
        "products.loan_request ",
    ),
    "two numbers exchanged": (
        "UPDATE products.loan_request SET request_no = 9000 - request_no",
        NUMBERS,
        "products.loan_request ",
    ),
    "a number given out that nobody has": (
        "UPDATE products.loan_request_year SET last_no = last_no + 1",
        NUMBERS,
        "products.loan_request_year 2026",
    ),
    "an approval that the member's row does not know": (
        "UPDATE products.loan_borrower SET version = version - 1 WHERE party_id = 1",
        BORROWERS,
        "products.loan_borrower 1",
    ),
    "an authority that does not suffice for what it approved": (
        "UPDATE products.approval_authority SET amount_up_to_satang = amount_up_to_satang / 1000",
        RULES,
        "products.loan_request ",
    ),
    "an approval by fewer votes than its authority needs": (
        "UPDATE products.approval_authority SET levels = '{1,2}', approvals = 2, quorum = 2, "
        "seats = 2 WHERE amount_up_to_satang = 100000000",
        RULES,
        "products.loan_request ",
    ),
    "an approval by approvers of too low a level": (
        "UPDATE products.approval_authority SET levels = '{2}' "
        "WHERE amount_up_to_satang = 100000000",
        RULES,
        "products.loan_request ",
    ),
    "a maker who voted, in the notes themselves": (
        "UPDATE ledger.event SET actor = 'coop-1:maker' WHERE kind = 145",
        RULES,
        "products.loan_request ",
    ),
    "a step that there is not, in the notes themselves": (
        'UPDATE ledger.event SET body = replace(body, \'"from":"analysed"\', '
        '\'"from":"submitted"\') WHERE kind = 144',
        RULES,
        "products.loan_request ",
    ),
    "a limit that was broken, in the notes themselves": (
        "UPDATE ledger.event SET body = replace(body, '\"limit_satang\":2000000000', "
        "'\"limit_satang\":7') WHERE kind = 145",
        RULES,
        "products.loan_request ",
    ),
    "a signature after its last day, in the notes themselves": (
        "UPDATE ledger.event SET business_date = '2027-01-01' WHERE kind = 148",
        RULES,
        "products.loan_request ",
    ),
    "an expiry before its last day, in the notes themselves": (
        "UPDATE ledger.event SET business_date = '2026-06-02' WHERE kind = 147 "
        'AND body LIKE \'%"verb":"expire"%\'',
        RULES,
        "products.loan_request ",
    ),
    "a condition met twice, in the notes themselves": (
        "UPDATE ledger.event SET body = replace(body, '\"condition_no\":2', '\"condition_no\":1') "
        "WHERE kind = 149",
        RULES,
        "products.loan_request ",
    ),
    "a note of another kind": (
        "UPDATE ledger.event SET kind = 141 WHERE kind = 143",
        RULES,
        "products.loan_request ",
    ),
    "a note over another amount": (
        "UPDATE ledger.event SET amount_satang = amount_satang + 1 WHERE kind = 148",
        RULES,
        "products.loan_request ",
    ),
    "a note that cannot be read": (
        "UPDATE ledger.event SET body = '[' WHERE kind = 144",
        ROWS,
        "products.loan_request_step ",
    ),
}


async def live(scene: LoanScene) -> None:
    """Requests in every state; one returned, one before a committee with an abstention."""
    for state in RequestState:
        await scene.until(state, 20_000_00, party_id=1 + state % 2)
    returned = await scene.until(S.COMMITTEE, 3 * MILLION)
    await scene.vote(returned, MANAGER)
    await scene.give_back(returned)
    await scene.submit(returned)
    await scene.complete(returned)
    await scene.analyse(returned)
    await scene.put_to_vote(returned)
    await scene.vote(returned, MANAGER, granted_satang=2 * MILLION, conditions=("insure",))
    await scene.vote(returned, DIRECTOR, granted_term_months=12, conditions=("pledge", "insure"))
    await scene.vote(returned, CHAIR)
    await scene.sign(returned)
    await scene.withdraw(returned)
    voting = await scene.until(S.COMMITTEE, 9 * MILLION)
    await scene.vote(voting, COMMITTEE[0], VoteKind.ABSTAIN)
    for member in COMMITTEE[1:3]:
        await scene.vote(voting, member)
    lost = await scene.until(S.COMMITTEE, 9 * MILLION, party_id=2)
    for member in COMMITTEE[:3]:
        await scene.vote(lost, member, VoteKind.DECLINE)
    await scene.vote(lost, COMMITTEE[3])


@pytest.fixture(scope="module")
async def book(server: embedded.Lease, template: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a loan desk that all cases damage, each undone."""
    name = f"proof_{uuid4().hex}"
    keeper = await asyncpg.connect(server.dsn("postgres"))
    await keeper.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    pool = await open_pool(server.dsn(name))
    try:
        async with loan_scene(pool) as scene:
            await live(scene)
        connection = await asyncpg.connect(server.dsn(name))
        yield connection
        await connection.close()
    finally:
        await pool.close()
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


def listed(report: Report) -> str:
    """The differences of a report, one a line."""
    return "\n".join(map(str, report.differences))


async def test_a_desk_with_requests_in_every_state_is_proven(book: asyncpg.Connection) -> None:
    report = await verify_products(book, 1)
    assert report.ok, listed(report)
    rows = await book.fetchval("SELECT count(*) FROM products.loan_request")
    assert report.counts["loan_requests"] == rows
    states = await book.fetch("SELECT DISTINCT state FROM products.loan_request")
    assert {row["state"] for row in states} == set(map(int, RequestState))
    ledger = await verify_ledger(book, 1)
    assert ledger.ok, listed(ledger)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_found_and_named(book: asyncpg.Connection, damage: str) -> None:
    statement, check, place = DAMAGES[damage]
    transaction = book.transaction()
    await transaction.start()
    try:
        await book.execute("SET LOCAL session_replication_role = replica")
        await book.execute(statement)
        report = await verify_products(book, 1)
    finally:
        await transaction.rollback()
    assert not report.ok
    places = [d.where for d in report.differences if d.check == check]
    assert any(place in where for where in places), listed(report)
