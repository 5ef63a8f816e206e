"""Finding against brute force: any history, any question, however far the follower has come.

Histories are drawn with gaps of thousands of numbers, so that a few journals lie in many runs of
the index, at their first and last numbers too. What must be found is read off in Python.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import books, consumers, finding, runs
from ledger.books import GlAccount
from ledger.db import Connection, Pool
from ledger.errors import InvalidInput, NotFound
from ledger.find import BOUNDS, TRANSFERS_SHOWN, FoundPage, Query, find
from ledger.kinds import JournalKind
from ledger.parties import Party, add_parties
from ledger.posting.collector import Collector
from ledger.posting.values import Journal, OpenAccount, Origin, Status, Transfer
from ledger.posting.write import post_batch
from ledger.proof import followers
from ledger.runs import RUN, Bounds
from tests import how_much
from tests.builders import journal, make_scene, post, unit
from tests.ledger.play import OPENED_ON, World, next_book_id

NAMES = UUID("3f0e5fb0-2f0f-4a0e-9d3b-5b0c2f1e4a99")
# Account, and the party that it belongs to: 1 has two accounts, 2 one, 3 none.
PARTY_OF = {1: None, 2: 1, 3: 1, 4: 2}
REFERENCES = ("", "R", "R1", "R12", "R2", "ก", "กข", "R1\U0010ffff", "R1\U0010ffffZ", "\ud7ff", "Z")
KINDS = {"manual": 2, "deposit": 111, "bank_fee": 115}
ACTORS = ("clerk:a", "clerk:b", "auditor:c")
DAYS = tuple(OPENED_ON - timedelta(days=days) for days in range(4))
# To the next number, into the next run, to its edges, far away.
GAPS = (1, 1, 1, 2, RUN - 1, RUN, RUN + 1, 3 * RUN, 20 * RUN)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A journal to be recorded `gap` numbers after the last one."""

    gap: int
    lines: tuple[tuple[int, int, int], ...]
    reference: str
    kind: str
    actor: str
    day: date
    value_date: date


_LINE = st.tuples(st.sampled_from((1, 2, 3, 4)), st.integers(1, 3), st.sampled_from((1, 5, 7, 500)))
_DRAWN = st.builds(
    Drawn,
    st.sampled_from(GAPS),
    st.lists(_LINE, min_size=1, max_size=3).map(tuple),
    st.sampled_from(REFERENCES),
    st.sampled_from(tuple(KINDS)),
    st.sampled_from(ACTORS),
    st.sampled_from(DAYS),
    st.sampled_from(DAYS),
)


def _often_nothing(*wanted: object) -> st.SearchStrategy[object]:
    return st.sampled_from((None,) * (2 * len(wanted)) + wanted)


_DATES = _often_nothing(*DAYS, OPENED_ON + timedelta(days=9))
_QUERIES = st.builds(
    Query,
    reference=_often_nothing(*REFERENCES, "nobody's"),
    reference_prefix=_often_nothing("", "R", "R1", "R1\U0010ffff", "ก", "\ud7ff", "\U0010ffff"),
    amount_from=_often_nothing(0, 1, 5, 6),
    amount_to=_often_nothing(7, 499, 500),
    party=_often_nothing("P-1", "P-2", "P-3"),
    account=_often_nothing("ACC-1", "ACC-2", "ACC-4"),
    kind=_often_nothing(*KINDS),
    from_date=_DATES,
    to_date=_often_nothing(OPENED_ON + timedelta(days=99)),
    from_value_date=_often_nothing(OPENED_ON - timedelta(days=99)),
    to_value_date=_DATES,
    actor=_often_nothing(*ACTORS, "nobody"),
)


def _credit(debit: int, away: int) -> int:
    return (debit - 1 + away) % 4 + 1


