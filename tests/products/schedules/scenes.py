"""The loans whose schedules lie in tests/products/golden: one of each way to repay, and of a life.

Each scene is a title, the terms in words and the schedule. The words are the header of its file, so
that an accountant can work it again with a calculator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from pricing.rates import parse_rate_percent
from products.schedules.build import build
from products.schedules.changes import Holiday, RateChange, Reschedule, changed
from products.schedules.due_dates import (
    Calendar,
    DueRule,
    InterestDue,
    Interval,
    OnHoliday,
    Unit,
    due_periods,
)
from products.schedules.repayment import (
    balloon_by_amount,
    balloon_by_share,
    bullet,
    seasonal,
    with_down_payment,
    with_grace,
)
from products.schedules.values import (
    Adjust,
    Disbursement,
    InterestMethod,
    LoanTerms,
    Prepayment,
    PrepaymentEffect,
    Repayment,
    Schedule,
)
from tests.products.schedules.loans import BAHT, loan, monthly

SHARES = Repayment.PRINCIPAL_SHARES
DRAWN = date(2024, 12, 31)
MONTH_ENDS = replace(monthly(date(2025, 1, 31)), anchor_day=31)
SONGKRAN = Calendar(
    holidays=frozenset({date(2026, 4, 13), date(2026, 4, 14), date(2026, 4, 15), date(2026, 5, 1)})
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A schedule and the words that define it."""

    words: tuple[str, ...]
    schedule: Schedule


def _twelve_million(**terms: Any) -> LoanTerms:
    base = loan(12_000_000, "4.50", DRAWN, MONTH_ENDS, 12, step_baht=100)
    return replace(base, **terms)


_TWELVE_MILLION = "12,000,000.00 at 4.50%, drawn 2024-12-31, due on the 12 month-ends of 2025"


def equal_principal() -> Scene:
    return Scene(
        words=(
            "Equal principal (คงต้น): the Facility's worked example 2.6.6",
            _TWELVE_MILLION,
            "interest on the balance by real days over 365, half-up to a satang",
        ),
        schedule=build(_twelve_million(repayment=SHARES)),
    )


def equal_instalments() -> Scene:
    return Scene(
        words=(
            "Equal instalments (คงยอด): the Facility's worked example 2.6.7",
            _TWELVE_MILLION,
            "PMT(4.50%/12, 12) = 1,024,542.26, rounded up to 100 baht: 1,024,600.00",
            "interest by real days over 365; the last instalment absorbs the rest",
        ),
        schedule=build(_twelve_million()),
    )


def interest_only_then_bullet() -> Scene:
    terms = loan(5_000_000, "3.75", date(2026, 1, 15), monthly(date(2026, 2, 15)), 6)
    return Scene(
        words=(
            "Interest every month, all principal with the last instalment",
            "5,000,000.00 at 3.75%, drawn 2026-01-15, six months",
        ),
        schedule=build(replace(terms, repayment=SHARES, periods=bullet(terms.periods))),
    )


def balloon_of_five_percent_each() -> Scene:
    terms = loan(2_400_000, "5.00", date(2026, 1, 31), monthly(date(2026, 2, 28)), 9)
    periods = balloon_by_share(terms.periods, Fraction(5, 100))
    return Scene(
        words=(
            "Balloon: 5% of the principal with each instalment, the rest with the last",
            "2,400,000.00 at 5.00%, drawn 2026-01-31, nine months, due on the 28th",
        ),
        schedule=build(replace(terms, repayment=SHARES, periods=periods)),
    )


def balloon_of_a_stated_amount() -> Scene:
    terms = loan(2_400_000, "5.00", date(2026, 1, 31), monthly(date(2026, 2, 28)), 9)
    periods = balloon_by_amount(terms.periods, 2_400_000 * BAHT, 800_000 * BAHT)
    return Scene(
        words=(
            "Balloon: 800,000.00 with the last instalment, the others pay equal principal",
            "2,400,000.00 at 5.00%, drawn 2026-01-31, nine months, due on the 28th",
        ),
        schedule=build(replace(terms, repayment=SHARES, periods=periods)),
    )


