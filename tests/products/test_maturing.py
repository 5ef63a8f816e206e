"""Fixed deposits live their terms: coupons are paid, terms roll, sums go back or wait.

10,000,000.00 at 2.25 % for three months from 2 February 2026: coupons on 2 March and 2 April, the
last on 4 May, because 2 May is a Saturday.
"""

from __future__ import annotations

from datetime import date

import pytest

from ledger.db import Database
from tests.products.closing_scene import differences
from tests.products.placement_scene import (
    AT_MATURITY,
    BAHT,
    HUNDRED_MILLION,
    MONTHLY,
    PAY_OUT,
    ROLL_ALL,
    ROLL_PRINCIPAL,
    Placements,
    open_placements,
)

FEB_2 = date(2026, 2, 2)
MAY_4 = date(2026, 5, 4)
TEN_MILLION = 10_000_000 * BAHT


async def scene(database: Database) -> Placements:
    """The book on 2 February, the rate 2.25 %."""
    return await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})


async def test_a_coupon_pays_its_rounded_interest_to_the_linked_savings(database: Database) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, paid=MONTHLY, instruction=ROLL_PRINCIPAL)
    await made.savings.nights(through=date(2026, 3, 1))
    before = await made.balance("SAV-1")
    report = await made.savings.night(date(2026, 3, 2))
    assert await made.balance("SAV-1") - before == 17_260_27
    assert report.step("mature").amount_satang == 17_260_27
    assert await made.balance("FD-1") == TEN_MILLION


async def test_a_term_that_rolls_its_principal_begins_at_the_rate_of_that_date(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, paid=MONTHLY, instruction=ROLL_PRINCIPAL)
    await made.savings.nights(through=date(2026, 4, 30))
    await made.approve(MAY_4, "2.5000", made.savings.today)
    await made.savings.nights(through=MAY_4)
    first, second = await made.rows("term", "FD-1")
    assert (first["nominal_on"], first["matures_on"]) == (date(2026, 5, 2), MAY_4)
    assert (second["begins_on"], second["annual_rate_e8"]) == (MAY_4, 2_500_000)
    paid = [row["amount_satang"] for row in await made.rows("capitalisation", "FD-1")]
    assert paid == [17_260_27, 19_109_59, 19_726_03]


async def test_a_term_that_is_paid_out_closes_and_bears_on_savings_from_that_date(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, instruction=PAY_OUT)
    assert await made.balance("SAV-1") == HUNDRED_MILLION - TEN_MILLION
    await made.savings.nights(through=MAY_4)
    assert await made.balance("SAV-1") == HUNDRED_MILLION + 56_095_89
    position = await made.position("FD-1")
    assert (position.balance_satang, position.closed) == (0, True)
    (contract,) = await made.rows("contract", "FD-1")
    assert contract["closed_on"] == MAY_4


async def test_rolling_all_adds_the_interest_after_tax_to_the_principal(database: Database) -> None:
    made = await scene(database)
    await made.place("FD-3", TEN_MILLION, linked_no="SAV-3", instruction=ROLL_ALL)
    await made.savings.nights(through=MAY_4)
    tax = 8_414_38  # 15 % of 56,095.89 is 8,414.3835
    assert await made.balance("FD-3") == TEN_MILLION + 56_095_89 - tax
    assert await made.balance("TAX-PAYABLE") == tax
    (withheld,) = await made.rows("tax_withheld", "FD-3")
    assert (withheld["interest_satang"], withheld["tax_satang"]) == (56_095_89, tax)
    assert withheld["form"] == "ภ.ง.ด.2"
    _, second = await made.rows("term", "FD-3")
    assert second["principal_satang"] == TEN_MILLION + 56_095_89 - tax


async def test_a_company_is_taxed_one_per_cent_and_a_co_op_nothing(database: Database) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION)
    await made.place("FD-2", TEN_MILLION, linked_no="SAV-2")
    await made.savings.nights(through=MAY_4)
    assert await made.balance("TAX-PAYABLE") == 560_96
    assert await made.balance("SAV-2") == HUNDRED_MILLION + 56_095_89 - 560_96


async def test_a_frozen_linked_account_lets_the_principal_roll_and_its_interest_wait(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, instruction=ROLL_PRINCIPAL)
    await made.savings.nights(through=date(2026, 5, 3))
    await made.savings.freeze("SAV-1")
    report = await made.savings.night(MAY_4)
    (listed,) = report.step("mature").refused
    assert (listed.code, listed.keeps_day_open) == ("account_frozen_credit", False)
    assert len(await made.rows("term", "FD-1")) == 2
    assert await made.rows("capitalisation", "FD-1") == []
    assert await made.balance("FIX-PAYABLE") == 56_095_89 + 616_44


@pytest.mark.parametrize("paid", [AT_MATURITY, MONTHLY], ids=["at maturity", "monthly"])
async def test_the_book_is_proven_after_terms_that_rolled_all(
    database: Database, paid: object
) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, paid=paid, instruction=ROLL_ALL)
    await made.savings.nights(through=date(2026, 8, 10))
    assert [t["term_no"] for t in await made.rows("term", "FD-1")] == [1, 2, 3]
    assert await differences(made.savings) == []


async def test_a_coupon_that_meets_a_freeze_is_left_and_comes_with_the_next_one(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, paid=MONTHLY, instruction=PAY_OUT)
    await made.savings.nights(through=date(2026, 3, 1))
    await made.savings.freeze("SAV-1")
    report = await made.savings.night(date(2026, 3, 2))
    (listed,) = report.step("mature").refused
    assert (listed.code, listed.keeps_day_open) == ("account_frozen_credit", False)
    noted = await made.savings.pool.fetchval(
        "SELECT e.amount_satang FROM ledger.event AS e WHERE e.kind = 150"
    )
    assert noted == 17_260_27
    await made.savings.freeze("SAV-1", thaw=True)
    await made.savings.nights(through=date(2026, 4, 2))
    rows = await made.rows("capitalisation", "FD-1")
    paid = [(row["period_end"], row["amount_satang"]) for row in rows]
    assert paid == [(date(2026, 4, 1), 17_260_27 + 19_109_59)]
    assert await made.balance("FIX-PAYABLE") == 616_44
    assert await differences(made.savings) == []


async def test_a_coupon_of_nothing_pays_nothing_and_its_term_goes_on(database: Database) -> None:
    made = await scene(database)
    await made.place("FD-1", 1, paid=MONTHLY, instruction=ROLL_ALL)
    await made.savings.nights(through=MAY_4)
    assert await made.rows("capitalisation", "FD-1") == []
    first, second = await made.rows("term", "FD-1")
    assert (first["principal_satang"], second["principal_satang"]) == (1, 1)
