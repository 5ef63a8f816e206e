"""The month as a stream of days: how many of what each day, and the facts when it is over.

`Size` says how much; `live` yields the banking days one after the other, so that ten times the
month takes no more memory than a few days of it. Each kind of mistake has a quota a day with a
little jitter, not a chance, so that every kind occurs at every size. Nothing here reads a clock or
touches a file.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from examples import planting, seeds
from examples.desk import Desk, Month, open_and_closed
from examples.mistakes import Malformed, Mistake
from examples.values import Day

_PAYDAYS = range(25, 31)  # co-ops collect their members' payroll deductions then


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much business a day has. `planted` overrides the usual number of each mistake."""

    ordinary_a_day: int
    malformed_a_day: int
    scale: int = 1
    planted: int | None = None


SAMPLE = Size(ordinary_a_day=6, malformed_a_day=len(Malformed), planted=1)
"""The sample day in git: six ordinary notices, one of every mistake."""


def full(scale: int) -> Size:
    """The size of the example month: over 20,000 notices at scale 1, in proportion beyond."""
    return Size(ordinary_a_day=1_000 * scale, malformed_a_day=3 * scale, scale=scale)


def begin(size: Size, seed: int, days: tuple[date, ...]) -> Month:
    """A month on which nothing has happened yet, from the committed seeds."""
    open_accounts, closed_accounts = open_and_closed(seeds.openings())
    return Month(
        rng=random.Random(seed),  # noqa: S311 - the same bytes on every run is the point
        scale=size.scale,
        days=days,
        banks=tuple(seeds.banks()),
        members={member.member_code: member for member in seeds.members()},
        open_accounts=open_accounts,
        closed_accounts=closed_accounts,
    )


def live(month: Month, size: Size) -> Iterator[Day]:
    """Each banking day of the month, in order. The month's counters are full after the last."""
    for index, on in enumerate(month.days):
        desk = Desk(month, index)
        busy = 115 if on.day in _PAYDAYS else 100
        for _ in range(size.ordinary_a_day * busy // 100):
            planting.ordinary(desk)
        _plant(desk, size)
        for number in range(size.malformed_a_day):
            turn = (index * size.malformed_a_day + number) % len(Malformed)
            planting.malformed(desk, tuple(Malformed)[turn])
        for bank in month.banks:
            planting.bank_fee(desk, bank.bank_code)
        yield Day(on=on, notice_lines=desk.lines(), movements=desk.movements())


def _plant(desk: Desk, size: Size) -> None:
    for entry in planting.PLANTS:
        if entry.needs_next_day and desk.days_left() == 0:
            continue
        usual = entry.a_day * size.scale + desk.rng.randrange(3)
        for _ in range(usual if size.planted is None else size.planted):
            entry.plant(desk)
            desk.month.mistakes[entry.mistake] += 1


def planted(month: Month) -> dict[str, int]:
    """How often each mistake was planted, in the order of the table; zero where it was not."""
    return {mistake.value: month.mistakes[mistake] for mistake in Mistake}


def malformed(month: Month) -> dict[str, int]:
    """How many lines were made unreadable, by reason."""
    return {how.value: month.malformed[how] for how in Malformed}
