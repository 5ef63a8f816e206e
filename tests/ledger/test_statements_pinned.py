"""Statements cut at a number: the same for ever, on either axis, and marked when more came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.asof import Axis, balances
from ledger.db import Pool
from ledger.errors import InvalidInput
from ledger.posting.movements import NAMED_MIN
from ledger.posting.values import Origin
from ledger.statements import (
    Cursor,
    LaterChanges,
    StatementLine,
    StatementPage,
    statement,
)
from tests.ledger.asof_model import JOURNALS, LIVES, OPENED_ON, Draw, Life, Step, begin_life

_CODE = "ACC-1"
_ONE = (Draw(transfers=((0, 1, 100_00),), valued_ago=0),)


async def _whole(
    life: Life,
    axis: Axis,
    known_at: int | None,
    *,
    size: int = 1000,
    first: date | None = None,
    last: date | None = None,
    told: bool = True,
) -> tuple[int, list[StatementLine], StatementPage]:
    """Opening, every line, and the last page, read page by page as the pages join.

    told: False = each cursor comes without the balance.
    """
    lines: list[StatementLine] = []
    cursor: Cursor | None = None
    opening: int | None = None
    async with life.pool.acquire() as connection:
        while True:
            page = await statement(
                connection,
                life.book.book_id,
                _CODE,
                after=cursor,
                limit=size,
                from_date=first,
                to_date=last,
                axis=axis,
                known_at=known_at if cursor is None else None,
            )
            if opening is None:
                opening = page.opening_satang
            else:
                assert page.opening_satang == lines[-1].balance_satang
            lines += page.lines
            cursor = page.next_cursor
            if cursor is None:
                return opening, lines, page
            if not told:
                cursor = replace(cursor, balance_satang=None)


def _says(lines: Sequence[StatementLine]) -> list[tuple[int, int, int, int]]:
    return [(k.recorded_seq, k.line, k.amount_satang, k.balance_satang) for k in lines]


def _expected(
    life: Life, axis: Axis, known_at: int, first: date, last: date
) -> tuple[int, list[tuple[int, int, int, int]]]:
    balance = 0
    opening, found = 0, []
    for line, amount in life.statement(life.ids[1], axis, known_at):
        balance += amount
        if line.on(axis) < first:
            opening = balance
        elif line.on(axis) <= last:
            found.append((line.seq, line.line, amount, balance))
    return opening, found


def _later(life: Life, axis: Axis, known_at: int, last: date) -> LaterChanges | None:
    later = [
        k.seq
        for k in life.lines
        if k.seq > known_at and k.on(axis) <= last and life.ids[1] in (k.debit, k.credit)
    ]
    if not later:
        return None
    return LaterChanges(count=len(later), first_seq=min(later), last_seq=max(later))


@given(steps=LIVES, axis=st.sampled_from(Axis), size=st.integers(1, 5), data=st.data())
async def test_a_statement_cut_anywhere_joins_over_its_pages_and_tells_what_came_since(
    pool: Pool, steps: list[Step], axis: Axis, size: int, data: st.DataObject
) -> None:
    life = await begin_life(pool)
    await life.live(steps)
    for known_at in {data.draw(st.integers(0, life.head_seq)), life.head_seq}:
        first = data.draw(st.sampled_from(life.dates))
        last = data.draw(st.sampled_from([day for day in life.dates if day >= first]))
        opening, lines, page = await _whole(life, axis, known_at, size=size, first=first, last=last)
        assert (opening, _says(lines)) == _expected(life, axis, known_at, first, last)
        assert page.known_at == known_at
        assert page.changed_since == _later(life, axis, known_at, last)


_CROWDS = st.lists(
    st.lists(st.tuples(JOURNALS, st.sampled_from((1, 3, NAMED_MIN + 1))), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


@given(crowds=_CROWDS, axis=st.sampled_from(Axis), size=st.integers(1, 150), data=st.data())
async def test_batches_with_more_journals_than_are_named_join_over_pages_like_any_other(
    pool: Pool,
    crowds: list[list[tuple[Draw, int]]],
    axis: Axis,
    size: int,
    data: st.DataObject,
) -> None:
    life = await begin_life(pool)
    for crowd in crowds:
        # Turn about, so that the many of one kind stand among those of the others.
        turns = [drawn for n in range(NAMED_MIN + 1) for drawn, times in crowd if n < times]
        await life.post(turns, Origin.DOORS, life.today)
        if data.draw(st.booleans()):
            await life.cut()
    for known_at in {data.draw(st.integers(0, life.head_seq)), life.head_seq}:
        first = data.draw(st.sampled_from(life.dates))
        last = data.draw(st.sampled_from([day for day in life.dates if day >= first]))
        told = data.draw(st.booleans())
        opening, lines, page = await _whole(
            life, axis, known_at, size=size, first=first, last=last, told=told
        )
        assert (opening, _says(lines)) == _expected(life, axis, known_at, first, last)
        assert page.changed_since == _later(life, axis, known_at, last)
        on = data.draw(st.sampled_from(life.dates))
        async with pool.acquire() as connection:
            found = await balances(
                connection, life.book.book_id, life.ids, on=on, axis=axis, known_at=known_at
            )
        assert found == life.balances(on, axis, known_at)


async def test_a_statement_read_again_at_its_number_is_the_same_but_for_the_mark(
    pool: Pool,
) -> None:
    life = await begin_life(pool)
    await life.live(
        [
            Step(kind="doors", days_ago=1, journals=_ONE * 3),
            Step(kind="cut", days_ago=1, journals=()),
            Step(kind="prove", days_ago=4, journals=()),
        ]
    )
    _, _, before = await _whole(life, Axis.BUSINESS, None, last=OPENED_ON)
    assert before.changed_since is None
    await life.post(_ONE, Origin.DOORS, life.today)
    _, _, unmoved = await _whole(life, Axis.BUSINESS, before.known_at, last=OPENED_ON)
    assert unmoved == before
    await life.post(_ONE, Origin.ADJUST, OPENED_ON)
    _, _, marked = await _whole(life, Axis.BUSINESS, before.known_at, last=OPENED_ON)
    assert replace(marked, changed_since=None) == before
    assert marked.changed_since == LaterChanges(
        count=1, first_seq=life.head_seq, last_seq=life.head_seq
    )
    _, lines, now = await _whole(life, Axis.BUSINESS, None, last=OPENED_ON)
    assert (len(lines), now.changed_since) == (4, None)


async def test_a_back_dated_line_stands_on_its_value_date_and_marks_what_was_read_before(
    pool: Pool,
) -> None:
    life = await begin_life(pool)
    await life.post(_ONE, Origin.DOORS, OPENED_ON)
    await life.cut()
    await life.post(_ONE, Origin.DOORS, life.today)
    _, _, before = await _whole(life, Axis.VALUE, None, last=OPENED_ON)
    late = (Draw(transfers=((1, 0, 30_00),), valued_ago=2),)
    await life.post(late, Origin.DOORS, life.today)
    _, lines, _ = await _whole(life, Axis.VALUE, None)
    assert [(k.amount_satang, k.balance_satang) for k in lines] == [
        (-30_00, -30_00),
        (100_00, 70_00),
        (100_00, 170_00),
    ]
    _, _, marked = await _whole(life, Axis.VALUE, before.known_at, last=OPENED_ON)
    assert marked.lines == before.lines
    assert marked.changed_since is not None
    assert marked.changed_since.first_seq == life.head_seq
    _, _, business = await _whole(life, Axis.BUSINESS, before.known_at, last=OPENED_ON)
    assert business.changed_since is None


async def test_pages_stay_of_one_moment_while_postings_go_on(pool: Pool) -> None:
    life = await begin_life(pool)
    await life.post(_ONE * 4, Origin.DOORS, OPENED_ON)
    async with pool.acquire() as connection:
        first = await statement(connection, life.book.book_id, _CODE, limit=2)
        assert first.next_cursor is not None
        await life.post(_ONE, Origin.DOORS, OPENED_ON)
        rest = await statement(
            connection, life.book.book_id, _CODE, after=first.next_cursor, limit=10
        )
        with pytest.raises(InvalidInput, match="at which the page before was cut"):
            await statement(
                connection,
                life.book.book_id,
                _CODE,
                after=first.next_cursor,
                known_at=life.head_seq,
            )
    assert rest.known_at == first.known_at
    assert len(rest.lines) == 2
    assert rest.changed_since is not None


async def test_every_line_shows_its_voucher_number(pool: Pool) -> None:
    life = await begin_life(pool)
    await life.post(_ONE * 2, Origin.DOORS, OPENED_ON)
    await life.cut()
    await life.cut()
    await life.post(_ONE, Origin.DOORS, OPENED_ON + timedelta(days=2))
    _, lines, _ = await _whole(life, Axis.BUSINESS, None)
    assert [str(line.voucher) for line in lines] == ["2026/1", "2026/2", "2027/1"]


async def test_the_last_page_of_a_statement_cut_inside_a_batch_ends_at_its_number(
    pool: Pool,
) -> None:
    life = await begin_life(pool)
    await life.post(_ONE * 4, Origin.DOORS, OPENED_ON)
    for axis in Axis:
        _, lines, _ = await _whole(life, axis, life.head_seq - 1, size=1)
        assert [line.recorded_seq for line in lines] == [life.head_seq - n for n in (3, 2, 1)]
