"""A placement is withdrawn early: two people, the figures they saw, and what it comes to.

10,000,000.00 at 2.25 % from 2 February 2026: 616.438356... a day; savings pay 1 %, 273.972602... a
day. Held less than a month it earns nothing, less than two the savings rate, then half its own.
"""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from ledger.db import Database
from ledger.errors import Forbidden, InvalidInput, NotFound
from ledger.posting.collector import Collector
from ledger.posting.ids import event_id
from ledger.posting.values import PlaceHold, Status
from products.deposits.early_ends import (
    CannotEndEarly,
    PayoutDiffers,
    do_early_end,
    propose_early_end,
)
from products.deposits.standing import PlacementState
from tests.builders import post_units
from tests.products.placement_acts import (
    CLERK,
    accepted,
    end,
    end_early,
    figures,
    propose,
    reject,
    stands,
)
from tests.products.placement_scene import (
    AT_MATURITY,
    BAHT,
    HUNDRED_MILLION,
    MONTHLY,
    ROLL_ALL,
    ROLL_PRINCIPAL,
    Placements,
    open_placements,
)
from tests.products.savings_scene import approve_rate

FEB_2 = date(2026, 2, 2)
TEN_MILLION = 10_000_000 * BAHT


async def scene(database: Database, through: date | None = None, **wanted: object) -> Placements:
    """FD-3 of the person, taxed 15 %, with monthly coupons unless told otherwise."""
    made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
    await made.place("FD-3", TEN_MILLION, linked_no="SAV-3", **({"paid": MONTHLY} | wanted))
    if through is not None:
        await made.savings.nights(through=through)
    return made


async def test_before_a_month_is_over_it_has_earned_nothing(database: Database) -> None:
    made = await scene(database, through=date(2026, 2, 27))
    seen = await end_early(made, "FD-3")
    assert (seen.held_months, seen.earned_satang, seen.interest) == (0, 0, None)
    assert seen.accrued_satang == 16_027_40  # 26 days, taken back
    assert seen.payout_satang == TEN_MILLION
    assert await made.balance("SAV-3") == HUNDRED_MILLION
    assert await made.balance("FIX-PAYABLE") == await made.balance("FIX-EXPENSE") == 0


async def test_what_the_savings_rate_would_have_paid_is_less_than_the_coupon_was(
    database: Database,
) -> None:
    # Until 15 March: 42 days, the savings rate 1 % through 28 February (27 days), then 1.5 % (14).
    made = await scene(database, through=date(2026, 2, 27))
    await approve_rate(database, 1, date(2026, 3, 1), "1.5000", date(2026, 2, 28))
    await made.savings.nights(through=date(2026, 3, 14))
    seen = await end_early(made, "FD-3")
    earned = 13_150_68  # 7,397.2603 and 5,753.4247, exact until their sum
    assert (seen.held_months, seen.earned_satang) == (1, earned)
    assert [piece.annual_rate_e8 for piece in seen.pieces] == [1_000_000, 1_500_000]
    # The coupon of 2 March was 17,260.27, less 15 % tax that stays withheld.
    assert (seen.paid_satang, seen.tax_kept_satang) == (17_260_27, 2_589_04)
    assert seen.claw_back_satang == 17_260_27 - earned
    assert seen.accrued_satang == 17_260_27 + 8_013_70
    assert seen.payout_satang == TEN_MILLION - seen.claw_back_satang
    assert await made.balance("SAV-3") == HUNDRED_MILLION + 17_260_27 - 2_589_04 - (
        17_260_27 - earned
    )
    assert await made.balance("FIX-EXPENSE") == -earned
    assert await made.balance("FIX-PAYABLE") == 0
    assert await made.balance("TAX-PAYABLE") == 2_589_04
    (withheld,) = await made.rows("tax_withheld", "FD-3")
    assert withheld["tax_satang"] == 2_589_04
    paid = [
        (row["period_end"], row["amount_satang"])
        for row in await made.rows("capitalisation", "FD-3")
    ]
    assert paid == [(date(2026, 3, 1), 17_260_27), (date(2026, 3, 14), earned - 17_260_27)]