def matches(drawn: Drawn, query: Query) -> bool:
    """What a person would say: some line is all that was asked, and the journal is."""
    whole = (
        query.reference in (None, drawn.reference)
        and drawn.reference.startswith(query.reference_prefix or "")
        and query.kind in (None, drawn.kind)
        and query.actor in (None, drawn.actor)
        and (query.from_date or date.min) <= drawn.day <= (query.to_date or date.max)
        and (query.from_value_date or date.min) <= min(drawn.day, drawn.value_date)
        and min(drawn.day, drawn.value_date) <= (query.to_value_date or date.max)
    )
    return whole and any(_line_matches(line, query) for line in drawn.lines)


def _line_matches(line: tuple[int, int, int], query: Query) -> bool:
    debit, away, amount = line
    sides = (debit, _credit(debit, away))
    parties = [f"P-{PARTY_OF[side]}" for side in sides]
    return (
        (query.amount_from or 0) <= amount <= (query.amount_to or 10**15)
        and (query.account is None or query.account in [f"ACC-{side}" for side in sides])
        and (query.party is None or query.party in parties)
    )


@pytest.fixture(scope="module")
def world(shared_url: str) -> Iterator[World]:
    made = World(shared_url)
    yield made
    made.close()


async def record(connection: Connection, history: Sequence[Drawn]) -> tuple[int, dict[int, Drawn]]:
    """A new book with this history, written past the judge; its journals by number."""
    book_id = await _book(connection)
    seq = first = len(PARTY_OF) + 1
    numbered: dict[int, Drawn] = {}
    for drawn in history:
        seq += drawn.gap
        numbered[seq] = drawn
    rows = [
        (
            *(book_id, uuid5(NAMES, f"{book_id}/{number}"), place, number),
            *(debit, _credit(debit, away), amount, KINDS[drawn.kind], drawn.day),
            *(min(drawn.day, drawn.value_date), drawn.actor, drawn.reference),
        )
        for number, drawn in numbered.items()
        for place, (debit, away, amount) in enumerate(drawn.lines)
    ]
    async with connection.transaction():
        await connection.execute(_BATCH, book_id, first, seq - first + 1)
        await connection.executemany(_TRANSFER, rows)
        await connection.execute(
            "UPDATE ledger.book_head SET recorded_seq = $2, batch_no = 2 WHERE book_id = $1",
            book_id,
            seq,
        )
    return book_id, numbered


async def _book(connection: Connection) -> int:
    """A new book with parties and accounts; its first numbers are the accounts' openings."""
    book_id = next_book_id()
    await books.create_book(
        connection,
        book_id=book_id,
        code=f"book-{book_id}",
        name_th="สมุด",
        name_en="Book",
        opened_on=OPENED_ON,
    )
    line = GlAccount(gl_code="211100", cad_code="", name_th="-", name_en="-")
    await books.add_gl_accounts(connection, book_id, [line])
    parties = [
        Party(
            party_id=number,
            code=f"P-{number}",
            name_th="-",
            name_en="-",
            region="-",
            joined_on=OPENED_ON,
        )
        for number in (1, 2, 3)
    ]
    await add_parties(connection, book_id, parties)
    opened = [
        OpenAccount(
            account=number,
            code=f"ACC-{number}",
            gl_code="211100",
            currency="THB",
            name_th="-",
            name_en="-",
            party_id=party,
        )
        for number, party in PARTY_OF.items()
    ]
    async with connection.transaction():
        await post_batch(connection, book_id, [unit(*opened)], origin=Origin.DOORS)
    return book_id


_BATCH = """
INSERT INTO ledger.batch (
    book_id, batch_no, business_date, first_seq, last_seq, journal_count, event_count,
    transfer_count, amount_sum, refusal_count, origin, period, fiscal_year, first_voucher,
    digest_version, digest
)
SELECT b.book_id, 2, b.business_date, $2::bigint, $2::bigint + $3::int - 1, $3::int, 0, $3::int,
    0, 0, 3, 0, b.fiscal_year, 1, 2, b.digest
FROM ledger.batch AS b WHERE b.book_id = $1
"""
_TRANSFER = """
INSERT INTO ledger.transfer (
    book_id, journal_id, line, recorded_seq, debit_account, credit_account, amount_satang, kind,
    may_exceed_limit, forced, business_date, value_date, actor, reference, narrative
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, FALSE, FALSE, $9, $10, $11, $12, '')
"""