def equal_instalments_to_a_balloon() -> Scene:
    terms = loan(2_400_000, "5.00", date(2026, 1, 31), monthly(date(2026, 2, 28)), 9, step_baht=100)
    return Scene(
        words=(
            "Equal instalments that leave about 800,000.00 for the last one",
            "2,400,000.00 at 5.00%, drawn 2026-01-31, nine months, due on the 28th",
            "level payment of the first eight, at 5.00%/12, rounded up to 100 baht",
        ),
        schedule=build(replace(terms, balloon_satang=800_000 * BAHT)),
    )


def seasonal_after_the_harvests() -> Scene:
    rule = DueRule(first_due_date=date(2026, 6, 30), interval=Interval(count=3), anchor_day=31)
    terms = loan(900_000, "6.00", date(2026, 5, 1), rule, 8)
    shares = {date(2026, 12, 31): 300_000, date(2027, 3, 31): 200_000, date(2028, 3, 31): 400_000}
    return Scene(
        words=(
            "Seasonal: principal after the harvests, interest every quarter",
            "900,000.00 at 6.00%, drawn 2026-05-01, quarter ends, a short first period",
            "300,000.00 on 2026-12-31, 200,000.00 on 2027-03-31, 400,000.00 on 2028-03-31",
        ),
        schedule=build(replace(terms, repayment=SHARES, periods=seasonal(terms.periods, shares))),
    )


def fixed_instalment() -> Scene:
    terms = loan(1_000_000, "7.00", date(2026, 1, 1), monthly(date(2026, 2, 1)), 8)
    return Scene(
        words=(
            "An agreed instalment of 120,000.00; the last one takes the rest",
            "1,000,000.00 at 7.00%, drawn 2026-01-01, eight months",
        ),
        schedule=build(replace(terms, fixed_instalment_satang=120_000 * BAHT)),
    )


def flat_interest() -> Scene:
    terms = loan(360_000, "4.00", date(2026, 1, 10), monthly(date(2026, 2, 10)), 12, step_baht=10)
    return Scene(
        words=(
            "Flat interest: on the amount drawn to the end, by real days over 365",
            "360,000.00 at 4.00%, drawn 2026-01-10, twelve months",
            "instalment (360,000.00 + 12 x 1,200.00) / 12 = 31,200.00, rounded up to 10 baht",
        ),
        schedule=build(replace(terms, interest_method=InterestMethod.FLAT)),
    )


def _graced(**counts: int) -> Schedule:
    terms = loan(600_000, "4.00", date(2026, 1, 31), monthly(date(2026, 2, 28)), 9, step_baht=100)
    return build(replace(terms, periods=with_grace(terms.periods, **counts)))


def principal_grace() -> Scene:
    return Scene(
        words=(
            "Grace on principal: three months of interest only, then six equal instalments",
            "600,000.00 at 4.00%, drawn 2026-01-31, due on the 28th, step 100 baht",
        ),
        schedule=_graced(principal=3),
    )


def interest_grace() -> Scene:
    return Scene(
        words=(
            "Grace on interest: what two months earn is due with the third instalment",
            "600,000.00 at 4.00%, drawn 2026-01-31, due on the 28th, step 100 baht",
            "the instalment less the month's own interest pays principal in these months too",
        ),
        schedule=_graced(interest=2),
    )


def interest_free_months() -> Scene:
    return Scene(
        words=(
            "Interest-free: the first two months earn none",
            "600,000.00 at 4.00%, drawn 2026-01-31, due on the 28th, step 100 baht",
        ),
        schedule=_graced(interest_free=2),
    )