async def test_what_is_owed_by_the_rule_is_paid_with_its_tax(database: Database) -> None:
    # 2 April: 59 days, two whole months; half of 2.25 % is 1.125 %: 18,184.93 in all.
    made = await scene(database, through=date(2026, 4, 1))
    seen = await end_early(made, "FD-3")
    assert (seen.held_months, seen.earned_satang, seen.paid_satang) == (2, 18_184_93, 17_260_27)
    assert seen.interest is not None
    owed, tax = 924_66, 138_70
    assert (seen.interest.interest_satang, seen.interest.tax_satang) == (owed, tax)
    assert seen.payout_satang == TEN_MILLION + owed - tax
    assert await made.balance("SAV-3") == HUNDRED_MILLION + 17_260_27 - 2_589_04 + owed - tax
    assert await made.balance("TAX-PAYABLE") == 2_589_04 + tax


async def test_interest_of_an_earlier_term_that_still_waits_is_paid_along(
    database: Database,
) -> None:
    made = await scene(
        database, through=date(2026, 5, 3), paid=AT_MATURITY, instruction=ROLL_PRINCIPAL
    )
    await made.savings.freeze("SAV-3")
    await made.savings.night()
    await made.savings.freeze("SAV-3", thaw=True)
    await made.savings.nights(through=date(2026, 5, 20))
    seen = await end_early(made, "FD-3")
    assert (seen.term_no, seen.earned_satang, seen.paid_satang) == (2, 0, -56_095_89)
    assert seen.payout_satang == TEN_MILLION + 56_095_89 - 8_414_38
    assert await made.balance("FIX-PAYABLE") == 0


async def test_a_rolled_term_begins_its_months_anew_and_its_grown_principal_is_returned(
    database: Database,
) -> None:
    made = await scene(database, through=date(2026, 5, 10), paid=AT_MATURITY, instruction=ROLL_ALL)
    seen = await end_early(made, "FD-3")
    grown = TEN_MILLION + 56_095_89 - 8_414_38
    assert (seen.held_months, seen.principal_satang, seen.payout_satang) == (0, grown, grown)


async def test_on_the_date_it_was_placed_it_is_returned_as_it_was(database: Database) -> None:
    made = await scene(database)
    seen = await end_early(made, "FD-3")
    assert (seen.accrued_satang, seen.payout_satang) == (0, TEN_MILLION)
    await made.savings.nights(through=date(2026, 2, 4))
    assert await made.balance("SAV-3") == HUNDRED_MILLION
    found = await stands(made, "FD-3")
    assert (found.state, found.accrued_satang) == (PlacementState.ENDED_EARLY, 0)


async def test_on_a_coupons_date_the_early_end_comes_before_the_night_that_would_pay_it(
    database: Database,
) -> None:
    made = await scene(database, through=date(2026, 3, 1))
    seen = await end_early(made, "FD-3")
    assert (seen.on, seen.held_months, seen.paid_satang) == (date(2026, 3, 2), 1, 0)
    report = await made.savings.night()
    assert report.step("mature").contracts == 0
    assert await made.balance("FIX-PAYABLE") == 0


async def test_who_proposed_it_neither_does_nor_rejects_it(database: Database) -> None:
    made = await scene(database, through=date(2026, 2, 10))
    await accepted(made, await propose(made, "FD-3"))
    for who in (CLERK, CLERK.upper()):
        with pytest.raises(Forbidden, match="proposed by test:clerk"):
            await end(made, "FD-3", TEN_MILLION, actor=who)
        with pytest.raises(Forbidden, match="another person must reject it"):
            await reject(made, "FD-3", actor=who)


async def test_the_payout_that_was_seen_must_be_the_payout(database: Database) -> None:
    made = await scene(database, through=date(2026, 3, 31))
    await accepted(made, await propose(made, "FD-3"))
    seen = await figures(made, "FD-3")
    # The night between proposal and approval moves it past two months.
    await made.savings.nights(through=date(2026, 4, 1))
    with pytest.raises(PayoutDiffers, match="look at its figures again"):
        await end(made, "FD-3", seen.payout_satang)
    await accepted(made, await end(made, "FD-3", (await figures(made, "FD-3")).payout_satang))


async def test_a_rejected_proposal_leaves_the_placement_as_it_was_and_room_for_another(
    database: Database,
) -> None:
    made = await scene(database, through=date(2026, 2, 10))
    await accepted(made, await propose(made, "FD-3"))
    with pytest.raises(CannotEndEarly, match="proposed already, by test:clerk"):
        await propose(made, "FD-3")
    with pytest.raises(InvalidInput, match="why the early withdrawal is rejected"):
        await reject(made, "FD-3", remark=" ")
    await accepted(made, await reject(made, "FD-3", remark="the board said no"))
    with pytest.raises(NotFound, match="no open early withdrawal of FD-3"):
        await end(made, "FD-3", TEN_MILLION)
    await accepted(made, await propose(made, "FD-3"))
    found = await stands(made, "FD-3")
    assert [(each.state, each.remark) for each in found.early_ends] == [
        ("rejected", "the board said no"),
        ("proposed", None),
    ]
    assert (found.state, found.proposal) == (PlacementState.RUNNING, found.early_ends[1])


