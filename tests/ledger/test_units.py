"""Units of one batch happen one after another, each judged alone, however many fight.

The oracle beside the book judges one unit at a time; `Table.play` asserts that the batch came to
the same answers, balances and numbers.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from ledger.db import Pool
from ledger.posting.collector import Collector
from ledger.posting.values import (
    CloseAccount,
    Operation,
    PlaceHold,
    ReleaseHold,
    ReopenAccount,
    Status,
    Unit,
)
from tests.builders import journal, unit
from tests.ledger.play import OPENED_ON, Table
from tests.ledger.sessions import explained
from tests.ledger.test_value_axis import ONE_DAY, reversal

BANK, SAV, SAV2 = 1, 2, 3
MANY = 500


def fighting(dice: random.Random) -> Unit:
    """One of hundreds that want something of the same limited account."""
    amount = dice.randint(1, 40)
    taken = journal(SAV, BANK, amount)
    placed = PlaceHold(hold_id=journal(1, 2, 1).journal_id, account=SAV, amount_satang=amount)
    choices: tuple[tuple[Operation, ...], ...] = (
        (taken,),
        (taken, journal(SAV, SAV2, 1)),
        (placed,),
        (placed, journal(SAV, BANK, 5), ReleaseHold(hold_id=placed.hold_id)),
        (journal(BANK, SAV, amount // 2 + 1),),
        (journal(SAV, BANK, amount, value_date=OPENED_ON),),
    )
    return unit(*dice.choice(choices))


async def test_hundreds_of_units_fighting_over_one_limited_account_in_one_batch_are_a_queue(
    bare_table: Table,
) -> None:
    await bare_table.play([unit(journal(BANK, SAV, 1_000))])
    await bare_table.end_day()
    dice = random.Random(500)
    outcomes = await bare_table.play([fighting(dice) for _ in range(MANY)])
    kinds = Counter(outcome.status for outcome in outcomes)
    assert kinds[Status.ACCEPTED] + kinds[Status.REFUSED] == MANY
    assert min(kinds.values()) >= MANY // 5
    assert {outcome.batch_no for outcome in outcomes} == {4}


async def test_hundreds_of_clients_fighting_over_one_limited_account_are_some_queue(
    bare_table: Table, shared_pool: Pool
) -> None:
    await bare_table.play([unit(journal(BANK, SAV, 1_000))])
    units = [unit(journal(SAV, BANK, 1 + number % 40)) for number in range(MANY)]
    async with Collector(shared_pool) as collector:
        outcomes = await asyncio.gather(
            *(collector.submit(bare_table.book_id, asked) for asked in units)
        )
    kinds = Counter(outcome.status for outcome in outcomes)
    assert min(kinds[Status.ACCEPTED], kinds[Status.REFUSED]) >= 40
    await explained(bare_table, units, outcomes)


async def test_an_account_closed_in_a_batch_is_opened_again_in_it_only_by_undoing_that(
    bare_table: Table,
) -> None:
    await bare_table.play([unit(journal(BANK, SAV, 50))])
    sweep = journal(SAV, BANK, 50)
    closing = CloseAccount(account=SAV, settled_by=(sweep.journal_id,))
    reopening = ReopenAccount(account=SAV)
    outcomes = await bare_table.play(
        [unit(sweep, closing), unit(reopening), unit(reopening, reversal(sweep))]
    )
    codes = [None if o.refusal is None else o.refusal.code for o in outcomes]
    assert codes == [None, "reopen_does_not_undo", None]


async def test_a_refused_unit_leaves_the_days_that_later_units_are_judged_on_as_they_were(
    bare_table: Table,
) -> None:
    await bare_table.play([unit(journal(BANK, SAV, 100))])
    await bare_table.end_day()
    late = journal(BANK, SAV, 500, value_date=OPENED_ON + ONE_DAY * -1)
    undone = unit(late, journal(SAV2, BANK, 1))
    asked = unit(journal(SAV, BANK, 1, value_date=OPENED_ON + ONE_DAY * -1))
    outcomes = await bare_table.play([undone, asked])
    codes = [None if o.refusal is None else o.refusal.code for o in outcomes]
    assert codes == ["below_balance_min", "below_balance_min_later"]
