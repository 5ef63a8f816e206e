"""What a loan owes, and a payment taken apart: frozen values, all amounts in satang. Pure.

`Owed` is what the contract's rows say: instalments not yet fully paid, charges, and the interest
accrued to the day of payment. A `Claim` is one amount of it that a payment can settle; a `Split` is
the claims that one payment did settle, and what stayed over.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date

from products.allocation.orders import Bucket


class Kind(enum.Enum):
    """What sort of money is owed; decides which account a part of the payment settles."""

    FEE = "fee"
    PENALTY = "penalty"
    INTEREST = "interest"
    PRINCIPAL = "principal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is still unpaid of one instalment, in satang.

    interest_satang: of an instalment not yet due it is not read: until the due date only what has
                     accrued is owed (`Owed.accrued_interest_satang`).
    """

    number: int
    due_date: date
    principal_satang: int
    interest_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """Which instalment a charge was made for."""

    number: int
    due_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What is still unpaid of a fee or a penalty, in satang; owed from `due_date` on.

    reference:  names the charge among the contract's charges.
    instalment: what it was charged for; None = the contract as a whole.
    """

    reference: str
    kind: Kind
    due_date: date
    amount_satang: int
    instalment: Instalment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """All that a contract still owes, due or not.

    dues:                    the instalments not yet fully paid, those to come included, oldest
                             first; their principal together is the principal outstanding.
    accrued_interest_satang: interest of the running period up to the day of payment, not yet due.
    """

    dues: tuple[Due, ...]
    charges: tuple[Charge, ...] = ()
    accrued_interest_satang: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One amount that a payment can settle, or (in a `Split`) has settled.

    instalment: None for a charge on the contract as a whole, and for interest that accrues after
                the last instalment fell due.
    due_date:   when it falls due; None for that same interest.
    row_date:   the due date of the instalment that it stands with; a charge without one stands
                among the instalments by its own due date.
    reference:  of the charge; empty for interest and principal.
    """

    bucket: Bucket
    kind: Kind
    instalment: int | None
    due_date: date | None
    row_date: date | None
    amount_satang: int
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A payment taken apart; lines and remainder add up to its amount, to the satang.

    lines:            in the order in which the money was taken; every amount is positive.
    remainder_satang: what is over: the product refuses such a payment or credits the member.
    """

    amount_satang: int
    value_date: date
    lines: tuple[Claim, ...]
    remainder_satang: int

    def of_bucket(self, bucket: Bucket) -> int:
        """Satang that went into a bucket."""
        return sum(line.amount_satang for line in self.lines if line.bucket is bucket)

    def of_kind(self, kind: Kind) -> int:
        """Satang that settled fees, penalty, interest or principal, of whatever date."""
        return sum(line.amount_satang for line in self.lines if line.kind is kind)
