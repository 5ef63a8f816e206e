"""Kinds of fixed deposits: maturity, validation, premature closure, tax; recurring deposits.

Simple interest to maturity is a placement of ours, a premature closure its early withdrawal by a
rule, a tax the one that contracts withhold. Interest that joins the deposit on the way is asked of
`products.calculators`: by days where the case has a start, by whole months where it has none.
"""

from __future__ import annotations

from fractions import Fraction

from ledger.money import Rounding
from pricing.charts import ChartPrimary
from pricing.dated import Dated
from products.calc.answers import Answer, day_text, decimal_text, money_text, percent_text
from products.calc.charts import read_chart
from products.calc.conditions import read_day_count, read_fixed_year
from products.calc.deposit_case import matured, read_growth, read_term
from products.calc.fields import PERIODS_MAX, SPAN_DAYS_MAX, Fields
from products.calc.lines import earning_line, exact_text, settled_text
from products.calculators.flat import check_compounding, growth_by_months
from products.early_withdrawal import EarlyRule, EarlyRules, RateSource, withdraw_early
from products.interest.earning import Conditions, interest_of
from products.interest.rounding import RoundingRule
from products.placements import PlacementTerms, completed_months
from products.schedules.due_dates import add_months
from products.withholding import TaxRate, withhold

_EXACT_PLACES_MAX = 64
_EXACT_PLACES = 16
"""Places of an unrounded result whose own would be more than the most that are written out."""

_PENAL_SOURCE = {
    "WHOLE_TERM": RateSource.CHART_TERM,
    "TILL_PREMATURE_WITHDRAWAL": RateSource.CHART_HELD,
}


def fixed_deposit_maturity(fields: Fields, _: str | None) -> Answer:
    """What a deposit has grown to at maturity: by days where it has a start, else by months."""
    if not fields.has("start_date"):
        return _maturity_by_months(fields)
    growth, principal = read_growth(fields), fields.money("principal")
    start, maturity = read_term(fields)
    amount, lines = matured(growth, {start: principal}, maturity)
    return Answer(result={"maturity": money_text(amount, growth.decimals)}, explanation=lines)


def _maturity_by_months(fields: Fields) -> Answer:
    principal, rate = fields.money("principal"), fields.rate_e8("annual_rate_pct")
    term, compounding = fields.whole("term_months"), fields.whole("compounding_months")
    unrounded = fields.choice("rounding", {"none": True}, False)
    mode, decimals = fields.rounding(), fields.decimals
    fields.finish()
    check_compounding(term, compounding)
    factor, periods = growth_by_months(rate, compounding), term // compounding
    amount = Fraction(principal, 10**decimals) * factor**periods
    text = decimal_text(amount, decimals, mode)
    if unrounded:
        text = _unrounded(amount, factor, periods)
    growth = f"(1 + {percent_text(rate)}% x {compounding}/12) ^ {periods}"
    line = f"{money_text(principal, decimals)} x {growth} = {text}"
    return Answer(result={"maturity": text}, explanation=(line,))


def _unrounded(amount: Fraction, factor: Fraction, periods: int) -> str:
    """All decimals of an amount, as many as a product of `periods` factors has, if they end."""
    places = next((at for at in range(20) if 10**at % factor.denominator == 0), None)
    whole = _EXACT_PLACES if places is None else max(places * periods, 1)
    if whole > _EXACT_PLACES_MAX or 10**whole % amount.denominator:
        whole = _EXACT_PLACES
    return decimal_text(amount, whole, Rounding.HALF_EVEN)


def fixed_deposit_validation(fields: Fields, _: str | None) -> Answer:
    """Whether the terms can be: the term must be a whole number of compounding periods."""
    fields.money("principal")
    fields.rate_e8("annual_rate_pct")
    fields.whole("posting_months", None)
    term, compounding = fields.whole("term_months"), fields.whole("compounding_months")
    fields.finish()
    check_compounding(term, compounding)
    line = f"{term} months are {term // compounding} periods of {compounding} months"
    return Answer(result={"result": "VALID"}, explanation=(line,))


