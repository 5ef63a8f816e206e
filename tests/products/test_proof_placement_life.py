"""The proof's own life of a placement against figures worked out by hand.

The first is the walk through docs/placements.md: 10,000,000.00 placed on 2 February 2026 for three
months at 2.25 %, interest monthly, the principal rolled. Amounts are satang.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from products.proof.calendars import banking_day, months_later, paydays, whole_months
from products.proof.life import UNITS_A_YEAR, Terms
from products.proof.placed import (
    EarlyRule,
    Facts,
    Instructed,
    Life,
    Offer,
    Sheet,
    Tax,
)
from products.proof.placements import live

BEGINS = date(2026, 2, 2)
SUM = 10_000_000_00
EXPENSE, PAYABLE, TAX_ACCOUNT, PLACEMENT, LINKED, OTHER = 1, 2, 3, 10, 11, 12
CHEAP, DEAR, PLAIN = UUID(int=1), UUID(int=2), UUID(int=3)
COOPERATIVE, PERSON = 1, 3

TERMS = Terms(product_code="FIX-3", day_count="ACT_365F", rounding=1, ends=frozenset())
OFFER = Offer(
    terms=TERMS,
    family="fixed",
    months=3,
    is_moved=True,
    expense_account=EXPENSE,
    payable_account=PAYABLE,
    tax_account=TAX_ACCOUNT,
    savings_product="SAVINGS",
    early_rules=(
        EarlyRule(from_months=0, source="nothing", part=100, penalty=0),
        EarlyRule(from_months=1, source="savings", part=50, penalty=100_000),
        EarlyRule(from_months=2, source="contract", part=100, penalty=250_000),
    ),
)


def told(on: date, instruction: str, linked: int = LINKED) -> Instructed:
    """An instruction from a date on."""
    return Instructed(
        on=on, linked_no=f"SAV-{linked}", linked_account=linked, instruction=instruction
    )


def facts(through: date, instruction: str = "roll_principal", **more: Any) -> Facts:
    """The walked-through placement with every night through a date."""
    base = Facts(
        offer=OFFER,
        account=PLACEMENT,
        opened=told(BEGINS, instruction),
        every=1,
        principal=SUM,
        matures_on=date(2026, 5, 4),
        holder=COOPERATIVE,
        taxes=(Tax(from_date=date(2020, 1, 1), rate=0, form=""),),
        sheets=(
            Sheet(
                effective_from=date(2026, 1, 1),
                sheet_id=CHEAP,
                lines=((0, 1_000_000), (1_000_000_00, 2_250_000)),
            ),
            Sheet(effective_from=date(2026, 3, 1), sheet_id=DEAR, lines=((0, 2_500_000),)),
        ),
        savings=(
            Sheet(effective_from=date(2025, 1, 1), sheet_id=PLAIN, lines=((0, 750_001),)),
            Sheet(effective_from=date(2026, 2, 12), sheet_id=PLAIN, lines=((0, 950_000),)),
        ),
        holidays={},
        bears_from=BEGINS,
        matured_to=through,
        accrued_to=through,
    )
    return replace(base, **more)


def paid(life: Life) -> list[tuple[date, date, int, int]]:
    """Payments of interest: date, last date that it is for, interest, tax."""
    return [(one.on, one.through, one.interest, one.withheld) for one in life.payments]


def moves(life: Life, kind: int) -> list[tuple[date, tuple[tuple[int, int, int], ...]]]:
    """Journals of a kind."""
    return [(each.on, each.lines) for each in life.postings if each.kind == kind]


def test_months_end_on_the_same_day_or_on_the_last_one() -> None:
    assert months_later(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert months_later(date(2026, 8, 31), 6) == date(2027, 2, 28)
    assert months_later(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert months_later(date(2026, 11, 30), 1) == date(2026, 12, 30)
    assert whole_months(date(2026, 1, 31), date(2026, 2, 27)) == 0
    assert whole_months(date(2026, 1, 31), date(2026, 2, 28)) == 1
    assert whole_months(BEGINS, BEGINS) == 0


def test_a_date_without_banking_goes_to_the_next_one_that_was_known() -> None:
    announced = {date(2026, 5, 4): date(2026, 3, 1), date(2026, 5, 5): date(2026, 3, 2)}
    assert banking_day(date(2026, 5, 2), announced, date(2026, 2, 28)) == date(2026, 5, 4)
    assert banking_day(date(2026, 5, 2), announced, date(2026, 3, 1)) == date(2026, 5, 5)
    assert banking_day(date(2026, 5, 2), announced, date(2026, 3, 2)) == date(2026, 5, 6)


def test_coupons_are_counted_from_the_first_date_and_the_last_ends_as_the_term_does() -> None:
    nominal = date(2026, 4, 30)
    days = paydays(date(2026, 1, 31), nominal, nominal, 1)
    assert days == [date(2026, 2, 28), date(2026, 3, 31), nominal]
    assert paydays(BEGINS, date(2026, 5, 2), date(2026, 5, 4), 0) == [date(2026, 5, 4)]


def test_the_walked_through_placement_pays_its_coupons_and_rolls_at_the_new_rate() -> None:
    life = live(facts(date(2026, 5, 4)))
    first, second = life.terms
    assert (first.nominal_on, first.matures_on) == (date(2026, 5, 2), date(2026, 5, 4))
    assert (first.rate, first.sheet_id, first.principal) == (2_250_000, CHEAP, SUM)
    assert (second.begins_on, second.matures_on) == (date(2026, 5, 4), date(2026, 8, 4))
    assert (second.rate, second.sheet_id, second.principal) == (2_500_000, DEAR, SUM)
    # 28, 31 and 32 days of 10,000,000.00 at 2.25 %.
    assert paid(life) == [
        (date(2026, 3, 2), date(2026, 3, 1), 17_260_27, 0),
        (date(2026, 4, 2), date(2026, 4, 1), 19_109_59, 0),
        (date(2026, 5, 4), date(2026, 5, 3), 19_726_03, 0),
    ]
    assert second.accrued_before == 17_260_27 + 19_109_59 + 19_726_03
    assert [span[0] for span in life.spans] == [
        BEGINS,
        date(2026, 3, 2),
        date(2026, 4, 2),
        date(2026, 5, 4),
    ]
    assert life.spans[0][1:] == (SUM, 2_250_000, 365, SUM * 2_250_000 * UNITS_A_YEAR // 365, 0)
    assert life.leg.credited == life.leg.settled == second.accrued_before
    assert (life.leg.period_start, life.leg.since) == (date(2026, 5, 4), date(2026, 5, 4))
    # 10,000,000.00 at 2.50 % is 684.93 a day.
    assert life.posted[date(2026, 5, 4)] == 684_93
    assert life.closed_on is life.matured_on is life.leg.ended_on is None
    assert [note.kind for note in life.notes] == [151, 152]
    assert life.at_night == {on: interest for on, _, interest, _ in paid(life)}


def test_what_nights_posted_is_what_coupons_pay() -> None:
    life = live(facts(date(2026, 5, 3)))
    february = [life.posted[BEGINS + timedelta(days=day)] for day in range(28)]
    # 616.43835... a day: some dates have a satang more.
    assert set(february) == {616_43, 616_44}
    assert sum(february) == 17_260_27
    assert sum(life.posted.values()) == 17_260_27 + 19_109_59 + 19_726_03


def test_a_placement_withdrawn_under_a_month_earns_nothing_and_gives_its_coupon_back() -> None:
    ends = date(2026, 6, 20)
    no_interest = replace(OFFER, early_rules=OFFER.early_rules[:1])
    life = live(facts(ends - timedelta(days=1), offer=no_interest, ended_early=ends))
    # The coupon of 4 June: 31 days at 2.50 %; through 19 June 16 days more.
    assert paid(life)[-2:] == [
        (date(2026, 6, 4), date(2026, 6, 3), 21_232_88, 0),
        (ends, date(2026, 6, 19), -21_232_88, 0),
    ]
    assert moves(life, 124) == [(ends, ((PAYABLE, EXPENSE, 21_232_88 + 10_958_90),))]
    assert moves(life, 125) == [(ends, ((PLACEMENT, PAYABLE, 21_232_88),))]
    assert moves(life, 123) == [(ends, ((PLACEMENT, LINKED, SUM - 21_232_88),))]
    assert life.early is not None
    assert (life.early.earned, life.early.paid, life.early.from_months) == (0, 21_232_88, 0)
    assert life.repriced == {ends: -32_191_78}
    assert life.closed_on == life.leg.ended_on == ends
    assert life.spans[-1][:5] == (ends, 0, 0, 365, 0)
    assert life.leg.credited == life.terms[1].accrued_before
    assert life.leg.settled + TERMS.satang(life.leg.base) == life.leg.credited


def test_a_part_of_the_savings_rate_less_points_is_earned_day_by_day() -> None:
    ends = date(2026, 3, 4)
    life = live(facts(ends - timedelta(days=1), ended_early=ends))
    # 10 days at half of 0.750001 %, 20 days at half of 0.95 %, each less 0.10 %:
    # 0.2750010 % (0.3750005 % rounded up) and 0.3750000 %.
    assert life.early is not None
    days = SUM * (10 * 275_001 + 20 * 375_000)
    assert life.early.earned == (2 * days + 365 * 10**8) // (2 * 365 * 10**8) == 2_808_22
    assert life.early.paid == 17_260_27
    assert moves(life, 125) == [(ends, ((PLACEMENT, PAYABLE, 17_260_27 - 2_808_22),))]


def test_an_early_end_that_owes_something_pays_it_less_tax() -> None:
    ends = date(2026, 4, 2)
    fifteen = (Tax(from_date=date(2020, 1, 1), rate=15_000_000, form="ภ.ง.ด.2"),)
    life = live(facts(date(2026, 4, 1), every=0, taxes=fifteen, holder=PERSON, ended_early=ends))
    # Two whole months: 59 days at 2.25 % less 0.25 %.
    assert paid(life) == [(ends, date(2026, 4, 1), 32_328_77, 4_849_32)]
    assert moves(life, 122) == [
        (ends, ((PAYABLE, LINKED, 27_479_45), (PAYABLE, TAX_ACCOUNT, 4_849_32)))
    ]
    assert moves(life, 123) == [(ends, ((PLACEMENT, LINKED, SUM),))]
    assert moves(life, 125) == []


def test_a_placement_withdrawn_on_the_day_it_was_placed_is_paid_back() -> None:
    life = live(facts(BEGINS - timedelta(days=1), ended_early=BEGINS))
    assert [each.kind for each in life.postings] == [121, 123]
    assert life.spans == [(BEGINS, 0, 0, 365, 0, 0)]
    assert life.posted == {}


def test_all_that_is_rolled_grows_by_the_interest_less_its_tax() -> None:
    taxes = (
        Tax(from_date=date(2020, 1, 1), rate=15_000_000, form="ภ.ง.ด.2"),
        Tax(from_date=date(2026, 8, 4), rate=1_000_000, form="ภ.ง.ด.53"),
    )
    more = {"every": 0, "taxes": taxes, "holder": PERSON}
    life = live(facts(date(2026, 8, 4), "roll_all", **more))
    # 91 days at 2.25 %: 56,095.89; 15 % of it 8,414.38 (half up from 8,414.3835).
    grown = SUM + 56_095_89 - 8_414_38
    assert life.terms[1].principal == grown == 10_047_681_51
    assert moves(life, 122)[0] == (
        date(2026, 5, 4),
        ((PAYABLE, PLACEMENT, 47_681_51), (PAYABLE, TAX_ACCOUNT, 8_414_38)),
    )
    # 92 days of that at 2.50 %: 63,314.16; 1 % of it.
    assert paid(life)[1] == (date(2026, 8, 4), date(2026, 8, 3), 63_314_16, 633_14)
    assert life.terms[2].principal == grown + 63_314_16 - 633_14


def test_a_listed_roll_goes_without_its_interest_which_comes_with_the_next_payment() -> None:
    matures = date(2026, 5, 4)
    for instruction in ("roll_principal", "roll_all"):
        life = live(
            facts(date(2026, 6, 4), instruction, listed=frozenset({date(2026, 4, 2), matures}))
        )
        assert life.terms[1].principal == SUM
        assert paid(life) == [
            (date(2026, 3, 2), date(2026, 3, 1), 17_260_27, 0),
            (date(2026, 6, 4), date(2026, 6, 3), 19_109_59 + 19_726_03 + 21_232_88, 0),
        ]


def test_a_placement_paid_out_closes_with_its_interest_at_the_account_last_named() -> None:
    changed = (
        told(date(2026, 4, 10), "pay_out", OTHER),
        told(date(2026, 5, 5), "roll_all"),
    )
    life = live(facts(date(2026, 5, 10), instructed=changed))
    matures = date(2026, 5, 4)
    assert moves(life, 122)[-1] == (matures, ((PAYABLE, OTHER, 19_726_03),))
    assert moves(life, 123) == [(matures, ((PLACEMENT, OTHER, SUM),))]
    assert life.closed_on == life.leg.ended_on == matures
    assert life.leg.period_start == date(2026, 4, 2)
    assert life.leg.base == 32 * SUM * 2_250_000 * (UNITS_A_YEAR // 365)
    assert max(life.posted) == date(2026, 5, 3)


@pytest.mark.parametrize("with_interest", [False, True])
def test_a_pledged_placement_waits_and_is_paid_when_a_door_says_so(with_interest: bool) -> None:
    matures, later = date(2026, 5, 4), date(2026, 6, 1)
    some = frozenset({matures}) if with_interest else frozenset()
    fifteen = (Tax(from_date=later, rate=15_000_000, form="ภ.ง.ด.2"),)
    waiting = facts(date(2026, 5, 31), "pay_out", listed=frozenset({matures}), paid=some, every=0)
    life = live(waiting)
    assert (life.matured_on, life.closed_on, life.leg.ended_on) == (matures, None, matures)
    assert [note.kind for note in life.notes] == [151, 154]
    assert [each.interest for each in life.payments] == [56_095_89] * with_interest
    life = live(replace(waiting, paid_late=later, taxes=(*waiting.taxes, *fifteen)))
    assert (life.matured_on, life.closed_on) == (matures, later)
    if with_interest:
        assert paid(life) == [(matures, date(2026, 5, 3), 56_095_89, 0)]
    else:
        assert paid(life) == [(later, date(2026, 5, 3), 56_095_89, 8_414_38)]
    assert moves(life, 123) == [(later, ((PLACEMENT, LINKED, SUM),))]


def test_a_year_of_another_length_begins_a_span_in_the_middle_of_a_coupon() -> None:
    by_year = replace(OFFER, terms=replace(TERMS, day_count="ACT_ACT_CALYEAR"), is_moved=False)
    begins = date(2027, 12, 15)
    life = live(
        facts(
            date(2028, 1, 15),
            opened=told(begins, "pay_out"),
            bears_from=begins,
            offer=by_year,
            matures_on=date(2028, 3, 15),
        )
    )
    slopes = [SUM * 2_500_000 * (UNITS_A_YEAR // days) for days in (365, 366)]
    assert [(span[0], span[3], span[4], span[5]) for span in life.spans] == [
        (begins, 365, slopes[0], 0),
        (date(2028, 1, 1), 366, slopes[1], 17 * slopes[0]),
        (date(2028, 1, 15), 366, slopes[1], 0),
    ]
    # 17 days of 684.93150... and 14 days of 683.06010...
    assert paid(life) == [(date(2028, 1, 15), date(2028, 1, 14), 21_206_68, 0)]


def test_a_night_that_has_matured_and_not_accrued_has_begun_the_period_and_no_span() -> None:
    on = date(2026, 3, 2)
    life = live(facts(on, accrued_to=on - timedelta(days=1)))
    assert (life.leg.period_start, life.leg.since, life.leg.base) == (on, on, 0)
    assert len(life.spans) == life.leg.span_no == 1
    assert life.leg.slope > 0


def test_a_holiday_announced_on_the_opening_date_counts_as_the_note_says() -> None:
    later = {date(2026, 5, 4): BEGINS}
    for matures in (date(2026, 5, 4), date(2026, 5, 5)):
        life = live(facts(BEGINS, holidays=later, matures_on=matures))
        assert life.terms[0].matures_on == matures
    life = live(facts(BEGINS, holidays=later, matures_on=date(2026, 5, 6)))
    assert life.terms[0].matures_on == date(2026, 5, 5)
