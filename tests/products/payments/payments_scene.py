"""A small payments desk to test with: a book, two banks, three members, and short verbs.

Money is satang. The bank KTB opens with 1,000,000.00 (statement 101 was the last), each member's
account with 10,000.00; the opening entry makes the book's bank accounts equal to the banks'.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from ledger import accounts, parties
from ledger.books import Book, get_book
from ledger.db import Connection, Pool
from ledger.money import Rounding, format_baht
from ledger.posting.collector import Collector
from ledger.posting.values import (
    MoveBusinessDate,
    OpenAccount,
    Operation,
    Outcome,
    SetFreeze,
    Status,
    Unit,
)
from products import contracts
from products.catalogue import Product, create_product
from products.interest import DayCount, Terms
from products.kinds import JournalKind
from products.payments import csv_statement, notice_reads, notice_services
from products.payments.bank_statement import BankStatement, LineKind, StatementLine
from products.payments.banks import (
    BankAccount,
    PaymentAccounts,
    add_bank_account,
    set_payment_accounts,
)
from products.payments.notice_services import Received
from products.payments.notice_values import Notice, NoticeIn
from products.payments.settling import Settled, settle
from products.payments.statements import StatementReport, load_statement
from tests.builders import OPENED_ON, journal, make_book, post, post_units

OPENING = 1_000_000
BANK_OPENING = 100_000_000
MEMBERS = ("SAV-0001", "SAV-0002", "SAV-0003")
OWN = {
    "KTB": "111100",
    "BBL": "111100",
    "suspense receipts": "271100",
    "suspense payments": "119100",
    "outgoing clearing": "261100",
    "fees": "541100",
    "capital": "341100",
    "expense": "511100",
    "payable": "241100",
}
"""The book's own accounts by name, each with its GL code."""
MAKER, CHECKER = "coop-1:maker", "facility:checker"


