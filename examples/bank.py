"""The banks' side: a day's movements become the next statement of each bank, in camt.053.

A bank numbers its statements one by one, opens each with the last closing, and dates it at eight
in the evening in Bangkok, so the bytes do not depend on when they are made. All arithmetic is in
whole satang.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from examples.seeds import Bank
from examples.values import BankMovement, MovementKind
from ledger.dates import BANGKOK
from ledger.errors import ensure
from ledger.money import CURRENCY
from products.payments.bank_statement import (
    BankStatement,
    LineKind,
    StatementLine,
    reference_or,
)
from products.payments.iso20022 import camt053

_KINDS = {
    MovementKind.TRANSFER_IN: LineKind.CREDIT_TRANSFER,
    MovementKind.TRANSFER_OUT: LineKind.DEBIT_TRANSFER,
    MovementKind.RETURN: LineKind.RETURN,
    MovementKind.FEE: LineKind.FEE,
}


@dataclass(slots=True, kw_only=True)
class BankAccount:
    """The Facility's account at one bank as the month goes by."""

    bank: Bank
    closing_satang: int
    sequence_no: int
    credits_satang: int = 0
    debits_satang: int = 0
    lines: int = 0

    @classmethod
    def at_start(cls, bank: Bank) -> BankAccount:
        """The account as the last statement of May left it."""
        return cls(bank=bank, closing_satang=bank.opening_satang, sequence_no=bank.last_sequence_no)

    def next_statement(self, on: date, movements: tuple[BankMovement, ...]) -> BankStatement:
        """The statement of one banking day; the account moves on to its closing balance."""
        opening = self.closing_satang
        self.sequence_no += 1
        lines = tuple(self._line(on, n, movement) for n, movement in enumerate(movements, start=1))
        self._carry(movements)
        ensure(self.closing_satang > 0, f"{self.bank.bank_code} would be overdrawn on {on}")
        return BankStatement(
            account_no=self.bank.account_no,
            statement_id=f"{self.bank.bank_code}-{on:%Y%m%d}-{self.sequence_no:05d}",
            sequence_no=self.sequence_no,
            booking_date_from=on,
            booking_date_to=on,
            currency=CURRENCY,
            opening_satang=opening,
            closing_satang=self.closing_satang,
            lines=lines,
        )

    def _carry(self, movements: tuple[BankMovement, ...]) -> None:
        came = sum(m.amount_satang for m in movements if m.is_credit)
        went = sum(m.amount_satang for m in movements if not m.is_credit)
        self.closing_satang += came - went
        self.credits_satang += came
        self.debits_satang += went
        self.lines += len(movements)

    def _line(self, on: date, number: int, movement: BankMovement) -> StatementLine:
        return StatementLine(
            line_no=number,
            bank_reference=f"{self.bank.bank_code}{on:%y%m%d}{number:06d}",
            amount_satang=movement.amount_satang,
            is_credit=movement.is_credit,
            booking_date=on,
            value_date=movement.value_date,
            reference=reference_or(movement.reference, movement.remittance),
            remittance=movement.remittance,
            counterparty=movement.counterparty,
            kind=_KINDS[movement.kind],
            is_reversal=False,
            original_reference=movement.original_reference,
        )


def as_camt053(statement: BankStatement) -> bytes:
    """The bytes of the statement's file; the same for the same statement, whenever it is made."""
    evening = datetime.combine(statement.booking_date_to, time(20, 0), tzinfo=BANGKOK)
    return camt053.render(statement, message_id=f"M-{statement.statement_id}", created_at=evening)
