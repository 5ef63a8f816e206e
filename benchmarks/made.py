"""The book that is measured, and journals made one by one for it.

Ten thousand accounts, each limited far below what the ordinary journals reach, so that every guard
is looked at and none refuses; beside them a few accounts with a part of their own.
"""

from __future__ import annotations

import random
from datetime import date
from uuid import UUID

from ledger import accounts, books
from ledger.books import GlAccount
from ledger.db import Pool
from ledger.errors import ensure
from ledger.kinds import JournalKind
from ledger.posting.values import Journal, OpenAccount, Origin, Status, Transfer, Unit
from ledger.posting.write import post_batch

BOOK = 1
BOOK_CODE = "bench"
ACCOUNTS = 10_000
OPENED_ON = date(2026, 6, 1)
BALANCE_MIN = -(10**14)
"""Of the ordinary accounts: far below what their journals of at most `AMOUNT_MAX` reach."""
AMOUNT_MAX = 10**6
GL_CODE = "211100"


async def open_book(pool: Pool, count: int = ACCOUNTS) -> list[int]:
    """A book with `count` ordinary accounts of ample room; answers their numbers."""
    async with pool.acquire() as connection:
        await books.create_book(
            connection,
            book_id=BOOK,
            code=BOOK_CODE,
            name_th="-",
            name_en="-",
            opened_on=OPENED_ON,
        )
        chart = [GlAccount(gl_code=GL_CODE, cad_code="", name_th="-", name_en="-")]
        await books.add_gl_accounts(connection, BOOK, chart)
    names = [f"A-{number:06d}" for number in range(1, count + 1)]
    return await open_accounts(pool, names, BALANCE_MIN)


async def open_accounts(
    pool: Pool, codes: list[str], balance_min: int | None, gl_code: str = GL_CODE
) -> list[int]:
    """Open accounts by the posting path; answers their numbers."""
    async with pool.acquire() as connection:
        numbers = await accounts.reserve_ids(connection, len(codes))
        opened = tuple(
            OpenAccount(
                account=number,
                code=code,
                gl_code=gl_code,
                currency="THB",
                name_th="-",
                name_en="-",
                balance_min=balance_min,
            )
            for number, code in zip(numbers, codes, strict=True)
        )
        async with connection.transaction():
            unit = Unit(operations=opened, actor="bench")
            (outcome,) = await post_batch(connection, BOOK, [unit], origin=Origin.BULK)
    ensure(outcome.status is Status.ACCEPTED, f"accounts were not opened: {outcome.refusal}")
    return numbers


async def open_own(pool: Pool, code: str, gl_code: str) -> int:
    """Open an account of the Facility's own under another code of the chart."""
    (number,) = await open_accounts(pool, [code], None, gl_code)
    return number


class Maker:
    """Makes journals with time-ordered ids; the same seed makes the same ones."""

    def __init__(self, numbers: list[int], seed: int = 2569) -> None:
        self._numbers = numbers
        self._dice = random.Random(seed)
        self._count = 0

    def unit(self) -> Unit:
        """A unit of one journal of one transfer."""
        self._count += 1
        debit, credit = self._dice.sample(self._numbers, 2)
        journal = Journal(
            journal_id=UUID(int=(self._count << 80) | self._dice.getrandbits(72)),
            kind=JournalKind.MANUAL,
            transfers=(Transfer(debit=debit, credit=credit, amount_satang=100),),
            reference=f"REF{self._count:017d}",
        )
        return Unit(operations=(journal,), actor="bench:loader")
