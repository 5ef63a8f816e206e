"""Ten examples worked by hand for this Facility: what `cff calc` and the pure functions must say.

Half-up to a satang, real days over 365 unless an example says otherwise. The percentages are of a
year, the drawdowns and dues at the end of the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from pricing.dated import Dated
from products.calc.run import calculate
from products.interest.day_counts import DayCount
from products.interest.earning import Conditions
from products.interest.rounding import HALF_UP_TO_A_SATANG
from products.interest.stretches import stretches

BAHT = 100
DRAWN = "2024-12-31"
MONTH_ENDS = [
    (date(2025 + month // 12, month % 12 + 1, 1) - timedelta(1)).isoformat()
    for month in range(1, 13)
]


def calculated(kind: str, **inputs: object) -> Any:
    """The result of one case, rounded as the Facility rounds."""
    case = {"id": "example", "kind": kind, "inputs": {**inputs, "rounding_mode": "HALF_UP"}}
    (told,) = calculate([case])
    assert "result" in told, told["error"]
    return told["result"]


def simple(balance: str, percent: str, days: int) -> str:
    """Simple interest of a steady balance over a number of days."""
    terms = {"balance": balance, "annual_rate_pct": percent, "days": days}
    interest = calculated("simple_daily_interest", **terms, days_in_year="365")["interest"]
    return str(interest)


def between(amount: str, percent: str, start: str, stop: str, day_count: str) -> str:
    """Simple interest from the first date to the day before the second."""
    result = calculated(
        "simple_daily_interest",
        movements=[{"date": start, "amount": amount}],
        end_date=stop,
        annual_rate_pct=percent,
        day_count=day_count,
        days_in_year="ACTUAL" if day_count == "ACT/ACT" else "365",
    )
    return str(result["interest"])


def summed(changes: Mapping[date, int], rates: Mapping[date, int], stop: date) -> int:
    """Satang that balances and rates by date earn; added up first, rounded once."""
    start = min(changes)
    conditions = {on: Conditions.flat(rate) for on, rate in rates.items()}
    runs = stretches(
        start=start,
        stop=stop,
        changes=changes,
        conditions=Dated.of_changes("rate", start, conditions[start], conditions),
        day_count=DayCount.ACT_365F,
    )
    return HALF_UP_TO_A_SATANG.settle(sum(run.earned.credit_exact for run in runs))


def test_savings_of_a_million_earn_1232_88_in_thirty_days() -> None:
    assert simple("1000000.00", "1.50", 30) == "1232.88"


def test_a_leap_year_earns_a_day_more_unless_the_year_is_counted_as_it_is() -> None:
    whole = ("10000000.00", "2.125")
    assert between(*whole, "2023-01-01", "2024-01-01", "ACT/365") == "212500.00"
    assert between(*whole, "2024-01-01", "2025-01-01", "ACT/365") == "213082.19"
    assert between(*whole, "2024-01-01", "2025-01-01", "ACT/ACT") == "212500.00"


def test_a_note_of_fifty_million_earns_292945_21_in_91_days() -> None:
    assert between("50000000.00", "2.35", "2025-07-16", "2025-10-15", "ACT/365") == "292945.21"
    withheld = {percent: HALF_UP_TO_A_SATANG.settle(29294521 * percent, 100) for percent in (15, 1)}
    assert withheld == {15: 43_941_78, 1: 2_929_45}


def test_a_loan_across_new_year_is_cut_at_the_first_of_january() -> None:
    loan = ("20000000.00", "4.25", "2023-12-01", "2024-01-31")
    assert between(*loan, "ACT/365") == "142054.79"
    assert between(*loan, "ACT/ACT") == "141863.91"


def test_two_rates_are_added_up_before_they_are_rounded() -> None:
    start, change = date(2025, 6, 1), date(2025, 6, 16)
    rates = {start: 4_250_000, change: 4_000_000}
    assert summed({start: 20_000_000 * BAHT}, rates, date(2025, 7, 1)) == 67_808_22


def instalment_loan(amortization: str, **more: object) -> Any:
    """Twelve million at 4.5%, drawn on the last day of 2024, paid on the month-ends of 2025."""
    return calculated(
        "loan_schedule",
        principal="12000000.00",
        disbursements=[{"date": DRAWN, "amount": "12000000.00"}],
        annual_rate_pct="4.5",
        number_of_repayments=12,
        repay_every=1,
        frequency="MONTHS",
        due_dates=MONTH_ENDS,
        amortization=amortization,
        **more,
    )


def test_equal_principal_of_a_million_a_month() -> None:
    plan = instalment_loan("EQUAL_PRINCIPAL")
    totals = [row["total"] for row in plan["rows"]]
    assert (totals[0], totals[1], totals[-1]) == ("1045863.01", "1037972.60", "1003821.92")
    assert plan["totals"]["interest"] == "291328.76"


def test_equal_instalments_are_rounded_up_to_a_hundred_and_the_last_takes_the_rest() -> None:
    plan = instalment_loan("EQUAL_INSTALMENTS", instalment_multiple_of="100")
    first, last = plan["rows"][0], plan["rows"][-1]
    assert (first["interest"], first["principal"]) == ("45863.01", "978736.99")
    assert {row["total"] for row in plan["rows"][:-1]} == {"1024600.00"}
    assert last["total"] == "1022666.61"
    assert plan["totals"]["interest"] == "293266.61"


def test_an_overdraft_pays_for_what_is_used_each_day_and_is_rounded_at_the_month_s_end() -> None:
    begin = date(2025, 6, 1)
    used = {
        begin: 3_000_000 * BAHT,
        begin + timedelta(10): 4_500_000 * BAHT,
        begin + timedelta(22): -7_500_000 * BAHT,
    }
    assert summed(used, {begin: 5_250_000}, begin + timedelta(30)) == 17_260_27


@pytest.mark.parametrize(
    ("rate", "interest"), [("4.5", "1047.95"), ("3", "698.63")], ids=["contract", "extra"]
)
def test_an_overdue_instalment_bears_the_contract_s_interest_and_the_extra(
    rate: str, interest: str
) -> None:
    assert simple("500000.00", rate, 17) == interest


def test_contract_rate_and_margin_together_are_the_default_rate() -> None:
    result = calculated(
        "default_interest",
        overdue_principal="500000.00",
        contract_rate_pct="4.5",
        default_margin_pct="3",
        days_overdue=17,
        days_in_year="365",
    )
    assert result == {"default_rate_pct": "7.5", "default_interest": "1746.58"}


def test_a_note_redeemed_early_earns_the_lower_rate_for_the_days_held() -> None:
    assert simple("20000000.00", "1.25", 120) == "82191.78"
    assert simple("20000000.00", "2.75", 120) == "180821.92"
