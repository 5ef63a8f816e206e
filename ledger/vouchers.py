"""Voucher numbers: gap-free per book and fiscal year, in the order of recording.

A batch carries the fiscal year of its business date and the first number that it took; its k-th
journal has `first_voucher + k`. Nothing is stored per journal: the number follows from the batch,
and the database's guard on batches refuses one that does not go on where the year's last ended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from ledger.books import fiscal_year_start
from ledger.db import Connection, statements
from ledger.errors import InvalidInput

SQL = statements(Path(__file__).parent / "sql" / "vouchers.sql")
_WRITTEN = re.compile(r"^([0-9]{4})/([1-9][0-9]{0,17})\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Voucher:
    """A journal's number in its book and fiscal year; written 2026/123."""

    fiscal_year: int
    voucher_no: int

    def __str__(self) -> str:
        return f"{self.fiscal_year}/{self.voucher_no}"


def fiscal_year_of(day: date, start_month: int) -> int:
    """The fiscal year of `day`: named by the calendar year in which it ends."""
    return fiscal_year_start(day, start_month).year + (start_month > 1)


def year_starts(fiscal_year: int, start_month: int) -> date:
    """First day of a fiscal year."""
    return date(fiscal_year - (start_month > 1), start_month, 1)


async def vouchers_of(
    connection: Connection, book_id: int, seqs: Sequence[int]
) -> dict[int, Voucher]:
    """Vouchers of journals by their `recorded_seq`; a number that is no journal's is left out."""
    rows = await connection.fetch(SQL["vouchers_of"], book_id, list(seqs))
    return {
        row["recorded_seq"]: Voucher(fiscal_year=row["fiscal_year"], voucher_no=row["voucher_no"])
        for row in rows
    }


async def seq_of_voucher(connection: Connection, book_id: int, voucher: Voucher) -> int | None:
    """The `recorded_seq` of the journal with this voucher number; None when there is none."""
    found: int | None = await connection.fetchval(
        SQL["seq_of_voucher"], book_id, voucher.fiscal_year, voucher.voucher_no
    )
    return found


async def journal_of_voucher(connection: Connection, book_id: int, voucher: Voucher) -> UUID | None:
    """The id of the journal with this voucher number; None when there is none."""
    seq = await seq_of_voucher(connection, book_id, voucher)
    found: UUID | None = await connection.fetchval(SQL["journal_of_seq"], book_id, seq)
    return found


def parse_voucher(text: str, where: str = "voucher") -> Voucher:
    """A voucher from its written form, 2026/123. Raises `InvalidInput`."""
    match = _WRITTEN.match(text)
    if match is None:
        raise InvalidInput.one(where, text, "fiscal year and number, such as 2026/123")
    return Voucher(fiscal_year=int(match.group(1)), voucher_no=int(match.group(2)))
