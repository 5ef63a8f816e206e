"""Which line of the bank belongs to which notices: pure, near-linear, and shy.

A line *claims* a notice when bank, amount and reference are the same and the value dates lie within
a week. A line that names several references ("D1 + D2") claims all of them when each is one notice,
all are of one member and the sum is the line's amount. A claim is settled by itself only when it is
unique both ways: the line claims nothing else, and no other line wants any of its notices.
Everything else is a proposal for a person, with the reason why it was not done.

One lane is matched at a time: deposits announced with money that came, payments made with money
that went, payments made with money that came back; each a list of lines and a list of notices.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

WINDOW_DAYS = 7
"""Value dates of a line and its notice lie at most this far apart."""

PROPOSALS_MAX = 10
"""Proposals kept for a line: the nearest by value date; more would not help a person."""

REFERENCE_DIFFERS = "reference_differs"
REFERENCE_MISSING = "reference_missing"
AMOUNT_DIFFERS = "amount_differs"
SEVERAL_CANDIDATES = "several_candidates"
SEVERAL_MEMBERS = "several_members"
VALUE_DATE_DIFFERS = "value_date_differs"
LINE_KIND = "line_kind"
UNDONE_BEFORE = "undone_before"

REASONS = (
    REFERENCE_DIFFERS,
    REFERENCE_MISSING,
    AMOUNT_DIFFERS,
    SEVERAL_CANDIDATES,
    SEVERAL_MEMBERS,
    VALUE_DATE_DIFFERS,
    LINE_KIND,
    UNDONE_BEFORE,
)
"""Why a proposal was not settled by itself; besides these, the code of the judge's refusal."""

_NOISE = re.compile(r"[^A-Z0-9]+")
_JOIN = " + "


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLine:
    """What the matcher needs of a line of a statement.

    references: as `references_of` gives them: none, one, or several of a combined payment.
    barred:     not settled by itself even when unique; the text is the reason to show.
    """

    line_id: UUID
    bank_code: str
    amount_satang: int
    value_date: date
    references: tuple[str, ...] = ()
    barred: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNotice:
    """What the matcher needs of a notice."""

    notice_id: UUID
    bank_code: str
    amount_satang: int
    value_date: date
    reference: str
    party_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A line and the notices that it settles, in the order in which it names them."""

    line_id: UUID
    notice_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A line and a notice that may belong together, and why that was not settled by itself."""

    line_id: UUID
    notice_id: UUID
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The matcher's answer: what may be posted, and what a person is asked."""

    automatic: tuple[Match, ...]
    proposals: tuple[Proposal, ...]


def normalise(reference: str) -> str:
    """A reference as it is compared: capitals and digits only, "d-12 03" -> "D1203"."""
    return _NOISE.sub("", reference.upper())


def references_of(reference: str, remittance: str = "") -> tuple[str, ...]:
    """The references that a line names: several when one text joins them with " + "."""
    for text in (remittance, reference):
        if _JOIN in text:
            parts = tuple(dict.fromkeys(filter(None, map(normalise, text.split(_JOIN)))))
            if len(parts) > 1:
                return parts
    single = normalise(reference)
    return (single,) if single else ()


def propose(
    lines: Sequence[OpenLine],
    notices: Sequence[OpenNotice],
    *,
    window_days: int | None = WINDOW_DAYS,
    pairs_barred: frozenset[tuple[UUID, UUID]] = frozenset(),
) -> Matches:
    """Settle what is unique both ways, propose the rest; `window_days` None = any value date.

    `pairs_barred`: (line, notice) that a person took apart: proposed, never settled again alone.
    """
    index = _Index(notices, window_days)
    claims = {line.line_id: index.claim(line) for line in lines}
    wanted: dict[UUID, int] = defaultdict(int)
    for line in lines:
        for notice_id in {notice.notice_id for notice in index.wants(line)}:
            wanted[notice_id] += 1
    automatic = []
    for line in lines:
        ids = tuple(notice.notice_id for notice in claims[line.line_id])
        apart = any((line.line_id, notice_id) in pairs_barred for notice_id in ids)
        if ids and not line.barred and not apart and all(wanted[item] == 1 for item in ids):
            automatic.append(Match(line_id=line.line_id, notice_ids=ids))
    settled = {match.line_id for match in automatic}
    taken = {notice_id for match in automatic for notice_id in match.notice_ids}
    proposals = [
        _with_reason(line, notice, reason, pairs_barred)
        for line in lines
        if line.line_id not in settled
        for notice, reason in _first(index.suggestions(line), taken)
    ]
    return Matches(automatic=tuple(automatic), proposals=tuple(proposals))


