"""Kinds about one instalment: what a payment settles, and what being late with it costs.

Neither needs a schedule or a date: balance, rate and a number of days are stated. The payment goes
through the same split, and the overdue principal through the same default interest, as those of a
contract. Days of the year are a stated number; "ACTUAL" has no meaning without dates and is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from ledger.money import AMOUNT_MAX, Rounding, round_ratio
from products.allocation.splitting import allocate
from products.allocation.values import Due, Kind, Owed
from products.calc.answers import Answer, decimal_text, money_text, percent_text
from products.calc.fields import SPAN_DAYS_MAX, Fields
from products.default_interest import (
    BANK_OF_THAILAND_CAP,
    RATE_ONE_E8,
    OverdueStretch,
    default_interest,
)

_YEARS: Mapping[str, int] = {"365": 365, "360": 360, "364": 364}
_YEAR = 365
_ON = date(2000, 1, 1)
"""Stands for the day of payment; no result depends on it."""
_PLACES_SHOWN = 6


def instalment_split(fields: Fields, _engine: str | None) -> Answer:
    """A payment against the interest of some days, the rest against principal at once.

    Inputs `opening_balance`, `annual_rate_pct`, `days`, `payment`. Interest that the payment does
    not reach is told as `interest_unpaid`; it stays interest and does not join the balance. A
    payment larger than what is owed is refused.
    """
    balance = fields.money("opening_balance")
    rate_e8 = fields.rate_e8("annual_rate_pct")
    days = fields.whole("days", least=0, most=SPAN_DAYS_MAX)
    year = fields.choice("days_in_year", _YEARS, _YEAR)
    payment = fields.money("payment")
    mode = fields.rounding()
    fields.finish()
    exact = Fraction(balance * rate_e8 * days, RATE_ONE_E8 * year)
    interest = round_ratio(exact.numerator, exact.denominator, mode)
    if payment > balance + interest:
        most = money_text(balance + interest, fields.decimals)
        raise fields.wrong("payment", f"at most {most}, which is all that is owed")
    if balance + interest > AMOUNT_MAX:
        most = money_text(AMOUNT_MAX, fields.decimals)
        raise fields.wrong("opening_balance", f"one that comes to at most {most} with its interest")
    due = Due(number=1, due_date=_ON, principal_satang=balance, interest_satang=interest)
    split = allocate(amount_satang=payment, value_date=_ON, owed=Owed(dues=(due,)))
    paid, principal = split.of_kind(Kind.INTEREST), split.of_kind(Kind.PRINCIPAL)
    result = {"interest": paid, "principal": principal, "balance": balance - principal}
    if paid < interest:
        result["interest_unpaid"] = interest - paid
    text = {name: money_text(amount, fields.decimals) for name, amount in result.items()}
    return Answer(
        result=text,
        explanation=(
            f"interest: {_interest_line(balance, rate_e8, days, year, mode, fields.decimals)}",
            f"payment {money_text(payment, fields.decimals)}: interest {text['interest']} first, "
            f"then principal {text['principal']}",
            f"balance: {money_text(balance, fields.decimals)} - {text['principal']} = "
            f"{text['balance']}; unpaid interest never joins it",
        ),
    )


def default_interest_of(fields: Fields, _engine: str | None) -> Answer:
    """What the principal of an overdue instalment costs, at the contract's rate and a margin.

    Inputs `overdue_principal`, `contract_rate_pct`, `default_margin_pct`, `days_overdue`, and a
    remark `loan`. A margin above the Bank of Thailand's cap of 3% is refused.
    """
    fields.text("loan", "")
    principal = fields.money("overdue_principal", least=0)
    contract_e8 = fields.rate_e8("contract_rate_pct")
    margin_e8 = fields.rate_e8("default_margin_pct")
    days = fields.whole("days_overdue", least=0, most=SPAN_DAYS_MAX)
    year = fields.choice("days_in_year", _YEARS, _YEAR)
    mode = fields.rounding()
    fields.finish()
    extra_e8 = BANK_OF_THAILAND_CAP.extra_e8(contract_e8, margin_e8)
    if extra_e8 < margin_e8:
        most = percent_text(extra_e8)
        raise fields.wrong(
            "default_margin_pct", f"at most {most}, the Bank of Thailand's cap (SorKorSor2 9/2563)"
        )
    cost = default_interest(
        [
            OverdueStretch(
                principal_satang=principal,
                years=Fraction(days, year),
                contract_rate_e8=contract_e8,
                extra_rate_e8=extra_e8,
            )
        ]
    )

    def shown(amount: int) -> str:
        return money_text(amount, fields.decimals)

    both_e8 = contract_e8 + extra_e8
    line = _interest_line(principal, both_e8, days, year, mode, fields.decimals)
    contract, extra = percent_text(contract_e8), percent_text(extra_e8)
    return Answer(
        result={
            "default_rate_pct": percent_text(both_e8),
            "default_interest": shown(cost.whole_satang(mode)),
        },
        explanation=(
            f"default rate: contract {contract}% + margin {extra}% = {percent_text(both_e8)}%, "
            "on the overdue instalment's principal only",
            f"default interest: {line}",
            f"apart: at the contract's rate {shown(cost.contract_satang(mode))}, "
            f"extra {shown(cost.extra_satang(mode))}",
        ),
    )


def _interest_line(
    balance: int, rate_e8: int, days: int, year: int, mode: Rounding, decimals: int
) -> str:
    exact = Fraction(balance * rate_e8 * days, RATE_ONE_E8 * year)
    rounded = money_text(round_ratio(exact.numerator, exact.denominator, mode), decimals)
    shown = decimal_text(exact / 10**decimals, decimals + _PLACES_SHOWN, Rounding.DOWN)
    more = "" if (exact * 10**_PLACES_SHOWN).denominator == 1 else "…"
    return (
        f"{money_text(balance, decimals)} x {percent_text(rate_e8)}% x {days}/{year} = "
        f"{shown}{more}, {mode.name} to {rounded}"
    )
