"""Marks inside large batches: a statement that begins or is cut between two of them is the same."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from ledger import embedded
from ledger.accounts import by_codes
from ledger.asof import Axis, balances
from ledger.db import Pool, open_pool
from ledger.posting.marks import EVERY, SHARE
from ledger.posting.movements import NAMED_SHARE
from ledger.posting.values import Journal, Origin, Transfer, Unit
from ledger.posting.write import post_batch
from ledger.proof.verify import verify_ledger
from ledger.statements import Cursor, LaterChanges, statement
from tests.clones import cloned
from tests.ledger.asof_model import OPENED_ON, Draw, Life, Line, begin_life

ReadOnly = Callable[[str], Awaitable[tuple[Life, int]]]

_CODE = "ACC-1"
_LINES = 3 * EVERY + 700
_MIGRATION = Path(__file__).parents[2] / "migrations" / "versions" / "0012_movement_marks.sql"
_MINE: dict[str, Callable[[int], bool]] = {
    "in every line": lambda place: True,
    "in the second half only": lambda place: place > _LINES // 2,
    "in few lines in the middle": lambda place: 3_000 < place < 3_100,
    "just few enough to be named": lambda place: place % (2 * NAMED_SHARE) == 5,
    "too few for marks": lambda place: place % (2 * SHARE) == 7,
}
"""Which lines of a large batch are of the account whose statement is read."""


async def _loaded(pool: Pool, crowd: str) -> tuple[Life, int]:
    """A life with a large batch between small ones, and the number before it."""
    life = await begin_life(pool)
    small = [Draw(transfers=((0, 1, 500),), valued_ago=n % 2) for n in range(7)]
    await life.post(small, Origin.DOORS, OPENED_ON)
    await life.cut()
    await life.cut()
    await life.post(small, Origin.DOORS, life.today)
    dice, before = random.Random(crowd), life.head_seq
    drawn = []
    for place in range(_LINES):
        sides = (1, 0) if place % 3 else (2, 1)
        debit, credit = sides if _MINE[crowd](place) else (3, 0)
        # Some are dated back, one day or two, so that the batch has several value dates.
        back = place % 5 % 3 if place % 11 == 0 else 0
        drawn.append(Draw(transfers=((debit, credit, dice.randrange(1, 10**9)),), valued_ago=back))
    await life.load(drawn)
    await life.post(small, Origin.DOORS, life.today)
    return life, before


@pytest.fixture(scope="module")
async def read_only(server: embedded.Lease, template: str) -> AsyncIterator[ReadOnly]:
    """Lives that are only read: each is lived once."""
    lived: dict[str, tuple[Life, int]] = {}
    async with cloned(server, template) as url:
        pool = await open_pool(url)

        async def life(crowd: str) -> tuple[Life, int]:
            if crowd not in lived:
                lived[crowd] = await _loaded(pool, crowd)
            return lived[crowd]

        yield life
        await pool.close()


def _places(before: int, dice: random.Random) -> list[int]:
    """Numbers around marks, at the ends, and anywhere in the batch after `before`."""
    marks = [before + mark * EVERY + aside for mark in (1, 2, 3) for aside in (-1, 0, 1)]
    ends = [before, before + 1, before + _LINES - 1, before + _LINES]
    return [*marks, *ends, *(before + dice.randrange(_LINES) for _ in range(6))]


def _later(life: Life, axis: Axis, known_at: int, last: date) -> LaterChanges | None:
    mine = [k for k in life.lines if life.ids[1] in (k.debit, k.credit) and k.on(axis) <= last]
    later = [k.seq for k in mine if k.seq > known_at]
    if not later:
        return None
    return LaterChanges(count=len(later), first_seq=later[0], last_seq=later[-1])


@pytest.mark.parametrize("axis", Axis)
@pytest.mark.parametrize("crowd", _MINE)
async def test_a_statement_cut_inside_a_large_batch_says_what_was_known_and_what_came_since(
    read_only: ReadOnly, crowd: str, axis: Axis
) -> None:
    life, before = await read_only(crowd)
    dice = random.Random(2569)
    async with life.pool.acquire() as connection:
        for known_at in _places(before, dice):
            whole = list(life.statement(life.ids[1], axis, known_at))
            for first in life.dates:
                page = await statement(
                    connection,
                    life.book.book_id,
                    _CODE,
                    from_date=first,
                    axis=axis,
                    known_at=known_at,
                    limit=dice.choice((1, 40, 101)),
                )
                opening = sum(amount for line, amount in whole if line.on(axis) < first)
                on_it = [(line.seq, amount) for line, amount in whole if line.on(axis) >= first]
                assert page.opening_satang == opening
                said = [(line.recorded_seq, line.amount_satang) for line in page.lines]
                assert said == on_it[: len(said)]
                assert (page.next_cursor is None) == (len(said) == len(on_it))
                assert page.changed_since == _later(life, axis, known_at, date.max)


@pytest.mark.parametrize("axis", Axis)
@pytest.mark.parametrize("crowd", _MINE)
async def test_a_page_that_begins_inside_a_large_batch_goes_on_from_its_cursor(
    read_only: ReadOnly, crowd: str, axis: Axis
) -> None:
    life, before = await read_only(crowd)
    dice = random.Random(crowd)
    whole = list(life.statement(life.ids[1], axis, life.head_seq))
    async with life.pool.acquire() as connection:
        for place in _places(before, dice):
            line = _line_at(whole, axis, place)
            known_at = dice.choice((life.head_seq, max(place, line.seq)))
            known = [(k, amount) for k, amount in whole if k.seq <= known_at]
            at = next(n for n, (k, _) in enumerate(known) if k == line) + 1
            after = Cursor(on=line.on(axis), recorded_seq=line.seq, line=0, known_at=known_at)
            limit = dice.choice((1, 40, 101))
            page = await statement(
                connection, life.book.book_id, _CODE, after=after, axis=axis, limit=limit
            )
            assert page.opening_satang == sum(amount for _, amount in known[:at])
            assert [(k.recorded_seq, k.amount_satang) for k in page.lines] == [
                (k.seq, amount) for k, amount in known[at : at + limit]
            ]


def _line_at(whole: list[tuple[Line, int]], axis: Axis, place: int) -> Line:
    """The account's line that was recorded last before a number, or else its first."""
    return max((k for k, _ in whole if k.seq <= place), key=lambda k: k.seq, default=whole[0][0])


