"""The trial balance by business date: what every GL code adds up to, debits beside credits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ledger.db import Connection, statements

SQL = statements(Path(__file__).parent / "sql" / "reads.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalanceRow:
    """One GL code: turnover since the book began, and where it stands; satang."""

    gl_code: str
    cad_code: str
    name_th: str
    name_en: str
    debits: int
    credits: int

    @property
    def debit_balance(self) -> int:
        """Debit balance, or 0 when the credits weigh more."""
        return max(0, self.debits - self.credits)

    @property
    def credit_balance(self) -> int:
        """Credit balance, or 0 when the debits weigh more."""
        return max(0, self.credits - self.debits)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    """Every GL code that ever moved, on one business date; both sides always agree."""

    business_date: date
    rows: tuple[TrialBalanceRow, ...]

    @property
    def debit_total(self) -> int:
        """Sum of the debit balances."""
        return sum(row.debit_balance for row in self.rows)

    @property
    def credit_total(self) -> int:
        """Sum of the credit balances."""
        return sum(row.credit_balance for row in self.rows)


async def trial_balance(connection: Connection, book_id: int, on: date) -> TrialBalance:
    """The trial balance by business date `on`, as known now."""
    rows = await connection.fetch(SQL["trial_balance"], book_id, on)
    return TrialBalance(
        business_date=on,
        rows=tuple(
            TrialBalanceRow(
                gl_code=row["gl_code"],
                cad_code=row["cad_code"],
                name_th=row["name_th"],
                name_en=row["name_en"],
                debits=int(row["debits"]),
                credits=int(row["credits"]),
            )
            for row in rows
        ),
    )