@dataclass(slots=True, kw_only=True)
class Scene:
    """The desk, its accounts by name, and the bank's statements so far."""

    pool: Pool
    collector: Collector
    book: Book
    folder: Path
    names: dict[str, int]
    today: date = OPENED_ON
    sequence: dict[str, int] = field(default_factory=dict)
    closing: dict[str, int] = field(default_factory=dict)
    bank_references: int = 0

    def notice_in(self, kind: str, account: str, amount: int, **fields: object) -> NoticeIn:
        """The body of a notice; `fields` replace the ordinary ones."""
        values: dict[str, object] = {
            "id": uuid4(),
            "kind": kind,
            "account": account,
            "amount": format_baht(amount),
            "bank": "KTB",
            "value_date": self.today,
            "reference": f"R{uuid4().hex[:12].upper()}",
            "made_by": MAKER,
        }
        return NoticeIn.model_validate(values | fields)

    async def receive(self, body: NoticeIn) -> Received:
        """Through the door."""
        return await notice_services.receive(
            self.collector, self.pool, self.book.book_id, body, received_by=body.made_by
        )

    async def deposit(self, account: str, amount: int, **fields: object) -> NoticeIn:
        """A deposit notice that is received."""
        body = self.notice_in("deposit", account, amount, **fields)
        received = await self.receive(body)
        assert received.status is Status.ACCEPTED, received
        return body

    async def held(self, account: str, amount: int, **fields: object) -> NoticeIn:
        """A withdrawal notice whose amount is held."""
        body = self.notice_in("withdrawal", account, amount, **fields)
        received = await self.receive(body)
        assert received.status is Status.ACCEPTED, received
        return body

    async def paid(self, account: str, amount: int, **fields: object) -> NoticeIn:
        """A withdrawal that was approved by the second person and paid."""
        body = await self.held(account, amount, **fields)
        await self.approve(body.id)
        outcome = await self.pay(body.id)
        assert outcome.status is Status.ACCEPTED, outcome
        return body

    async def approve(self, notice_id: UUID, actor: str = CHECKER) -> Outcome:
        """By the second person, unless named otherwise."""
        return await notice_services.approve(
            self.collector, self.pool, self.book.book_id, notice_id, actor=actor
        )

    async def pay(self, notice_id: UUID) -> Outcome:
        """By the payments officer."""
        return await notice_services.pay(
            self.collector, self.pool, self.book.book_id, notice_id, actor="facility:payer"
        )

    async def notice(self, notice_id: UUID) -> Notice:
        """As it stands now."""
        async with self.pool.acquire() as connection:
            return await notice_reads.get(connection, self.book.book_id, notice_id)

    async def status(self, body: NoticeIn) -> str:
        """Where a notice stands."""
        return (await self.notice(body.id)).status.code

    def line(self, amount: int, reference: str = "", **fields: object) -> StatementLine:
        """A booked line: money that came (plus) or went (minus), today."""
        self.bank_references += 1
        kind = LineKind.CREDIT_TRANSFER if amount > 0 else LineKind.DEBIT_TRANSFER
        made = StatementLine(
            line_no=1,
            bank_reference=f"B{self.bank_references:06d}",
            amount_satang=abs(amount),
            is_credit=amount > 0,
            booking_date=self.today,
            value_date=self.today,
            reference=reference,
            kind=kind,
        )
        changed = replace(made, **fields)  # type: ignore[arg-type]  # fields of the line by name
        return replace(changed, reference=changed.reference or changed.remittance)

    def statement(self, *lines: StatementLine, bank: str = "KTB") -> BankStatement:
        """The bank's next statement with these lines; the bank goes on from it."""
        self.sequence[bank] += 1
        opening = self.closing[bank]
        self.closing[bank] += sum(line.signed_satang for line in lines)
        return BankStatement(
            account_no=f"ACC-{bank}",
            statement_id=f"{bank}-{self.sequence[bank]}",
            sequence_no=self.sequence[bank],
            booking_date_from=self.today,
            booking_date_to=self.today,
            currency="THB",
            opening_satang=opening,
            closing_satang=self.closing[bank],
            lines=tuple(replace(line, line_no=no) for no, line in enumerate(lines, start=1)),
        )

    def file(self, statement: BankStatement) -> Path:
        """The statement as a CSV file of the bank."""
        path = self.folder / f"{statement.statement_id}-{uuid4().hex[:6]}.csv"
        path.write_bytes(csv_statement.render([statement]))
        return path

    async def load(self, *lines: StatementLine, bank: str = "KTB") -> StatementReport:
        """The bank's next statement, loaded."""
        return await self.load_file(self.file(self.statement(*lines, bank=bank)))

    async def load_file(self, path: Path) -> StatementReport:
        """A statement's file, loaded."""
        return await load_statement(
            self.pool, self.collector, self.book, path, received_by="facility:bank-desk"
        )

    async def settle(self) -> Settled:
        """Look at everything that lies open again."""
        return await settle(self.pool, self.collector, self.book.book_id)

    async def balance(self, name: str) -> int:
        """A balance (credits - debits) by the account's name."""
        async with self.pool.acquire() as connection:
            return int(
                await connection.fetchval(
                    "SELECT credits - debits FROM ledger.balance "
                    "WHERE book_id = $1 AND account_id = $2",
                    self.book.book_id,
                    self.names[name],
                )
            )

    async def journals(self, *kinds: JournalKind | int) -> list[tuple[str, str, int, date]]:
        """(debit, credit, amount, value date) of the transfers of these kinds, in order."""
        named = {number: name for name, number in self.names.items()}
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT debit_account, credit_account, amount_satang, value_date "
                "FROM ledger.transfer WHERE book_id = $1 AND kind = ANY($2::int[]) "
                "ORDER BY recorded_seq, line",
                self.book.book_id,
                [int(kind) for kind in kinds],
            )
        return [
            (
                named[row["debit_account"]],
                named[row["credit_account"]],
                row["amount_satang"],
                row["value_date"],
            )
            for row in rows
        ]

    async def lines(self) -> dict[str, tuple[UUID, str]]:
        """(id, status) of every line by the bank's reference."""
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT l.bank_reference, l.line_id, s.code FROM products.bank_line AS l "
                "JOIN products.bank_line_status AS s ON s.status = l.status "
                "WHERE l.book_id = $1",
                self.book.book_id,
            )
        return {row["bank_reference"]: (row["line_id"], row["code"]) for row in rows}

    async def line_status(self, line: StatementLine) -> str:
        """What became of a line."""
        return (await self.lines())[line.bank_reference][1]

    async def line_id(self, line: StatementLine) -> UUID:
        """The id of a loaded line."""
        return (await self.lines())[line.bank_reference][0]

    async def reasons(self) -> list[tuple[str, str]]:
        """(the notice's reference, the reason) of everything that waits for a person."""
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(
                "SELECT n.reference, p.reason FROM products.match_proposal AS p "
                "JOIN products.notice AS n USING (book_id, notice_id) "
                "WHERE p.book_id = $1 ORDER BY n.reference, p.reason",
                self.book.book_id,
            )
        return [(row["reference"], row["reason"]) for row in rows]

    async def do(self, *operations: Operation) -> Outcome:
        """Post operations as a batch of their own."""
        outcome = await post(self.pool, self.book.book_id, operations)
        assert outcome.status is Status.ACCEPTED, outcome
        return outcome

    async def freeze(self, name: str, *, debits: bool = False, credits: bool = False) -> None:  # noqa: A002 - the word of the ledger
        """Set an account's freezes; neither = thaw."""
        await self.do(SetFreeze(account=self.names[name], debits=debits, credits=credits))

    async def next_day(self) -> None:
        """The business date moves to the next day."""
        await self.do(MoveBusinessDate(to=self.today + timedelta(days=1)))
        self.today += timedelta(days=1)

    def notices_file(self, *bodies: NoticeIn | str, name: str = "notices.jsonl") -> Path:
        """A file with these lines; a text stands there as it is."""
        path = self.folder / name
        texts = [body if isinstance(body, str) else body.model_dump_json() for body in bodies]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path