@pytest.mark.parametrize("axis", Axis)
async def test_balances_known_inside_a_large_batch_are_those_of_its_journals_up_to_there(
    read_only: ReadOnly, axis: Axis
) -> None:
    life, before = await read_only("too few for marks")
    async with life.pool.acquire() as connection:
        for known_at in _places(before, random.Random(1)):
            for on in life.dates:
                found = await balances(
                    connection, life.book.book_id, life.ids, on=on, axis=axis, known_at=known_at
                )
                assert found == life.balances(on, axis, known_at)


async def test_a_batch_marks_every_movement_of_the_accounts_with_many_lines_and_no_other(
    read_only: ReadOnly,
) -> None:
    life, _ = await read_only("too few for marks")
    async with life.pool.acquire() as connection:
        numbers = await by_codes(connection, life.book.book_id, [_CODE])
        marked = {
            (row["account_id"], row["value_date"]): row["transfers"]
            for row in await connection.fetch(
                "SELECT * FROM ledger.movement_mark WHERE book_id = $1", life.book.book_id
            )
        }
        report = await verify_ledger(connection, life.book.book_id)
    assert report.ok, "\n".join(map(str, report.differences))
    large = [k for k in life.lines if k.business_date == life.today][7:-7]
    accounts = {life.ids[0], life.ids[3]}
    assert numbers[_CODE].account_id not in accounts
    rows = {(number, k.value_date) for k in large for number in (k.debit, k.credit)}
    assert marked.keys() == {row for row in rows if row[0] in accounts}
    for (account, day), transfers in marked.items():
        mine = [k.value_date == day and account in (k.debit, k.credit) for k in large]
        assert transfers == [sum(mine[: EVERY * mark]) for mark in (1, 2, 3)]


_TAMPERED = {
    "the journals at the marks begin elsewhere": (
        "UPDATE ledger.batch SET marks = "
        "('[500:' || (cardinality(marks) + 499) || ']=' || marks::text)::uuid[]",
        "ledger.batch",
    ),
    "no marks of a marked batch are left": ("DELETE FROM ledger.movement_mark", "movement_mark"),
    "a batch does not know that it is marked": (
        "UPDATE ledger.batch SET marks = NULL",
        "movement_mark",
    ),
    "marks begin elsewhere": (
        "UPDATE ledger.movement_mark SET debits = "
        "('[0:' || (cardinality(debits) - 1) || ']=' || debits::text)::bigint[]",
        "debits_from",
    ),
}


