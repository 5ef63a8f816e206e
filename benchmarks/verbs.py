"""The verb "match and post a notice" beside bare journals, both through the collector, 64 in flight.

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
from dataclasses import dataclass

from benchmarks import entry
from benchmarks.bench import RUNS, CheckFailed, Figure, Point, percentile, ratios, say
from benchmarks.made import BOOK, Maker
from benchmarks.payments import Ready, open_desk
from benchmarks.preload import Bench
from ledger.posting.collector import Collector
from ledger.posting.values import IdempotencyKey, Outcome, Status
from products.payments import resolving

IN_FLIGHT = 64
EACH = 1_500
"""Verbs a run, and as many journals."""
WARM_UP = 64
RATIO = 0.4
"""Of the rate of bare journals."""

Ask = Callable[[Collector], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one kind; times of one answer in milliseconds, round trips of one answer."""

    per_second: float
    p50_ms: float
    p99_ms: float
    trips: float
    commits: float


async def measure(made: Bench, each: int = EACH) -> list[Point]:
    """Three rounds of verbs and journals by turns. Raises `CheckFailed`."""
    ready = await open_desk(made, RUNS * (each + WARM_UP))
    await made.control(f"{__name__}: what the verbs find")
    maker = Maker(made.numbers, seed=made.made + 1)
    verbs: list[Run] = []
    journals: list[Run] = []
    for number in range(RUNS):
        chosen = ready[number * (each + WARM_UP) : (number + 1) * (each + WARM_UP)]
        journals.append(await _run(made, [_post(maker) for _ in chosen]))
        verbs.append(await _run(made, [_match(made, pair) for pair in chosen]))
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
                Figure(name="p50", unit="ms", values=tuple(run.p50_ms for run in verbs)),
                Figure(name="p99", unit="ms", values=tuple(run.p99_ms for run in verbs)),
                Figure(name="round trips a verb", values=tuple(run.trips for run in verbs)),
                Figure(name="commits a verb", values=tuple(run.commits for run in verbs)),
            ),
        )
    ]


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


async def _run(made: Bench, asked: Sequence[Ask]) -> Run:
    """Ask for everything with `IN_FLIGHT` clients; the first few make connections and plans."""
    taken: list[int] = []
    async with Collector(made.pool) as collector:
        await _clients(collector, asked[:WARM_UP], [])
        # What is there before the first answer is looked through by nobody, as in the server.
        gc.collect()
        gc.freeze()
        before = made.traffic.snapshot()
        began = time.perf_counter_ns()
        await _clients(collector, asked[WARM_UP:], taken)
        spent = time.perf_counter_ns() - began
        after = made.traffic.snapshot()
    made.posted(len(asked))
    return Run(
        per_second=len(taken) * 1e9 / spent,
        p50_ms=percentile(taken, 50),
        p99_ms=percentile(taken, 99),
        trips=(after[0] - before[0]) / len(taken),
        commits=(after[1] - before[1]) / len(taken),
    )


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
