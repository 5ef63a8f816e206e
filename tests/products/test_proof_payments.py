"""The proof of notices, matches and the bank: silent on a sound desk, and it names what is hurt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from ledger import embedded
from ledger.db import open_pool
from ledger.posting.values import Status
from ledger.proof.report import Report
from ledger.proof.verify import verify_ledger
from products.payments import notice_services, resolving
from products.payments.bank_statement import LineKind
from products.proof.verify import verify_products
from tests.products.payments.payments_scene import Scene, payments_scene

HOLDS = "withdrawals are their holds"
NOTICES = "notices name the journals that moved their money"
LINES = "lines are posted and explained"
MATCHES = "matches are their journals"
STATEMENTS = "statements follow one another"
WAITING = "what waits is lines and payments"
BANK = "the ledger's bank is the bank's statement"

DAMAGES: dict[str, tuple[str, str, str]] = {
    # what is hurt: (statement, check that must find it, place that it must name)
    "a held withdrawal said to be rejected": (
        "UPDATE products.notice SET status = 21 WHERE status = 11",
        HOLDS,
        "products.notice",
    ),
    "a withdrawal of another amount": (
        "UPDATE products.notice SET amount_satang = amount_satang + 1 WHERE status = 12",
        HOLDS,
        "products.notice",
    ),
    "a hold that was released for no reason": (
        "UPDATE ledger.hold SET state = 3 WHERE state = 1",
        HOLDS,
        "products.notice",
    ),
    "a received deposit said to be posted": (
        "UPDATE products.notice SET status = 3 WHERE status = 1",
        NOTICES,
        "products.notice",
    ),
    "a posted deposit that names another journal": (
        "UPDATE products.notice SET posted_journal = gen_random_uuid() "
        "WHERE kind = 1 AND status = 3",
        NOTICES,
        "products.notice",
    ),
    "a paid withdrawal that names the bank's journal": (
        "UPDATE products.notice AS n SET posted_journal = m.journal_id "
        "FROM products.bank_match AS m WHERE m.notice_id = n.notice_id AND n.kind = 2",
        NOTICES,
        "products.notice",
    ),
    "a suspended line said to be new": (
        "UPDATE products.bank_line SET status = 1, posted_on = NULL WHERE status = 2",
        BANK,
        "bank account KTB",
    ),
    "a fee of another amount": (
        "UPDATE products.bank_line SET amount_satang = amount_satang + 1 WHERE status = 4",
        LINES,
        "products.bank_line",
    ),
    "a matched line without its match": (
        "DELETE FROM products.bank_match WHERE undone_seq IS NULL",
        LINES,
        "products.bank_line",
    ),
    "a match of another amount": (
        "UPDATE products.bank_match SET amount_satang = amount_satang + 1 WHERE undone_seq IS NULL",
        MATCHES,
        "products.bank_match",
    ),
    "a match whose journal never was": (
        "UPDATE products.bank_match SET journal_id = gen_random_uuid() WHERE undone_seq IS NULL",
        MATCHES,
        "products.bank_match",
    ),
    "an undone match said to stand": (
        "UPDATE products.bank_match SET undone_seq = NULL, undone_by = NULL",
        MATCHES,
        "products.bank_match",
    ),
    "a statement that closes elsewhere": (
        "UPDATE products.bank_statement SET closing_satang = closing_satang + 1 "
        "WHERE sequence_no = 102",
        STATEMENTS,
        "products.bank_statement KTB 102",
    ),
    "a statement lost": (
        "DELETE FROM products.bank_statement WHERE sequence_no = 102",
        STATEMENTS,
        "products.bank_statement KTB 103",
    ),
    "a line lost": (
        "DELETE FROM products.bank_line WHERE status = 2",
        STATEMENTS,
        "products.bank_statement KTB",
    ),
    "money in suspense that no line brought": (
        "UPDATE ledger.balance SET credits = credits + 1 WHERE account_id = (SELECT "
        "suspense_receipts FROM products.payment_accounts)",
        WAITING,
        "suspense receipts",
    ),
    "a debit of the bank explained without its line": (
        "UPDATE ledger.balance SET credits = credits + 1 WHERE account_id = (SELECT "
        "suspense_payments FROM products.payment_accounts)",
        WAITING,
        "suspense payments",
    ),
    "a payment that clearing does not know": (
        "UPDATE ledger.balance SET debits = debits + 1 WHERE account_id = (SELECT "
        "outgoing_clearing FROM products.payment_accounts)",
        WAITING,
        "outgoing clearing",
    ),
    "a bank account with money that no statement knows": (
        "UPDATE ledger.balance SET debits = debits + 1 WHERE account_id = (SELECT account_id "
        "FROM products.bank_account WHERE bank_code = 'KTB')",
        BANK,
        "bank account KTB",
    ),
}


def listed(report: Report) -> str:
    """The differences of a report, one a line."""
    return "\n".join(map(str, report.differences))


async def live(scene: Scene) -> None:
    """Two statements: matched, suspended, resolved, parted, returned, fee; and every withdrawal."""
    matched = await scene.deposit("SAV-0001", 500_00)
    misnamed = await scene.deposit("SAV-0002", 700_00, reference="TYPO1")
    parted = await scene.deposit("SAV-0003", 300_00)
    await scene.deposit("SAV-0003", 111_00)
    paid = await scene.paid("SAV-0001", 250_00)
    came_back = await scene.paid("SAV-0002", 90_00)
    await scene.paid("SAV-0002", 33_00)
    await scene.held("SAV-0003", 10_00)
    approved = await scene.held("SAV-0003", 20_00)
    await scene.approve(approved.id)
    rejected = await scene.held("SAV-0003", 30_00)
    await notice_services.reject(
        scene.collector, scene.pool, 1, rejected.id, actor="facility:checker", reason="not due"
    )
    mistyped, taken_apart = scene.line(700_00, "TYPOI"), scene.line(300_00, parted.reference)
    await scene.load(
        scene.line(500_00, matched.reference),
        mistyped,
        taken_apart,
        scene.line(-250_00, paid.reference),
        scene.line(-90_00, came_back.reference),
        scene.line(-5_00, kind=LineKind.FEE),
    )
    await scene.load(
        scene.line(90_00, "BACK", kind=LineKind.RETURN, original_reference=came_back.reference),
        scene.line(12_34, "NOBODY"),
        scene.line(-43_21, "NOBODY"),
    )
    resolved = await resolving.resolve(
        scene.collector,
        scene.pool,
        1,
        await scene.line_id(mistyped),
        [misnamed.id],
        actor="facility:clerk",
        reason="slip",
    )
    undone = await resolving.unmatch(
        scene.collector,
        scene.pool,
        1,
        await scene.line_id(taken_apart),
        actor="facility:clerk",
        reason="the wrong member",
    )
    assert (resolved.status, undone.status) == (Status.ACCEPTED, Status.ACCEPTED)
    assert await scene.status(came_back) == "returned"


@pytest.fixture(scope="module")
async def book(
    server: embedded.Lease, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a desk that all cases damage, each undone."""
    name = f"proof_{uuid4().hex}"
    folder: Path = tmp_path_factory.mktemp("desk")
    keeper = await asyncpg.connect(server.dsn("postgres"))
    await keeper.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    pool = await open_pool(server.dsn(name))
    try:
        async with payments_scene(pool, folder) as scene:
            await live(scene)
        connection = await asyncpg.connect(server.dsn(name))
        yield connection
        await connection.close()
    finally:
        await pool.close()
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


async def test_a_desk_on_which_everything_happened_is_proven(book: asyncpg.Connection) -> None:
    report = await verify_products(book, 1)
    assert report.ok, listed(report)
    for table, name in (
        ("notice", "notices"),
        ("bank_line", "bank_lines"),
        ("bank_match", "bank_matches"),
    ):
        rows = await book.fetchval(f"SELECT count(*) FROM products.{table}")
        assert report.counts[name] == rows > 0
    statuses = await book.fetch("SELECT DISTINCT kind, status FROM products.notice")
    assert {tuple(row) for row in statuses} == {
        *((1, status) for status in (1, 3)),
        *((2, status) for status in (3, 11, 12, 13, 21, 22)),
    }
    lines = await book.fetch("SELECT DISTINCT status FROM products.bank_line")
    assert {row["status"] for row in lines} == {2, 3, 4, 5}
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
