"""Small real things to test with: a book with a chart, a few accounts, journals in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

from ledger import accounts, books
from ledger.books import Book, GlAccount
from ledger.db import Pool
from ledger.kinds import JournalKind
from ledger.posting.values import (
    Journal,
    OpenAccount,
    Operation,
    Origin,
    Outcome,
    Status,
    Transfer,
    Unit,
)
from ledger.posting.write import post_batch

OPENED_ON = date(2026, 6, 1)

CHART = (
    ("111100", "เงินฝากธนาคาร", "Cash at bank"),
    ("211100", "เงินรับฝากออมทรัพย์", "Savings deposits"),
    ("241100", "ดอกเบี้ยเงินรับฝากค้างจ่าย", "Accrued interest payable"),
    ("261100", "บัญชีพักรายการจ่าย", "Payment clearing"),
    ("271100", "เงินรับรอตรวจสอบ", "Suspense receipts"),
    ("119100", "รายการจ่ายรอตรวจสอบ", "Suspense payments"),
    ("341100", "ยอดยกมา", "Opening balances"),
    ("511100", "ดอกเบี้ยจ่าย", "Interest expense"),
    ("541100", "ค่าธรรมเนียมธนาคาร", "Bank fees"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A book with a bank account (no limits) and as many savings accounts as were asked for."""

    book: Book
    bank: int
    members: tuple[int, ...]


async def make_book(pool: Pool, *, book_id: int = 1, opened_on: date = OPENED_ON) -> Book:
    """An empty book with the test chart."""
    async with pool.acquire() as connection:
        book = await books.create_book(
            connection,
            book_id=book_id,
            code=f"book-{book_id}",
            name_th="ชุมนุมสหกรณ์",
            name_en="The Facility",
            opened_on=opened_on,
        )
        lines = [GlAccount(gl_code=c, cad_code="", name_th=th, name_en=en) for c, th, en in CHART]
        await books.add_gl_accounts(connection, book_id, lines)
    return book


async def make_scene(
    pool: Pool,
    *,
    members: int = 2,
    balance_min: int | None = 0,
    opening: int = 0,
    book_id: int = 1,
    opened_on: date = OPENED_ON,
) -> Scene:
    """A book, its bank account, `members` savings accounts, each with `opening` satang in it."""
    book = await make_book(pool, book_id=book_id, opened_on=opened_on)
    async with pool.acquire() as connection:
        bank, *saving = await accounts.reserve_ids(connection, members + 1)
    opened = [_open(bank, f"BANK-{book_id}", "111100", None)]
    opened += [
        _open(number, f"SAV-{place:04d}", "211100", balance_min)
        for place, number in enumerate(saving, start=1)
    ]
    operations: list[Operation] = list(opened)
    if opening:
        operations += [journal(bank, number, opening) for number in saving]
    outcome = await post(pool, book_id, operations)
    assert outcome.status is Status.ACCEPTED, outcome
    return Scene(book=book, bank=bank, members=tuple(saving))


def _open(account: int, code: str, gl_code: str, balance_min: int | None) -> OpenAccount:
    return OpenAccount(
        account=account,
        code=code,
        gl_code=gl_code,
        currency="THB",
        name_th=code,
        name_en=code,
        balance_min=balance_min,
    )


def journal(
    debit: int, credit: int, amount_satang: int, *, journal_id: UUID | None = None, **more: object
) -> Journal:
    """A journal of one transfer; `more` are fields of `Journal`."""
    return Journal(
        journal_id=journal_id or uuid4(),
        kind=JournalKind.MANUAL,
        transfers=(Transfer(debit=debit, credit=credit, amount_satang=amount_satang),),
        **more,  # type: ignore[arg-type]  # fields of Journal by name, checked when built
    )


def unit(*operations: Operation, actor: str = "test:clerk") -> Unit:
    """A unit of these operations."""
    return Unit(operations=operations, actor=actor)


async def post(pool: Pool, book_id: int, operations: Sequence[Operation]) -> Outcome:
    """Post one unit as a batch of its own."""
    return (await post_units(pool, book_id, [unit(*operations)]))[0]


async def post_units(
    pool: Pool, book_id: int, units: Sequence[Unit], origin: Origin = Origin.DOORS
) -> list[Outcome]:
    """Post units as one batch."""
    async with pool.acquire() as connection, connection.transaction():
        return await post_batch(connection, book_id, units, origin=origin)
