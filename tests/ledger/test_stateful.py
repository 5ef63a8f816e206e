"""Any history of a book, drawn at random, against real PostgreSQL and a sequential oracle.

What is drawn: journals of one to three transfers, holds and what becomes of them, freezes, limits,
closings and what undoes them, reversals, forced and back-dated journals, adjustments on earlier
days, retries of everything, idempotency keys, product rows that have changed, cut-offs, and nights
that still post on an earlier date. What must hold after every
batch is in `tests.ledger.play`; at the end the independent model of `cff verify` proves the book.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from ledger.posting.values import Outcome, Unit
from ledger.refusals import BY_CODE
from tests.ledger.play import World
from tests.ledger.recipes import BATCHES, BEGINNING, CUT_OFFS, UnitRecipe, changes_a_freeze


class AnyHistory(RuleBasedStateMachine):
    """A fresh book for every example; each step is one batch."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.table = world.table()
        self.world.run(self.table.cook(BEGINNING))

    @rule(batch=BATCHES)
    def doors_post(self, batch: list[UnitRecipe]) -> None:
        """A batch of the doors, on the current business date."""
        self._play(self.table.units(batch))

    @rule(batch=BATCHES, cut=CUT_OFFS, place=st.integers(0, 6))
    def date_moves(self, batch: list[UnitRecipe], cut: UnitRecipe, place: int) -> None:
        """A batch with a cut-off somewhere in it; what the cut-off ends is known beforehand."""
        units = self.table.units(batch)
        before = [unit for unit in units[:place] if not changes_a_freeze(unit)]
        self._play([*before, self.table.kitchen.unit(cut), *units[place:]])

    @rule(batch=BATCHES, days_ago=st.integers(1, 3))
    def night_posts(self, batch: list[UnitRecipe], days_ago: int) -> None:
        """A batch of the night of an earlier date, while the doors are already beyond it."""
        self._play(self.table.units(batch), self.table.ago(days_ago))

    @rule(batch=BATCHES, days_ago=st.integers(0, 4))
    def auditor_adjusts(self, batch: list[UnitRecipe], days_ago: int) -> None:
        """A batch of adjustments, dated on an earlier day."""
        self._play(self.table.units(batch), self.table.ago(days_ago), adjusts=True)

    @rule()
    def day_ends(self) -> None:
        """The cut-off: freezes that have had their last day thaw."""
        self.world.counts["steps"] += 1
        self.world.run(self.table.end_day())

    def _play(self, units: list[Unit], on: date | None = None, *, adjusts: bool = False) -> None:
        self.world.counts["steps"] += 1
        self.world.run(self._put(units, on, adjusts=adjusts))

    async def _put(
        self, units: list[Unit], on: date | None = None, *, adjusts: bool = False
    ) -> list[Outcome]:
        return await self.table.play(units, on, adjusts=adjusts)

    def teardown(self) -> None:
        """The book, proven from its transfers."""
        if self.table.sound:
            self.world.run(self.table.verify())


def run_any_history(world: World, how_much: settings) -> None:
    """Play histories in this world; raises what the first broken property raised."""

    class Here(AnyHistory):
        def __init__(self) -> None:
            super().__init__(world)

    run_state_machine_as_test(Here, settings=how_much)


def run_known_history(world: World, steps: Iterable[Sequence[UnitRecipe] | None]) -> None:
    """Play this history as a drawn one would be: each step a batch of the doors, None a cut-off."""
    machine = AnyHistory(world)
    for batch in steps:
        if batch is None:
            machine.day_ends()
        else:
            machine.doors_post(list(batch))
    machine.teardown()


@pytest.mark.timeout(7200)  # the long profiles take their time
def test_any_history_of_a_book_ends_as_a_sequential_reading_of_it_says(
    shared_url: str, record_property: Callable[[str, object], None]
) -> None:
    world = World(shared_url)
    try:
        run_any_history(world, settings())
    finally:
        world.close()
        record_property("told", told(world.counts))
    assert world.counts["accepted"] > world.counts["books"]
    assert sum(1 for code in BY_CODE if world.counts[code]) >= 20, world.counts


def told(counts: Counter[str]) -> str:
    """Counts of a run in one line, refusals by code last."""
    units = ("accepted", "replayed", "stale", "deferred", "in_progress", "key_conflict")
    first = [f"{counts[name]} {name}" for name in ("books", "steps", *units)]
    refused = [f"{code} {counts[code]}" for code in BY_CODE if counts[code]]
    return f"any history: {', '.join(first)}; refused: {', '.join(refused)}"
