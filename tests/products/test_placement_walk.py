"""One placement lives through, by hand and to the satang, and ends early.

10,000,000.00 at 2.25 % earns 616.438356... a day. Coupons end on 2 March (28 days), 2 April (31)
and, 2 May being a Saturday, on 4 May (32); the next term begins there.
"""

from __future__ import annotations

from datetime import date

from ledger.db import Database
from products.deposits.standing import PlacementState
from products.early_withdrawal import EarlyRule, EarlyRules, RateSource
from tests.products.placement_acts import end_early, journals_of, stands
from tests.products.placement_scene import (
    BAHT,
    HUNDRED_MILLION,
    MONTHLY,
    ROLL_PRINCIPAL,
    open_placements,
)

FEB_2 = date(2026, 2, 2)
TEN_MILLION = 10_000_000 * BAHT
UNDER_THREE_MONTHS_NOTHING = EarlyRules(
    rules=(
        EarlyRule(from_months=0, to_months=3, source=RateSource.NOTHING),
        EarlyRule(from_months=3, to_months=None, source=RateSource.CONTRACT, part_percent=50),
    )
)


async def test_the_placement_of_the_page_lives_as_it_says(database: Database) -> None:
    made = await open_placements(
        database,
        opened_on=FEB_2,
        rates={FEB_2: "2.2500"},
        early_rules=UNDER_THREE_MONTHS_NOTHING,
    )
    await made.place("FD-1", TEN_MILLION, paid=MONTHLY, instruction=ROLL_PRINCIPAL)
    await made.savings.nights(through=date(2026, 6, 19))
    seen = await end_early(made, "FD-1")
    assert (seen.held_months, seen.earned_satang, seen.paid_satang) == (1, 0, 19_109_59)
    # 31 days were paid on 4 June, 16 days had accrued since.
    assert (seen.accrued_satang, seen.claw_back_satang) == (19_109_59 + 9_863_01, 19_109_59)
    assert seen.payout_satang == TEN_MILLION - 19_109_59

    def on(month: int, day: int) -> tuple[date, date]:
        return date(2026, month, day), date(2026, month, day)

    back = TEN_MILLION - 19_109_59
    assert await journals_of(made, "FD-1") == [
        (*on(2, 2), 121, "SAV-1", "FD-1", TEN_MILLION),
        (*on(3, 2), 122, "FIX-PAYABLE", "SAV-1", 17_260_27),
        (*on(4, 2), 122, "FIX-PAYABLE", "SAV-1", 19_109_59),
        (*on(5, 4), 122, "FIX-PAYABLE", "SAV-1", 19_726_03),
        (*on(6, 4), 122, "FIX-PAYABLE", "SAV-1", 19_109_59),
        (*on(6, 20), 124, "FIX-PAYABLE", "FIX-EXPENSE", 28_972_60),
        (*on(6, 20), 125, "FD-1", "FIX-PAYABLE", 19_109_59),
        (*on(6, 20), 123, "FD-1", "SAV-1", back),
    ]
    found = await stands(made, "FD-1")
    assert (found.state, found.owed_satang) == (PlacementState.ENDED_EARLY, 0)
    assert (found.contract.closed_on, found.balance_satang) == (date(2026, 6, 20), 0)
    assert await made.balance("FIX-PAYABLE") == 0
    # What is left of it all: three coupons of the first term.
    assert await made.balance("SAV-1") == HUNDRED_MILLION + 17_260_27 + 19_109_59 + 19_726_03
    terms = await made.rows("term", "FD-1")
    assert [(t["begins_on"], t["nominal_on"], t["matures_on"]) for t in terms] == [
        (FEB_2, date(2026, 5, 2), date(2026, 5, 4)),
        (date(2026, 5, 4), date(2026, 8, 4), date(2026, 8, 4)),
    ]
    spans = await made.rows("interest_span", "FD-1")
    assert [(s["from_date"], s["balance_satang"], s["annual_rate_e8"]) for s in spans] == [
        (FEB_2, TEN_MILLION, 2_250_000),
        (date(2026, 3, 2), TEN_MILLION, 2_250_000),
        (date(2026, 4, 2), TEN_MILLION, 2_250_000),
        (date(2026, 5, 4), TEN_MILLION, 2_250_000),
        (date(2026, 6, 4), TEN_MILLION, 2_250_000),
        (date(2026, 6, 20), 0, 0),
    ]
    await made.savings.nights(through=date(2026, 6, 30))
    assert await made.balance("FIX-PAYABLE") == 0
