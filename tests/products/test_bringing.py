"""Placements of an old system go on here: what was paid there stays paid, the rest is paid here.

1,000,000.00 at 3 % for three months: 82.1917… a day, whoever keeps the books.
"""

from __future__ import annotations

from datetime import date

import pytest

from ledger import accounts
from ledger.db import Database
from ledger.errors import InvalidInput
from ledger.parties import PartyKind
from ledger.posting.values import OpenAccount, Status
from pricing.rates import parse_rate_percent
from products.contracts import by_no
from products.deposits.bringing import RunningPlacement, bring, taker_of
from products.deposits.opening import PlacementOrder
from products.deposits.values import Instruction
from tests.builders import post_units
from tests.products.placement_scene import (
    AT_MATURITY,
    BAHT,
    FIX,
    HUNDRED_MILLION,
    MONTHLY,
    PAY_OUT,
    ROLL_PRINCIPAL,
    Placements,
    open_placements,
)

MAY_31, JUNE_1, JUNE_2 = date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 2)
MILLION = 1_000_000 * BAHT


async def brought(made: Placements, begins_on: date, **wanted: object) -> None:
    """Take over FD-1, linked to SAV-1, as it stood in the old system on the night of 31 May."""
    facts: dict[str, object] = {"paid": AT_MATURITY, "instruction": PAY_OUT}
    order = PlacementOrder(
        contract_no="FD-1",
        product_code=FIX,
        linked_no="SAV-1",
        amount_satang=MILLION,
        **(facts | wanted),  # type: ignore[arg-type]  # the facts are named by the caller
    )
    pool = made.savings.pool
    async with pool.acquire() as connection:
        (number,) = await accounts.reserve_ids(connection, 1)
        taker = await taker_of(
            connection,
            1,
            FIX,
            opening_account=(await accounts.position(connection, 1, "BANK")).account.account_id,
            on=MAY_31,
            actor="test:cut-over",
        )
        linked = await by_no(connection, 1, "SAV-1")
    account = OpenAccount(
        account=number,
        code="FD-1",
        gl_code="211300",
        currency="THB",
        name_th="-",
        name_en="-",
        party_id=1,
        balance_min=0,
    )
    rate = parse_rate_percent("3.0000")
    running = RunningPlacement(order=order, begins_on=begins_on, annual_rate_e8=rate)
    (outcome,) = await post_units(
        pool, 1, [bring(taker, running, linked, account, PartyKind.COOPERATIVE)]
    )
    assert outcome.status is Status.ACCEPTED, outcome
    made.savings.accounts["FD-1"] = number


async def scene(database: Database) -> Placements:
    """The book on 31 May, 2.25 % for what begins here."""
    return await open_placements(database, opened_on=MAY_31, rates={MAY_31: "2.2500"})


async def test_a_term_brought_along_pays_at_maturity_what_it_has_earned_in_both_systems(
    database: Database,
) -> None:
    made = await scene(database)
    await brought(made, date(2026, 3, 10))
    await made.savings.nights(through=date(2026, 6, 9))
    assert await made.balance("SAV-1") == HUNDRED_MILLION
    await made.savings.nights(through=date(2026, 6, 10))
    interest = 7_561_64  # 92 dates, 10 March to 9 June, of 82.1917...
    assert await made.balance("SAV-1") == HUNDRED_MILLION + MILLION + interest
    (contract,) = await made.rows("contract", "FD-1")
    assert contract["closed_on"] == date(2026, 6, 10)


async def test_a_coupon_of_the_opening_date_was_paid_by_the_old_system(database: Database) -> None:
    made = await scene(database)
    await brought(made, date(2026, 3, 31), paid=MONTHLY, instruction=ROLL_PRINCIPAL)
    pays_on = [row["pays_on"] for row in await made.rows("coupon", "FD-1")]
    assert pays_on == [date(2026, 4, 30), MAY_31, date(2026, 6, 30)]
    await made.savings.nights(through=JUNE_1)
    assert await made.rows("capitalisation", "FD-1") == []
    await made.savings.nights(through=date(2026, 6, 30))
    (paid,) = await made.rows("capitalisation", "FD-1")
    assert paid["amount_satang"] == 2_465_75  # 30 dates, 31 May to 29 June


@pytest.mark.parametrize(
    ("begins_on", "paid", "interest"),
    [
        (date(2026, 4, 1), MONTHLY, 2_547_95),  # 31 dates of May
        (date(2026, 3, 1), AT_MATURITY, 7_561_64),  # 92 dates, March to May
    ],
    ids=["a coupon", "the maturity"],
)
async def test_what_falls_due_on_the_first_date_here_is_paid_by_its_night(
    database: Database, begins_on: date, paid: object, interest: int
) -> None:
    made = await scene(database)
    await brought(made, begins_on, paid=paid, instruction=ROLL_PRINCIPAL)
    await made.savings.nights(through=JUNE_1)
    (row,) = await made.rows("capitalisation", "FD-1")
    assert (row["made_on"], row["amount_satang"]) == (JUNE_1, interest)
    assert len(await made.rows("term", "FD-1")) == (2 if paid is AT_MATURITY else 1)
    await made.savings.nights(through=JUNE_2)


async def test_a_sum_paid_out_on_the_first_date_here_bears_nothing_any_more(
    database: Database,
) -> None:
    made = await scene(database)
    await brought(made, date(2026, 3, 1), instruction=Instruction.PAY_OUT)
    await made.savings.nights(through=JUNE_2)
    assert await made.balance("SAV-1") == HUNDRED_MILLION + MILLION + 7_561_64
    assert await made.balance("FD-1") == 0


async def test_a_placement_whose_early_rules_have_no_rate_of_its_dates_is_not_taken_over(
    database: Database,
) -> None:
    made = await scene(database)
    with pytest.raises(InvalidInput, match=r"a rate of SAVINGS from that date on"):
        await brought(made, date(2020, 3, 10))