class KilledError(Exception):
    """The process died here."""


class DyingCollector(Collector):
    """Posts so many units and then dies."""

    def __init__(self, pool: Pool, units: int) -> None:
        super().__init__(pool)
        self.left = units

    async def submit(self, book_id: int, unit: Unit) -> Outcome:
        self.left -= 1
        if self.left < 0:
            raise KilledError
        return await super().submit(book_id, unit)


@asynccontextmanager
async def payments_scene(pool: Pool, folder: Path) -> AsyncIterator[Scene]:
    """The desk on its first business date, in an empty database."""
    await furnish(pool)
    async with at_desk(pool, folder) as made:
        yield made


@asynccontextmanager
async def at_desk(pool: Pool, folder: Path) -> AsyncIterator[Scene]:
    """The desk that `furnish` made in this database, or in the one that it is a clone of."""
    async with pool.acquire() as connection:
        book = await get_book(connection, "book-1")
        rows = await connection.fetch("SELECT account_id FROM ledger.account ORDER BY account_id")
    async with Collector(pool) as collector:
        yield Scene(
            pool=pool,
            collector=collector,
            book=book,
            folder=folder,
            names=_named([row["account_id"] for row in rows]),
            sequence={"KTB": 101, "BBL": 101},
            closing={"KTB": BANK_OPENING, "BBL": BANK_OPENING},
        )