def tranches() -> Scene:
    terms = loan(1_000_000, "4.25", date(2026, 1, 31), monthly(date(2026, 2, 28)), 10, step_baht=10)
    drawn = (
        *terms.disbursements,
        Disbursement(on=date(2026, 4, 28), amount_satang=500_000 * BAHT),
        Disbursement(on=date(2026, 6, 10), amount_satang=250_000 * BAHT),
    )
    return Scene(
        words=(
            "Tranches: 1,000,000.00, then 500,000.00 on a due date and 250,000.00 between two",
            "at 4.25%, drawn 2026-01-31, ten months, due on the 28th, step 10 baht",
            "the instalment is solved anew from the period that has the tranche",
        ),
        schedule=build(replace(terms, disbursements=drawn)),
    )


def down_payment() -> Scene:
    on = date(2026, 1, 15)
    terms = loan(1_500_000, "5.00", on, monthly(date(2026, 2, 15)), 6, step_baht=100)
    periods = with_down_payment(terms.periods, on, 300_000 * BAHT)
    return Scene(
        words=(
            "Down payment of 300,000.00 on the day of drawing, then six equal instalments",
            "1,500,000.00 at 5.00%, drawn 2026-01-15, step 100 baht",
        ),
        schedule=build(replace(terms, periods=periods)),
    )


def _year(adjust: Adjust) -> Schedule:
    terms = loan(1_200_000, "6.00", date(2026, 1, 1), monthly(date(2026, 2, 1)), 12, step_baht=100)
    change = RateChange(
        from_date=date(2026, 5, 15), annual_rate_e8=parse_rate_percent("9.00"), adjust=adjust
    )
    return changed(build(terms), change)


def rate_change_with_a_new_instalment() -> Scene:
    return Scene(
        words=(
            "Rate change: 6.00%, from 2026-05-15 on 9.00%; the instalment is solved anew",
            "1,200,000.00, drawn 2026-01-01, twelve months, step 100 baht",
        ),
        schedule=_year(Adjust.INSTALMENT),
    )


def rate_change_with_more_instalments() -> Scene:
    return Scene(
        words=(
            "Rate change: 6.00%, from 2026-05-15 on 9.00%; the instalment stays, one more is due",
            "1,200,000.00, drawn 2026-01-01, twelve months, step 100 baht",
        ),
        schedule=_year(Adjust.NUMBER),
    )


def _prepaid(effect: PrepaymentEffect) -> Schedule:
    terms = loan(1_200_000, "6.00", date(2026, 1, 1), monthly(date(2026, 2, 1)), 12, step_baht=100)
    paid = Prepayment(on=date(2026, 4, 15), amount_satang=300_000 * BAHT, effect=effect)
    return changed(build(terms), paid)


_PREPAID = (
    "1,200,000.00 at 6.00%, drawn 2026-01-01, twelve months, step 100 baht",
    "300,000.00 is paid on 2026-04-15, on top of what is due",
)


def prepayment_for_smaller_instalments() -> Scene:
    return Scene(
        words=("Prepayment: the instalment is solved anew, from the running one on", *_PREPAID),
        schedule=_prepaid(PrepaymentEffect.SMALLER_INSTALMENTS),
    )


def prepayment_for_fewer_instalments() -> Scene:
    return Scene(
        words=("Prepayment: the instalment stays, fewer are due", *_PREPAID),
        schedule=_prepaid(PrepaymentEffect.FEWER_INSTALMENTS),
    )


def prepayment_of_the_next_instalments() -> Scene:
    return Scene(
        words=("Prepayment: it stands in for the principal of the next instalments", *_PREPAID),
        schedule=_prepaid(PrepaymentEffect.NEXT_INSTALMENTS),
    )


