"""A loan as a case states it: its fields read, and made into the terms of the schedule engine.

`read_loan` only reads; after the case's `finish()`, `loan_terms` makes what the engine takes, the
same values that a contract makes. The `engine` and the day-count fields choose the convention: none
is the Facility's own (interest by real days, level payment at a twelfth of the rate, rounded up to
the instalment's step). A combination that no convention has is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import Enum

from ledger.money import Rounding
from pricing.dated import Dated
from products.calc.due_inputs import (
    DueInputs,
    read_dues,
    read_interval,
    within_a_hundred_years,
)
from products.calc.fields import CHANGES_MAX, Fields
from products.calc.sharing import SharingInputs, read_sharing
from products.interest.day_counts import DayCount
from products.interest.rounding import RoundingRule, Stage
from products.schedules.conventions import (
    CUMULATIVE,
    CUMULATIVE_BY_PERIOD,
    FACILITY,
    PROGRESSIVE,
    Convention,
    Measure,
    SourceDayCount,
)
from products.schedules.due_dates import DuePeriod, DueRule, Interval, Unit, due_periods
from products.schedules.repayment import with_down_payment
from products.schedules.values import Disbursement, InterestMethod, LoanTerms, Repayment

_E8 = 10**8
_PLAIN_YEARS: Mapping[str, DayCount | SourceDayCount] = {
    "365": DayCount.ACT_365F,
    "360": DayCount.ACT_360,
    "364": SourceDayCount.ACT_364,
}
FACILITY_ALONE = (
    "first_due_date",
    "anchor_day",
    "on_holiday",
    "bank_holidays",
    "interest_until",
    "interest_free_periods",
    "balloon_amount",
    "seasons",
    "payment_holidays",
    "reschedules",
)
"""Fields that no other engine's loan has."""


class _Engine(Enum):
    FACILITY = None
    CUMULATIVE = "cumulative"
    PROGRESSIVE = "progressive"


class _InterestPeriod(Enum):
    DAILY = "DAILY"
    SAME_AS_REPAYMENT = "SAME_AS_REPAYMENT"


class _Amortization(Enum):
    EQUAL_INSTALMENTS = "EQUAL_INSTALMENTS"
    EQUAL_PRINCIPAL = "EQUAL_PRINCIPAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateChangeInput:
    """A rate from a date on, or from the instalment due on or after a date; one of the two."""

    fields: Fields
    effective_date: date | None
    from_instalment_due: date | None
    annual_rate_e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanInputs:
    """The fields of a loan, read and not yet judged; amounts in the currency's smallest unit."""

    fields: Fields
    engine: _Engine
    principal: int | None
    disbursements: tuple[Disbursement, ...]
    annual_rate_e8: int
    rate_changes: tuple[RateChangeInput, ...]
    count: int | None
    interval: Interval
    dues: DueInputs
    due_dates: tuple[date, ...]
    period_start: date | None
    period_from_dates: tuple[date, ...]
    method: InterestMethod
    amortization: _Amortization
    interest_period: _InterestPeriod
    year: str
    weeks_in_year: str | None
    month: str | None
    sharing: SharingInputs
    instalment_multiple: int | None
    fixed_instalment: int | None
    down_payment_e8: int
    smooths: bool | None
    stage: Stage | None
    currency_step: int
    rounding: Rounding


def read_loan(fields: Fields, engine: str | None) -> LoanInputs:
    """The fields that every kind of loan case shares; the kind reads its own beside them."""
    return LoanInputs(
        fields=fields,
        engine=_Engine(engine),
        principal=fields.money("principal", None),
        disbursements=tuple(
            Disbursement(on=row.day("date"), amount_satang=row.money("amount"))
            for row in fields.rows("disbursements", required=True, most=CHANGES_MAX)
        ),
        annual_rate_e8=fields.rate_e8("annual_rate_pct"),
        rate_changes=tuple(
            _rate_change(row) for row in fields.rows("rate_changes", most=CHANGES_MAX)
        ),
        count=fields.whole("number_of_repayments", None),
        interval=read_interval(fields),
        dues=read_dues(fields),
        due_dates=fields.days("due_dates", ()),
        period_start=fields.day("period_start_date", None),
        period_from_dates=fields.days("period_from_dates", ()),
        method=fields.choice(
            "interest_method", InterestMethod.__members__, InterestMethod.DECLINING_BALANCE
        ),
        amortization=fields.choice(
            "amortization", _Amortization.__members__, _Amortization.EQUAL_INSTALMENTS
        ),
        interest_period=fields.choice(
            "interest_period", _InterestPeriod.__members__, _InterestPeriod.DAILY
        ),
        year=fields.choice("days_in_year", _same("365", "360", "364", "ACTUAL"), "365"),
        weeks_in_year=fields.choice("weeks_in_year", _same("52"), None),
        month=fields.choice("days_in_month", _same("30", "ACTUAL"), None),
        sharing=read_sharing(fields),
        instalment_multiple=fields.money("instalment_multiple_of", None),
        fixed_instalment=fields.money("fixed_instalment", None),
        down_payment_e8=fields.rate_e8("down_payment_pct", 0),
        smooths=fields.choice("last_instalment_smoothing", {"FINERACT": True, "NONE": False}, None),
        stage=fields.choice(
            "interest_rounding",
            {"PER_PERIOD": Stage.POSTING, "PER_SUB_PERIOD": Stage.STRETCH},
            None,
        ),
        currency_step=fields.money("currency_multiple_of", 1),
        rounding=fields.rounding(),
    )


