"""What the proof takes as a whole, in columns, comes to what it comes to line by line."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.digest import journal_bytes
from ledger.posting.records import JournalRecord
from ledger.posting.values import Transfer
from ledger.proof import chain, wholesale
from ledger.proof.book import Account, Book
from ledger.proof.lines import Lines
from ledger.proof.model import Batch, Model
from ledger.proof.rows import Slice, day_number
from tests.ledger.drawn_rows import copy_row, id_bytes, numbered

OPENED_ON = date(2026, 6, 1)
TODAY = date(2026, 6, 9)
FIRST_SEQ = 41
COUNT = wholesale.FEWEST + 20

Odd = Callable[[JournalRecord], list[JournalRecord]]
"""What becomes of one journal of a batch."""


def row_of(journal: JournalRecord, place: int, transfer: Transfer) -> bytes:
    """A row as the question of the proof asks for it."""
    links = [id_bytes(each) for each in (journal.hold_id, journal.reverses, journal.adjusts)]
    texts = [each.encode() for each in (journal.actor, journal.reference, journal.narrative)]
    epoch = date(2000, 1, 1)
    return copy_row(
        [
            struct.pack(">i", sum(map(len, texts))),
            struct.pack(">i", 16 * sum(each is not None for each in links)),
            struct.pack(">i", place),
            struct.pack(">q", journal.recorded_seq),
            journal.journal_id.bytes,
            struct.pack(">h", journal.kind),
            struct.pack(">?", journal.may_exceed_limit),
            struct.pack(">i", (journal.business_date - epoch).days),
            struct.pack(">i", (journal.value_date - epoch).days),
            struct.pack(">?", journal.forced),
            *texts,
            struct.pack(">i", transfer.debit),
            struct.pack(">i", transfer.credit),
            struct.pack(">q", transfer.amount_satang),
            *links,
        ]
    )


def lines_of(journals: Sequence[JournalRecord]) -> Lines:
    """Journals as they are read."""
    return Lines.of(
        b"".join(
            row_of(journal, place, transfer)
            for journal in journals
            for place, transfer in enumerate(journal.transfers)
        )
    )


def slice_of(lines: Lines, row: dict[str, object]) -> Slice:
    """A slice of one batch row."""
    return Slice(
        after_batch=0,
        to_batch=1,
        after_seq=FIRST_SEQ - 1,
        to_seq=FIRST_SEQ + COUNT,
        batches=[row],
        lines=lines,
        events=[],
        refusals={},
    )


@given(
    recorded=numbered(plain=True) | numbered(),
    version=st.sampled_from((1, 2)),
    cut=st.integers(0, 12),
)
def test_a_journal_has_the_same_bytes_in_columns_as_in_the_digest(
    recorded: list[JournalRecord], version: int, cut: int
) -> None:
    lines = lines_of(recorded)
    cut = min(cut, len(recorded))
    piece, at = slice_of(lines, {}), sum(len(each.transfers) for each in recorded[:cut])
    found = [
        *chain.journals(piece, 0, at, version).items(),
        *chain.journals(piece, at, len(lines), version).items(),
    ]
    assert found == [(each.recorded_seq, journal_bytes(each, version)) for each in recorded]


@given(recorded=numbered())
def test_columns_are_the_fields_of_the_rows(recorded: list[JournalRecord]) -> None:
    lines, epoch = lines_of(recorded), date(2000, 1, 1)
    places: list[JournalRecord] = []
    for each in recorded:
        links = (each.hold_id, each.reverses, each.adjusts)
        texts = b"".join(
            len(text.encode()).to_bytes(4) + text.encode()
            for text in (each.actor, each.reference, each.narrative)
        )
        for number, transfer in enumerate(each.transfers):
            place = len(places)
            places.append(each)
            assert lines.fields[place] == (
                each.recorded_seq,
                number,
                transfer.debit,
                transfer.credit,
                transfer.amount_satang,
                each.journal_id.bytes,
                each.kind,
                each.may_exceed_limit,
                each.forced,
                (each.business_date - epoch).days,
                (each.value_date - epoch).days,
                any(links),
                len(texts) - 12,
            )
            assert lines.texts[place] == texts
            if any(links):
                assert lines.links[place] == tuple(map(id_bytes, links))
    assert len(lines) == len(places)
    assert len(lines.links) == sum(
        any((each.hold_id, each.reverses, each.adjusts)) for each in places
    )


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Accounts before a batch, its journals, and the row that it has."""

    accounts: tuple[Account, ...]
    journals: tuple[JournalRecord, ...]

    def book(self) -> Book:
        """The book as the batch finds it."""
        book = Book(OPENED_ON, 1)
        book.business_date = TODAY
        book.accounts = {each.account_id: replace(each) for each in self.accounts}
        for account in book.accounts.values():
            account.watch()
        return book

    def row(self) -> dict[str, object]:
        """The batch row."""
        return {
            "batch_no": 1,
            "business_date": TODAY,
            "first_seq": FIRST_SEQ,
            "last_seq": FIRST_SEQ + COUNT - 1,
            "origin": 1,
            "period": 0,
        }

    def replayed(self, *, line_by_line: bool) -> tuple[Book, Model, list[Batch]]:
        """What the model makes of it."""
        book = self.book()
        if line_by_line:
            # As in a slice in which some account is posted to with an earlier value date.
            book.back_dated = {0}
        model = Model(book)
        model.seq = FIRST_SEQ - 1
        return book, model, list(model.replay(slice_of(lines_of(self.journals), self.row())))


