"""Fixed deposits explained: each date by its term, coupon and frozen rate, not by a later sheet.

10,000,000.00 at 2.25 % earns 4,500,000/73 satang a day, 616.438...; the term of three months from
2 February 2026 matures on 4 May, because 2 May is a Saturday.
"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import asyncpg
import pytest

from ledger import accounts
from ledger.db import Database
from ledger.errors import InvalidInput
from ledger.parties import PartyKind
from ledger.posting.values import OpenAccount, Status
from products.contracts import by_no
from products.deposits.bringing import RunningPlacement, bring, taker_of
from products.deposits.opening import PlacementOrder
from products.deposits.telling import BroughtRate
from products.figures import Told
from tests.builders import post_units
from tests.products.explained_scene import fraction, placed_in, posted_in, sheet_of, told
from tests.products.placement_acts import accepted, end_early, pay_out
from tests.products.placement_scene import (
    BAHT,
    FIX,
    MONTHLY,
    PAY_OUT,
    ROLL_ALL,
    ROLL_PRINCIPAL,
    Placements,
    open_placements,
    steps,
)
from tests.products.test_maturing import FEB_2, MAY_4, TEN_MILLION

ONE_DAY = timedelta(days=1)
FEB_10, MARCH_1, MARCH_2, MAY_3 = (
    date(2026, 2, 10),
    date(2026, 3, 1),
    date(2026, 3, 2),
    date(2026, 5, 3),
)
SLABS = steps((0, "2.0000"), (1_000_000 * BAHT, "2.2500"), (50_000_000 * BAHT, "2.5000"))
A_DAY = Fraction(4_500_000, 73)


async def scene(database: Database) -> Placements:
    """The book on 2 February, 2.25 % from a million baht on."""
    return await open_placements(database, opened_on=FEB_2, rates={FEB_2: SLABS})


async def test_a_date_is_told_by_its_term_its_coupon_and_the_slab_that_the_principal_reaches(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, paid=MONTHLY)
    await made.savings.nights(through=FEB_10)
    leg = await told(made.savings, "FD-1", FEB_10)
    term, found = placed_in(leg), leg.working
    assert (term.term_no, term.begins_on, term.nominal_on, term.matures_on) == (
        1,
        FEB_2,
        date(2026, 5, 2),
        MAY_4,
    )
    assert (term.principal_satang, term.annual_rate_e8) == (TEN_MILLION, 2_250_000)
    coupon = term.coupon
    assert (coupon.no, term.coupons, coupon.from_date, coupon.pays_on) == (1, 3, FEB_2, MARCH_2)
    (part,) = found.parts
    assert (part.slab.from_satang, part.slab.to_satang) == (10**8, 5 * 10**9)
    assert (part.amount_satang, fraction(found.exact)) == (TEN_MILLION, A_DAY)
    assert (found.period_start, found.days, fraction(found.through_exact)) == (FEB_2, 9, 9 * A_DAY)
    # 8 days are 4,931.5068..., 9 days 5,547.9452...: 4,931.51, then 5,547.95.
    assert (found.before_satang, found.through_satang, posted_in(leg)) == (
        4_931_51,
        5_547_95,
        61644,
    )
    assert (sheet_of(leg).lines, sheet_of(leg).effective_from) == (SLABS, FEB_2)
    assert (leg.figure.told_by, term.payments, term.early_end) == (Told.NIGHT, (), None)
    assert leg.journal is not None
    assert leg.journal.amount_satang == 61644


async def test_the_date_of_a_coupon_begins_the_next_one_and_tells_what_was_paid_with_its_tax(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-2", TEN_MILLION, linked_no="SAV-2", paid=MONTHLY)
    await made.savings.nights(through=MARCH_2)
    last, first = [await told(made.savings, "FD-2", on) for on in (MARCH_1, MARCH_2)]
    assert placed_in(last).coupon.no == 1
    # 27 days are 16,643.8356..., 28 days 17,260.2739...
    assert (last.working.before_satang, last.working.through_satang) == (16_643_84, 17_260_27)
    assert (placed_in(first).coupon.no, first.working.days) == (2, 1)
    assert (first.working.before_satang, posted_in(first)) == (0, 616_44)
    for leg in (last, first):
        (paid,) = placed_in(leg).payments
        assert (paid.paid_on, paid.through, paid.paid_to) == (MARCH_2, MARCH_1, "SAV-2")
        assert paid.withheld is not None
        assert (paid.interest_satang, paid.withheld.tax_satang) == (17_260_27, 172_60)
        assert (paid.withheld.tax.rate_e8, paid.withheld.tax.form) == (1_000_000, "ภ.ง.ด.53")
    # The night before did not know of the payment.
    then = await told(made.savings, "FD-2", MARCH_1, known_on=MARCH_1)
    assert (placed_in(then).payments, then.working) == ((), last.working)


async def test_a_rolled_term_is_told_by_its_own_rate_and_sheet_and_its_principal_grown(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-3", TEN_MILLION, linked_no="SAV-3", instruction=ROLL_ALL)
    await made.savings.nights(through=date(2026, 4, 29))
    may_1 = date(2026, 5, 1)
    await made.approve(may_1, "3.6500", made.savings.today)
    await made.savings.nights(through=MAY_4)
    before, after = [await told(made.savings, "FD-3", on) for on in (MAY_3, MAY_4)]
    # The sheet of 1 May is in force already, yet the term keeps its own.
    assert (placed_in(before).term_no, before.working.annual_rate_e8) == (1, 2_250_000)
    assert (sheet_of(before).effective_from, before.working.days) == (FEB_2, 91)
    assert before.working.through_satang == 56_095_89
    assert (placed_in(after).term_no, after.working.annual_rate_e8) == (2, 3_650_000)
    assert sheet_of(after).effective_from == may_1
    grown = TEN_MILLION + 56_095_89 - 8_414_38
    assert (after.working.balance_satang, placed_in(after).principal_satang) == (grown, grown)
    # 10,047,681.51 at 3.65 % is 1,004.768151 a day.
    assert (fraction(after.working.exact), posted_in(after)) == (Fraction(grown, 10_000), 1_004_77)
    (paid,) = placed_in(after).payments
    assert (paid.paid_to, paid.taken_satang) == ("FD-3", 8_414_38)


async def test_from_its_maturity_on_a_placement_paid_out_is_refused_with_what_it_was_paid(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-2", TEN_MILLION, linked_no="SAV-2", instruction=PAY_OUT)
    await made.savings.nights(through=MAY_4 + ONE_DAY)
    assert (await told(made.savings, "FD-2", MAY_3)).working.through_satang == 56_095_89
    ended = "a date before 2026-05-04, when FD-2 matured and was paid out: it bears nothing then."
    paid = r"Interest of 56,095\.89, tax 560\.96, was paid on 2026-05-04\."
    with pytest.raises(InvalidInput, match=f"{ended} {paid}"):
        await told(made.savings, "FD-2", MAY_4)
    with pytest.raises(InvalidInput, match=f"{ended}$"):
        await told(made.savings, "FD-2", MAY_4 + ONE_DAY)


async def test_a_placement_that_waits_is_refused_from_its_maturity_on_and_says_so(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, instruction=PAY_OUT)
    await made.savings.nights(through=MAY_3)
    await made.savings.freeze("SAV-1")
    await made.savings.nights(through=MAY_4 + ONE_DAY)
    for on in (MAY_4, MAY_4 + ONE_DAY):
        with pytest.raises(InvalidInput, match="2026-05-04, when FD-1 matured, waiting to be paid"):
            await told(made.savings, "FD-1", on)
    assert posted_in(await told(made.savings, "FD-1", MAY_3)) == 616_44


async def test_interest_that_a_freeze_held_back_is_told_with_the_payment_that_it_came_with(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, paid=MONTHLY)
    await made.savings.nights(through=MARCH_1)
    await made.savings.freeze("SAV-1")
    await made.savings.nights(through=MARCH_2)
    await made.savings.freeze("SAV-1", thaw=True)
    april_2 = date(2026, 4, 2)
    await made.savings.nights(through=april_2)
    assert placed_in(await told(made.savings, "FD-1", MARCH_1)).payments == ()
    begun = await told(made.savings, "FD-1", MARCH_2)
    assert (begun.working.period_start, posted_in(begun)) == (MARCH_2, 616_44)
    (paid,) = placed_in(begun).payments
    assert (paid.paid_on, paid.interest_satang) == (april_2, 17_260_27 + 19_109_59)


async def test_a_waiting_placement_that_was_paid_out_later_says_when_and_what_it_was_paid(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-3", TEN_MILLION, linked_no="SAV-3", instruction=PAY_OUT)
    await made.savings.nights(through=MAY_3)
    await made.savings.freeze("SAV-3")
    await made.savings.nights(through=MAY_4 + ONE_DAY)
    await made.savings.freeze("SAV-3", thaw=True)
    await accepted(made, await pay_out(made, "FD-3"))
    paid_on = MAY_4 + 2 * ONE_DAY
    await made.savings.nights(through=paid_on)
    how = "2026-05-04, when FD-3 matured, waiting until 2026-05-06 to be paid out"
    paid = r"Interest of 56,095\.89, tax 8,414\.38, was paid on 2026-05-06\."
    with pytest.raises(InvalidInput, match=f"{how}: it bears nothing then. {paid}"):
        await told(made.savings, "FD-3", paid_on)
    with pytest.raises(InvalidInput, match="when FD-3 matured, waiting to be paid out: it bears"):
        await told(made.savings, "FD-3", MAY_4, known_on=MAY_4 + ONE_DAY)
    # Its last coupon was paid late.
    (late,) = placed_in(await told(made.savings, "FD-3", MAY_3)).payments
    assert (late.paid_on, late.through, late.interest_satang) == (paid_on, MAY_3, 56_095_89)


async def test_an_early_end_is_told_on_the_dates_of_its_term_which_stay_as_they_were_accrued(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-1", TEN_MILLION, paid=MONTHLY, instruction=ROLL_PRINCIPAL)
    ended_on = date(2026, 6, 20)
    await made.savings.nights(through=ended_on - ONE_DAY)
    await end_early(made, "FD-1")
    await made.savings.nights(through=ended_on)
    of_the_term = await told(made.savings, "FD-1", MAY_4)
    early = placed_in(of_the_term).early_end
    assert early is not None
    # Held a month: its 47 days earn the savings' 1 %; the coupon of 4 June had paid more.
    assert (early.ended_on, early.rule_from_months) == (ended_on, 1)
    assert (early.earned_satang, early.paid_satang) == (12_876_71, 19_109_59)
    assert posted_in(of_the_term) == 616_44
    assert placed_in(await told(made.savings, "FD-1", MAY_3)).early_end is None
    then = await told(made.savings, "FD-1", MAY_4, known_on=ended_on - ONE_DAY)
    assert placed_in(then).early_end is None
    how = "before 2026-06-20, when FD-1 was withdrawn early: it bears nothing then"
    back = r"Interest of 6,232\.88 was clawed back from the principal on 2026-06-20\."
    with pytest.raises(InvalidInput, match=f"{how}. {back}"):
        await told(made.savings, "FD-1", ended_on)


async def test_a_term_brought_along_is_told_by_its_note_and_what_its_coupon_had_earned(
    database: Database,
) -> None:
    made = await scene(database)
    # Placed in the old system on 12 January; the coupon from 12 February has not begun by the 2nd.
    await _bring(made, "FD-9", date(2026, 1, 12), annual_rate_e8=3_650_000)
    march_12 = date(2026, 3, 12)
    await made.savings.nights(through=march_12)
    leg = await told(made.savings, "FD-9", FEB_10)
    source = placed_in(leg).source
    assert isinstance(source, BroughtRate)
    assert (source.annual_rate_e8, source.business_date, source.actor) == (
        3_650_000,
        FEB_2,
        "test:cutover",
    )
    assert (leg.sheet, placed_in(leg).begins_on) == (None, date(2026, 1, 12))
    assert (placed_in(leg).coupon.no, placed_in(leg).coupon.from_date) == (1, date(2026, 1, 12))
    # 1,000.00 a day: 22 dates in the old system through 2 February, 8 here from the 3rd on.
    found = leg.working
    assert (found.period_start, found.days) == (date(2026, 2, 3), 8)
    assert fraction(found.base_exact) == 22_000_00
    assert found.through_satang == 30_000_00
    later = await told(made.savings, "FD-9", march_12)
    assert (later.working.base_exact, later.sheet, posted_in(later)) == (0, None, 1_000_00)


async def test_a_coupon_that_pays_on_the_first_date_here_leaves_nothing_brought_to_the_next_one(
    database: Database,
) -> None:
    made = await scene(database)
    await _bring(made, "FD-9", date(2026, 1, 3), annual_rate_e8=3_650_000)
    first = date(2026, 2, 3)
    await made.savings.nights(through=first)
    leg = await told(made.savings, "FD-9", first)
    assert (placed_in(leg).coupon.no, leg.working.base_exact, posted_in(leg)) == (2, 0, 1_000_00)
    (paid,) = placed_in(leg).payments
    assert (paid.paid_on, paid.interest_satang) == (first, 31_000_00)


async def test_a_coupon_of_less_than_half_a_satang_pays_nothing_and_is_told_so(
    database: Database,
) -> None:
    made = await scene(database)
    await made.place("FD-1", 1, paid=MONTHLY)
    await made.savings.nights(through=MARCH_2)
    legs = [await told(made.savings, "FD-1", on) for on in (MARCH_1, MARCH_2)]
    assert [placed_in(leg).coupon.no for leg in legs] == [1, 2]
    assert [(placed_in(leg).payments, posted_in(leg)) for leg in legs] == [((), 0), ((), 0)]


async def _bring(made: Placements, number: str, begins_on: date, *, annual_rate_e8: int) -> None:
    async with made.savings.pool.acquire() as connection:
        (account,) = await accounts.reserve_ids(connection, 1)
        linked = await by_no(connection, 1, "SAV-1")
        taker = await taker_of(
            connection,
            1,
            FIX,
            opening_account=made.savings.bank,
            on=made.savings.today,
            actor="test:cutover",
        )
    order = PlacementOrder(
        contract_no=number,
        product_code=FIX,
        linked_no="SAV-1",
        amount_satang=TEN_MILLION,
        paid=MONTHLY,
        instruction=PAY_OUT,
    )
    opened = OpenAccount(
        account=account,
        code=number,
        gl_code=made.product.gl_deposits,
        currency="THB",
        name_th=number,
        name_en=number,
        party_id=1,
        balance_min=0,
    )
    running = RunningPlacement(order=order, begins_on=begins_on, annual_rate_e8=annual_rate_e8)
    (outcome,) = await post_units(
        made.savings.pool, 1, [bring(taker, running, linked, opened, PartyKind.COOPERATIVE)]
    )
    assert outcome.status is Status.ACCEPTED, outcome
    made.savings.accounts[number] = account


DAMAGES = {
    "the term's principal": (
        "UPDATE products.term SET principal_satang = principal_satang + 1",
        {"term_principal"},
    ),
    "the term's rate": ("UPDATE products.term SET annual_rate_e8 = 2250001", {"term_rate"}),
    "the sheet of the term": (
        "UPDATE pricing.rate_line SET annual_rate_e8 = 2260000 WHERE annual_rate_e8 = 2250000",
        {
            "annual_rate_percent",
            "exact",
            "exact_through_day_before",
            "exact_through_date",
            "posted",
            "term_rate",
        },
    ),
    "the tax withheld": ("UPDATE products.tax_withheld SET tax_satang = 1", {"tax_withheld"}),
    "a span": (
        "UPDATE products.interest_span SET balance_satang = balance_satang - 1 "
        "WHERE annual_rate_e8 = 2250000",
        {"balance"},
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_whatever_of_a_term_is_damaged_is_told_to_differ(
    database: Database, database_url: str, damage: str
) -> None:
    made = await scene(database)
    await made.place("FD-2", TEN_MILLION, linked_no="SAV-2", paid=MONTHLY)
    await made.savings.nights(through=MARCH_2)
    assert (await told(made.savings, "FD-2", MARCH_1)).differences == ()
    statement, expected = DAMAGES[damage]
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(statement)
    await connection.close()
    found = (await told(made.savings, "FD-2", MARCH_1)).differences
    assert {each.what for each in found} == expected
