"""One blow: arm the program, let it work, strike at the announced moment, see what was hit.

What was hit is read from two witnesses. The program's announcements say how far its commit had
come; the server says whether it remembers that very transaction. A commit not yet sent must be
forgotten and an answered one remembered; one that was sent may be either, and both happen.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.durable import Durable
from tests.faults.servant import Servant
from tests.faults.strikes import Kill, Moment, Struck

MISSES_MAX = 8
"""A blow that came too late is counted where it fell, and another is struck; so often."""

Work = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Tally:
    """Kills by path and moment, and what became of the commits that were hit inside."""

    kills: Counter[tuple[Struck, Moment]] = field(default_factory=Counter)
    recorded: Counter[tuple[Struck, Moment]] = field(default_factory=Counter)

    def lines(self) -> Iterator[str]:
        """The table of path by moment, as it is printed at the end of a run."""
        yield f"{'kill -9 of':<24}" + "".join(f"{moment:>9}" for moment in Moment) + "      all"
        for struck in Struck:
            yield self._line(struck.value, [self.kills[struck, moment] for moment in Moment])
        yield self._line(
            "all", [sum(self.kills[struck, moment] for struck in Struck) for moment in Moment]
        )
        inside = sum(self.kills[struck, Moment.INSIDE] for struck in Struck)
        kept = sum(self.recorded[struck, Moment.INSIDE] for struck in Struck)
        yield f"hit inside a commit: {kept} were recorded, {inside - kept} were not"

    @staticmethod
    def _line(name: str, counts: list[int]) -> str:
        return f"{name:<24}" + "".join(f"{count:>9}" for count in [*counts, sum(counts)])


def kill_lines(told: Sequence[Sequence[object]]) -> list[str]:
    """The table of the kills that tests told of: [struck, moment, count, recorded] each."""
    tally = Tally()
    for struck, moment, count, kept in told:
        place = (Struck[str(struck)], Moment[str(moment)])
        tally.kills[place] += int(str(count))
        tally.recorded[place] += int(str(kept))
    return list(tally.lines())


class Calm:
    """Lets other clients of the test work, but not between a blow and the look at its mark.

    A server that forgot a transaction gives its number to the next one.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._event.set()

    async def wait(self) -> None:
        """Return when nothing is being struck."""
        await self._event.wait()

    @contextmanager
    def broken(self) -> Iterator[None]:
        """A blow falls."""
        self._event.clear()
        try:
            yield
        finally:
            self._event.set()


async def strike(
    durable: Durable,
    servant: Servant,
    kill: Kill,
    attempt: int,
    work: Work,
    *,
    commits: int,
    tally: Tally,
    calm: Calm | None = None,
) -> Moment | None:
    """Strike once while `work` is under way; where it hit, None when the work was done before.

    A killed program stays dead; under a killed server, started again, the program goes on.
    """
    blow = kill.strike(kill.dice(attempt), commits=commits)
    await servant.arm(blow)
    await work()
    place = await servant.until("before", "sent", "answered", "done")
    if place["at"] == "done":
        await servant.go_on()
        return None
    if place["at"] == "sent" and blow.flushed:
        await durable.flushed()
    elif place["at"] == "sent":
        await asyncio.sleep(blow.delay_ms / 1000)
    with (calm or Calm()).broken():
        if kill.struck.is_postgres:
            durable.kill()
            await durable.revive()
        else:
            await servant.kill()
        # The number of a transaction that died unwritten is handed out again after a crash, and a
        # program that stood still in that transaction alone may have it already.
        known = blow.frozen or place["at"] != "before" or not kill.struck.is_postgres
        recorded = known and await durable.recorded(place["xid"])
    if kill.struck.is_postgres:
        await servant.go_on()
        if place["at"] == "sent":
            await servant.until("lost", "answered")
    hit = servant.measured()
    assert hit is not None
    assert recorded or hit is not Moment.AFTER, f"an answered commit is forgotten: {place}"
    assert not recorded or hit is not Moment.BEFORE, f"a commit that was never sent: {place}"
    tally.kills[kill.struck, hit] += 1
    tally.recorded[kill.struck, hit] += recorded
    return hit
