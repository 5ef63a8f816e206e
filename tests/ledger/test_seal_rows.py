"""Leaves made from the server's rows, many at once, are those made journal by journal."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import embedded
from ledger.db import Pool
from ledger.errors import InvariantBroken
from ledger.evidence import canonical, merkle
from ledger.evidence.keys import KeyFile
from ledger.evidence.reading import journals_between
from ledger.evidence.rows import Slice, slice_of, slices_between
from ledger.evidence.seals import Seal, days_to_seal, list_seals, seal_day
from ledger.evidence.sums import Sums
from ledger.posting.records import JournalRecord
from ledger.posting.values import Transfer
from tests.builders import OPENED_ON
from tests.ledger.asof_model import CODES, LIVES, Life, Step, begin_life
from tests.ledger.damage_book import BOOK, whole_book
from tests.ledger.drawn_rows import ACCOUNTS, DAYS, copy_row, id_bytes, numbered


def row_of(journal: JournalRecord, transfer: Transfer) -> bytes:
    """A row as the question of seals asks for it."""
    links = [id_bytes(each) for each in (journal.hold_id, journal.reverses, journal.adjusts)]
    texts = [each.encode() for each in (journal.actor, journal.reference, journal.narrative)]
    beyond = sum(map(len, texts)) + 16 * sum(each is not None for each in links)
    epoch = date(1970, 1, 1)
    fields = [
        struct.pack(">i", beyond),
        struct.pack(">q", journal.recorded_seq),
        journal.journal_id.bytes,
        struct.pack(">h", journal.kind),
        struct.pack(">?", journal.may_exceed_limit),
        struct.pack(">i", (journal.business_date - epoch).days),
        struct.pack(">i", (journal.value_date - epoch).days),
        struct.pack(">?", journal.forced),
        *links,
        *texts,
        struct.pack(">i", transfer.debit),
        struct.pack(">i", transfer.credit),
        struct.pack(">q", transfer.amount_satang),
    ]
    return copy_row(fields)


def as_slice(recorded: Sequence[JournalRecord], versions: Sequence[int]) -> Slice:
    """What the server would send of journals, each in a batch of its own."""
    rows = b"".join(row_of(journal, each) for journal in recorded for each in journal.transfers)
    return slice_of(rows, ([journal.recorded_seq for journal in recorded], versions))


def _plain_journals(count: int) -> list[JournalRecord]:
    return [
        JournalRecord(
            recorded_seq=seq,
            journal_id=UUID(int=seq),
            kind=1,
            may_exceed_limit=False,
            business_date=OPENED_ON,
            value_date=OPENED_ON,
            actor="x",
            reference="",
            narrative="",
            hold_id=None,
            reverses=None,
            transfers=(Transfer(debit=1, credit=2, amount_satang=5),),
        )
        for seq in range(1, count + 1)
    ]


def leaves_of(piece: Slice) -> list[tuple[int, bytes]]:
    """Numbers and leaves of a slice."""
    return [
        pair for numbers, hashes in piece.leaves() for pair in zip(numbers, hashes, strict=True)
    ]


@given(recorded=numbered(plain=True))
def test_a_plain_journal_has_the_same_leaf_from_its_row_as_from_its_record(
    recorded: list[JournalRecord],
) -> None:
    found = leaves_of(as_slice(recorded, [2] * len(recorded)))
    assert found == [
        (each.recorded_seq, sha256(b"\0" + canonical.leaf_data(each, 2)).digest())
        for each in recorded
    ]


@given(recorded=numbered(), data=st.data())
def test_journals_of_every_kind_and_version_have_the_leaves_of_their_records(
    recorded: list[JournalRecord], data: st.DataObject
) -> None:
    versions = [data.draw(st.sampled_from((1, 2))) for _ in recorded]
    piece = as_slice(recorded, versions)
    assert [piece.record(place) for place in range(len(recorded))] == recorded
    assert leaves_of(piece) == [
        (each.recorded_seq, merkle.leaf_hash(canonical.leaf_data(each, version)))
        for each, version in zip(recorded, versions, strict=True)
    ]


@pytest.mark.parametrize("field", ["kind", "debit", "credit", "amount_satang"])
def test_a_number_for_which_there_are_no_bytes_is_not_sealed(field: str) -> None:
    (good,) = _plain_journals(1)
    bad = replace(good, kind=-1)
    if field != "kind":
        bad = replace(good, transfers=(replace(good.transfers[0], **{field: -1}),))
    with pytest.raises(struct.error):
        leaves_of(as_slice([bad], [2]))


def test_a_slice_of_more_than_one_block_keeps_every_leaf_in_its_place() -> None:
    recorded = [
        replace(each, transfers=each.transfers * 2) if each.recorded_seq % 700 == 0 else each
        for each in _plain_journals(3 * 1_024 + 8)
    ]
    assert leaves_of(as_slice(recorded, [2] * len(recorded))) == [
        (each.recorded_seq, merkle.leaf_hash(canonical.leaf_data(each, 2))) for each in recorded
    ]


@given(recorded=numbered(), until=DAYS)
def test_sums_are_exact_whatever_the_amounts(recorded: list[JournalRecord], until: date) -> None:
    turnover: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    sums = Sums(until, ACCOUNTS, defaultdict(lambda: [0, 0], {"111100": [2**90, 0]}))
    for _ in range(2):
        sums.add(as_slice(recorded, [2] * len(recorded)))
    turnover["111100"][0] = 2**90
    for journal in (*recorded, *recorded):
        for each in journal.transfers:
            if journal.business_date <= until:
                turnover[ACCOUNTS[each.debit]][0] += each.amount_satang
                turnover[ACCOUNTS[each.credit]][1] += each.amount_satang
    lines = [each for journal in recorded for each in journal.transfers]
    assert dict(sums.totals) == dict(turnover)
    assert (sums.journals, sums.transfers) == (2 * len(recorded), 2 * len(lines))
    assert sums.amounts == 2 * sum(each.amount_satang for each in lines)


@pytest.mark.parametrize("known", [{}, {1: "111100"}, {1: "111100", 9: "211100"}])
def test_a_transfer_of_an_account_that_the_book_does_not_have_is_not_added_up(
    known: dict[int, str],
) -> None:
    (stray,) = _plain_journals(1)
    sums = Sums(OPENED_ON, known, defaultdict(lambda: [0, 0]))
    with pytest.raises(InvariantBroken, match="an account that the book does not have"):
        sums.add(as_slice([stray], [2]))


@pytest.fixture(scope="module")
async def book(
    server: embedded.Lease, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[asyncpg.Connection]:
    """A book with journals of every kind: forced, reversing, adjusting, capturing."""
    async with whole_book(server, template, tmp_path_factory.mktemp("key")) as connection:
        yield connection


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 20_000])
async def test_the_server_s_rows_give_the_journals_of_the_book_however_they_are_cut(
    server: embedded.Lease, book: asyncpg.Connection, at_once: int
) -> None:
    until = await book.fetchval(
        "SELECT recorded_seq FROM ledger.book_head WHERE book_id = $1", BOOK
    )
    expected = [each async for each in journals_between(book, BOOK, 0, until)]
    found: list[tuple[JournalRecord, bytes]] = []
    # Slices are read ahead: on a connection of their own.
    dsn = server.dsn(await book.fetchval("SELECT current_database()"))
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        async for piece in slices_between(pool, BOOK, 0, until, at_once=at_once):
            records = [piece.record(place) for place in range(len(piece.firsts))]
            found += zip(records, (leaf for _, leaf in leaves_of(piece)), strict=True)
    assert len(found) > 20
    assert found == [
        (each, merkle.leaf_hash(canonical.leaf_data(each, version))) for each, version in expected
    ]


_CLOSE = [Step(kind=kind, days_ago=4, journals=()) for kind in ("cut", "prove")]


@given(steps=LIVES, more=LIVES)
async def test_a_drawn_book_has_the_seals_that_are_made_record_by_record(
    pool: Pool, tmp_path: Path, steps: list[Step], more: list[Step]
) -> None:
    life = await begin_life(pool)
    async with pool.acquire() as connection:
        signer = await KeyFile(path=tmp_path / "key.pem", say=lambda _: None).signer(connection)
    for some in (steps, more):
        await life.live([*some, *_CLOSE])
        for day in await days_to_seal(pool, life.book.book_id):
            await seal_day(pool, day, signer, actor="night")
    seals = await list_seals(pool, life.book.book_id)
    assert len(seals) == life.proven > 1
    for seal in seals:
        await _is_made_of_its_journals(life, seal)


async def _is_made_of_its_journals(life: Life, seal: Seal) -> None:
    content, codes = seal.content, dict(zip(life.ids, CODES, strict=True))
    turnover: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    leaves: list[bytes] = []
    lines: list[Transfer] = []
    until = content.last_seq
    async for journal, version in journals_between(life.pool, life.book.book_id, 0, until):
        if journal.business_date <= content.business_date:
            for each in journal.transfers:
                turnover[codes[each.debit]][0] += each.amount_satang
                turnover[codes[each.credit]][1] += each.amount_satang
        if journal.recorded_seq >= content.first_seq:
            leaves.append(merkle.leaf_hash(canonical.leaf_data(journal, version)))
            lines += journal.transfers
    assert content.merkle_root == merkle.root_of(leaves)
    assert (content.journal_count, content.transfer_count) == (len(leaves), len(lines))
    assert content.amount_sum == sum(each.amount_satang for each in lines)
    rows = canonical.trial_balance_rows(seal.trial_balance)
    assert {row.gl_code: [row.debits, row.credits] for row in rows} == turnover
