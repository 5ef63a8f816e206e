"""One request over two books: both have it or neither, whatever is refused, repeated or killed.

Each book has its oracle; a request over both is what the two oracles say together: accepted if both
accept, and else only the half at fault is remembered, in its own book.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.db import Pool, open_pool
from ledger.errors import InvalidInput
from ledger.kinds import EventKind
from ledger.posting.across import post_across
from ledger.posting.collector import Collector
from ledger.posting.dry_run import dry_run_across
from ledger.posting.values import Journal, Note, Outcome, Status, Unit
from tests.builders import journal, unit
from tests.faults.cross_program import PLACES
from tests.faults.halves import halves_of
from tests.faults.servant import Servant
from tests.ledger.oracle_book import Answer
from tests.ledger.play import Table, World, heard, next_book_id, set_table

BANK, SAV, SAV2, OVERDRAFT, LOAN = 1, 2, 3, 4, 5
SOON = 10
Half = tuple[int, Unit]


class Pair:
    """Two books side by side, and what a request over both must come to."""

    def __init__(self, one: Table, other: Table) -> None:
        self.tables = (one, other)

    @property
    def books(self) -> tuple[int, int]:
        """Their numbers."""
        return self.tables[0].book_id, self.tables[1].book_id

    def halves(self, units: Sequence[Unit]) -> list[Half]:
        """A unit for each book."""
        return list(zip(self.books, units, strict=True))

    async def play(self, units: Sequence[Unit], turned: bool = False) -> list[Outcome]:
        """Put a request to both books and both oracles; asserts that they agree."""
        halves = self.halves(units)
        connection = self.tables[0].connection
        async with connection.transaction():
            outcomes = await post_across(connection, halves[::-1] if turned else halves)
        outcomes = outcomes[::-1] if turned else outcomes
        expected = self._expected(units)
        assert [heard(outcome) for outcome in outcomes] == expected, f"outcome: {units}"
        for table in self.tables:
            await table.compare(accepted=True)
            table.counts[f"both {'/'.join(sorted(a.code or a.status for a in expected))}"] += 1
        await self.same_journals()
        return outcomes

    def _expected(self, units: Sequence[Unit]) -> list[Answer]:
        before = [table.oracle.book.copy() for table in self.tables]
        first = next(o for o in units[0].operations if isinstance(o, Journal))
        note = Note(kind=EventKind.CROSS_BOOK, subject=first.journal_id)
        answers = [
            table.oracle.batch([replace(asked, operations=(*asked.operations, note))])[0]
            for table, asked in zip(self.tables, units, strict=True)
        ]
        done = [answer.status in ("accepted", "replayed") for answer in answers]
        if all(done) and answers[0].status == answers[1].status:
            return answers
        for place, table in enumerate(self.tables):
            if done[place]:
                table.oracle.book = before[place]
                answers[place] = Answer(status="refused", code="not_attempted")
        return answers

    async def same_journals(self) -> None:
        """What one book has of a request over both, the other has."""
        found = [
            await table.connection.fetch(
                "SELECT subject FROM ledger.event WHERE book_id = $1 AND kind = $2 ORDER BY 1",
                table.book_id,
                int(EventKind.CROSS_BOOK),
            )
            for table in self.tables
        ]
        assert found[0] == found[1], "one book has half of a request"

    async def verify(self) -> None:
        """Both books, proven."""
        for table in self.tables:
            await table.verify()


@pytest.fixture
async def pair(shared_pool: Pool) -> AsyncIterator[Pair]:
    """Two fresh books; money in the first member's account of each."""
    async with shared_pool.acquire() as connection:
        tables = [await set_table(connection, next_book_id(), Counter()) for _ in range(2)]
        made = Pair(tables[0], tables[1])
        for table in tables:
            await table.play([unit(journal(BANK, SAV, 1_000))])
        yield made
        await made.verify()


def over(
    one: tuple[int, int], other: tuple[int, int], amount: int, journal_id: UUID | None = None
) -> tuple[Unit, Unit]:
    """A unit for each book, the same id in both."""
    made = journal_id or uuid4()
    return (
        unit(journal(*one, amount, journal_id=made)),
        unit(journal(*other, amount, journal_id=made)),
    )


SIDES = st.sampled_from(
    (
        *((BANK, SAV),) * 5,
        *((SAV, BANK), (SAV2, BANK), (BANK, LOAN), (OVERDRAFT, BANK)),
    )
)
REQUESTS = st.tuples(
    SIDES,
    SIDES,
    st.sampled_from((1, 40, 60, 100, 100, 40, 0)),
    st.sampled_from(("new", "new", "new", "again", "other body", "one book first")),
    st.booleans(),
)


MANY = 100


def run_any_requests(world: World, how_much: settings) -> None:
    """Play any requests over two books; raises what the first broken promise raised."""

    async def play(made: Pair, asked: list[tuple[object, ...]]) -> None:
        sent: list[tuple[Unit, Unit]] = []
        for one, other, amount, how, turned in asked:
            units = over(one, other, amount)  # type: ignore[arg-type]  # as drawn
            if sent and how == "again":
                units = sent[-1]
            elif sent and how == "other body":
                old = next(o for o in sent[-1][0].operations if isinstance(o, Journal))
                units = (sent[-1][0], unit(journal(BANK, SAV2, 7, journal_id=old.journal_id)))
            elif how == "one book first":
                await made.tables[0].play([units[0]])
            sent.append(units)
            await made.play(units, bool(turned))

    @how_much
    @given(asked=st.lists(REQUESTS, min_size=4, max_size=12))
    def any_requests(asked: list[tuple[object, ...]]) -> None:
        made = Pair(world.table(), world.table())
        world.run(play(made, asked))
        world.run(made.verify())

    any_requests()


