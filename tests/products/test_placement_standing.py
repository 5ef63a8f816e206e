"""Where a placement stands is told in one answer, and placements are listed by their maturity."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.db import Database
from ledger.errors import NotFound
from products.deposits.standing import PlacementState, list_placements
from tests.products.placement_acts import stands
from tests.products.placement_scene import (
    AT_MATURITY,
    BAHT,
    MONTHLY,
    PAY_OUT,
    ROLL_PRINCIPAL,
    open_placements,
)

FEB_2 = date(2026, 2, 2)
TEN_MILLION = 10_000_000 * BAHT


async def test_a_running_placement_tells_its_term_its_coupons_and_what_was_paid_and_withheld(
    database: Database,
) -> None:
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    await made.place("FD-3", TEN_MILLION, linked_no="SAV-3", paid=MONTHLY)
    await made.savings.nights(through=date(2026, 3, 2))
    found = await stands(made, "FD-3")
    assert found.state is PlacementState.RUNNING
    assert [each.amount_satang for each in found.coupons] == [17_260_27, 19_109_59, 19_726_03]
    paid = found.coupons[0].payment
    assert paid is not None
    assert (paid.made_on, paid.amount_satang) == (date(2026, 3, 2), 17_260_27)
    assert (found.tax_satang, paid.tax_form) == (2_589_04, "ภ.ง.ด.2")
    assert [each.payment for each in found.coupons[1:]] == [None, None]
    assert (found.accrued_satang, found.accrued_to) == (17_260_27 + 616_44, date(2026, 3, 2))
    assert found.owed_satang == 616_44
    assert (found.unproven, found.in_the_way, found.proposal) == (None, (), None)


async def test_a_savings_contract_is_no_placement(database: Database) -> None:
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    with pytest.raises(NotFound, match="no placement SAV-1"):
        await stands(made, "SAV-1")


async def test_what_would_keep_the_principal_from_leaving_is_named(database: Database) -> None:
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    await made.place("FD-1", TEN_MILLION)
    await made.savings.freeze("FD-1")
    await made.savings.freeze("SAV-1")
    assert (await stands(made, "FD-1")).in_the_way == (
        "account_frozen_debit",
        "account_frozen_credit",
    )


async def test_placements_are_listed_by_maturity_then_number_page_by_page(
    database: Database,
) -> None:
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    await made.place("FD-2", TEN_MILLION, linked_no="SAV-2", instruction=PAY_OUT)
    await made.place("FD-1", TEN_MILLION, instruction=ROLL_PRINCIPAL)
    await made.savings.night()
    await made.place("FD-0", TEN_MILLION)
    async with made.savings.pool.acquire() as connection:
        everything = await list_placements(connection, 1)
        first = await list_placements(connection, 1, limit=1)
        last = (first[0].matures_on, first[0].contract_no)
        rest = await list_placements(connection, 1, after=last)
        of_two = await list_placements(connection, 1, party_id=2)
        by_may_4 = await list_placements(connection, 1, matures_through=date(2026, 5, 3))
    # 2 May and 3 May are a Saturday and a Sunday: all mature on Monday, 4 May.
    assert [(each.matures_on.day, each.contract_no) for each in everything] == [
        (4, "FD-0"),
        (4, "FD-1"),
        (4, "FD-2"),
    ]
    assert [*first, *rest] == everything
    assert [each.contract_no for each in of_two] == ["FD-2"]
    assert by_may_4 == []


async def test_open_ones_are_listed_that_wait_and_those_whose_nights_are_still_to_run(
    database: Database,
) -> None:
    made = await open_placements(
        database, opened_on=FEB_2, rates={FEB_2: "2.2500"}, months=1, paid=[AT_MATURITY]
    )
    await made.place("FD-1", TEN_MILLION, instruction=PAY_OUT)
    await made.place("FD-2", TEN_MILLION, linked_no="SAV-2", instruction=ROLL_PRINCIPAL)
    await made.place("FD-3", TEN_MILLION, linked_no="SAV-3", instruction=PAY_OUT)
    await made.savings.freeze("FD-1")

    async def listed(*, is_open: bool) -> list[tuple[str, int]]:
        async with made.savings.pool.acquire() as connection:
            found = await list_placements(connection, 1, is_open=is_open)
        return [(each.contract_no, each.term_no) for each in found]

    for _ in range(30):
        await made.savings.cut()
    # 4 March, and no night has run since 2 February.
    assert await listed(is_open=True) == [("FD-1", 1), ("FD-2", 1), ("FD-3", 1)]
    await made.savings.nights(through=date(2026, 3, 20))
    assert await listed(is_open=True) == [("FD-1", 1), ("FD-2", 2)]
    assert await listed(is_open=False) == [("FD-3", 1)]
