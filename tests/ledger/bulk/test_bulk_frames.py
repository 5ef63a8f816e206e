"""What is packed by columns is, byte for byte, what would be written value by value.

The same rows are encoded by plain `struct` in `plain_bytes`, which shares nothing with the packing.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID, uuid5

import asyncpg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.posting import frames
from ledger.posting.frames import STRETCH, Moved, Posted
from ledger.posting.lines import Lines, Texts, days_of, joined
from ledger.posting.movements import named_max
from ledger.posting.tally import tally
from tests.ledger.bulk import plain_bytes as plain
from tests.ledger.bulk.rows import Row, lines_of

TODAY = date(2026, 6, 15)
NAMES = UUID("b33cbd3c-26be-4a0c-86f8-4a4a3f0f8f0e")

_TEXT = st.sampled_from(("", "A", "ก" * 140, "เงินเดือน")) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=20
)
_ROW = st.builds(
    Row,
    journal_id=st.uuids(),
    debit=st.integers(1, 40),
    credit=st.integers(41, 2**31 - 1) | st.integers(41, 44),
    amount_satang=st.integers(1, 10**15 - 1),
    value_date=st.integers(-800, 0).map(lambda days: TODAY + timedelta(days=days)),
    kind=st.integers(1, 2**15 - 1),
    reference=_TEXT,
    narrative=_TEXT,
)
_ROWS = st.lists(_ROW, min_size=1, max_size=30)


def posted(rows: list[Row], first_seq: int, actor: str) -> Posted:
    """Accepted rows as they are packed."""
    lines = lines_of(rows)
    return Posted(
        book_id=7,
        actor=actor,
        business_date=days_of(TODAY),
        lines=lines,
        recorded_seq=first_seq + np.arange(len(rows), dtype=np.int64),
        value_date=lines.value_date.astype(np.int64),
    )


@given(rows=_ROWS, first_seq=st.integers(1, 2**62), actor=_TEXT)
def test_the_packed_transfers_are_those_that_are_written_value_by_value(
    rows: list[Row], first_seq: int, actor: str
) -> None:
    made = b"".join(frames.transfer_frames(posted(rows, first_seq, actor)))
    assert made == plain.copied(
        [plain.transfer(book_id=7, **facts) for facts in _facts(rows, first_seq, actor)]  # type: ignore[arg-type]  # facts by name
    )


@given(rows=_ROWS, first_seq=st.integers(1, 2**62), actor=_TEXT)
def test_the_packed_journals_are_the_canonical_bytes_of_the_digest(
    rows: list[Row], first_seq: int, actor: str
) -> None:
    made = b"".join(frames.journal_frames(posted(rows, first_seq, actor)))
    expected = [plain.canonical_journal(**facts) for facts in _facts(rows, first_seq, actor)]  # type: ignore[arg-type]  # facts by name
    assert made == b"".join(expected)


def test_a_batch_longer_than_a_stretch_is_packed_as_one() -> None:
    narratives = ("", "ก" * 140, "x")
    rows = [
        Row(uuid5(NAMES, str(n)), 1, 2, n + 1, TODAY, reference=str(n), narrative=narratives[n % 3])
        for n in range(STRETCH + 3)
    ]
    made = b"".join(frames.transfer_frames(posted(rows, 5, "bulk")))
    assert made == plain.copied(
        [plain.transfer(book_id=7, **facts) for facts in _facts(rows, 5, "bulk")]  # type: ignore[arg-type]  # facts by name
    )


def _facts(rows: list[Row], first_seq: int, actor: str) -> list[dict[str, object]]:
    return [
        {
            "journal_id": row.journal_id,
            "seq": seq,
            "debit": row.debit,
            "credit": row.credit,
            "amount": row.amount_satang,
            "kind": row.kind,
            "business_date": TODAY,
            "value_date": row.value_date,
            "actor": actor,
            "reference": row.reference,
            "narrative": row.narrative,
        }
        for seq, row in enumerate(rows, start=first_seq)
    ]


_MOVED = st.lists(
    st.tuples(st.integers(1, 2**31 - 1), st.integers(0, 9), st.booleans()), min_size=1, max_size=12
)


@given(drawn=_MOVED)
def test_the_packed_movements_are_those_that_are_written_value_by_value(
    drawn: list[tuple[int, int, bool]],
) -> None:
    """Also those with so many journals that they name none."""
    counts = [1 + count for _, count, _ in drawn]
    ids = [uuid5(NAMES, str(n)) for n in range(sum(counts))]
    first = np.append(0, np.cumsum(counts))
    moved = Moved(
        account=np.array([account for account, _, _ in drawn], np.int64),
        value_date=np.array([days_of(TODAY) - n for n in range(len(drawn))], np.int64),
        debits=np.arange(len(drawn), dtype=np.int64),
        credits=np.arange(len(drawn), dtype=np.int64) + 5,
        debits_after=np.full(len(drawn), 9 * 10**18, np.int64),
        credits_after=np.arange(len(drawn), dtype=np.int64) + 9,
        first=first,
        ids=np.frombuffer(b"".join(each.bytes for each in ids), np.uint8).reshape(-1, 16),
        named=np.array([named for _, _, named in drawn]),
    )
    assert frames.movement_frames(7, 3, days_of(TODAY), moved) == plain.copied(
        [
            [
                plain.int4(7),
                plain.int4(account),
                plain.day(TODAY),
                plain.int8(3),
                plain.day(TODAY - timedelta(days=n)),
                plain.int8(n),
                plain.int8(n + 5),
                plain.int8(9 * 10**18),
                plain.int8(n + 9),
                plain.int4(counts[n]),
                plain.uuids(ids[first[n] : first[n + 1]]) if named else None,
            ]
            for n, (account, _, named) in enumerate(drawn)
        ]
    )


@given(rows=_ROWS)
def test_sums_by_account_and_value_date_are_those_added_up_line_by_line(rows: list[Row]) -> None:
    found = tally(posted(rows, 100, "bulk"))
    sums: dict[tuple[int, date], list[int]] = {}
    names: dict[tuple[int, date], list[bytes]] = {}
    last: dict[int, int] = {}
    for seq, row in enumerate(rows, start=100):
        assert row.value_date is not None
        for side, account in enumerate((row.debit, row.credit)):
            sums.setdefault((account, row.value_date), [0, 0])[side] += row.amount_satang
            names.setdefault((account, row.value_date), []).append(row.journal_id.bytes)
            last[account] = seq
    keys = sorted(sums)
    assert found.row_account.tolist() == [account for account, _ in keys]
    assert found.row_value_date.tolist() == [days_of(on) for _, on in keys]
    assert found.row_debits.tolist() == [sums[key][0] for key in keys]
    assert found.row_credits.tolist() == [sums[key][1] for key in keys]
    assert [each.tobytes() for each in found.ids] == [name for key in keys for name in names[key]]
    assert np.diff(found.row_first).tolist() == [len(names[key]) for key in keys]
    assert dict(zip(found.account.tolist(), found.last_seq.tolist(), strict=True)) == last


async def test_postgresql_reads_the_packed_rows_as_they_were_meant(database_url: str) -> None:
    """A table without the book's guards, so that rows of every shape can be asked back."""
    texts = ("", "ก" * 140, "ab")
    rows = [
        Row(uuid5(NAMES, str(n)), 1 + n % 3, 9, n + 1, TODAY, reference=texts[n % 3])
        for n in range(200)
    ]
    batch = posted(rows, 11, "bulk:payroll")
    found = tally(batch)
    moved = found.moved(found.debits, found.credits, len(rows))
    connection = await asyncpg.connect(database_url)
    try:
        for table, columns, data in (
            ("transfer", frames.TRANSFER_COLUMNS, b"".join(frames.transfer_frames(batch))),
            (
                "movement",
                frames.MOVEMENT_COLUMNS,
                frames.movement_frames(7, 1, days_of(TODAY), moved),
            ),
        ):
            await connection.execute(
                f"CREATE TEMP TABLE c_{table} AS SELECT * FROM ledger.{table} WHERE false"
            )
            await connection.copy_to_table(
                f"c_{table}", columns=columns, format="binary", source=_once(data)
            )
        kept = await connection.fetch("SELECT * FROM c_transfer ORDER BY recorded_seq")
        moves = await connection.fetch("SELECT * FROM c_movement ORDER BY account_id")
    finally:
        await connection.close()
    assert [(r["journal_id"], r["debit_account"], r["reference"]) for r in kept] == [
        (row.journal_id, row.debit, row.reference) for row in rows
    ]
    assert {row["actor"] for row in kept} == {"bulk:payroll"}
    assert [row["transfers"] for row in moves] == [67, 67, 66, 200]
    # More than are named are found by walking the batch's numbers.
    assert named_max(len(rows)) == 64
    assert [row["journals"] for row in moves] == [None] * 4
    assert {row["value_date"] for row in moves} == {TODAY}


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@given(texts=st.lists(_TEXT, min_size=1, max_size=12), dice=st.randoms(use_true_random=False))
def test_texts_cut_taken_and_joined_are_still_the_same_texts(
    texts: list[str], dice: random.Random
) -> None:
    whole = Texts.of(texts)
    assert [whole.text(n) for n in range(len(whole))] == texts
    cut = dice.randrange(len(texts) + 1)
    left, right = whole.slice(0, cut), whole.slice(cut, len(texts))
    assert [left.text(n) for n in range(len(left))] == texts[:cut]
    assert [right.text(n) for n in range(len(right))] == texts[cut:]
    places = np.array([dice.randrange(len(texts)) for _ in range(5)], np.int64)
    taken = whole.take(places)
    assert [taken.text(n) for n in range(5)] == [texts[place] for place in places]
    rows = [Row(uuid5(NAMES, str(n)), 1, 2, 1, reference=text) for n, text in enumerate(texts)]
    lines = lines_of(rows)
    again: Lines = joined([lines.slice(0, cut), lines.slice(cut, len(rows))])
    assert [again.journal(n) for n in range(len(rows))] == [
        lines.journal(n) for n in range(len(rows))
    ]


def test_columns_of_different_lengths_are_refused() -> None:
    lines = lines_of([Row(NAMES, 1, 2, 1)])
    with pytest.raises(Exception, match="columns of different lengths"):
        Lines(
            ids=lines.ids,
            debit=lines.debit,
            credit=lines.credit,
            amount_satang=lines.amount_satang,
            kind=lines.kind,
            value_date=lines.value_date,
            reference=lines.reference,
            narrative=Texts.of([]),
        )
