"""A book in which placements have lived everything that can become of one, and its proof.

Placed on 2 February 2026 for three months; 4 May is a holiday, so that terms mature on the 5th:

* FD-1  co-op, monthly, rolls its principal at a new rate
* FD-2  company, at maturity, rolls all
* FD-3  person, monthly, paid out; SAV-3 is frozen in the night of 2 April
* FD-4  person, pledged, waits with its interest paid, paid out on 12 May
* FD-5  co-op, linked to SAV-5 since 10 April, which is frozen on 5 May: waits, nothing is paid
* FD-6  co-op, monthly, ended early on 20 March by the savings rate, after a proposal was rejected
* FD-7  company, at maturity, ended early on 20 April by its own rate
* FD-8  co-op, instructed on 10 April: to SAV-4, paid out
* FD-9  co-op, brought along from an old system, monthly, paid out
* FD-10 co-op, placed on 28 February to the month's last day, still in its first term

Beside them lie savings and special savings.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

from ledger import accounts
from ledger.db import Database
from ledger.parties import PartyKind
from ledger.posting.values import OpenAccount, PlaceHold, ReleaseHold, Status
from pricing.rates import parse_rate_percent
from pricing.slabs import SlabBasis
from products.catalogue import SPECIAL_SAVINGS, create_product
from products.contracts import by_no, open_savings_contract
from products.deposits.bringing import RunningPlacement, bring, taker_of
from products.deposits.offers import Holiday, add_holidays
from products.deposits.opening import PlacementOrder
from products.interest import Terms
from products.placements import InterestPaid
from tests.builders import post_units
from tests.products.placement_acts import accepted, end_early, instruct, pay_out, propose, reject
from tests.products.placement_scene import (
    AT_MATURITY,
    BAHT,
    FIX,
    MONTHLY,
    PAY_OUT,
    ROLL_ALL,
    ROLL_PRINCIPAL,
    Placements,
    approve,
    open_placements,
    steps,
)

FEB_1, FEB_2 = date(2026, 2, 1), date(2026, 2, 2)
MAY_4, MAY_5 = date(2026, 5, 4), date(2026, 5, 5)
SEVEN = 7_654_321_09
PLEDGE = UUID(int=4)
SPECIAL = "SPECIAL"


async def opened(database: Database) -> Placements:
    """The book on 2 February with its savings, special savings, and 4 May announced."""
    made = await open_placements(
        database, opened_on=FEB_2, rates={FEB_2: steps((0, "1.0000"), (1_000_000 * BAHT, "2.2500"))}
    )
    for number in ("SAV-4", "SAV-5"):
        await made.savings.open(number)
    pool = made.savings.pool
    async with pool.acquire() as connection, connection.transaction():
        await add_holidays(
            connection, 1, [Holiday(on=MAY_4, name_th="วันฉัตรมงคล", name_en="Coronation Day")]
        )
        special = replace(
            made.savings.product,
            product_code=SPECIAL,
            family=SPECIAL_SAVINGS,
            slab_rule=SlabBasis.SLICE,
            terms=Terms(
                day_count=made.product.terms.day_count,
                rounding=made.product.terms.rounding,
                capitalisation_days=frozenset({"03-31"}),
            ),
        )
        await create_product(connection, special)
        (account,) = await accounts.reserve_ids(connection, 1)
    await approve(database, SPECIAL, FEB_2, steps((0, "0.5000"), (100_000 * BAHT, "1.5000")), FEB_1)
    unit = open_savings_contract(
        product=special,
        contract_no="SPC-1",
        party_id=1,
        account_id=account,
        name_th="-",
        name_en="-",
        actor="test:clerk",
    )
    (outcome,) = await post_units(pool, 1, [unit])
    assert outcome.status is Status.ACCEPTED, outcome
    made.savings.accounts["SPC-1"] = account
    await made.savings.move("SPC-1", 250_000 * BAHT)
    return made


async def lived(database: Database) -> Placements:
    """The book after the night of 15 May."""
    made = await opened(database)
    await placed(made)
    await through_april(made)
    await made.savings.nights(through=MAY_4)
    await made.savings.freeze("SAV-5")
    await made.savings.nights(through=MAY_5)
    await made.savings.freeze("SAV-5", thaw=True)
    await made.savings.nights(through=date(2026, 5, 11))
    await made.savings.do(ReleaseHold(hold_id=PLEDGE))
    await accepted(made, await pay_out(made, "FD-4"))
    await made.savings.nights(through=date(2026, 5, 15))
    return made


async def a_month(database: Database) -> Placements:
    """Terms of one month: one rolls all after tax, one is paid out, one is ended early."""
    made = await open_placements(
        database, opened_on=FEB_1, rates={FEB_1: "2.2500"}, months=1, paid=(AT_MATURITY,)
    )
    holiday = Holiday(on=date(2026, 3, 2), name_th="หยุด", name_en="Holiday")
    async with made.savings.pool.acquire() as connection, connection.transaction():
        await add_holidays(connection, 1, [holiday])
    await made.savings.night(FEB_1)
    await made.place("ROLLS", SEVEN, linked_no="SAV-3", instruction=ROLL_ALL)
    await made.place("ENDS", SEVEN)
    await made.place("EARLY", SEVEN)
    await made.approve(date(2026, 3, 1), "2.5000", FEB_2)
    await made.savings.nights(through=date(2026, 2, 19))
    await end_early(made, "EARLY")
    await made.savings.nights(through=date(2026, 3, 4))
    return made


async def placed(made: Placements) -> None:
    """What is placed on 2 February, and the one that runs already."""
    await made.place("FD-1", SEVEN, paid=MONTHLY, instruction=ROLL_PRINCIPAL)
    await made.place("FD-2", SEVEN, linked_no="SAV-2", instruction=ROLL_ALL)
    await made.place("FD-3", SEVEN, linked_no="SAV-3", paid=MONTHLY)
    await made.place("FD-4", SEVEN, linked_no="SAV-3")
    await made.place("FD-5", SEVEN, linked_no="SAV-1")
    await made.place("FD-6", SEVEN, paid=MONTHLY, instruction=ROLL_ALL)
    await made.place("FD-7", SEVEN, linked_no="SAV-2")
    await made.place("FD-8", 400_000 * BAHT, instruction=ROLL_ALL)
    await bring_along(made, "FD-9", date(2025, 12, 20))
    await made.savings.do(
        PlaceHold(hold_id=PLEDGE, account=made.savings.accounts["FD-4"], amount_satang=BAHT)
    )


async def through_april(made: Placements) -> None:
    """Rates change, FD-6 and FD-7 end early, FD-8 is instructed, SAV-3 is frozen for a night."""
    nights = made.savings.nights
    await nights(through=date(2026, 2, 27))
    await made.place("FD-10", SEVEN, instruction=PAY_OUT)
    await nights(through=date(2026, 3, 18))
    await accepted(made, await propose(made, "FD-6"))
    await accepted(made, await reject(made, "FD-6"))
    await nights(through=date(2026, 3, 19))
    await end_early(made, "FD-6")
    await nights(through=date(2026, 4, 1))
    await made.savings.freeze("SAV-3")
    await nights(through=date(2026, 4, 2))
    await made.savings.freeze("SAV-3", thaw=True)
    await nights(through=date(2026, 4, 9))
    await accepted(made, await instruct(made, "FD-8", linked_no="SAV-4", instruction=PAY_OUT))
    await accepted(made, await instruct(made, "FD-5", linked_no="SAV-5"))
    await nights(through=date(2026, 4, 19))
    await end_early(made, "FD-7")
    await made.approve(date(2026, 5, 1), "2.5000", made.savings.today)


async def bring_along(
    made: Placements, number: str, begins_on: date, paid: InterestPaid = MONTHLY
) -> None:
    """Take over 1,000,000.00 at 3 %, linked to SAV-1, as an old system had accrued it by today."""
    pool, today = made.savings.pool, made.savings.today
    order = PlacementOrder(
        contract_no=number,
        product_code=FIX,
        linked_no="SAV-1",
        amount_satang=1_000_000 * BAHT,
        paid=paid,
        instruction=PAY_OUT,
    )
    async with pool.acquire() as connection:
        (account,) = await accounts.reserve_ids(connection, 1)
        taker = await taker_of(
            connection, 1, FIX, opening_account=made.savings.bank, on=today, actor="test:cut-over"
        )
        linked = await by_no(connection, 1, "SAV-1")
    opened_account = OpenAccount(
        account=account,
        code=number,
        gl_code=made.product.gl_deposits,
        currency="THB",
        name_th="-",
        name_en="-",
        party_id=1,
        balance_min=0,
    )
    rate = parse_rate_percent("3.0000")
    running = RunningPlacement(order=order, begins_on=begins_on, annual_rate_e8=rate)
    await accepted(made, bring(taker, running, linked, opened_account, PartyKind.COOPERATIVE))
    made.savings.accounts[number] = account
