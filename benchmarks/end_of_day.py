"""The night beside its floor: from ten thousand contracts to a million, missed, and beside doors.

The floor is one `INSERT ... SELECT` of a row a contract, as wide as a span of interest and with its
key (`benchmarks.night_floor`); it and the nights take turns. Every night is the real one
(`products.end_of_day.run_day`, sealed), after a day on which one contract in fifty moved. What the
books are and how they came to be is told in `benchmarks.night_books`.

    python -m benchmarks.end_of_day [--json] [--strict] [--contracts N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from benchmarks import entry
from benchmarks.bench import (
    RUNS,
    Figure,
    Point,
    Report,
    percentile,
    private_server,
    ratios,
    say,
)
from benchmarks.beside import night_in_child, posting_beside
from benchmarks.made import OPENED_ON
from benchmarks.night_books import (
    NightBook,
    Timed,
    day_after,
    generate,
    interest_agrees,
    missed,
    move,
    night,
    night_book,
    open_each,
    open_families,
    settle,
)
from benchmarks.night_floor import floor_seconds
from benchmarks.preload import verify
from benchmarks.savings import approve_rate

LARGE, MIDDLE, SMALL = 1_000_000, 60_000, 10_000
NIGHTS_OF_SMALL = 5
"""Nights of the small book for each of the large one: the median of them is taken."""
MISSED = 30
FLAT_AT_MOST = 1.2
"""Times the small book's cost of a contract."""
ONLINE_P99_MS = 100
ACCRUAL_AT_MOST, NIGHT_AT_MOST = 3, 12
"""Times the floor."""
_KINDS = {
    "ordinary night": 20.0,
    "another rate": 20.0,
    "a period's end": 40.0,
    "the night after": 20.0,
}
"""Nights of the middle book in the order of a round's dates, and how many seconds they may take."""
_ROUND = len(_KINDS)
_PERIOD_ENDS = frozenset(
    [day_after(OPENED_ON, 3 + _ROUND * each) for each in range(RUNS)]
    + [day_after(OPENED_ON, 1 + _ROUND * RUNS + each) for each in range(RUNS)]
)
"""Those of the rounds, and one day after the other when online posting is measured beside them."""
_NO_PERIOD_ENDS = frozenset({"12-31"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Nights of one kind and the floors that they took turns with."""

    name: str
    floors: tuple[float, ...]
    nights: tuple[Timed, ...]
    night_seconds: float | None = None
    accrual_at_most: float | None = None
    night_at_most: float | None = None

    def point(self) -> Point:
        """Floor, accrual and whole night, each night's steps; the last two with their ratio."""
        accruals = tuple(each.accrual for each in self.nights)
        whole = tuple(each.whole for each in self.nights)
        return Point(
            name=self.name,
            figures=(
                Figure(name="floor", unit="s", values=self.floors),
                Figure(name="accrual", unit="s", values=accruals),
                _times("accrual: ratio_to_floor", accruals, self.floors, self.accrual_at_most),
                Figure(name="night", unit="s", values=whole, at_most=self.night_seconds),
                _times("night: ratio_to_floor", whole, self.floors, self.night_at_most),
                *self._steps(),
            ),
        )

    def _steps(self) -> list[Figure]:
        """The steps that take a fiftieth of the night or more."""
        found = []
        for step in self.nights[0].steps:
            values = tuple(each.steps.get(step, 0.0) for each in self.nights)
            if sum(values) * 50 >= sum(each.whole for each in self.nights):
                found.append(Figure(name=f"step {step}", unit="s", values=values))
        return found


async def large_and_small(large: NightBook, small: NightBook) -> list[Point]:
    """The ordinary night of the large book beside its floor, and beside that of the small one."""
    first = await night(large)
    await settle(large)
    await night(small)
    await settle(small)
    floors, nights, few = [], [], []
    for _ in range(RUNS):
        few.append([await _ordinary(small) for _ in range(NIGHTS_OF_SMALL)])
        floors.append(await floor_seconds(large))
        nights.append(await _ordinary(large))
        say(f"large: floor {floors[-1]:.1f} s, {_told(nights[-1])}")
    count = f"{len(large.contracts):,} contracts"
    begun = Rounds(name=f"{count}, every leg begins", floors=tuple(floors[:1]), nights=(first,))
    ordinary = Rounds(
        name=f"{count}, ordinary night",
        floors=tuple(floors),
        nights=tuple(nights),
        accrual_at_most=ACCRUAL_AT_MOST,
        night_at_most=NIGHT_AT_MOST,
    )
    return [ordinary.point(), begun.point(), _flat(large, nights, small, few)]


def _flat(
    large: NightBook, nights: Sequence[Timed], small: NightBook, few: Sequence[Sequence[Timed]]
) -> Point:
    most, least = len(large.contracts), len(small.contracts)
    figures = []
    for name in ("accrual", "whole"):
        many = [getattr(each, name) / most * 1e6 for each in nights]
        usual = [statistics.median(getattr(each, name) for each in some) for some in few]
        usual = [each / least * 1e6 for each in usual]
        title = "night" if name == "whole" else name
        figures += [
            Figure(name=f"{title} of {least:,}, a contract", unit="us", values=tuple(usual)),
            Figure(name=f"{title} of {most:,}, a contract", unit="us", values=tuple(many)),
            _times(f"{title}: {most:,} to {least:,}", many, usual, FLAT_AT_MOST),
        ]
    return Point(name="cost of a contract", figures=tuple(figures))


async def middle_nights(book: NightBook) -> list[Point]:
    """Ordinary nights, and such that are not: another rate, a period's end, the one after it."""
    await night(book)
    await settle(book)
    floors: list[float] = []
    kinds: dict[str, list[Timed]] = {name: [] for name in _KINDS}
    for each in range(RUNS):
        percent = f"1.{30 + each}00"
        await approve_rate(book.dsn, percent, book.today + timedelta(days=1))
        floors.append(await floor_seconds(book))
        for taken in kinds.values():
            taken.append(await _ordinary(book))
        told = "; ".join(f"{name}: {_told(taken[-1])}" for name, taken in kinds.items())
        say(f"middle: floor {floors[-1]:.2f} s; {told}")
    return [
        Rounds(
            name=f"{book.legs:,} contracts, {name}",
            floors=tuple(floors),
            nights=tuple(taken),
            night_seconds=_KINDS[name],
        ).point()
        for name, taken in kinds.items()
    ]


async def missed_nights(book: NightBook) -> list[Point]:
    """So many missed nights run at once, by turns with single ones."""
    single, many = [], []
    for _ in range(RUNS):
        some = [(await _ordinary(book)).whole for _ in range(NIGHTS_OF_SMALL)]
        single.append(statistics.median(some))
        many.append(await missed(book, MISSED))
    return [
        Point(
            name=f"{MISSED} missed nights of {len(book.contracts):,} contracts",
            figures=(
                Figure(name="one night", unit="s", values=tuple(single)),
                Figure(name="all of them", unit="s", values=tuple(many)),
                _times("to one night", many, single, MISSED),
            ),
        )
    ]


async def online_beside(book: NightBook) -> list[Point]:
    """Online posting beside nights that end a period and begin one: every leg, every account."""
    runs = []
    for _ in range(RUNS):
        await move(book)
        runs.append(await posting_beside(book, lambda: night_in_child(book)))
    return [
        Point(
            name=f"online beside the night that credits {book.legs:,} contracts",
            figures=tuple(
                Figure(
                    name=f"p{percent}",
                    unit="ms",
                    values=tuple(percentile(each, percent) for each in runs),
                    at_most=ONLINE_P99_MS if percent == 99 else None,
                )
                for percent in (50, 99)
            ),
        )
    ]


async def run(contracts: int) -> Report:
    """Fill three books on one server, measure, prove them. Raises `CheckFailed`, `Void`."""
    began = time.monotonic()
    async with _books(contracts) as (large, middle, small):
        report = Report(settings=large.settings)
        report.points += await large_and_small(large, small)
        report.points += await middle_nights(middle)
        report.points += await missed_nights(small)
        report.points += await online_beside(middle)
        for name, book in (("large", large), ("middle", middle), ("small", small)):
            book.uncounted()
            await book.control(name)
            report.checks += book.checks
        report.checks += [await interest_agrees(large), await interest_agrees(small)]
        report.checks.append(await verify(middle, None))
    report.seconds = time.monotonic() - began
    return report


@asynccontextmanager
async def _books(contracts: int) -> AsyncIterator[tuple[NightBook, NightBook, NightBook]]:
    async with private_server() as lease, AsyncExitStack() as stack:
        large, middle, small = [
            await stack.enter_async_context(night_book(lease, name, fill, count, ends))
            for name, fill, count, ends in (
                ("large", generate, contracts, _NO_PERIOD_ENDS),
                ("middle", open_families, MIDDLE, _PERIOD_ENDS),
                ("small", open_each, SMALL, _NO_PERIOD_ENDS),
            )
        ]
        yield large, middle, small


async def _ordinary(book: NightBook) -> Timed:
    await move(book)
    return await night(book)


def _times(
    name: str, above: Sequence[float], below: Sequence[float], at_most: float | None
) -> Figure:
    return Figure(name=name, unit="x time", values=ratios(above, below), at_most=at_most)


def _told(timed: Timed) -> str:
    return f"accrual {timed.accrual:.2f} s, night {timed.whole:.2f} s"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--strict", action="store_true", help="a missed target fails as well")
    parser.add_argument("--contracts", type=int, default=LARGE, help="of the large book")
    given = parser.parse_args()
    sys.exit(entry.finish(lambda: run(given.contracts), given.json, given.strict))
