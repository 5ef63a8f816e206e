"""Kinds `apr` and `hire_purchase`, which no product here has: `products.calculators` answers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from products.calc.answers import Answer, decimal_text, money_text, percent_text
from products.calc.fields import Fields
from products.calculators.apr import PAYMENTS_MAX, annual_percentage_rate
from products.calculators.flat import hire_purchase as hire

_UNIT_PERIODS: Mapping[str, int] = {
    "YEAR": 1,
    "QUARTER": 4,
    "MONTH": 12,
    "SEMI_MONTH": 24,
    "WEEK": 52,
    "DAY": 365,
}
_PERIODS_PER_YEAR_MAX = 365


def apr(fields: Fields, _: str | None) -> Answer:
    """The annual percentage rate of payments by unit periods, two places, half-up."""
    financed = fields.money("amount_financed")
    rows = [
        (row.whole("count", most=PAYMENTS_MAX), row.money("amount"))
        for row in fields.rows("payments", required=True)
    ]
    word = fields.choice("unit_period", {name: name for name in _UNIT_PERIODS}, None)
    per_year = fields.whole("unit_periods_per_year", most=_PERIODS_PER_YEAR_MAX)
    full = fields.whole("first_payment_full_unit_periods", least=0)
    fraction = fields.ratio("first_payment_fraction", Fraction(0))
    fields.finish()
    if word is not None and _UNIT_PERIODS[word] != per_year:
        raise fields.wrong("unit_periods_per_year", f"{_UNIT_PERIODS[word]} for {word}")
    if fraction >= 1:
        raise fields.wrong("first_payment_fraction", "less than a whole unit period")
    if sum(count for count, _ in rows) > PAYMENTS_MAX:
        raise fields.wrong("payments", f"at most {PAYMENTS_MAX:,} payments together")
    rate = annual_percentage_rate(
        amount_financed=financed,
        payments=[amount for count, amount in rows for _ in range(count)],
        first_full_periods=full,
        first_fraction=fraction,
        periods_per_year=per_year,
    )
    text = decimal_text(rate, 2)
    line = (
        f"{money_text(financed, fields.decimals)} equals the payments discounted at {text}% / "
        f"{per_year} a unit period; the first comes after {full} + {fraction} unit periods"
    )
    return Answer(result={"apr_pct": text}, explanation=(line,))


def hire_purchase(fields: Fields, _: str | None) -> Answer:
    """Flat interest and equal instalments with VAT."""
    principal, rate = fields.money("principal"), fields.rate_e8("flat_rate_pct_per_month")
    count, vat = fields.whole("number_of_repayments"), fields.rate_e8("vat_pct", 0)
    mode, decimals = fields.rounding(), fields.decimals
    fields.finish()
    terms = hire(
        principal_satang=principal, monthly_rate_e8=rate, instalments=count, vat_e8=vat, mode=mode
    )
    amounts = {
        "total_interest": terms.interest_satang,
        "instalment": terms.instalment_satang,
        "instalment_with_vat": terms.instalment_with_vat_satang,
        "total_with_vat": terms.total_with_vat_satang,
    }
    texts = {name: money_text(amount, decimals) for name, amount in amounts.items()}
    owed, tax = money_text(principal, decimals), f"{percent_text(vat)}%"
    lines = (
        f"interest: {owed} x {percent_text(rate)}% x {count} months = {texts['total_interest']}",
        f"instalment: ({owed} + interest) / {count} = {texts['instalment']}",
        f"with VAT of {tax} on the unrounded instalment = {texts['instalment_with_vat']}",
        f"in all: ({owed} + interest) with VAT of {tax} = {texts['total_with_vat']}",
    )
    return Answer(result=texts, explanation=lines)
