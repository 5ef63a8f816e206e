"""The trial balance by business date: what every GL code adds up to, debits beside credits.

Read as known at a number it never changes: an auditor who kept date and number can draw the same
page up for ever, whatever was adjusted since. The last day of a fiscal year carries three periods,
the ordinary one, the late one (audit adjustments) and the closing journal; a reader says how far.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ledger.asof import Pin, pin
from ledger.db import Connection, statements
from ledger.posting.values import Period

SQL = statements(Path(__file__).parent / "sql" / "asof.sql")


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
    """Every GL code that ever moved, on one business date; both sides always agree.

    known_at: the number up to which the book was read. through: the last period of the date in it.
    """

    business_date: date
    known_at: int
    through: Period
    rows: tuple[TrialBalanceRow, ...]

    @property
    def debit_total(self) -> int:
        """Sum of the debit balances."""
        return sum(row.debit_balance for row in self.rows)

    @property
    def credit_total(self) -> int:
        """Sum of the credit balances."""
        return sum(row.credit_balance for row in self.rows)


async def trial_balance(
    connection: Connection,
    book_id: int,
    on: date,
    known_at: int | None = None,
    *,
    through: Period = Period.YEAR_CLOSE,
) -> TrialBalance:
    """The trial balance by business date `on`, as known at a number (None: now).

    through: of `on` itself, the periods up to this one; of earlier days everything counts. Raises
    `NotFound` for the book and `InvalidInput` for a number that it has not given out.
    """
    return await trial_balance_at(
        connection, await pin(connection, book_id, known_at), on, through=through
    )


async def trial_balance_at(
    connection: Connection, at: Pin, on: date, *, through: Period = Period.YEAR_CLOSE
) -> TrialBalance:
    """The trial balance by business date `on` at a pin.

    Forward from the last day proven by then, or back from today's counters: whichever is nearer.
    """
    ways = await connection.fetchrow(
        SQL["numbers_each_way"], at.book_id, on, at.known_at, at.head_seq
    )
    back = ways is not None and ways["back"] < ways["forward"]
    rows = await connection.fetch(
        SQL["trial_balance_back" if back else "trial_balance"],
        at.book_id,
        on,
        at.known_at,
        at.batch_no,
        at.cut_batch_no,
        at.cut_from,
        int(through),
    )
    return TrialBalance(
        business_date=on,
        known_at=at.known_at,
        through=through,
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
