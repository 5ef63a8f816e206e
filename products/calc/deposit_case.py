"""The fields of a deposit placed for a term, and what it has grown to by days.

With `compounding` or `posting` (words, or `_months`) its interest joins the deposit at
anniversaries of the start: no product of ours, so `products.calculators` is asked, and nothing is
rounded before maturity. Without either it earns simple interest, as our placements do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ledger.money import Rounding, round_ratio
from products.calc.answers import day_text, percent_text
from products.calc.conditions import PERIOD_MONTHS, read_day_count
from products.calc.fields import Fields
from products.calc.lines import dates_text, earning_line, fine_text, settled_text
from products.calculators.compounding import CompoundingTerms, anniversaries, grow
from products.interest.day_counts import DayCount
from products.interest.earning import Conditions
from products.interest.rounding import RoundingRule
from products.placements import PlacementTerms, completed_months, coupons
from products.schedules.due_dates import add_months

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How deposits grow: months of 0 = every date, None = not before the end."""

    annual_rate_e8: int
    compounding: int | None
    posting: int | None
    day_count: DayCount
    mode: Rounding
    decimals: int


def read_growth(fields: Fields) -> Growth:
    """Rate, day count, periods and rounding."""
    fields.choice("balance_method", {"DAILY_BALANCE": True}, True)
    compounding, posting = _read_months(fields, "compounding"), _read_months(fields, "posting")
    return Growth(
        annual_rate_e8=fields.rate_e8("annual_rate_pct"),
        compounding=posting if compounding is None else compounding,
        posting=compounding if posting is None else posting,
        day_count=read_day_count(fields),
        mode=fields.rounding(),
        decimals=fields.decimals,
    )


def _read_months(fields: Fields, name: str) -> int | None:
    if fields.has(name):
        return fields.choice(name, PERIOD_MONTHS)
    return fields.whole(f"{name}_months", None)


def read_term(fields: Fields) -> tuple[date, date]:
    """Start and maturity, once the other fields are read: calls `finish()`.

    Maturity is stated or follows from the term; stated beside a term, it lies within its last
    month (a holiday may have moved it).
    """
    start, stated = fields.day("start_date"), fields.day("maturity_date", None)
    months = fields.whole("term_months", None) if stated else fields.whole("term_months")
    fields.finish()
    maturity = stated or add_months(start, months or 0)
    if maturity <= start:
        raise fields.wrong("maturity_date", f"a date after {day_text(start)}")
    if months is not None and completed_months(start, maturity) != months:
        raise fields.wrong("maturity_date", f"{months} months after {day_text(start)}")
    return start, maturity


def matured(
    growth: Growth, deposits: dict[date, int], maturity: date
) -> tuple[int, tuple[str, ...]]:
    """What deposits by date have become on the date of maturity, and how."""
    if growth.posting is None or growth.compounding is None:
        return _simple(growth, deposits, maturity)
    start, last = min(deposits), maturity - _DAY
    terms = CompoundingTerms(
        conditions=Conditions.flat(growth.annual_rate_e8),
        day_count=growth.day_count,
        compounds=anniversaries(start, growth.compounding, last),
        posts=anniversaries(start, growth.posting, last),
        rounding=growth.mode,
        decimals=growth.decimals,
        settles_postings=False,
    )
    grown = grow(terms, start=start, stop=maturity, changes=deposits)
    lines, begun = [], start
    for each in grown.postings:
        dates = dates_text(begun, each.period_end + _DAY)
        lines.append(f"{dates}: earned {fine_text(each.credit_fine)}, added to the deposit")
        begun = each.period_end + _DAY
    amount = int(round_ratio(grown.balance_fine, terms.fine, growth.mode))
    told = settled_text(amount, growth.decimals, growth.mode)
    lines.append(f"{day_text(maturity)}: {fine_text(grown.balance_fine)} -> {told}")
    return amount, tuple(lines)


def _simple(
    growth: Growth, deposits: dict[date, int], maturity: date
) -> tuple[int, tuple[str, ...]]:
    """Each deposit as a placement that pays its interest at maturity."""
    total, lines = 0, []
    for start, principal in sorted(deposits.items()):
        terms = PlacementTerms(
            principal_satang=principal,
            start=start,
            maturity=maturity,
            annual_rate_e8=growth.annual_rate_e8,
            day_count=growth.day_count,
            rounding=RoundingRule(mode=growth.mode),
        )
        (coupon,) = coupons(terms)
        line = earning_line(
            (start, maturity),
            principal,
            f"{percent_text(growth.annual_rate_e8)}%",
            coupon.exact,
            day_count=growth.day_count,
            decimals=growth.decimals,
        )
        settled = settled_text(coupon.amount_satang, growth.decimals, growth.mode)
        lines.append(f"{line} -> {settled}")
        total += principal + coupon.amount_satang
    return total, tuple(lines)
