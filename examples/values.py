"""The values the example month is made of: a notice, a line of a bank's account, one day of both.

A `Notice` is what a co-op hands in; `line()` is its line in a notices file. A `BankMovement` is
what the bank books, before it has its place in a statement. Amounts are satang.
"""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from datetime import date

from ledger.money import format_baht


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One deposit or withdrawal notice; `moment` orders it within the file of its day."""

    notice_id: str
    kind: str  # "deposit" or "withdrawal"
    account: str
    amount_satang: int
    bank: str
    value_date: date
    reference: str
    made_by: str
    moment: int  # milliseconds since the doors opened that day

    def fields(self) -> dict[str, str]:
        """The fields of the line, in the order in which they are written."""
        return {
            "id": self.notice_id,
            "kind": self.kind,
            "account": self.account,
            "amount": format_baht(self.amount_satang),
            "bank": self.bank,
            "value_date": self.value_date.isoformat(),
            "reference": self.reference,
            "made_by": self.made_by,
        }

    def line(self) -> str:
        """The notice as one line of JSON, without the line's end."""
        return json.dumps(self.fields(), ensure_ascii=False)


class MovementKind(enum.Enum):
    """What a bank line is; the value is its name in expected.json."""

    TRANSFER_IN = "transfer_in"
    TRANSFER_OUT = "transfer_out"
    RETURN = "return"
    FEE = "fee"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankMovement:
    """One movement on the Facility's account at a bank. Empty text where the bank says nothing."""

    bank: str
    kind: MovementKind
    amount_satang: int
    value_date: date
    reference: str = ""
    remittance: str = ""
    counterparty: str = ""
    original_reference: str = ""

    @property
    def is_credit(self) -> bool:
        """True where the Facility's balance rises."""
        return self.kind in (MovementKind.TRANSFER_IN, MovementKind.RETURN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One banking day: the lines of its notices file and each bank's movements, in order."""

    on: date
    notice_lines: tuple[str, ...]
    movements: dict[str, tuple[BankMovement, ...]]