async def test_a_proposal_for_a_term_that_is_over_is_not_done(database: Database) -> None:
    made = await scene(database, through=date(2026, 5, 1), instruction=ROLL_PRINCIPAL)
    await accepted(made, await propose(made, "FD-3"))
    await made.savings.nights(through=date(2026, 5, 4))
    with pytest.raises(CannotEndEarly, match="proposed for its term 1, now term 2 runs"):
        await end(made, "FD-3", TEN_MILLION)
    await accepted(made, await reject(made, "FD-3"))


async def test_a_proposal_needs_a_reason(database: Database) -> None:
    made = await scene(database)
    async with made.savings.pool.acquire() as connection:
        with pytest.raises(InvalidInput, match="why it is withdrawn early"):
            await propose_early_end(connection, 1, "FD-3", actor=CLERK, reason="")


async def test_pledged_frozen_and_unproven_are_named_at_once(database: Database) -> None:
    made = await scene(database, through=date(2026, 2, 10))
    hold = PlaceHold(
        hold_id=event_id("pledge"), account=made.savings.accounts["FD-3"], amount_satang=1
    )
    await made.savings.do(hold)
    await made.savings.freeze("FD-3", credits_too=False)
    await made.savings.freeze("SAV-3")
    await made.savings.cut()
    with pytest.raises(CannotEndEarly) as refused:
        await propose(made, "FD-3")
    for said in ("no night has proven 2026-02-11", "holds of 0.01", "FD-3 is frozen", "SAV-3 is"):
        assert said in str(refused.value)


async def test_on_its_maturity_the_night_comes_first(database: Database) -> None:
    made = await scene(database, through=date(2026, 5, 3))
    with pytest.raises(CannotEndEarly, match="it matures today"):
        await propose(made, "FD-3")
    await made.savings.night()
    with pytest.raises(CannotEndEarly, match="it was closed on 2026-05-04"):
        await propose(made, "FD-3")


async def test_a_hold_that_comes_between_looking_and_doing_has_it_decided_again(
    database: Database,
) -> None:
    made = await scene(database, through=date(2026, 2, 10))
    await accepted(made, await propose(made, "FD-3"))
    unit = await end(made, "FD-3", TEN_MILLION)
    hold = PlaceHold(
        hold_id=event_id("pledge"), account=made.savings.accounts["FD-3"], amount_satang=1
    )
    await made.savings.do(hold)
    (outcome,) = await post_units(made.savings.pool, 1, [unit])
    assert outcome.status is Status.STALE


async def test_of_two_early_ends_at_once_one_happens(database: Database) -> None:
    made = await scene(database, through=date(2026, 2, 10))
    await accepted(made, await propose(made, "FD-3"))

    async def once(collector: Collector, actor: str) -> str:
        async with made.savings.pool.acquire() as connection:
            unit = await do_early_end(connection, 1, "FD-3", payout_satang=TEN_MILLION, actor=actor)
        await decided.wait()
        return (await collector.submit(1, unit)).status.value

    decided = asyncio.Barrier(3)
    async with Collector(made.savings.pool) as collector:
        outcomes = await asyncio.gather(
            *(once(collector, actor) for actor in ("test:one", "test:two", "test:three"))
        )
    assert sorted(outcomes) == ["accepted", "stale", "stale"]
    with pytest.raises(NotFound):
        await end(made, "FD-3", TEN_MILLION)


async def test_of_two_proposals_at_once_one_stands(database: Database) -> None:
    made = await scene(database, through=date(2026, 2, 10))
    units = [await propose(made, "FD-3"), await propose(made, "FD-3")]
    outcomes = await post_units(made.savings.pool, 1, units)
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED, Status.STALE]


async def test_an_end_decided_before_the_cut_off_is_decided_again_after_it(
    database: Database,
) -> None:
    made = await scene(database, through=date(2026, 2, 10))
    await accepted(made, await propose(made, "FD-3"))
    unit = await end(made, "FD-3", TEN_MILLION)
    await made.savings.cut()
    (outcome,) = await post_units(made.savings.pool, 1, [unit])
    assert outcome.status is Status.STALE
    with pytest.raises(CannotEndEarly, match="no night has proven 2026-02-11"):
        await end(made, "FD-3", TEN_MILLION)