def fixed_deposit_premature(fields: Fields, _: str | None) -> Answer:
    """Closed before maturity: simple interest of the days held at the chart's rate less points."""
    principal, closed_on = fields.money("principal"), fields.day("closed_on")
    written = read_chart(fields, "rate_chart", ChartPrimary.TERM)
    penalty = fields.rate_e8("penal_rate_pct", 0)
    source = fields.choice("penal_applies_to", _PENAL_SOURCE)
    day_count, mode, decimals = read_day_count(fields), fields.rounding(), fields.decimals
    start, maturity = read_term(fields)
    if not start <= closed_on < maturity:
        expected = f"{day_text(start)} or later, before maturity on {day_text(maturity)}"
        raise fields.wrong("closed_on", expected)
    months = completed_months(start, maturity if source is RateSource.CHART_TERM else closed_on)
    rate = written.chart().annual_rate_e8(term_months=months, amount_satang=principal)
    terms = PlacementTerms(
        principal_satang=principal,
        start=start,
        maturity=maturity,
        annual_rate_e8=rate,
        day_count=day_count,
        rounding=RoundingRule(mode=mode),
    )
    rule = EarlyRule(from_months=0, to_months=None, source=source, penalty_e8=penalty)
    early = withdraw_early(
        terms,
        EarlyRules(rules=(rule,)),
        closed_on=closed_on,
        rates={source: Dated.of_changes("chart rate", start, rate, {})},
    )
    applied = rule.rate_e8(rate)
    lines = [
        f"chart rate for {months} months {percent_text(rate)}% less {percent_text(penalty)}%: "
        f"{percent_text(applied)}%"
    ]
    for piece in early.pieces:
        line = earning_line(
            (piece.start, piece.stop),
            principal,
            f"{percent_text(applied)}%",
            sum(piece.parts),
            day_count=day_count,
            decimals=decimals,
        )
        lines.append(f"{line} -> {settled_text(early.earned_satang, decimals, mode)}")
    result = {
        "applied_rate_pct": percent_text(applied),
        "amount": money_text(early.payout_satang, decimals),
    }
    return Answer(result=result, explanation=tuple(lines))


def fixed_deposit_tax(fields: Fields, _: str | None) -> Answer:
    """Interest to maturity and the tax withheld from it, once, when it is paid out."""
    tax = TaxRate(rate_e8=fields.rate_e8("withholding_tax_pct"))
    principal = fields.money("principal")
    if fields.has("segments"):
        gross, lines = _by_segments(fields, principal)
    else:
        growth = read_growth(fields)
        start, maturity = read_term(fields)
        gross, lines = matured(growth, {start: principal}, maturity)
    mode, decimals = fields.rounding(), fields.decimals
    withheld = withhold(gross - principal, tax, RoundingRule(mode=mode))
    interest = money_text(withheld.interest_satang, decimals)
    taken = settled_text(withheld.tax_satang, decimals, mode)
    line = f"{interest} x {percent_text(tax.rate_e8)}% tax = {taken}"
    result = {
        "gross": money_text(gross, decimals),
        "tax": money_text(withheld.tax_satang, decimals),
        "net": money_text(gross - withheld.tax_satang, decimals),
    }
    return Answer(result=result, explanation=(*lines, line))


def _by_segments(fields: Fields, principal: int) -> tuple[int, tuple[str, ...]]:
    """Simple interest of a deposit over numbers of days, each at a rate; added, then rounded."""
    year = read_fixed_year(fields)
    mode, decimals = fields.rounding(), fields.decimals
    parts = [
        (row.whole("days", most=SPAN_DAYS_MAX), row.rate_e8("annual_rate_pct"))
        for row in fields.rows("segments", required=True)
    ]
    fields.finish()
    if not parts:
        raise fields.wrong("segments", "at least one segment")
    exact, lines = 0, []
    for days, rate in parts:
        earned = interest_of(principal, Conditions.flat(rate), days * year.day_units).credit_exact
        exact += earned
        lines.append(
            f"{money_text(principal, decimals)} x {percent_text(rate)}% x {days} days of "
            f"{year.days} = {exact_text(earned, decimals)}"
        )
    interest = RoundingRule(mode=mode).settle(exact)
    lines.append(
        f"interest {exact_text(exact, decimals)} -> {settled_text(interest, decimals, mode)}"
    )
    return principal + interest, tuple(lines)


def recurring_deposit_maturity(fields: Fields, _: str | None) -> Answer:
    """The same amount paid in at equal steps of months, until one step after the last of them."""
    growth, deposit = read_growth(fields), fields.money("deposit")
    count, step = fields.whole("deposits"), fields.whole("every_months", 1)
    first = fields.day("first_deposit_date")
    fields.finish()
    if count * step > PERIODS_MAX:
        raise fields.wrong("deposits", f"deposits over at most {PERIODS_MAX} months")
    deposits = {add_months(first, step * at): deposit for at in range(count)}
    amount, lines = matured(growth, deposits, add_months(first, step * count))
    return Answer(result={"maturity": money_text(amount, growth.decimals)}, explanation=lines)
