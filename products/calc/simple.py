"""Kind `simple_daily_interest`: a balance for some days, or what movements and payments leave.

A movement is principal. A payment pays the interest of the dates before it first and reduces the
principal with the rest; interest that it does not cover stays owed and bears none. Each run of
dates with one balance and one rate is settled by itself and added up (`rounding_stage` STRETCH), or
the runs between two payments are added up first (POSTING); both are `products.interest` of our own
contracts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from pricing.dated import Dated
from products.calc.answers import Answer, day_text, money_text, percent_text
from products.calc.conditions import read_day_count, read_fixed_year, read_rates
from products.calc.fields import PERIODS_MAX, SPAN_DAYS_MAX, Fields
from products.calc.lines import earning_line, exact_text, rate_text, settled_text
from products.interest.day_counts import DayCount
from products.interest.earning import Conditions, interest_of
from products.interest.rounding import RoundingRule, Stage
from products.interest.stretches import Stretch, stretches

_STAGES = {"STRETCH": Stage.STRETCH, "POSTING": Stage.POSTING}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Movements and payments, earliest first, in the currency's smallest unit; `end` bears none."""

    movements: Mapping[date, int]
    payments: Mapping[date, int]
    end: date
    conditions: Dated[Conditions]
    day_count: DayCount
    rule: RoundingRule
    decimals: int

    @property
    def start(self) -> date:
        """The first date that bears interest."""
        return min(self.movements)


def simple_daily_interest(fields: Fields, _: str | None) -> Answer:
    """Interest up to the day before the end, and what is owed then."""
    if fields.has("balance"):
        return _of_a_balance(fields)
    case = _read(fields)
    principal = owed = total = 0
    lines: list[str] = []
    paid_on = sorted(case.payments)
    for begin, stop in pairwise([case.start, *paid_on, case.end]):
        runs = _runs(case, principal, begin, stop)
        if any(run.balance_satang < 0 for run in runs):
            raise fields.wrong("movements", "movements that leave a balance of 0 or more")
        interest = case.rule.settle_parts(run.earned.credit_exact for run in runs)
        lines += [_run_line(case, run) for run in runs]
        lines.append(_settled_line(case, interest))
        principal = runs[-1].balance_satang
        total, owed = total + interest, owed + interest
        if stop in case.payments:
            paid = case.payments[stop]
            to_interest = min(owed, paid)
            owed, principal = owed - to_interest, principal - (paid - to_interest)
            if principal < 0:
                raise fields.wrong("payments", "payments of at most what is owed on their date")
            lines.append(_payment_line(case, stop, to_interest, paid - to_interest))
    return _answer(total, principal + owed, case.decimals, lines)


def _read(fields: Fields) -> _Case:
    rates, day_count = read_rates(fields), read_day_count(fields)
    stage = fields.choice("rounding_stage", _STAGES, Stage.STRETCH)
    rule = RoundingRule(mode=fields.rounding(), stage=stage)
    decimals = fields.decimals
    movements = _by_date(
        (row.day("date"), row.money("amount", signed=True))
        for row in fields.rows("movements", required=True)
    )
    paid = fields.rows("payments", most=PERIODS_MAX)
    payments = _by_date((row.day("date"), row.money("amount")) for row in paid)
    end = fields.day("end_date")
    fields.finish()
    if not movements:
        raise fields.wrong("movements", "at least one movement")
    start = min(movements)
    if max([*movements, *payments]) >= end:
        raise fields.wrong("end_date", "a date after every movement and payment")
    if payments and min(payments) <= start:
        raise fields.wrong("payments", f"payments after the first movement on {day_text(start)}")
    return _Case(
        movements=movements,
        payments=payments,
        end=end,
        conditions=rates.dated(start),
        day_count=day_count,
        rule=rule,
        decimals=decimals,
    )


def _by_date(amounts: Iterable[tuple[date, int]]) -> dict[date, int]:
    found: dict[date, int] = {}
    for on, amount in amounts:
        found[on] = found.get(on, 0) + amount
    return dict(sorted(found.items()))


def _runs(case: _Case, principal: int, begin: date, stop: date) -> list[Stretch]:
    """What the dates from one payment to the next earn; each payment lies after the one before."""
    dates = [*case.movements]
    within = dates[bisect_left(dates, begin) : bisect_left(dates, stop)]
    return [
        *stretches(
            start=begin,
            stop=stop,
            changes={on: case.movements[on] for on in within},
            conditions=case.conditions,
            day_count=case.day_count,
            opening_satang=principal,
        )
    ]


def _run_line(case: _Case, run: Stretch) -> str:
    return earning_line(
        (run.start, run.stop),
        run.balance_satang,
        rate_text(run.conditions, run.balance_satang),
        run.earned.credit_exact,
        day_count=case.day_count,
        decimals=case.decimals,
    )


def _settled_line(case: _Case, interest: int) -> str:
    how = "each settled and added" if case.rule.stage is Stage.STRETCH else "added and settled"
    return f"interest, {how}: {settled_text(interest, case.decimals, case.rule.mode)}"


def _payment_line(case: _Case, on: date, to_interest: int, to_principal: int) -> str:
    interest, rest = (money_text(each, case.decimals) for each in (to_interest, to_principal))
    return f"{day_text(on)}: paid, {interest} of it interest, {rest} principal"


def _of_a_balance(fields: Fields) -> Answer:
    balance, rate = fields.money("balance"), fields.rate_e8("annual_rate_pct")
    days = fields.whole("days", most=SPAN_DAYS_MAX)
    mode, decimals = fields.rounding(), fields.decimals
    year = read_fixed_year(fields)
    fields.finish()
    exact = interest_of(balance, Conditions.flat(rate), days * year.day_units).credit_exact
    interest = RoundingRule(mode=mode).settle(exact)
    line = (
        f"{money_text(balance, decimals)} x {percent_text(rate)}% x {days} days of {year.days} = "
        f"{exact_text(exact, decimals)} -> {settled_text(interest, decimals, mode)}"
    )
    return _answer(interest, balance + interest, decimals, [line])


def _answer(interest: int, total: int, decimals: int, lines: Sequence[str]) -> Answer:
    result = {"interest": money_text(interest, decimals), "total": money_text(total, decimals)}
    return Answer(result=result, explanation=tuple(lines))