async def follow_to(connection: Connection, book_id: int, seq: int, stride: int) -> None:
    """Put the follower at this number, in strides."""
    await connection.execute(
        "INSERT INTO ledger.consumer (book_id, name) VALUES ($1, $2)", book_id, finding.NAME
    )
    for after in range(0, seq, stride):
        async with connection.transaction():
            upto = min(seq, after + stride)
            await finding.index(connection, book_id, after, upto)
            await connection.execute(
                "UPDATE ledger.consumer SET cursor_seq = $2 WHERE book_id = $1", book_id, upto
            )


async def pages_of(
    connection: Connection, book_id: int, query: Query, limit: int, bounds: Bounds = BOUNDS
) -> list[FoundPage]:
    """Every page, the last one included."""
    pages = [await find(connection, book_id, query, limit=limit, bounds=bounds)]
    while pages[-1].has_more:
        before = pages[-1].looked_to
        pages.append(
            await find(connection, book_id, query, limit=limit, before=before, bounds=bounds)
        )
        assert pages[-1].looked_to < before
    return pages


def numbers_of(pages: Sequence[FoundPage]) -> list[int]:
    """What was found, in the order of the pages."""
    return [found.recorded_seq for page in pages for found in page.journals]


@pytest.mark.timeout(7200)  # the long profiles take their time
@how_much.drawn(40)
@given(
    history=st.lists(_DRAWN, min_size=1, max_size=12),
    queries=st.lists(_QUERIES, min_size=1, max_size=6),
    data=st.data(),
)
def test_any_question_to_any_history_is_answered_as_by_reading_all_of_it(
    world: World, history: list[Drawn], queries: list[Query], data: st.DataObject
) -> None:
    book_id, numbered = world.run(record(world.connection, history))
    head = max(numbered)
    reached = data.draw(st.sampled_from((0, head, *numbered)) | st.integers(0, head))
    stride = data.draw(st.sampled_from((RUN // 2, 100 * RUN, 10**9)))
    world.run(follow_to(world.connection, book_id, reached, stride))
    # Small enough to end pages early, and to call a run with two rows a frequent one.
    bounds = Bounds(
        budget=data.draw(st.sampled_from((1, 9_000, 25_000))),
        cap=data.draw(st.sampled_from((1, 2, 64))),
        piece=data.draw(st.sampled_from((RUN // 4, RUN))),
    )
    for query in queries:
        limit = data.draw(st.integers(1, 5))
        pages = world.run(pages_of(world.connection, book_id, query, limit, bounds))
        expected = [n for n in sorted(numbered, reverse=True) if matches(numbered[n], query)]
        assert numbers_of(pages) == expected, query
        assert all(len(page.journals) <= limit for page in pages)
        assert {(page.indexed_to, page.tail) for page in pages} == {(reached, head - reached)}


async def test_pages_join_without_a_gap_or_a_repetition_while_others_post(pool: Pool) -> None:
    scene = await make_scene(pool, members=2)
    for n in range(60):
        await post(pool, 1, [journal(scene.bank, scene.members[n % 2], n + 1, reference="SALARY")])
    asked = Query(reference="SALARY", account="SAV-0001")
    stop = asyncio.Event()

    async def write(collector: Collector) -> None:
        while not stop.is_set():
            one = journal(scene.bank, scene.members[0], 5, reference="SALARY")
            assert (await collector.submit(1, unit(one))).status is Status.ACCEPTED

    following = asyncio.create_task(finding.keep(pool, 1))
    async with Collector(pool) as collector:
        writing = asyncio.create_task(write(collector))
        for _ in range(5):
            async with pool.acquire() as connection:
                head = await connection.fetchval("SELECT recorded_seq FROM ledger.book_head")
                pages = await pages_of(connection, 1, asked, 7)
            found = numbers_of(pages)
            there = await pool.fetch(
                "SELECT recorded_seq FROM ledger.transfer WHERE credit_account = $1 "
                "AND recorded_seq <= $2 ORDER BY recorded_seq DESC",
                scene.members[0],
                max(found),
            )
            assert found == [row["recorded_seq"] for row in there]
            assert max(found) >= head - 2
        stop.set()
        await writing
    following.cancel()
    await asyncio.wait([following])
    assert following.cancelled()


async def test_a_follower_told_to_begin_again_writes_no_row_twice(pool: Pool) -> None:
    scene = await make_scene(pool, members=2, opening=100)
    await finding.catch_up(pool, 1)
    rows = await pool.fetch("SELECT * FROM ledger.found_transfer ORDER BY recorded_seq, line")
    assert len(rows) == 2
    async with pool.acquire() as connection:
        await consumers.rewind(
            connection, 1, finding.NAME, 0, actor="ops:malee", reason="new index"
        )
        page = await find(connection, 1, Query(account="SAV-0001"))
        assert (page.indexed_to, len(page.journals)) == (0, 1)
    await post(pool, 1, [journal(scene.bank, scene.members[0], 3)])
    await finding.catch_up(pool, 1)
    again = await pool.fetch("SELECT * FROM ledger.found_transfer ORDER BY recorded_seq, line")
    assert again[:2] == rows
    assert len(again) == 3


async def test_a_long_journal_is_found_by_any_line_and_shows_its_first(pool: Pool) -> None:
    scene = await make_scene(pool, members=2)
    count = TRANSFERS_SHOWN + 5
    long = Journal(
        journal_id=uuid5(NAMES, "long"),
        kind=JournalKind.MANUAL,
        transfers=tuple(
            Transfer(debit=scene.bank, credit=scene.members[n % 2], amount_satang=n + 1)
            for n in range(count)
        ),
    )
    await post(pool, 1, [long])
    async with pool.acquire() as connection:
        asked = Query(amount_from=count, amount_to=count)
        (found,) = (await find(connection, 1, asked)).journals
        # 105 satang went to the first member: no single transfer is that to the second.
        other = Query(amount_from=count, amount_to=count, account="SAV-0002")
        assert (await find(connection, 1, other)).journals == ()
    assert (found.journal_id, found.transfer_count) == (long.journal_id, count)
    assert [t.amount_satang for t in found.transfers] == list(range(1, TRANSFERS_SHOWN + 1))


@pytest.mark.parametrize(
    ("query", "error", "said"),
    [
        (Query(account="SAV-9999"), NotFound, "SAV-9999"),
        (Query(party="9999"), NotFound, "9999"),
        (Query(kind="gift"), InvalidInput, "kind"),
        (Query(reference="a\x00b"), InvalidInput, "control"),
        (Query(amount_from=5, amount_to=4), InvalidInput, "amount"),
        (Query(from_date=OPENED_ON, to_date=DAYS[3]), InvalidInput, "date"),
        (Query(from_value_date=OPENED_ON, to_value_date=DAYS[3]), InvalidInput, "value_date"),
    ],
)
async def test_a_question_that_nothing_can_answer_is_refused_with_what_is_wrong(
    pool: Pool, query: Query, error: type[Exception], said: str
) -> None:
    await make_scene(pool)
    async with pool.acquire() as connection:
        with pytest.raises(error, match=said):
            await find(connection, 1, query)
        with pytest.raises(NotFound):
            await find(connection, 77, Query())


async def test_database_search_and_proof_mean_the_same_by_a_run(pool: Pool) -> None:
    written = await pool.fetchval(
        "SELECT generation_expression FROM information_schema.columns "
        "WHERE table_schema = 'ledger' AND table_name = 'found_transfer' AND column_name = 'run'"
    )
    assert f">> {runs.RUN_BITS})" in written
    assert followers.RUN == runs.RUN