@pytest.mark.timeout(3600)  # the long profiles take their time
def test_both_books_have_a_request_or_neither(
    shared_url: str, record_property: Callable[[str, object], None]
) -> None:
    world = World(shared_url)
    try:
        run_any_requests(world, settings(max_examples=max(30, settings().max_examples // 2)))
    finally:
        world.close()
        both = {k.removeprefix("both "): n // 2 for k, n in world.counts.items() if "/" in k}
        told = ", ".join(f"{name} {count}" for name, count in sorted(both.items()))
        record_property("told", f"two books: {told}")
    assert world.counts["both accepted/accepted"]
    if settings().max_examples >= MANY:  # few draws may hold no retry
        assert world.counts["both replayed/replayed"]


async def test_only_the_half_at_fault_is_remembered(pair: Pair) -> None:
    units = over((SAV2, BANK), (BANK, SAV), 100)
    outcomes = await pair.play(units)
    codes = [outcome.refusal.code for outcome in outcomes if outcome.refusal is not None]
    assert codes == ["below_balance_min", "not_attempted"]
    await pair.tables[0].play([unit(journal(BANK, SAV2, 500))])
    again = await pair.play(units)
    assert [outcome.replay for outcome in again] == [True, False]
    # In the book that was not at fault the id is free.
    (free,) = await pair.tables[1].play([units[1]])
    assert free.status is Status.ACCEPTED


async def test_a_request_over_two_books_names_each_book_once_and_the_same_ids(
    pair: Pair,
) -> None:
    units = over((SAV, BANK), (BANK, SAV), 1)
    connection = pair.tables[0].connection
    with pytest.raises(InvalidInput, match="two or more books"):
        await post_across(connection, [(pair.books[0], one) for one in units])
    other = unit(journal(BANK, SAV, 1))
    with pytest.raises(InvalidInput, match="the same ids in every book"):
        await post_across(connection, pair.halves((units[0], other)))


async def test_a_dry_run_over_two_books_answers_as_the_request_and_leaves_both(
    pair: Pair, shared_pool: Pool
) -> None:
    units = over((SAV, BANK), (BANK, SAV), 10)
    rehearsed = await dry_run_across(shared_pool, pair.halves(units))
    assert rehearsed == await dry_run_across(shared_pool, pair.halves(units))
    assert rehearsed == await pair.play(units)


async def test_requests_in_both_directions_at_once_do_not_wait_for_each_other_for_ever(
    pair: Pair, shared_url: str
) -> None:
    async with AsyncExitStack() as stack:
        pool = await open_pool(shared_url)
        stack.push_async_callback(pool.close)
        collector = await stack.enter_async_context(Collector(pool))

        async def send(number: int) -> list[Outcome]:
            way = ((SAV, BANK), (BANK, SAV)) if number % 2 else ((BANK, SAV), (SAV, BANK))
            halves = pair.halves(over(*way, 10))
            async with pool.acquire() as connection, connection.transaction():
                return await post_across(connection, halves[::-1] if number % 4 < 2 else halves)

        alone = [
            collector.submit(pair.books[number % 2], unit(journal(BANK, SAV, 1)))
            for number in range(32)
        ]
        across = asyncio.gather(*(send(number) for number in range(16)))
        answers, _ = await asyncio.wait_for(asyncio.gather(across, asyncio.gather(*alone)), SOON)
    outcomes = [outcome for answer in answers for outcome in answer]
    assert {outcome.status for outcome in outcomes} == {Status.ACCEPTED}
    await pair.same_journals()
    for table in pair.tables:
        credit = await table.connection.fetchval(
            "SELECT credits - debits FROM ledger.balance WHERE book_id = $1 AND account_id = $2",
            table.book_id,
            SAV,
        )
        assert credit == 1_000 + 16


@pytest.mark.parametrize("place", PLACES)
async def test_a_kill_between_the_two_books_leaves_both_with_it_or_both_without(
    pair: Pair, shared_url: str, tmp_path: Path, place: str
) -> None:
    name = place.replace(" ", "-")
    servant = await Servant.start(
        "cross_program",
        tmp_path / "stderr",
        url=shared_url,
        books=pair.books,
        name=name,
        place=place,
    )
    await servant.tell("post")
    await servant.until(place)
    await servant.kill()
    connection = pair.tables[0].connection
    halves = halves_of(pair.books, name)
    async with connection.transaction():
        # Whoever was killed holds the heads until the server has noticed.
        outcomes = await post_across(connection, halves)
    statuses = [outcome.status for outcome in outcomes]
    if place == "answered":
        assert statuses == [Status.REPLAYED] * 2
    elif place == "sent":
        assert statuses in ([Status.REPLAYED] * 2, [Status.ACCEPTED] * 2)
    else:
        assert statuses == [Status.ACCEPTED] * 2
    await pair.same_journals()
    seqs = await connection.fetch(
        "SELECT book_id, count(*)::int AS times FROM ledger.transfer "
        "WHERE book_id = ANY($1::int[]) AND journal_id = $2 GROUP BY 1",
        list(pair.books),
        outcomes[0].receipts[0].journal_id,
    )
    assert [row["times"] for row in seqs] == [1, 1]
