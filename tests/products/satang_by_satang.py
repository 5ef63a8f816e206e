"""A second way to split a payment: one satang at a time, each to whoever is first in line then.

It knows pots and asks, for every single satang, the questions a clerk would ask; it shares with
`products.allocation` nothing but the values it is handed. Far too slow for money, quick enough for
a few dozen satang.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from products.allocation.orders import Advance, Bucket, Mode, Order
from products.allocation.values import Kind, Owed


@dataclass(slots=True)
class Pot:
    """One amount that may be paid; `row` is the date of the instalment it is paid with."""

    name: tuple[str, int | str]
    bucket: Bucket
    day: date
    row: date
    number: int
    left: int


@dataclass(slots=True)
class Till:
    """Pots with money still to come in, and what nobody was owed."""

    pots: list[Pot]
    order: Order
    prepayment: bool
    over: int = 0

    def pay(self, satang: int) -> list[tuple[str, int | str]]:
        """Hand out `satang`, one by one; the names of the pots in the order they were filled."""
        taken: list[tuple[str, int | str]] = []
        for _ in range(satang):
            pot = self._first_in_line()
            if pot is None:
                self.over += 1
                continue
            pot.left -= 1
            if taken[-1:] != [pot.name]:
                taken.append(pot.name)
        return taken

    def _first_in_line(self) -> Pot | None:
        owed = [pot for pot in self.pots if pot.left > 0]
        due = [pot for pot in owed if pot.bucket is not Bucket.PREPAYMENT]
        if due and self.order.mode is Mode.BY_INSTALMENT:
            oldest = min((pot.row, pot.number) for pot in due)
            due = [pot for pot in due if (pot.row, pot.number) == oldest]
        for bucket in self.order.buckets:
            if mine := [pot for pot in due if pot.bucket is bucket]:
                return min(mine, key=lambda pot: (pot.day, pot.number, pot.name))
        early = [pot for pot in owed if pot.bucket is Bucket.PREPAYMENT]
        if not early or not self.prepayment:
            return None
        early.sort(key=lambda pot: pot.number)
        return early[0] if self.order.advance is Advance.NEXT else early[-1]


def till(owed: Owed, on: date, order: Order, prepayment: bool) -> Till:
    """The pots of what is owed on a day."""
    pots = []
    running = date.max, 0
    for due in reversed(owed.dues):
        if due.due_date > on:
            running = due.due_date, due.number
            early = Bucket.PREPAYMENT
            pots.append(_pot("principal", early, due.due_date, due.number, due.principal_satang))
            continue
        late = due.due_date < on
        interest = Bucket.INTEREST_ARREARS if late else Bucket.CURRENT_INTEREST
        principal = Bucket.OVERDUE_PRINCIPAL if late else Bucket.DUE_PRINCIPAL
        pots.append(_pot("interest", interest, due.due_date, due.number, due.interest_satang))
        pots.append(_pot("principal", principal, due.due_date, due.number, due.principal_satang))
    accrued = owed.accrued_interest_satang
    pots.append(_pot("interest", Bucket.CURRENT_INTEREST, *running, accrued))
    for charge in owed.charges:
        if charge.due_date <= on:
            with_it = charge.instalment
            pots.append(
                Pot(
                    name=("charge", charge.reference),
                    bucket=Bucket.FEES if charge.kind is Kind.FEE else Bucket.PENALTY,
                    day=charge.due_date,
                    row=with_it.due_date if with_it else charge.due_date,
                    number=with_it.number if with_it else 0,
                    left=charge.amount_satang,
                )
            )
    return Till(pots=pots, order=order, prepayment=prepayment)


def _pot(what: str, bucket: Bucket, day: date, number: int, left: int) -> Pot:
    return Pot(name=(what, number), bucket=bucket, day=day, row=day, number=number, left=left)
