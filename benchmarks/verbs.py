"""The verb "match and post a notice" beside bare journals, 64 in flight through the collector.

A client takes a line that waits in suspense and the notice that explains it, and asks for both to
be joined, as the door does: under an idempotency key, with an answer that is kept under it. The
notice's row, the line's, what joins them, a journal and a numbered event are written in the same
batches that take everybody's journals. Bare journals carry neither key nor rows.

    python -m benchmarks.verbs [--json] [--strict] [--preload N]
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks import entry
from benchmarks.bench import RUNS, CheckFailed, Figure, Point, percentile, ratios, say
from benchmarks.made import BOOK, Maker
from benchmarks.payments import Ready, open_desk
from benchmarks.preload import Bench
from ledger.posting.collector import Collector
from ledger.posting.values import IdempotencyKey, Outcome, Status
from products.payments import resolving

IN_FLIGHT = 64
EACH = 32 * IN_FLIGHT
"""Verbs a round, and as many journals."""
SLICE = 4 * IN_FLIGHT
"""Of one kind, before it is the other's turn: both have the same weather."""
WARM_UP = 8 * IN_FLIGHT
"""Answered before anything is timed."""
RATIO = 0.4
"""Of the rate of bare journals."""

Ask = Callable[[Collector], Awaitable[Outcome]]


@dataclass(slots=True)
class Run:
    """One round of one kind, its slices together; times in nanoseconds."""

    spent: int = 0
    trips: int = 0
    commits: int = 0
    taken: list[int] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.taken) * 1e9 / self.spent


async def measure(made: Bench, each: int = EACH) -> list[Point]:
    """Three rounds of verbs and journals by turns. Raises `CheckFailed`."""
    ready = await open_desk(made, WARM_UP + RUNS * each)
    await made.control(f"{__name__}: what the verbs find")
    maker = Maker(made.numbers, seed=made.made + 1)
    verbs: list[Run] = []
    journals: list[Run] = []
    async with Collector(made.pool) as collector:
        # A server has its connections, plans and accounts from its first minute on.
        await _run(made, collector, Run(), [_post(maker) for _ in range(WARM_UP)])
        await _run(made, collector, Run(), [_match(made, pair) for pair in ready[:WARM_UP]])
        for begin in range(WARM_UP, len(ready), each):
            verbs.append(Run())
            journals.append(Run())
            for first in range(begin, begin + each, SLICE):
                pairs = ready[first : min(first + SLICE, begin + each)]
                await _run(made, collector, journals[-1], [_post(maker) for _ in pairs])
                await _run(made, collector, verbs[-1], [_match(made, pair) for pair in pairs])
            told = f"{verbs[-1].per_second:,.0f}/s, bare journals {journals[-1].per_second:,.0f}/s"
            say(f"match and post {told}")
    await _check_matched(made, ready)
    rates = tuple(run.per_second for run in verbs)
    bare = tuple(run.per_second for run in journals)
    return [
        Point(
            name=f"match and post a notice, {IN_FLIGHT} in flight",
            figures=(
                Figure(name="verbs", unit="/s", values=rates),
                Figure(name="bare journals", unit="/s", values=bare),
                Figure(name="ratio_to_bare_journals", values=ratios(rates, bare), at_least=RATIO),
                Figure(name="p50", unit="ms", values=_times(verbs, 50)),
                Figure(name="p99", unit="ms", values=_times(verbs, 99)),
                Figure(name="round trips a verb", values=tuple(r.trips / each for r in verbs)),
                Figure(name="commits a verb", values=tuple(r.commits / each for r in verbs)),
            ),
        )
    ]


def _times(runs: Sequence[Run], percent: int) -> tuple[float, ...]:
    return tuple(percentile(run.taken, percent) for run in runs)


def _post(maker: Maker) -> Ask:
    unit = maker.unit()
    return lambda collector: collector.submit(BOOK, unit)


def _match(made: Bench, pair: Ready) -> Ask:
    name = str(pair.line_id)
    key = IdempotencyKey(
        client="bench", key=name, request_hash=hashlib.sha256(name.encode()).digest()
    )

    return lambda collector: resolving.resolve(
        collector,
        made.pool,
        BOOK,
        pair.line_id,
        [pair.notice_id],
        actor="bench:clerk",
        reason="as the member's slip says",
        key=key,
        answer=_answer,
    )


def _answer(outcome: Outcome) -> str:
    """What is kept under the key; to show it well is the door's work, and measured with HTTP."""
    first = outcome.receipts[0]
    return f'{{"recorded_seq":{first.recorded_seq},"batch_no":{outcome.batch_no}}}'


async def _run(made: Bench, collector: Collector, run: Run, asked: Sequence[Ask]) -> None:
    """Ask for everything with `IN_FLIGHT` clients, and add it to a round."""
    # What is there before the first answer is looked through by nobody, as in the server.
    gc.collect()
    gc.freeze()
    before = made.traffic.snapshot()
    began = time.perf_counter_ns()
    await _clients(collector, asked, run.taken)
    run.spent += time.perf_counter_ns() - began
    after = made.traffic.snapshot()
    run.trips += after[0] - before[0]
    run.commits += after[1] - before[1]
    made.posted(len(asked))


async def _clients(collector: Collector, asked: Sequence[Ask], taken: list[int]) -> None:
    waiting = iter(asked)
    await asyncio.gather(*(_client(collector, waiting, taken) for _ in range(IN_FLIGHT)))


async def _client(collector: Collector, asked: Iterator[Ask], taken: list[int]) -> None:
    for ask in asked:
        began = time.perf_counter_ns()
        outcome = await ask(collector)
        taken.append(time.perf_counter_ns() - began)
        if outcome.status is not Status.ACCEPTED:
            raise CheckFailed(f"a verb or journal was not accepted: {outcome}")


async def _check_matched(made: Bench, ready: Sequence[Ready]) -> None:
    """Each line is explained by its notice, once; no question about them is left."""
    row = await made.pool.fetchrow(
        _STANDING,
        BOOK,
        [pair.line_id for pair in ready],
        [pair.notice_id for pair in ready],
    )
    if row is None or list(row) != [len(ready), len(ready), 0]:
        raise CheckFailed(f"lines joined, notices posted, questions left: {row}, of {len(ready)}")


_STANDING = """
SELECT
    (
        SELECT count(*) FROM unnest($2::uuid[], $3::uuid[]) AS w (line_id, notice_id)
        INNER JOIN products.bank_match AS m
            ON m.book_id = $1 AND m.line_id = w.line_id AND m.notice_id = w.notice_id
        INNER JOIN products.bank_line AS l ON l.book_id = $1 AND l.line_id = w.line_id
        INNER JOIN ledger.transfer AS t ON t.book_id = $1 AND t.journal_id = m.journal_id
        WHERE l.status = 3 AND t.amount_satang = l.amount_satang
    ),
    (
        SELECT count(*) FROM products.notice AS n
        WHERE n.book_id = $1 AND n.notice_id = ANY($3) AND n.status = 3
    ),
    (SELECT count(*) FROM products.match_proposal AS p WHERE p.book_id = $1)
"""


if __name__ == "__main__":
    entry.main(measure, about=__doc__)
