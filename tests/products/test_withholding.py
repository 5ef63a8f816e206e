"""Tax withheld from interest: the row of holder, product and date, and nothing by default."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.money import Rounding
from products.interest.rounding import RoundingRule
from products.withholding import HolderType, TaxRate, TaxRow, TaxTable, withhold
from tests.products.night_by_night import rounded

COOP, COMPANY, PERSON = HolderType.COOPERATIVE, HolderType.COMPANY, HolderType.PERSON
ON = date(2025, 10, 15)


def row(
    holder: HolderType,
    rate: int,
    dates: tuple[date, date | None] = (date(2020, 1, 1), None),
    product: str = "note",
    form: str = "",
) -> TaxRow:
    """A line of the table, with its rate in 10^-8."""
    tax = TaxRate(rate_e8=rate, form=form)
    return TaxRow(holder=holder, product=product, from_date=dates[0], to_date=dates[1], tax=tax)


TABLE = TaxTable.of(
    [
        row(COOP, 0),
        row(COMPANY, 1_000_000, form="ภ.ง.ด.53"),
        row(PERSON, 15_000_000, form="ภ.ง.ด.2"),
        row(PERSON, 0, product="savings"),
    ]
)


@pytest.mark.parametrize(
    ("holder", "tax", "form"),
    [(PERSON, 43_941_78, "ภ.ง.ด.2"), (COMPANY, 2_929_45, "ภ.ง.ด.53"), (COOP, 0, "")],
)
def test_the_holder_of_a_note_decides_its_tax(holder: HolderType, tax: int, form: str) -> None:
    found = TABLE.withheld(292_945_21, holder, "note", ON)
    assert (found.tax_satang, found.tax.form) == (tax, form)
    assert found.net_satang == 292_945_21 - tax


def test_the_product_decides_too() -> None:
    assert TABLE.withheld(100_00, PERSON, "savings", ON).tax_satang == 0
    assert TABLE.withheld(100_00, PERSON, "note", ON).tax_satang == 15_00


def test_the_rate_of_the_date_of_payment_is_taken() -> None:
    change = date(2026, 1, 1)
    table = TaxTable.of(
        [
            row(PERSON, 10_000_000, (change, None)),
            row(PERSON, 15_000_000, (date(2020, 1, 1), change)),
        ]
    )
    taken = [
        table.withheld(100_00, PERSON, "note", on).tax_satang for on in (date(2025, 12, 31), change)
    ]
    assert taken == [15_00, 10_00]


@pytest.mark.parametrize("holder", [COOP, COMPANY])
def test_a_holder_that_the_table_does_not_name_is_refused_and_never_taxed_at_nothing(
    holder: HolderType,
) -> None:
    with pytest.raises(InvalidInput, match=f"no row of {holder.value}, savings"):
        TABLE.withheld(100_00, holder, "savings", ON)


def test_a_date_before_the_table_is_refused() -> None:
    with pytest.raises(InvalidInput, match="tax of person, note: got '2019-12-31'"):
        TABLE.withheld(100_00, PERSON, "note", date(2019, 12, 31))


def test_two_rates_for_one_date_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"tax of person, note.*an overlap"):
        TaxTable.of([row(PERSON, 1), row(PERSON, 2, (ON, None))])


def test_a_tax_may_take_nothing_or_all() -> None:
    taken = [withhold(7, TaxRate(rate_e8=rate)).tax_satang for rate in (0, 10**8)]
    assert taken == [0, 7]


@pytest.mark.parametrize("rate", [-1, 10**8 + 1])
def test_a_tax_is_a_part_of_the_interest(rate: int) -> None:
    with pytest.raises(InvalidInput, match="tax rate"):
        TaxRate(rate_e8=rate)


def test_interest_below_zero_has_no_tax() -> None:
    with pytest.raises(InvalidInput, match="interest: got -1; expected 0 or more"):
        TABLE.withheld(-1, COOP, "note", ON)


@given(
    interest=st.integers(0, 10**15),
    rate=st.integers(0, 10**8),
    mode=st.sampled_from(Rounding),
    step=st.sampled_from([1, 25, 100]),
)
def test_the_tax_is_the_rounded_part_of_the_interest(
    interest: int, rate: int, mode: Rounding, step: int
) -> None:
    found = withhold(interest, TaxRate(rate_e8=rate), RoundingRule(mode=mode, step_satang=step))
    assert found.tax_satang == rounded(Fraction(interest * rate, 10**8), mode, step)
