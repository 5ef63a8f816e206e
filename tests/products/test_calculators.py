"""Calculators for kinds that no product has: compounding, effective rates, hire purchase."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.money import Rounding
from pricing.dated import Dated
from pricing.slabs import Slabs
from products.calculators.apr import PAYMENTS_MAX, annual_percentage_rate
from products.calculators.compounding import (
    CompoundingTerms,
    anniversaries,
    every_months,
    grow,
)
from products.calculators.flat import check_compounding, growth_by_months, hire_purchase
from products.interest.day_counts import DayCount
from products.interest.earning import Conditions, Overdraft
from products.interest.rounding import RoundingRule
from products.interest.running import run
from tests.products.night_by_night import nights, of_a_night, rounded

START = date(2024, 1, 31)
BOTH_SIDES = Conditions(slabs=Slabs.flat(7_000_000), overdraft=Overdraft(annual_rate_e8=9_000_000))
moves = st.dictionaries(
    st.integers(0, 99).map(lambda at: START + timedelta(at)),
    st.integers(-(10**9), 10**9),
    max_size=5,
)
periods = st.sampled_from([0, 1, 3, 6, 12])


def terms(
    compounds: Callable[[date], bool],
    posts: Callable[[date], bool],
    mode: Rounding = Rounding.HALF_EVEN,
    *,
    decimals: int = 2,
    settles: bool = True,
) -> CompoundingTerms:
    """7% above zero and 9% below, by real days over 365."""
    return CompoundingTerms(
        conditions=BOTH_SIDES,
        day_count=DayCount.ACT_365F,
        compounds=compounds,
        posts=posts,
        rounding=mode,
        decimals=decimals,
        settles_postings=settles,
    )


@given(changes=moves, posting=periods, mode=st.sampled_from([Rounding.UP, Rounding.DOWN]))
def test_without_interest_on_unposted_interest_it_is_one_of_our_accounts(
    changes: dict[date, int], posting: int, mode: Rounding
) -> None:
    # Up and down alone are the same in one step or in two (nine places, then the currency's).
    stop, ends = START + timedelta(100), every_months(posting)
    grown = grow(terms(ends, ends, mode), start=START, stop=stop, changes=changes)
    ours = run(
        start=START,
        stop=stop,
        changes=changes,
        conditions=Dated.of_changes("rates", START, BOTH_SIDES, {}),
        day_count=DayCount.ACT_365F,
        rounding=RoundingRule(mode=mode),
        ends_period=ends,
    )
    assert [
        (each.period_end, each.posted_credit_fine // 10**7, each.posted_debit_fine // 10**7)
        for each in grown.postings
    ] == [(each.period_end, each.credit_satang, each.debit_satang) for each in ours.postings]
    assert grown.balance_fine == ours.balance_satang * 10**7


@given(changes=moves, mode=st.sampled_from(Rounding), settles=st.booleans())
def test_compounding_daily_is_interest_on_all_interest_so_far(
    changes: dict[date, int], mode: Rounding, settles: bool
) -> None:
    stop, ends = START + timedelta(100), every_months(1)
    each_date = every_months(0)
    grown = grow(
        terms(each_date, ends, mode, settles=settles), start=START, stop=stop, changes=changes
    )
    balance, credit, debit = Fraction(0), Fraction(0), Fraction(0)
    for night in nights(START, stop):
        balance += Fraction(changes.get(night, 0), 100)
        bearing = balance + credit - debit
        rate = 7_000_000 if bearing > 0 else 9_000_000
        interest = abs(bearing) * of_a_night(1, rate, night, DayCount.ACT_365F)
        fine = Fraction(rounded(interest * 10**9, mode), 10**9)
        credit, debit = (credit + fine, debit) if bearing > 0 else (credit, debit + fine)
        if (night + timedelta(1)).day == 1:
            for side in (credit, -debit):
                satang = Fraction(rounded(side * 100, mode), 100)
                balance += satang if settles else side
            credit = debit = Fraction(0)
    assert Fraction(grown.balance_fine, 10**9) == balance
    assert Fraction(grown.unposted_credit_fine, 10**9) == credit
    assert Fraction(grown.unposted_debit_fine, 10**9) == debit


def test_a_year_s_periods_are_counted_from_the_month_it_begins_in() -> None:
    year = [*nights(date(2026, 1, 1), date(2027, 1, 1))]
    ended = {
        (months, begins): [f"{on:%m-%d}" for on in year if every_months(months, begins)(on)]
        for months, begins in ((3, 1), (3, 2), (6, 1), (6, 4), (12, 1), (12, 4))
    }
    assert ended == {
        (3, 1): ["03-31", "06-30", "09-30", "12-31"],
        (3, 2): ["01-31", "04-30", "07-31", "10-31"],
        (6, 1): ["06-30", "12-31"],
        (6, 4): ["03-31", "09-30"],
        (12, 1): ["12-31"],
        (12, 4): ["03-31"],
    }
    assert len([on for on in year if every_months(1)(on)]) == 12
    assert [on for on in year if every_months(12)(on)] == [date(2026, 12, 31)]
    assert all(every_months(0)(on) for on in year)


def test_anniversaries_are_counted_from_the_start_and_the_last_date_ends_one() -> None:
    last = date(2024, 8, 9)
    dates = [*nights(START, date(2024, 9, 1))]
    found = [f"{on:%m-%d}" for on in dates if anniversaries(START, 3, last)(on)]
    assert found == ["04-29", "07-30", "08-09"]
    found = [f"{on:%m-%d}" for on in dates if anniversaries(START, 3, date(2024, 7, 31))(on)]
    assert found == ["04-29", "07-30", "07-31"]
    assert all(anniversaries(START, 0, last)(on) for on in dates)


def financed(
    payments: list[int],
    amount: int,
    first: tuple[int, Fraction] = (1, Fraction(0)),
    per_year: int = 12,
) -> Fraction:
    """The rate of payments, monthly and the first after a month unless a test says otherwise."""
    return annual_percentage_rate(
        amount_financed=amount,
        payments=payments,
        first_full_periods=first[0],
        first_fraction=first[1],
        periods_per_year=per_year,
    )


@given(
    amount=st.integers(1_000, 10**8),
    parts=st.lists(st.integers(1, 10**6), min_size=1, max_size=30),
    extra=st.fractions(0, 1),
    full=st.integers(1, 3),
    fraction=st.fractions(min_value=Fraction(1, 90), max_value=Fraction(89, 90)),
    per_year=st.sampled_from([1, 4, 12, 52]),
)
def test_at_the_rate_payments_are_worth_what_was_financed(
    amount: int, parts: list[int], extra: Fraction, full: int, fraction: Fraction, per_year: int
) -> None:
    payments = [part * amount // sum(parts) + int(extra * amount) for part in parts]
    payments[-1] += max(amount - sum(payments), 0)

    def worth(percent: Decimal) -> Decimal:
        rate = percent / 100 / per_year
        odd = 1 + Decimal(fraction.numerator) / Decimal(fraction.denominator) * rate
        return sum(
            (payment / (odd * (1 + rate) ** (full + at)) for at, payment in enumerate(payments)),
            Decimal(0),
        )

    with localcontext() as context:
        context.prec = 80
        found = financed(payments, amount, (full, fraction), per_year)
        percent, half = Decimal(found.numerator) / Decimal(found.denominator), Decimal("0.005")
        assert found.denominator in {1, 2, 4, 5, 10, 20, 25, 50, 100}
        assert worth(percent + half) < amount
        assert percent == 0 or worth(percent - half) >= amount - Decimal("1e-60")


def test_a_single_payment_after_half_a_period_is_worth_simple_interest() -> None:
    assert financed([103_00], 100_00, (0, Fraction(1, 2))) == 72


def test_payments_that_only_repay_have_a_rate_of_nothing() -> None:
    assert financed([100, 100, 100], 300) == 0


@pytest.mark.parametrize(
    ("payments", "amount", "said"),
    [
        ([], 1, "payments: got 0; expected 1 to 2,400 payments"),
        ([1] * (PAYMENTS_MAX + 1), 1, "payments: got 2401"),
        (
            [100, 99],
            200,
            "payments: got 'a sum of 199'; expected at least 200, the amount",
        ),
    ],
)
def test_payments_that_no_loan_has_are_refused(payments: list[int], amount: int, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        financed(payments, amount)


def test_a_payment_with_the_advance_that_repays_it_at_once_fits_no_rate() -> None:
    with pytest.raises(InvalidInput, match="payments that no rate fits"):
        financed([200, 1], 200, (0, Fraction(0)))


@given(
    principal=st.integers(1, 10**10),
    rate=st.integers(0, 10**7),
    count=st.integers(1, 84),
    vat=st.sampled_from([0, 7_000_000, 10_000_000]),
    mode=st.sampled_from(Rounding),
)
def test_hire_purchase_spreads_principal_and_flat_interest_evenly(
    principal: int, rate: int, count: int, vat: int, mode: Rounding
) -> None:
    found = hire_purchase(
        principal_satang=principal,
        monthly_rate_e8=rate,
        instalments=count,
        vat_e8=vat,
        mode=mode,
    )
    interest = sum((Fraction(principal * rate, 10**8) for _ in range(count)), Fraction(0))
    taxed = (principal + interest) * Fraction(10**8 + vat, 10**8)
    assert found.interest_satang == rounded(interest, mode)
    assert found.instalment_satang == rounded((principal + interest) / count, mode)
    assert found.instalment_with_vat_satang == rounded(taxed / count, mode)
    assert found.total_with_vat_satang == rounded(taxed, mode)


def test_growth_by_months_is_a_twelfth_of_the_rate_a_month() -> None:
    assert growth_by_months(5_000_000, 3) == Fraction(10125, 10000)
    assert growth_by_months(7_000_000, 1) == 1 + Fraction(7, 1200)
    assert growth_by_months(0, 12) == 1


@pytest.mark.parametrize(("term", "compounding"), [(12, 7), (15, 6), (12, 24), (12, 0)])
def test_a_term_that_is_no_whole_number_of_periods_is_refused(term: int, compounding: int) -> None:
    with pytest.raises(InvalidInput, match=f"divides the term of {term}"):
        check_compounding(term, compounding)
    check_compounding(term, 3)
    check_compounding(term, 1)