_ACCOUNT = st.builds(
    Account,
    account_id=st.just(0),
    debits=st.integers(0, 3_000),
    credits=st.integers(0, 9_000),
    held=st.sampled_from((0, 0, 50)),
    lowest=st.none() | st.integers(-200_000, 0),
    highest=st.none() | st.integers(0, 200_000),
    changed_seq=st.just(7),
)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """A batch of journals of one transfer between a few accounts, most of which have limits."""
    drawn = draw(st.lists(_ACCOUNT, min_size=2, max_size=7))
    numbers = draw(st.lists(st.integers(1, 70_000), min_size=len(drawn), max_size=7, unique=True))
    accounts = tuple(
        replace(each, account_id=number) for each, number in zip(drawn, numbers, strict=False)
    )
    dice = random.Random(draw(st.integers(0, 10**6)))
    most = draw(st.sampled_from((9, 900, 10**12)))
    value_date = TODAY - timedelta(days=draw(st.integers(0, 3)))
    made = []
    for place in range(COUNT):
        debit, credit = dice.sample([each.account_id for each in accounts], 2)
        exceeds = dice.randrange(50) == 0
        made.append(
            JournalRecord(
                recorded_seq=FIRST_SEQ + place,
                journal_id=UUID(int=dice.getrandbits(128)),
                kind=2,
                may_exceed_limit=exceeds,
                business_date=TODAY,
                value_date=value_date,
                actor="bench:loader",
                reference=f"REF{place}",
                narrative="",
                hold_id=None,
                reverses=None,
                transfers=(
                    Transfer(debit=debit, credit=credit, amount_satang=dice.randint(1, most)),
                ),
            )
        )
    return Scene(accounts=accounts, journals=tuple(made))


def seen(replayed: tuple[Book, Model, list[Batch]]) -> dict[str, object]:
    """Everything that a replay leaves behind, ids of movements as the rows have them."""
    book, model, batches = replayed
    return {
        "accounts": {number: astuple(each) for number, each in book.accounts.items()},
        "broken": book.broken,
        "seq": model.seq,
        "batches": [
            {name: getattr(batch, name) for name in Batch.__dataclass_fields__ if name != "moved"}
            for batch in batches
        ],
        "moved": [
            [(key, sums[:3], ids_of(sums[3])) for key, sums in batch.moved.items()]
            for batch in batches
        ],
    }


def ids_of(ids: bytes | list[bytes]) -> list[bytes]:
    """Ids of either kind of sums."""
    if isinstance(ids, list):
        return ids
    assert len(ids) % 20 == 0
    pieces = [ids[place : place + 20] for place in range(0, len(ids), 20)]
    assert all(piece[:4] == b"\0\0\0\x10" for piece in pieces)
    return [piece[4:] for piece in pieces]


@given(scene=scenes())
def test_a_batch_taken_as_a_whole_is_the_batch_taken_line_by_line(scene: Scene) -> None:
    assert seen(scene.replayed(line_by_line=False)) == seen(scene.replayed(line_by_line=True))


def _without(journal: JournalRecord) -> list[JournalRecord]:
    del journal
    return []


def _changed(**fields: Any) -> Odd:
    return lambda journal: [replace(journal, **fields)]


def _money(**fields: int) -> Odd:
    return lambda journal: [replace(journal, transfers=(replace(journal.transfers[0], **fields),))]


ODD: dict[str, Odd | str] = {
    "a number that nothing has": _without,
    "a number that two journals have": lambda journal: [journal, journal],
    "a journal of two lines": lambda journal: [replace(journal, transfers=journal.transfers * 2)],
    "a reversal": _changed(reverses=UUID(int=5)),
    "an adjustment": _changed(adjusts=UUID(int=5)),
    "a capture": _changed(hold_id=UUID(int=5)),
    "a forced journal": _changed(forced=True, may_exceed_limit=True),
    "another business date": _changed(business_date=TODAY - timedelta(days=1)),
    "another value date": _changed(value_date=OPENED_ON),
    "a value date before the books": _changed(value_date=date(2020, 1, 1)),
    "a value date to come": _changed(value_date=TODAY + timedelta(days=1)),
    "an account that nobody opened": _money(debit=99_999),
    "an amount without end": _money(amount_satang=2**62),
    "an account that is closed": "closed",
    "an account that is frozen": "frozen",
}


