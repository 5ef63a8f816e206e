"""How a case shares the principal among the instalments, and which of them are spared.

Grace comes first (no principal, interest put off, no interest at all); then the principal falls by
equal weights, by a share or an amount for the last one, or on the seasons' dates alone. All of it
is `products.schedules.repayment`; what contradicts itself is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import gcd

from products.calc.fields import CHANGES_MAX, Fields
from products.schedules.due_dates import DuePeriod
from products.schedules.repayment import balloon_by_amount, balloon_by_share, seasonal, with_grace

_E8 = 10**8
_ONE_OF_THREE = ("principal_percentage_per_instalment", "balloon_amount", "seasons")

Periods = tuple[DuePeriod, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonInput:
    """Principal that falls due on one of the due dates."""

    fields: Fields
    due_date: date
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GraceInputs:
    """Counts of periods spared, each from the first one on."""

    principal: int
    interest: int
    interest_free: int

    def spare(self, periods: Periods) -> Periods:
        """The periods with these spared."""
        return with_grace(
            periods,
            principal=self.principal,
            interest=self.interest,
            interest_free=self.interest_free,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingInputs:
    """The fields that say which principal falls due when, read and not yet judged.

    share_e8: of the principal with each instalment, the rest with the last one.
    balloon:  amount left for the last one.
    """

    fields: Fields
    grace: GraceInputs
    share_e8: int | None
    balloon: int | None
    seasons: tuple[SeasonInput, ...]

    def share(self, periods: Periods, principal: int, *, equal_principal: bool) -> Periods:
        """The periods with their weights; `principal` is what they share.

        Raises `InvalidInput` naming fields that do not go together.
        """
        self._refuse(principal, equal_principal)
        if self.seasons:
            return seasonal(self.grace.spare(periods), self._parts(periods, principal))
        periods = self.grace.spare(periods)
        if self.share_e8 is not None:
            return balloon_by_share(periods, Fraction(self.share_e8, _E8))
        if self.balloon is not None and equal_principal:
            return balloon_by_amount(periods, principal, self.balloon)
        return periods

    def _refuse(self, principal: int, equal_principal: bool) -> None:
        given = [name for name in _ONE_OF_THREE if self.fields.has(name)]
        if len(given) > 1:
            raise self.fields.wrong(given[1], f"none beside {given[0]}")
        for name in given:
            if name != "balloon_amount" and not equal_principal:
                raise self.fields.wrong(name, "none, unless amortization is EQUAL_PRINCIPAL")
        if self.balloon is not None and self.balloon >= principal:
            raise self.fields.wrong("balloon_amount", "less than the principal")
        if self.seasons and self.grace.principal:
            expected = "none beside seasons: other due dates pay no principal anyway"
            raise self.fields.wrong("grace_on_principal", expected)

    def _parts(self, periods: Periods, principal: int) -> dict[date, int]:
        dues = {period.due_date for period in periods}
        parts: dict[date, int] = {}
        for season in self.seasons:
            if season.due_date not in dues or season.due_date in parts:
                raise season.fields.wrong("due_date", "one of the due dates, each once")
            parts[season.due_date] = season.amount
        last = periods[-1].due_date
        if last not in parts or sum(parts.values()) != principal:
            expected = f"one on the last due date, {last.isoformat()}, and the principal in all"
            raise self.fields.wrong("seasons", expected)
        common = gcd(*parts.values())
        return {day: amount // common for day, amount in parts.items()}


def read_grace(fields: Fields) -> GraceInputs:
    """The three graces."""
    return GraceInputs(
        principal=fields.whole("grace_on_principal", 0, least=0),
        interest=fields.whole("grace_on_interest_payment", 0, least=0),
        interest_free=fields.whole("interest_free_periods", 0, least=0),
    )


def read_sharing(fields: Fields) -> SharingInputs:
    """The fields of `SharingInputs`."""
    return SharingInputs(
        fields=fields,
        grace=read_grace(fields),
        share_e8=fields.rate_e8("principal_percentage_per_instalment", None),
        balloon=fields.money("balloon_amount", None),
        seasons=tuple(
            SeasonInput(fields=row, due_date=row.day("due_date"), amount=row.money("amount"))
            for row in fields.rows("seasons", most=CHANGES_MAX)
        ),
    )
