"""The book worked out again: what every account, hold and day must be after each batch.

The model takes the batches of a slice in order, and in each the journals and events in the order of
`recorded_seq`, and applies its own reading of the rules (docs/architecture.md, docs/refusals.md,
docs/both-axes.md); `acts` reads the events. Large batches without anything that needs a closer
look are applied as a whole (`wholesale`); all others pass through `_lines`, which works on the
fields of the rows as they were read and looks closely at accounts that are `watched` only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ledger.proof import acts, wholesale
from ledger.proof.book import CAPTURED, MONTH, YEAR, Account, Book, Heard
from ledger.proof.lines import NO_LINKS, Fields, Line
from ledger.proof.movements import Sums
from ledger.proof.rows import Row, Slice, day_number, day_of, uuid_or_none

NIGHT, ADJUST = 2, 4
_NEVER = 1 << 63
_ACCOUNT_BITS = 32
_HEAD = slice(5, 12)
"""What the lines of one journal share: id, kind, flags, dates, whether it refers to something."""


@dataclass(slots=True)
class Batch:
    """What replaying the numbers of one batch row gave.

    day: number of its business date.
    first_line, last_line, first_event, last_event: its records' places in the slice.
    moved: value day << 32 | account -> [debits, credits, transfers, ids of its journals].
    late:  it may be dated on a day that is proven: an adjustment, or of the late period.
    gaps:  (first, last) numbers that nothing has. twice: numbers that two records have.
    odd:   number -> how the lines of a journal do not fit together.
    dated_otherwise: numbers with another business date than the batch's.
    """

    row: Row
    day: int
    first_line: int
    first_event: int
    last_line: int = 0
    last_event: int = 0
    journals: int = 0
    amount_sum: int = 0
    moved: dict[int, Sums] = field(default_factory=dict)
    heard: Heard = field(default_factory=Heard)
    late: bool = False
    gaps: list[tuple[int, int]] = field(default_factory=list)
    twice: list[int] = field(default_factory=list)
    strays: list[int] = field(default_factory=list)
    odd: dict[int, str] = field(default_factory=dict)
    dated_otherwise: dict[int, object] = field(default_factory=dict)
    forced: dict[bytes, int] = field(default_factory=dict)


class Model:
    """The replay of one book: feed it slices in order; `book` stands after the batch yielded."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.seq = 0
        self._line = 0
        self._event = 0

    def replay(self, piece: Slice) -> Iterator[Batch]:
        """Apply one slice, batch by batch. What stands in no batch comes last, in a row of none."""
        self._line = self._event = 0
        for row in piece.batches:
            batch = Batch(row, day_number(row["business_date"]), self._line, self._event)
            self._begin(batch, piece)
            self._replay(batch, piece, row["last_seq"])
            yield batch
        if self._line < len(piece.lines) or self._event < len(piece.events):
            stray = Batch(None, 0, self._line, self._event)
            self._replay(stray, piece, _NEVER)
            yield stray

    def _replay(self, batch: Batch, piece: Slice, last_seq: int) -> None:
        book = self.book
        self._lines(batch, piece, last_seq)
        self._events(batch, piece, last_seq + 1)
        batch.last_line, batch.last_event = self._line, self._event
        if book.due:
            acts.nothing_is_due(book, f"ledger.batch {batch.row['batch_no']}" if batch.row else "-")
        batch.heard, book.heard = book.heard, Heard()
        if batch.row is not None and batch.row["last_seq"] >= batch.row["first_seq"]:
            lost = batch.row["last_seq"] - self.seq
            if lost > 0:
                batch.gaps.append((self.seq + 1, batch.row["last_seq"]))
                self.seq = batch.row["last_seq"]

    def _begin(self, batch: Batch, piece: Slice) -> None:
        """Whether the book's calendar took a batch of this date, origin and period."""
        row, book = batch.row, self.book
        day, origin, period = row["business_date"], row["origin"], row["period"]
        batch.late = origin == ADJUST or period > 0
        self._night = origin == NIGHT
        place = self._event
        while place < len(piece.events) and piece.events[place]["recorded_seq"] <= row["last_seq"]:
            reopened = acts.reopened_year(book, piece.events[place])
            if reopened is not None:
                # Its reversals stand before the note in the same unit, in the year it opens.
                book.floor = reopened
            place += 1
        why = self._may_not_begin(day, origin, period, book.floor)
        if why:
            where = f"ledger.batch {row['batch_no']}"
            book.break_rule(where, "a business date that takes it", f"{day}: {why}")

    def _may_not_begin(self, day: Any, origin: int, period: int, floor: Any) -> str:
        book = self.book
        known = book.days.get(day)
        if known is None:
            return "it has not begun"
        start, end = book.year_start(day), book.year_end(day)
        if book.is_closed(YEAR, start) and floor > start:
            return "its fiscal year is closed"
        if period > 0:
            if day != end:
                return f"the late period is dated {end}"
            first = max(start, book.opened_on)
            return "" if book.months_closed(first, end) else "a month of its year is open"
        if book.is_closed(MONTH, day.replace(day=1)):
            return "its month is closed"
        if origin == ADJUST:
            return ""
        if known.proven_seq is not None:
            return "it is proven"
        return "" if day == book.business_date or origin == NIGHT else "it is cut off"

    def _lines(self, batch: Batch, piece: Slice, last_seq: int) -> None:
        """Apply the journals up to `last_seq`, and each event before them in its place."""
        if batch.row is not None and self._whole(batch, piece, last_seq):
            return
        if self._line == len(piece.lines):
            return
        lines, texts, events = piece.lines.fields, piece.lines.texts, piece.events
        moved, accounts, unknown = batch.moved, self.book.accounts, self.book.account
        place, count, current, base, total = self._line, len(lines), 0, 0, 0
        head: Any = None
        text, journal_id, expected, close_look = b"", b"", 0, (0, 0)
        next_event = events[self._event]["recorded_seq"] if self._event < len(events) else _NEVER
        while place < count:
            line = lines[place]
            seq = line[0]
            if seq != current:
                if seq > last_seq:
                    break
                if next_event < seq:
                    next_event = self._events(batch, piece, seq)
                close_look = self._journal(batch, piece, place)
                current, head, text, expected = seq, line[_HEAD], texts[place], 0
                journal_id, base = line[5], line[10] << _ACCOUNT_BITS
            elif line[_HEAD] != head or texts[place] != text:
                batch.odd[seq] = f"line {line[1]} differs in more than its money"
            if line[1] != expected:
                batch.odd[seq] = f"line {line[1]} stands where line {expected} should"
            expected += 1
            debit_id, credit_id, amount = line[2], line[3], line[4]
            debit = accounts.get(debit_id) or unknown(debit_id, f"ledger.transfer {seq}")
            credit = accounts.get(credit_id) or unknown(credit_id, f"ledger.transfer {seq}")
            debit.debits += amount
            credit.credits += amount
            debit.changed_seq = credit.changed_seq = seq
            total += amount
            if debit.watched or credit.watched:
                self._look(line, debit, credit, close_look)
            sums = moved.get(base | debit_id)
            if sums is None:
                moved[base | debit_id] = [amount, 0, 1, [journal_id]]
            else:
                sums[0] += amount
                sums[2] += 1
                if sums[3][-1] != journal_id:
                    sums[3].append(journal_id)
            sums = moved.get(base | credit_id)
            if sums is None:
                moved[base | credit_id] = [0, amount, 1, [journal_id]]
            else:
                sums[1] += amount
                sums[2] += 1
                if sums[3][-1] != journal_id:
                    sums[3].append(journal_id)
            place += 1
        self._line = place
        batch.amount_sum += total

    def _whole(self, batch: Batch, piece: Slice, last_seq: int) -> bool:
        """Apply all journals of a batch at once, if none of them needs a closer look."""
        lines, events, first = piece.lines, piece.events, self._line
        end = int(np.searchsorted(lines.seqs, last_seq, "right"))
        if end <= first:
            return True
        in_between = self._event < len(events) and (
            events[self._event]["recorded_seq"] < lines.seqs.item(end - 1)
        )
        if in_between or lines.seqs.item(first) < batch.row["first_seq"]:
            return False
        moved = wholesale.replay(self.book, lines, slice(first, end), self.seq, batch.day)
        if moved is None:
            return False
        batch.moved, batch.journals = moved, end - first
        batch.amount_sum = int(lines.amounts[first:end].sum())
        self._line, self.seq = end, lines.seqs.item(end - 1)
        return True

    def _numbered(self, batch: Batch, seq: int) -> None:
        """Numbers follow one another; say so when they do not."""
        if seq != self.seq + 1:
            if seq > self.seq:
                batch.gaps.append((self.seq + 1, seq - 1))
            else:
                batch.twice.append(seq)
        if batch.row is None or seq < batch.row["first_seq"]:
            batch.strays.append(seq)
        self.seq = max(self.seq, seq)

    def _events(self, batch: Batch, piece: Slice, before: int) -> int:
        """Apply the events below a number; answers the number of the one after them."""
        events = piece.events
        while self._event < len(events) and events[self._event]["recorded_seq"] < before:
            event = events[self._event]
            self._numbered(batch, event["recorded_seq"])
            if batch.row is not None and event["business_date"] != batch.row["business_date"]:
                batch.dated_otherwise[event["recorded_seq"]] = event["business_date"]
            acts.apply(self.book, event)
            self._event += 1
        return events[self._event]["recorded_seq"] if self._event < len(events) else _NEVER

    def _journal(self, batch: Batch, piece: Slice, place: int) -> tuple[int, int]:
        """A journal begins: its number, its dates, the hold that it captures.

        Answers the account of that hold and the shortage that the capture may leave as it was.
        """
        line = piece.lines.fields[place]
        seq, day, value_day = line[0], line[9], line[10]
        if seq == self.seq + 1 and batch.row is not None and seq >= batch.row["first_seq"]:
            self.seq = seq
        else:
            self._numbered(batch, seq)
        batch.journals += 1
        if day != batch.day and batch.row is not None:
            batch.dated_otherwise[seq] = day_of(day)
        floor = self.book.floor_day
        if not floor <= value_day <= day:
            expected = f"a value date from {day_of(floor)} to {day_of(day)}"
            self.book.break_rule(f"ledger.transfer {seq}", expected, str(day_of(value_day)))
        if line[8]:
            batch.forced[line[5]] = seq
        return self._capture(piece, place) if line[11] else (0, 0)

    def _look(self, line: Fields, debit: Account, credit: Account, spared: Any) -> None:
        """A transfer on an account that is limited, frozen or closed, after it was applied."""
        seq, amount, value_day, exceeds = line[0], line[4], line[10], line[7]
        frozen = (debit.frozen & 1 or credit.frozen & 2) and not line[8]
        if debit.closed or credit.closed or frozen:
            found = acts.sides(debit, credit)
            expected = "no posting on closed or frozen accounts"
            self.book.break_rule(f"ledger.transfer {seq}", expected, found)
        if not exceeds:
            allowed = spared[1] if debit.account_id == spared[0] else 0
            if debit.lowest is not None and debit.short() > allowed:
                self._beyond(seq, debit, f"{debit.short()} satang below its limit")
            if credit.highest is not None and credit.over() > 0:
                self._beyond(seq, credit, f"{credit.over()} satang above its limit")
        for account, net in ((debit, -amount), (credit, amount)):
            if account.nets is not None:
                account.nets[value_day] = account.nets.get(value_day, 0) + net
        if not exceeds and value_day < self.book.head_day and not self._night:
            self._look_later(seq, value_day, debit, credit)

    def _look_later(self, seq: int, value_day: int, debit: Account, credit: Account) -> None:
        """A back-dated transfer leaves every balance since its value date within the limits."""
        if debit.nets is not None and debit.lowest is not None:
            low = min(debit.earlier(value_day), default=debit.lowest)
            if low < debit.lowest:
                self._beyond(seq, debit, f"{debit.lowest - low} satang below its limit in between")
        if credit.nets is not None and credit.highest is not None:
            high = max(credit.earlier(value_day), default=credit.highest)
            if high > credit.highest:
                above = high - credit.highest
                self._beyond(seq, credit, f"{above} satang above its limit in between")

    def _beyond(self, seq: int, account: Account, found: str) -> None:
        expected = "balances within the limits, on every date since the value date"
        found = f"account {account.account_id} is {found}"
        self.book.break_rule(f"ledger.transfer {seq}", expected, found)

    def _capture(self, piece: Slice, place: int) -> tuple[int, int]:
        """End the hold that a journal captures, if it does."""
        lines = piece.lines.fields
        line = Line(*lines[place])
        hold_id = uuid_or_none(piece.lines.links.get(place, NO_LINKS).hold_id)
        if hold_id is None:
            return 0, 0
        book, where = self.book, f"ledger.transfer {line.seq}"
        hold = book.holds.pop(hold_id, None)
        if hold is None:
            book.break_rule(where, "an open hold to capture", f"hold {hold_id}")
            return 0, 0
        captured, end = 0, place
        while end < len(lines) and lines[end][0] == line.seq:
            captured += lines[end][4] if lines[end][2] == hold.account_id else 0
            end += 1
        if not 0 < captured <= hold.amount:
            book.break_rule(where, f"a capture of 1 to {hold.amount} satang", str(captured))
        day = day_of(line.business_day)
        if hold.expires_on is not None and day > hold.expires_on:
            book.break_rule(where, f"a capture up to {hold.expires_on}", str(day))
        account = book.account(hold.account_id, where)
        allowed = account.short()
        account.held -= hold.amount
        account.changed_seq = max(account.changed_seq, line.seq)
        book.end_hold(hold, CAPTURED, captured, line.seq)
        return hold.account_id, allowed