async def furnish(pool: Pool) -> None:
    """Book, banks and members with their opening balances, in an empty database."""
    book = await make_book(pool)
    async with pool.acquire() as connection:
        known = _named(await accounts.reserve_ids(connection, len(OWN) + len(MEMBERS)))
    opened = [_open(known[name], f"A{known[name]}", gl_code) for name, gl_code in OWN.items()]
    assert (await post(pool, book.book_id, opened)).status is Status.ACCEPTED
    product = _product(book.book_id, known)
    async with pool.acquire() as connection:
        await _set_up(connection, book.book_id, product, known)
    units = [
        contracts.open_savings_contract(
            product=product,
            contract_no=member,
            party_id=party_id,
            account_id=known[member],
            name_th=member,
            name_en=member,
            actor="test:clerk",
        )
        for party_id, member in enumerate(MEMBERS, start=1)
    ]
    for outcome in await post_units(pool, book.book_id, units):
        assert outcome.status is Status.ACCEPTED, outcome
    rest = BANK_OPENING - OPENING * len(MEMBERS)
    opening = [journal(known["KTB"], known[member], OPENING) for member in MEMBERS]
    opening += [journal(known["KTB"], known["capital"], rest)]
    opening += [journal(known["BBL"], known["capital"], BANK_OPENING)]
    assert (await post(pool, book.book_id, opening)).status is Status.ACCEPTED


def _named(numbers: Iterable[int]) -> dict[str, int]:
    """The desk's accounts by name, from their numbers in the order in which they were reserved."""
    return dict(zip((*OWN, *MEMBERS), numbers, strict=True))


async def _set_up(
    connection: Connection, book_id: int, product: Product, known: dict[str, int]
) -> None:
    await parties.add_parties(connection, book_id, [_party(number) for number in (1, 2, 3)])
    await create_product(connection, product)
    await price(connection, book_id, product.product_code)
    for bank in ("KTB", "BBL"):
        account = BankAccount(
            bank_code=bank,
            bank_no="006",
            account_no=f"ACC-{bank}",
            name_th=bank,
            name_en=bank,
            account_id=known[bank],
            opening_sequence_no=101,
            opening_satang=BANK_OPENING,
        )
        await add_bank_account(connection, book_id, account)
    await set_payment_accounts(
        connection,
        book_id,
        PaymentAccounts(
            suspense_receipts=known["suspense receipts"],
            suspense_payments=known["suspense payments"],
            outgoing_clearing=known["outgoing clearing"],
            bank_fees=known["fees"],
        ),
    )


async def price(connection: Connection, book_id: int, product_code: str) -> None:
    """A rate of nothing from before the first date: contracts need one, tests may set another."""
    effective = OPENED_ON - timedelta(days=1)
    sheet_id = uuid4()
    await connection.execute(
        "INSERT INTO pricing.rate_sheet (book_id, sheet_id, product_code, effective_from, "
        "annual_rate_e8, made_by, made_at) "
        "VALUES ($1, $2, $4, $3, 0, 'test:treasury', clock_timestamp())",
        book_id,
        sheet_id,
        effective,
        product_code,
    )
    await connection.execute(
        "INSERT INTO pricing.rate_line VALUES ($1, $2, 0, 0)", book_id, sheet_id
    )
    await connection.execute(
        "UPDATE pricing.rate_sheet SET state = 2, approved_by = 'test:manager', "
        "approved_on = $3, approved_at = clock_timestamp() WHERE book_id = $1 AND sheet_id = $2",
        book_id,
        sheet_id,
        effective - timedelta(days=1),
    )


def _open(account: int, code: str, gl_code: str) -> OpenAccount:
    return OpenAccount(
        account=account, code=code, gl_code=gl_code, currency="THB", name_th=code, name_en=code
    )


def _party(number: int) -> parties.Party:
    return parties.Party(
        party_id=number,
        code=f"{number:04d}",
        name_th=f"สหกรณ์ออมทรัพย์ทดสอบ {number} จำกัด",
        name_en=f"Test Co-operative {number}",
        region="central",
        joined_on=date(2020, 1, 1),
    )


def results_of(path: Path) -> Sequence[dict[str, object]]:
    """The entries of a result file."""
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


def _product(book_id: int, known: dict[str, int]) -> Product:
    return Product(
        book_id=book_id,
        product_code="SAVINGS",
        name_th="ออมทรัพย์",
        name_en="Savings",
        terms=Terms(
            day_count=DayCount.ACT_365F,
            rounding=Rounding.HALF_UP,
            capitalisation_days=frozenset({"06-30"}),
        ),
        gl_deposits="211100",
        expense_account=known["expense"],
        payable_account=known["payable"],
    )