def reschedule() -> Scene:
    terms = loan(1_200_000, "6.00", date(2026, 1, 1), monthly(date(2026, 2, 1)), 12, step_baht=100)
    rule = DueRule(first_due_date=date(2026, 8, 31), interval=Interval(count=2), anchor_day=31)
    periods = with_grace(due_periods(date(2026, 6, 1), rule, 8), principal=2)
    change = Reschedule(on=date(2026, 6, 10), periods=periods, due_rule=rule)
    return Scene(
        words=(
            "Rescheduled 2026-06-10: eight dues at every second month's end, two of interest only",
            "1,200,000.00 at 6.00%, drawn 2026-01-01, at first twelve months, step 100 baht",
        ),
        schedule=changed(build(terms), change),
    )


def _on_holiday(interest: InterestDue) -> Schedule:
    terms = loan(600_000, "4.00", date(2026, 1, 31), monthly(date(2026, 2, 28)), 6, step_baht=100)
    spared = Holiday(from_date=date(2026, 4, 1), count=3, interest=interest)
    return changed(build(terms), spared)


def payment_holiday_principal_only() -> Scene:
    return Scene(
        words=(
            "Payment holiday of three months, principal only; the instalment stays, the end moves",
            "600,000.00 at 4.00%, drawn 2026-01-31, six months, due on the 28th, step 100 baht",
        ),
        schedule=_on_holiday(InterestDue.COLLECTED),
    )


def payment_holiday_of_everything() -> Scene:
    return Scene(
        words=(
            "Payment holiday of three months; their interest is due with the first one after them",
            "600,000.00 at 4.00%, drawn 2026-01-31, six months, due on the 28th, step 100 baht",
        ),
        schedule=_on_holiday(InterestDue.DEFERRED),
    )


def _songkran(*, interest_follows: bool) -> Schedule:
    rule = DueRule(
        first_due_date=date(2026, 3, 14),
        on_holiday=OnHoliday.NEXT,
        calendar=SONGKRAN,
        interest_follows=interest_follows,
    )
    return build(loan(600_000, "4.00", date(2026, 2, 14), rule, 5, step_baht=100))


def holidays_interest_follows() -> Scene:
    return Scene(
        words=(
            "Due on the 14th or the next banking day, and interest runs to the day of payment",
            "600,000.00 at 4.00%, drawn 2026-02-14, five months, step 100 baht",
            "no banking on Saturdays, Sundays, 13 to 15 April and 1 May",
        ),
        schedule=_songkran(interest_follows=True),
    )


def holidays_interest_stays() -> Scene:
    return Scene(
        words=(
            "Due on the 14th or the next banking day, and interest runs to the 14th",
            "600,000.00 at 4.00%, drawn 2026-02-14, five months, step 100 baht",
            "no banking on Saturdays, Sundays, 13 to 15 April and 1 May",
        ),
        schedule=_songkran(interest_follows=False),
    )


def every_second_week() -> Scene:
    rule = DueRule(first_due_date=date(2026, 3, 20), interval=Interval(count=2, unit=Unit.WEEKS))
    return Scene(
        words=(
            "Equal instalments every second week",
            "80,000.00 at 7.50%, drawn 2026-03-06, eight instalments, step 1 baht",
        ),
        schedule=build(loan(80_000, "7.50", date(2026, 3, 6), rule, 8, step_baht=1)),
    )


SCENES: Mapping[str, Callable[[], Scene]] = {
    scene.__name__: scene
    for scene in (
        equal_principal,
        equal_instalments,
        interest_only_then_bullet,
        balloon_of_five_percent_each,
        balloon_of_a_stated_amount,
        equal_instalments_to_a_balloon,
        seasonal_after_the_harvests,
        fixed_instalment,
        flat_interest,
        principal_grace,
        interest_grace,
        interest_free_months,
        tranches,
        down_payment,
        rate_change_with_a_new_instalment,
        rate_change_with_more_instalments,
        prepayment_for_smaller_instalments,
        prepayment_for_fewer_instalments,
        prepayment_of_the_next_instalments,
        reschedule,
        payment_holiday_principal_only,
        payment_holiday_of_everything,
        holidays_interest_follows,
        holidays_interest_stays,
        every_second_week,
    )
}
"""Every golden schedule by the name of its file."""