@pytest.mark.parametrize("what", ODD)
@given(scene=scenes(), place=st.integers(0, COUNT - 1))
def test_a_batch_with_one_odd_journal_is_taken_line_by_line(
    what: str, scene: Scene, place: int
) -> None:
    odd = ODD[what]
    if isinstance(odd, str):
        touched = scene.journals[place].transfers[0].debit
        change = {"closed": True} if odd == "closed" else {"frozen": 1}
        accounts = [
            replace(each, **change) if each.account_id == touched else each
            for each in scene.accounts
        ]
        scene = replace(scene, accounts=tuple(accounts))
    else:
        before, after = scene.journals[:place], scene.journals[place + 1 :]
        scene = replace(scene, journals=(*before, *odd(scene.journals[place]), *after))
    assert seen(scene.replayed(line_by_line=False)) == seen(scene.replayed(line_by_line=True))
    lines = lines_of(scene.journals)
    end = sum(each.recorded_seq < FIRST_SEQ + COUNT for each in scene.journals)
    day, part = day_number(TODAY), slice(0, end)
    if what not in ("a number that nothing has",) or place < COUNT - 1:
        assert wholesale.replay(scene.book(), lines, part, FIRST_SEQ - 1, day) is None


def test_a_batch_without_anything_odd_is_taken_as_a_whole() -> None:
    accounts = tuple(Account(number, credits=10**6, lowest=0) for number in (1, 2))
    made = tuple(_transfer(place, 1 + place % 2, 2 - place % 2, 5) for place in range(COUNT))
    scene = Scene(accounts=accounts, journals=made)
    lines, book = lines_of(made), scene.book()
    moved = wholesale.replay(book, lines, slice(0, COUNT), FIRST_SEQ - 1, day_number(TODAY))
    assert moved is not None
    assert {account.debits for account in book.accounts.values()} == {5 * COUNT // 2}


@pytest.mark.parametrize(("limit", "breaks"), [(-5, False), (-4, True)])
def test_a_limit_that_is_broken_for_a_moment_is_seen(limit: int, breaks: bool) -> None:
    """The account ends above its limit; only between two lines it stands below."""
    accounts = (Account(1, lowest=limit), Account(2))
    made = [_transfer(place, 2, 1, 1) for place in range(COUNT)]
    made[0] = _transfer(0, 1, 2, 5)
    book = Scene(accounts=accounts, journals=tuple(made)).book()
    found = wholesale.replay(
        book, lines_of(made), slice(0, COUNT), FIRST_SEQ - 1, day_number(TODAY)
    )
    assert (found is None) is breaks


def _taken(accounts: Sequence[Account], made: Sequence[JournalRecord]) -> bool:
    """Whether a batch is taken as a whole."""
    book = Scene(accounts=tuple(accounts), journals=tuple(made)).book()
    part, day = slice(0, COUNT), day_number(TODAY)
    return wholesale.replay(book, lines_of(made), part, FIRST_SEQ - 1, day) is not None


@pytest.mark.parametrize(("held", "taken"), [(0, True), (1, False)])
def test_what_is_held_counts_against_the_lower_limit(held: int, taken: bool) -> None:
    made = [_transfer(place, 1, 2, 1) for place in range(COUNT)]
    assert _taken([Account(1, lowest=0, credits=COUNT, held=held), Account(2)], made) is taken


@pytest.mark.parametrize(
    ("value_date", "taken"),
    [
        (TODAY, True),
        (date(2026, 1, 1), True),
        (date(2025, 12, 31), False),
        (TODAY + timedelta(days=1), False),
    ],
)
def test_value_dates_lie_between_the_floor_and_the_business_date(
    value_date: date, taken: bool
) -> None:
    made = [replace(_transfer(n, 1, 2, 1), value_date=value_date) for n in range(COUNT)]
    assert _taken([Account(1), Account(2)], made) is taken


@pytest.mark.parametrize(("amount", "taken"), [(10**15, True), (2**55, False)])
def test_sums_that_might_not_fit_are_made_line_by_line(amount: int, taken: bool) -> None:
    made = [_transfer(place, 1, 2, amount) for place in range(COUNT)]
    assert _taken([Account(1), Account(2)], made) is taken


def test_journals_of_several_lines_shift_nothing_in_the_batches_beside_them() -> None:
    made = [_transfer(place, 1, 2, 5) for place in range(5)]
    made[1] = replace(made[1], transfers=made[1].transfers * 2)
    piece = slice_of(lines_of(made), {})
    found = [
        *chain.journals(piece, 0, 3, 2).items(),
        *chain.journals(piece, 3, 6, 2).items(),
    ]
    assert found == [(each.recorded_seq, journal_bytes(each, 2)) for each in made]


def _transfer(place: int, debit: int, credit: int, amount: int) -> JournalRecord:
    return JournalRecord(
        recorded_seq=FIRST_SEQ + place,
        journal_id=UUID(int=place),
        kind=2,
        may_exceed_limit=False,
        business_date=TODAY,
        value_date=TODAY,
        actor="x",
        reference="",
        narrative="",
        hold_id=None,
        reverses=None,
        transfers=(Transfer(debit=debit, credit=credit, amount_satang=amount),),
    )
