"""What members do with fixed deposits in the example month, by the services that the doors use.

On every banking day some co-ops place a part of their savings for a term, now and then one changes
what becomes of its placement at maturity, and one withdraws early: proposed by a clerk with its
figures, done by the manager who has seen the same payout.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from examples import seeds
from examples.fixed_deposits import TENORS
from ledger.books import Book
from ledger.db import Pool
from ledger.errors import InvariantBroken
from ledger.posting.collector import Collector, Decide, decide_and_post
from ledger.posting.values import Status
from products.deposits.early_ends import do_early_end, early_figures, propose_early_end
from products.deposits.instructing import change_instruction
from products.deposits.opening import PlacementOrder, place
from products.deposits.standing import Listed, list_placements
from products.deposits.values import Instruction
from products.placements import InterestPaid

CLERK = "facility:deposits-clerk"
MANAGER = "facility:manager"
A_DAY = 3
"""Sums placed on a banking day."""
_EARLY_EVERY, _INSTRUCTION_EVERY = 4, 3
"""Banking days from one early withdrawal to the next, from one change of instruction likewise."""
_RICH = 20_000_000_00
_STEP = 100_000_00


def rich(openings: Sequence[seeds.Opening]) -> list[seeds.Opening]:
    """Savings accounts whose members place sums in the month."""
    return [each for each in openings if not each.closed and each.opening_satang >= _RICH]


@dataclass(slots=True, kw_only=True)
class FixedDesk:
    """The desk for fixed deposits, and what it did so far. Money in satang.

    rich: accounts of members that place sums.
    """

    pool: Pool
    collector: Collector
    book: Book
    dice: random.Random
    rich: Sequence[seeds.Opening]
    done: Counter[str] = field(default_factory=Counter)
    placed_satang: int = 0
    days: int = 0

    async def banking_day(self, day: date) -> None:
        """What the members do on a banking day."""
        for _ in range(A_DAY):
            await self._place()
        if self.days % _INSTRUCTION_EVERY == 0:
            await self._instruct(day)
        if self.days % _EARLY_EVERY == 1:
            await self._withdraw_early(day)
        self.days += 1

    async def _place(self) -> None:
        opening = self.dice.choice(self.rich)
        order = PlacementOrder(
            contract_no=f"FIX-{1001 + self.done['placed']:04d}",
            product_code=TENORS[self.dice.choice(sorted(TENORS))],
            linked_no=opening.account_no,
            amount_satang=self.dice.randrange(1, opening.opening_satang // 10 // _STEP + 1) * _STEP,
            paid=InterestPaid.AT_MATURITY if self.dice.randrange(3) else InterestPaid.MONTHLY,
            instruction=self.dice.choice(list(Instruction)),
        )
        book_id = self.book.book_id
        await self._do("placed", lambda db: place(db, book_id, order, actor=CLERK))
        self.placed_satang += order.amount_satang

    async def _instruct(self, day: date) -> None:
        chosen = await self._some(day)
        wanted = self.dice.choice([each for each in Instruction if each is not chosen.instruction])
        book_id, number = self.book.book_id, chosen.contract_no
        await self._do(
            "instruction changed",
            lambda db: change_instruction(
                db, book_id, number, instruction=wanted, actor=CLERK, reason="letter of the member"
            ),
        )

    async def _withdraw_early(self, day: date) -> None:
        number, book_id = (await self._some(day)).contract_no, self.book.book_id
        reason = "the member needs the sum now"
        await self._do(
            "early withdrawal proposed",
            lambda db: propose_early_end(db, book_id, number, actor=CLERK, reason=reason),
        )
        async with self.pool.acquire() as connection:
            seen = (await early_figures(connection, book_id, number)).payout_satang
        await self._do(
            "early withdrawal paid",
            lambda db: do_early_end(db, book_id, number, payout_satang=seen, actor=MANAGER),
        )

    async def _some(self, day: date) -> Listed:
        """One of the placements that run and do not mature today."""
        async with self.pool.acquire() as connection:
            found = await list_placements(
                connection,
                self.book.book_id,
                matures_from=day + timedelta(days=1),
                is_open=True,
                limit=1000,
            )
        return self.dice.choice(found)

    async def _do(self, what: str, decide: Decide) -> None:
        outcome = await decide_and_post(self.collector, self.pool, self.book.book_id, decide)
        if outcome.status is not Status.ACCEPTED:
            raise InvariantBroken(f"{what}: {outcome.status.value} {outcome.refusal}")
        self.done[what] += 1