def loan_terms(given: LoanInputs) -> LoanTerms:
    """The terms that the fields state. Raises `InvalidInput` naming fields that do not agree."""
    if not given.disbursements:
        raise given.fields.wrong("disbursements", "one or more")
    total = sum(paid.amount_satang for paid in given.disbursements)
    if given.principal is not None and given.principal != total:
        expected = "the sum of the disbursements"
        raise given.fields.wrong("principal", expected)
    _refuse_of_other_engines(given)
    convention = convention_of(given)
    rule, periods = _periods(given)
    down_payment = _down_payment(given, convention)
    level = given.amortization is _Amortization.EQUAL_INSTALMENTS
    periods = given.sharing.share(periods, total - down_payment, equal_principal=not level)
    if level and given.sharing.balloon is not None:
        _refuse_balloon(given)
    if down_payment:
        periods = with_down_payment(periods, given.disbursements[0].on, down_payment)
    return LoanTerms(
        disbursements=given.disbursements,
        annual_rates=_rates(given, convention, periods),
        periods=periods,
        interval=given.interval,
        repayment=Repayment.EQUAL_INSTALMENTS if level else Repayment.PRINCIPAL_SHARES,
        interest_method=given.method,
        convention=convention,
        fixed_instalment_satang=given.fixed_instalment,
        balloon_satang=(given.sharing.balloon or 0) if level else 0,
        due_rule=rule,
    )


def _refuse_balloon(given: LoanInputs) -> None:
    """What solved equal instalments that leave a balloon do not go with."""
    if given.fixed_instalment is not None:
        raise given.fields.wrong("balloon_amount", "none beside fixed_instalment")
    if given.method is InterestMethod.FLAT:
        expected = "none with FLAT interest, unless amortization is EQUAL_PRINCIPAL"
        raise given.fields.wrong("balloon_amount", expected)


def _refuse_of_other_engines(given: LoanInputs) -> None:
    """What only loans of the Facility have: no published case says what another engine makes."""
    if given.engine is _Engine.FACILITY:
        return
    for name in FACILITY_ALONE:
        if given.fields.has(name):
            raise given.fields.wrong(name, f"none with engine {given.engine.value}")


def convention_of(given: LoanInputs) -> Convention:
    """The convention that the engine and the day-count fields name."""
    by_period = given.interest_period is _InterestPeriod.SAME_AS_REPAYMENT
    if given.engine is _Engine.FACILITY:
        base = _facility(given, by_period)
    elif given.engine is _Engine.CUMULATIVE:
        base = _cumulative(given, by_period)
    else:
        base = _progressive(given, by_period)
    stage = base.rounding.stage if given.stage is None else given.stage
    mode, step = given.rounding, given.currency_step
    # The Facility rounds an instalment up to its step; without a step it is an amount like others.
    stepped = given.engine is _Engine.FACILITY and given.instalment_multiple is not None
    if given.smooths and given.engine is not _Engine.PROGRESSIVE:
        raise given.fields.wrong("last_instalment_smoothing", "none: engine progressive alone does")
    return replace(
        base,
        rounding=RoundingRule(mode=mode, step_satang=step, stage=stage),
        level_mode=base.level_mode if stepped else mode,
        level_step_satang=given.instalment_multiple or step,
        smooths_last=base.smooths_last if given.smooths is None else given.smooths,
    )


def _facility(given: LoanInputs, by_period: bool) -> Convention:
    months_of_30 = given.month == "30"
    if by_period:
        return replace(
            FACILITY, day_count=_fixed_year(given), interest_measure=Measure.EQUAL_PERIODS
        )
    if months_of_30:
        if given.year != "360":
            raise given.fields.wrong("days_in_month", "ACTUAL, or 30 with days_in_year 360")
        return replace(FACILITY, day_count=DayCount.THIRTY_360)
    if given.year == "ACTUAL":
        # Days over a year of no fixed length have no plain interval: solved with their own factors.
        days = given.interval.unit is Unit.DAYS
        level = Measure.REAL_DAYS if days else FACILITY.level_measure
        return replace(FACILITY, day_count=DayCount.ACT_ACT_CALYEAR, level_measure=level)
    return replace(FACILITY, day_count=_fixed_year(given))


def _cumulative(given: LoanInputs, by_period: bool) -> Convention:
    year = _fixed_year(given)
    if by_period:
        return replace(CUMULATIVE_BY_PERIOD, day_count=year)
    if given.month == "30":
        raise given.fields.wrong("days_in_month", "ACTUAL, as daily interest counts days here")
    return replace(CUMULATIVE, day_count=year)


