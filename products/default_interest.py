"""Default interest: what an overdue instalment costs beyond the contract's own interest. Pure.

It may be charged on the principal of the overdue instalment only (Civil and Commercial Code
s.224/1), never on the rest of the loan and never on unpaid interest: interest arrears stay in a
bucket of their own and are never capitalised. The rate is the contract's plus a margin, held under
a cap that is data with dates (the Bank of Thailand's for banks: contract rate + 3%). Interest at
the contract's own rate runs anyway; the extra part is what a penalty charge is made of, so the two
are exact and visible apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from ledger.errors import InvalidInput
from ledger.money import Rounding, Satang, round_ratio
from pricing.dated import Dated
from products.interest.day_counts import DAYS_MULTIPLE, DayCount

RATE_ONE_E8 = 10**8
"""A rate of 100 percent a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """The most that may be asked: so much above the contract's rate, and so much in all.

    annual_rate_e8: for contract rate and margin together; None = no such limit.
    """

    margin_e8: int
    annual_rate_e8: int | None = None

    def extra_e8(self, contract_rate_e8: int, margin_e8: int) -> int:
        """The part of `margin_e8` that may be charged on top of a contract rate; never below 0."""
        room = [self.margin_e8, margin_e8]
        if self.annual_rate_e8 is not None:
            room.append(self.annual_rate_e8 - contract_rate_e8)
        return max(min(room), 0)


BANK_OF_THAILAND_CAP = Cap(margin_e8=3_000_000)
"""SorKorSor2 9/2563: at most 3% a year above the contract's rate. Binds banks; our model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueStretch:
    """Principal of one overdue instalment, standing unchanged at unchanged rates.

    years:         how long, as a part of a year by the contract's day count.
    extra_rate_e8: what is charged on top of the contract's rate.
    """

    principal_satang: int
    years: Fraction
    contract_rate_e8: int
    extra_rate_e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultInterest:
    """Interest of overdue principal, in exact satang: at the contract's rate, and the extra part.

    Each is rounded by itself, once, when it is posted; the sum of both at one rate, as a letter of
    demand states it, is rounded as one amount and may differ from their sum by a satang.
    """

    contract_exact: Fraction
    extra_exact: Fraction

    def contract_satang(self, mode: Rounding = Rounding.HALF_UP) -> Satang:
        """What the overdue principal bears at the contract's rate: part of its usual interest."""
        return _settled(self.contract_exact, mode)

    def extra_satang(self, mode: Rounding = Rounding.HALF_UP) -> Satang:
        """The penalty: what is charged on top."""
        return _settled(self.extra_exact, mode)

    def whole_satang(self, mode: Rounding = Rounding.HALF_UP) -> Satang:
        """Both parts at one rate."""
        return _settled(self.contract_exact + self.extra_exact, mode)


def default_interest(stretches: Iterable[OverdueStretch]) -> DefaultInterest:
    """The exact sum over the stretches of all overdue instalments; nothing is rounded yet."""
    contract = extra = Fraction(0)
    for stretch in stretches:
        base = stretch.principal_satang * stretch.years / RATE_ONE_E8
        contract += base * stretch.contract_rate_e8
        extra += base * stretch.extra_rate_e8
    return DefaultInterest(contract_exact=contract, extra_exact=extra)


def overdue_stretches(
    *,
    principal_satang: int,
    start: date,
    stop: date,
    contract_rates: Dated[int],
    margin_e8: int,
    caps: Dated[Cap],
    day_count: DayCount = DayCount.ACT_365F,
) -> Iterator[OverdueStretch]:
    """An overdue instalment's principal over [start, stop), cut where rate or cap changes.

    start: the due date, or the date of the payment since which `principal_satang` is unpaid; the
    date of payment is not counted. A margin above the cap of a date is charged up to the cap.
    Raises `InvalidInput` for a negative principal or margin, or a date without a rate or a cap.
    """
    for where, got in (("principal_satang", principal_satang), ("margin_e8", margin_e8)):
        if got < 0:
            raise InvalidInput.one(where, got, "0 or more")
    for begin, end, cap in caps.pieces(start, stop):
        for first, after, rate in contract_rates.pieces(begin, end):
            yield OverdueStretch(
                principal_satang=principal_satang,
                years=Fraction(day_count.span_units(first, after), DAYS_MULTIPLE),
                contract_rate_e8=rate,
                extra_rate_e8=cap.extra_e8(rate, margin_e8),
            )


def _settled(exact: Fraction, mode: Rounding) -> Satang:
    return round_ratio(exact.numerator, exact.denominator, mode)
