"""A line of a statement as it stands in the book: its status, its version, what posted it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from ledger.posting.values import RowRead, RowTable
from products.payments.bank_statement import LineKind
from products.payments.banks import SQL


class LineStatus(enum.IntEnum):
    """What became of a line; the rows of `products.bank_line_status` (a test compares them)."""

    NEW = 1
    SUSPENSE = 2
    MATCHED = 3
    FEE = 4
    RETURNED = 5

    @property
    def code(self) -> str:
        """The word on the wire, such as "suspense"."""
        return self.name.lower()

    @property
    def name_th(self) -> str:
        """The status in Thai."""
        return _NAMES[self][0]

    @property
    def name_en(self) -> str:
        """The status in English."""
        return _NAMES[self][1]


_NAMES = {
    LineStatus.NEW: ("ใหม่", "New"),
    LineStatus.SUSPENSE: ("บัญชีพัก", "In suspense"),
    LineStatus.MATCHED: ("จับคู่แล้ว", "Matched"),
    LineStatus.FEE: ("ค่าธรรมเนียม", "Bank fee"),
    LineStatus.RETURNED: ("เงินส่งคืน", "Returned payment"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLine:
    """A row of `products.bank_line`; the bank's own facts as in `bank_statement.StatementLine`.

    posted_on:      business date on which the bank's account was moved for it; None while new.
    posted_journal: the journal that did it.
    """

    line_id: UUID
    statement_id: UUID
    bank_code: str
    line_no: int
    bank_reference: str
    amount_satang: int
    is_credit: bool
    booking_date: date
    value_date: date
    kind: LineKind
    is_reversal: bool
    reference: str
    remittance: str
    counterparty: str
    original_reference: str
    status: LineStatus
    version: int
    posted_on: date | None
    posted_journal: UUID | None


TABLE = RowTable(name="products.bank_line", select=SQL["lock_lines"])
"""How lines are locked when a unit is decided on them."""


def row_read(line: BankLine) -> RowRead:
    """The line as it was decided on."""
    return RowRead(table=TABLE, row_id=line.line_id, version=line.version)


def line_of(row: Iterable[object]) -> BankLine:
    """The value of a row whose columns are those of the statement `lines`."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    values["kind"] = _KINDS[values["kind"]]
    values["status"] = _STATUSES[values["status"]]
    return BankLine(**values)


COLUMNS = tuple(field.name for field in fields(BankLine))
"""Of the statement `lines`, in its order."""
_KINDS = {kind.value: kind for kind in LineKind}
_STATUSES = {status.value: status for status in LineStatus}