def _progressive(given: LoanInputs, by_period: bool) -> Convention:
    if by_period:
        raise given.fields.wrong("interest_period", "DAILY: this engine knows no other")
    if given.month == "30":
        counted = Measure.MONTHS_OF_30_DAYS
        return replace(
            PROGRESSIVE,
            day_count=_fixed_year(given),
            interest_measure=counted,
            level_measure=counted,
        )
    if given.year == "ACTUAL":
        return replace(PROGRESSIVE, day_count=SourceDayCount.ACT_ACT_31_DECEMBER)
    return replace(PROGRESSIVE, day_count=_fixed_year(given))


def _fixed_year(given: LoanInputs) -> DayCount | SourceDayCount:
    """The day count of a year of a fixed length; ACTUAL in a drawdown year of 365 days."""
    if given.weeks_in_year is not None:
        return SourceDayCount.ACT_364
    if given.year == "ACTUAL":
        drawn = given.disbursements[0].on.year
        if given.engine is _Engine.CUMULATIVE and (drawn % 4 or not drawn % 100):
            return DayCount.ACT_365F
        raise given.fields.wrong("days_in_year", "365, 360 or 364 with these fields")
    return _PLAIN_YEARS[given.year]


def _periods(given: LoanInputs) -> tuple[DueRule | None, tuple[DuePeriod, ...]]:
    """The periods after any down payment, and the rule when the dates are not stated."""
    drawn = given.disbursements[0].on
    start = given.period_start or drawn
    dues = given.due_dates
    if given.count is not None and dues and given.count != len(dues):
        raise given.fields.wrong("number_of_repayments", f"{len(dues)}, as there are due_dates")
    if given.down_payment_e8 and dues:
        if dues[0] != drawn:
            raise given.fields.wrong("due_dates", f"the down payment first, {drawn.isoformat()}")
        dues = dues[1:]
    if not given.due_dates:
        return _regular(given, start)
    given.dues.refuse_beside_due_dates()
    starts = given.period_from_dates or (start, *dues[:-1])
    if len(starts) != len(dues):
        raise given.fields.wrong("period_from_dates", f"{len(dues)} dates, one for each due date")
    stated = zip(starts, dues, strict=True)
    return None, tuple(
        DuePeriod(start_date=first, end_date=due, due_date=due) for first, due in stated
    )


def _regular(given: LoanInputs, start: date) -> tuple[DueRule, tuple[DuePeriod, ...]]:
    if given.count is None:
        raise given.fields.wrong("number_of_repayments", "a count, or due_dates")
    if given.period_from_dates:
        raise given.fields.wrong("period_from_dates", "none without due_dates")
    if not within_a_hundred_years(given.count, given.interval):
        raise given.fields.wrong("number_of_repayments", "due dates within a hundred years")
    rule = given.dues.rule(start, given.interval)
    count = given.count - (1 if given.down_payment_e8 else 0)
    return rule, due_periods(start, rule, count)


def _down_payment(given: LoanInputs, convention: Convention) -> int:
    """The down payment on the first disbursement, settled like every amount."""
    if not given.down_payment_e8:
        return 0
    if given.down_payment_e8 >= _E8:
        raise given.fields.wrong("down_payment_pct", "less than 100")
    drawn = given.disbursements[0].amount_satang
    return convention.rounding.settle(drawn * given.down_payment_e8, _E8)


def _rates(given: LoanInputs, convention: Convention, periods: tuple[DuePeriod, ...]) -> Dated[int]:
    begin = min(periods[0].start_date, given.disbursements[0].on)
    changes: dict[date, int] = {}
    for change in given.rate_changes:
        on = _effective(change, convention, periods)
        if on in changes or on <= begin:
            expected = f"a date of its own, after {begin.isoformat()}"
            raise change.fields.wrong("effective_date", expected)
        changes[on] = change.annual_rate_e8
    return Dated.of_changes("annual_rates", begin, given.annual_rate_e8, changes)


def _effective(
    change: RateChangeInput, convention: Convention, periods: tuple[DuePeriod, ...]
) -> date:
    if (change.effective_date is None) == (change.from_instalment_due is None):
        expected = "either this or effective_from_instalment_due"
        raise change.fields.wrong("effective_date", expected)
    if change.effective_date is not None:
        return change.effective_date
    for period in periods:
        if change.from_instalment_due and period.due_date >= change.from_instalment_due:
            shift = 1 if convention.rate_from_night_before else 0
            return period.start_date + timedelta(days=shift)
    raise change.fields.wrong("effective_from_instalment_due", "a date up to the last due date")


def _rate_change(row: Fields) -> RateChangeInput:
    return RateChangeInput(
        fields=row,
        effective_date=row.day("effective_date", None),
        from_instalment_due=row.day("effective_from_instalment_due", None),
        annual_rate_e8=row.rate_e8("annual_rate_pct"),
    )


def _same(*words: str) -> Mapping[str, str]:
    return {word: word for word in words}