def _first(
    found: Iterable[tuple[OpenNotice, str]], taken: set[UUID]
) -> list[tuple[OpenNotice, str]]:
    """The first few suggestions, each notice once, none that is settled already."""
    kept: dict[UUID, tuple[OpenNotice, str]] = {}
    for notice, reason in found:
        if notice.notice_id not in taken:
            kept.setdefault(notice.notice_id, (notice, reason))
        if len(kept) >= PROPOSALS_MAX:
            break
    return list(kept.values())


def _with_reason(
    line: OpenLine, notice: OpenNotice, reason: str, barred: frozenset[tuple[UUID, UUID]]
) -> Proposal:
    if (line.line_id, notice.notice_id) in barred:
        reason = UNDONE_BEFORE
    elif reason == SEVERAL_CANDIDATES and line.barred:
        reason = line.barred
    return Proposal(line_id=line.line_id, notice_id=notice.notice_id, reason=reason)


class _Index:
    """The notices by what they are looked up by; lists are in order of value date."""

    def __init__(self, notices: Sequence[OpenNotice], window_days: int | None) -> None:
        self._window = window_days
        self._by_reference: dict[tuple[str, str], list[OpenNotice]] = defaultdict(list)
        self._by_amount: dict[tuple[str, int], list[OpenNotice]] = defaultdict(list)
        self._same: dict[tuple[str, str, int], list[OpenNotice]] = defaultdict(list)
        for notice in sorted(notices, key=lambda item: (item.value_date, item.notice_id)):
            bank, amount = notice.bank_code, notice.amount_satang
            reference = normalise(notice.reference)
            self._by_reference[bank, reference].append(notice)
            self._by_amount[bank, amount].append(notice)
            self._same[bank, reference, amount].append(notice)

    def claim(self, line: OpenLine) -> tuple[OpenNotice, ...]:
        """What the line settles if nobody else wants it; () unless there is just one way."""
        wants = self.wants(line)
        if len(line.references) == 1:
            return wants if len(wants) == 1 else ()
        one_each = len(wants) == len(line.references) > 1
        named = {normalise(notice.reference) for notice in wants}
        if not one_each or len(named) != len(wants):
            return ()
        one_member = len({notice.party_id for notice in wants}) == 1
        total = sum(notice.amount_satang for notice in wants)
        return wants if one_member and total == line.amount_satang else ()

    def wants(self, line: OpenLine) -> tuple[OpenNotice, ...]:
        """Every notice that the line names and could be about, within the window."""
        if len(line.references) == 1:
            key = (line.bank_code, line.references[0], line.amount_satang)
            return tuple(self._near(self._same.get(key, []), line.value_date))
        return tuple(
            notice
            for reference in line.references
            for notice in self._near(
                self._by_reference.get((line.bank_code, reference), []), line.value_date
            )
        )

    def suggestions(self, line: OpenLine) -> Iterable[tuple[OpenNotice, str]]:
        """What a person should look at for this line, the likeliest first."""
        if len(line.references) > 1:
            yield from self._combined(line)
            return
        yield from ((notice, SEVERAL_CANDIDATES) for notice in self.wants(line))
        for reference in line.references:
            for notice in self._by_reference.get((line.bank_code, reference), []):
                same_amount = notice.amount_satang == line.amount_satang
                yield notice, VALUE_DATE_DIFFERS if same_amount else AMOUNT_DIFFERS
        same_amount_notices = self._by_amount.get((line.bank_code, line.amount_satang), [])
        reason = REFERENCE_DIFFERS if line.references else REFERENCE_MISSING
        for notice in self._nearest(same_amount_notices, line.value_date):
            yield notice, reason

    def _combined(self, line: OpenLine) -> Iterable[tuple[OpenNotice, str]]:
        wants = self.wants(line)
        members = {notice.party_id for notice in wants}
        total = sum(notice.amount_satang for notice in wants)
        if len(members) > 1:
            reason = SEVERAL_MEMBERS
        elif total != line.amount_satang:
            reason = AMOUNT_DIFFERS
        else:
            reason = SEVERAL_CANDIDATES
        yield from ((notice, reason) for notice in wants)
        for reference in line.references:
            for notice in self._by_reference.get((line.bank_code, reference), []):
                yield notice, VALUE_DATE_DIFFERS

    def _near(self, notices: list[OpenNotice], day: date) -> list[OpenNotice]:
        if self._window is None or not notices:
            return notices
        reach = timedelta(days=self._window)
        first = bisect_left(notices, day - reach, key=_value_date)
        return notices[first : bisect_right(notices, day + reach, key=_value_date)]

    def _nearest(self, notices: list[OpenNotice], day: date) -> list[OpenNotice]:
        """The few within the window that lie nearest, looked for from the day outwards."""
        near = self._near(notices, day)
        middle = bisect_left(near, day, key=_value_date)
        around = near[max(0, middle - 2 * PROPOSALS_MAX) : middle + 2 * PROPOSALS_MAX]
        return sorted(around, key=lambda notice: abs((notice.value_date - day).days))


def _value_date(notice: OpenNotice) -> date:
    return notice.value_date
