"""Fields that kinds about interest share: day count, calendar words, rates, slabs, overdraft.

A case says `annual_rate_pct` with dated `rate_changes`, or `slabs` [from_amount, to_amount) on the
WHOLE balance or by SLICE; `minimum_balance`, `overdraft_rate_pct`, `overdraft_limit` and
`over_limit_rate_pct` join either. What the words of the cases mean is in these tables and nowhere
else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ledger.errors import InvalidInput
from pricing.dated import Dated
from pricing.slabs import Slab, SlabBasis, Slabs
from products.calc.fields import CHANGES_MAX, Fields
from products.interest.day_counts import DAYS_MULTIPLE, DayCount
from products.interest.earning import Conditions, Overdraft

DAY_COUNTS: Mapping[str, DayCount] = {
    "ACT/365": DayCount.ACT_365F,
    "ACT/360": DayCount.ACT_360,
    "ACT/ACT": DayCount.ACT_ACT_CALYEAR,
    "30E/360": DayCount.THIRTY_360,
}
_YEARS: Mapping[str, DayCount] = {
    "365": DayCount.ACT_365F,
    "360": DayCount.ACT_360,
    "ACTUAL": DayCount.ACT_ACT_CALYEAR,
}
_YEAR_OF = {day_count: word for word, day_count in _YEARS.items()} | {DayCount.THIRTY_360: "360"}

_ANY_DATE = date(2001, 1, 1)

PERIOD_MONTHS: Mapping[str, int] = {
    "DAILY": 0,
    "MONTHLY": 1,
    "QUARTERLY": 3,
    "BI_ANNUAL": 6,
    "ANNUAL": 12,
}
"""Months of a compounding or posting period; 0 = every date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedYear:
    """A year of 360 or 365 days, whichever year it is."""

    days: int

    @property
    def day_units(self) -> int:
        """What one day of it weighs, in parts of DAYS_MULTIPLE."""
        return DAYS_MULTIPLE // self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesIn:
    """What a case says of its rates; made into conditions once every field has been read.

    The empty `slabs` mean `annual_rate_e8`; `changes` are further rates with their first dates.
    """

    annual_rate_e8: int
    changes: tuple[tuple[date, int], ...]
    slabs: tuple[Slab, ...]
    basis: SlabBasis
    minimum_units: int
    overdraft_rate_e8: int | None
    overdraft_limit: int | None
    over_limit_rate_e8: int | None

    @property
    def is_one_rate(self) -> bool:
        """True when one rate is in proportion to every balance above zero, one to all below."""
        bounded = self.minimum_units or self.over_limit_rate_e8 is not None
        return not (self.changes or self.slabs or bounded)

    def dated(self, start: date) -> Dated[Conditions]:
        """The conditions from `start` on. Raises `InvalidInput` for slabs or limits that misfit,
        for two changes on one date and one that does not lie after `start`.
        """
        changes: dict[date, Conditions] = {}
        for on, rate in self.changes:
            if on in changes or on <= start:
                expected = f"dates after {start.isoformat()}, no two the same"
                raise InvalidInput.one("inputs.rate_changes", on.isoformat(), expected)
            changes[on] = self._conditions(Slabs.flat(rate))
        first = Slabs.flat(self.annual_rate_e8)
        if self.slabs:
            first = Slabs(basis=self.basis, slabs=self.slabs)
        return Dated.of_changes("rates", start, self._conditions(first), changes)

    def _conditions(self, slabs: Slabs) -> Conditions:
        overdraft = None
        if self.overdraft_rate_e8 is not None:
            overdraft = Overdraft(
                annual_rate_e8=self.overdraft_rate_e8,
                limit_satang=self.overdraft_limit,
                over_limit_rate_e8=self.over_limit_rate_e8,
            )
        return Conditions(slabs=slabs, minimum_satang=self.minimum_units, overdraft=overdraft)


def read_day_count(fields: Fields) -> DayCount:
    """`day_count` and `days_in_year`, which may both be given and then must agree; ACT/365."""
    stated = fields.choice("day_count", DAY_COUNTS, None)
    if stated is None:
        return fields.choice("days_in_year", _YEARS, DayCount.ACT_365F)
    return fields.choice("days_in_year", {_YEAR_OF[stated]: stated}, stated)


def read_fixed_year(fields: Fields) -> FixedYear:
    """`day_count` and `days_in_year` of a case that counts days and names no dates."""
    day_count = read_day_count(fields)
    if day_count is DayCount.ACT_ACT_CALYEAR:
        name = "days_in_year" if fields.has("days_in_year") else "day_count"
        raise fields.wrong(name, "365 or 360: without dates nobody knows the year")
    return FixedYear(days=day_count.year_days(_ANY_DATE))


def read_rates(fields: Fields, *, must_charge: bool = False) -> RatesIn:
    """Every field about rates of a balance.

    must_charge: `overdraft_rate_pct` is required and `annual_rate_pct` is not; otherwise the other
                 way round. Slabs stand in the place of `annual_rate_pct` and its changes.
    """
    slabs = tuple(_slab(row) for row in fields.rows("slabs", most=CHANGES_MAX))
    rate = 0
    if not slabs:
        rated = not must_charge or fields.has("annual_rate_pct")
        rate = fields.rate_e8("annual_rate_pct") if rated else 0
    changes = (
        ()
        if slabs
        else tuple(_change(row) for row in fields.rows("rate_changes", most=CHANGES_MAX))
    )
    charged = must_charge or fields.has("overdraft_rate_pct")
    return RatesIn(
        annual_rate_e8=rate,
        changes=changes,
        slabs=slabs,
        basis=fields.choice("slab_basis", SlabBasis.__members__) if slabs else SlabBasis.WHOLE,
        minimum_units=fields.money("minimum_balance", 0),
        overdraft_rate_e8=fields.rate_e8("overdraft_rate_pct") if charged else None,
        overdraft_limit=fields.money("overdraft_limit", None, least=0) if charged else None,
        over_limit_rate_e8=fields.rate_e8("over_limit_rate_pct", None) if charged else None,
    )


def _slab(row: Fields) -> Slab:
    return Slab(
        from_satang=row.money("from_amount", least=0),
        to_satang=row.money("to_amount", None),
        annual_rate_e8=row.rate_e8("rate"),
    )


def _change(row: Fields) -> tuple[date, int]:
    return row.day("effective_date"), row.rate_e8("annual_rate_pct")
