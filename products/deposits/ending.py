"""What a placement that pays or ends writes: the same rows for the night and for the doors.

Interest that is paid is a row of `products.capitalisation` and one of `products.tax_withheld`; its
leg then begins a period, or ends with a span of nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from ledger.db import statements
from ledger.parties import PartyKind
from ledger.posting.values import RowWrite
from products.withholding import Withheld

_SQL = statements(Path(__file__).parent / "sql" / "ending.sql")
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """The contract that pays, on a date; `day` is the business date of the unit that does it."""

    book_id: int
    product_code: str
    contract_id: UUID
    holder: PartyKind
    day: date

    def paid(
        self, journal_id: UUID, interest: Withheld, through: date | None = None
    ) -> tuple[RowWrite, ...]:
        """The rows of interest paid by a journal.

        through: the last date that it is for; None = the day before.
        """
        tax = RowWrite(
            statement=_SQL["record_taxes"],
            arguments=(
                self.book_id,
                journal_id,
                self.contract_id,
                self.day,
                self.holder.value,
                interest.interest_satang,
                interest.tax.rate_e8,
                interest.tax_satang,
                interest.tax.form,
            ),
            together=True,
        )
        return self.credited(journal_id, interest.interest_satang, through), tax

    def credited(
        self, journal_id: UUID, amount_satang: int, through: date | None = None
    ) -> RowWrite:
        """The row of interest paid, or below zero of interest clawed back."""
        period_end = self.day - ONE_DAY if through is None else through
        return self._row(
            "record_payments", self.contract_id, period_end, self.day, amount_satang, journal_id
        )

    def period_begun(self, paid_satang: int) -> RowWrite:
        """The leg: so much was paid, and its next period begins on the day."""
        return self._row(
            "begin_periods", self.product_code, self.contract_id, self.day, paid_satang
        )

    def leg_ended(self, paid_satang: int, repriced_satang: int = 0) -> RowWrite:
        """The leg: it ends on the day.

        paid_satang:     paid with it; below zero clawed back.
        repriced_satang: by how much an early end changes what had accrued.
        """
        leg = (self.product_code, self.contract_id, self.day)
        return self._row("end_legs", *leg, paid_satang, repriced_satang)

    def leg_paid(self, paid_satang: int) -> RowWrite:
        """The leg, which has ended: it is paid what it was owed."""
        return self._row("credit_legs", self.product_code, self.contract_id, paid_satang)

    def closed(self) -> RowWrite:
        """The contract: closed on the day."""
        return self._row("close_contracts", self.contract_id, self.day)

    def waits(self) -> RowWrite:
        """The contract: matured on the day, not paid out."""
        return self._row("let_wait", self.contract_id, self.day)

    def _row(self, name: str, *arguments: object) -> RowWrite:
        return RowWrite(statement=_SQL[name], arguments=(self.book_id, *arguments), together=True)