@pytest.mark.parametrize("what", _TAMPERED)
async def test_marks_that_were_tampered_with_are_named(pool: Pool, what: str) -> None:
    """Each of these leaves every element as it was; readers ask for elements by their number."""
    tamper, named = _TAMPERED[what]
    life, _ = await _loaded(pool, "in every line")
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        for row in await connection.fetch(_CHECKS_OF_MARKS):
            await connection.execute(
                f'ALTER TABLE ledger.movement_mark DROP CONSTRAINT "{row["conname"]}"'
            )
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(tamper)
        await connection.execute("RESET ROLE")
        report = await verify_ledger(connection, life.book.book_id)
    assert report.differences
    assert all(named in str(difference) for difference in report.differences)


_CHECKS_OF_MARKS = """
SELECT conname FROM pg_constraint
WHERE conrelid = 'ledger.movement_mark'::regclass AND contype = 'c'
"""


async def test_nobody_marks_a_batch_that_is_recorded_already(pool: Pool) -> None:
    life, _ = await _loaded(pool, "too few for marks")
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        again = Unit(operations=(_one(life),), actor="poster")
        await post_batch(connection, life.book.book_id, [again], origin=Origin.DOORS)
        with pytest.raises(asyncpg.PostgresError, match="not written with the batch"):
            await connection.execute(
                "INSERT INTO ledger.movement_mark SELECT book_id, account_id, batch_no, "
                "value_date - 3000, transfers, debits, credits FROM ledger.movement_mark"
            )
        await transaction.rollback()


def _one(life: Life) -> Journal:
    transfer = Transfer(debit=life.ids[0], credit=life.ids[1], amount_satang=1)
    return Journal(journal_id=uuid4(), kind=2, transfers=(transfer,))


async def test_batches_recorded_before_there_were_marks_are_marked_like_any_other(
    pool: Pool,
) -> None:
    life, _ = await _loaded(pool, "just few enough to be named")
    text = _MIGRATION.read_text(encoding="utf-8")
    fills = [_statement(text, start) for start in ("INSERT INTO", "UPDATE ledger.batch")]
    questions = [
        "SELECT * FROM ledger.movement_mark AS k ORDER BY k::text",
        "SELECT book_id, batch_no, marks FROM ledger.batch ORDER BY book_id, batch_no",
    ]
    async with pool.acquire() as connection:
        made = [await connection.fetch(question) for question in questions]
        await connection.execute("SET ROLE postgres")
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM ledger.movement_mark")
        await connection.execute("UPDATE ledger.batch SET marks = NULL")
        for fill in fills:
            await connection.execute(fill)
        filled = [await connection.fetch(question) for question in questions]
        await transaction.rollback()
    assert {row["account_id"] for row in made[0]} >= {life.ids[1]}
    assert [len(row["marks"]) for row in made[1] if row["marks"]] == [_LINES // EVERY + 2]
    assert filled == made


def _statement(text: str, start: str) -> str:
    """The statement of a script that begins so."""
    begin = text.index(start)
    return text[begin : text.index(";", begin)]


@pytest.mark.parametrize("axis", Axis)
async def test_rows_that_do_not_lie_where_their_batch_was_written_are_found_all_the_same(
    pool: Pool, axis: Axis
) -> None:
    life, before = await _loaded(pool, "in the second half only")
    places = _places(before, random.Random(7))
    lying = await _read_at(life, places, axis)
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            # Each of these rows is written anew behind all others, as it would be by a restore.
            await connection.execute(
                "UPDATE ledger.transfer SET actor = actor WHERE recorded_seq % 700 = 3"
            )
        await connection.execute("RESET ROLE")
    assert await _read_at(life, places, axis) == lying


async def _read_at(life: Life, places: list[int], axis: Axis) -> list[object]:
    """Pages cut at each number, pages that begin there, and balances."""
    found: list[object] = []
    async with life.pool.acquire() as connection:
        for place in places:
            book = (connection, life.book.book_id)
            cut = await statement(*book, _CODE, axis=axis, known_at=place, from_date=life.today)
            after = Cursor(on=life.today, recorded_seq=place, line=0, known_at=life.head_seq)
            found += [cut, await statement(*book, _CODE, axis=axis, after=after)]
            found.append(await balances(*book, life.ids, on=life.today, axis=axis, known_at=place))
    return found
