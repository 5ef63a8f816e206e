"""The record of many clients against one book: what each asked, when, and what it was told.

`explain` reads everything that the book recorded, batch by batch, and puts it to the sequential
oracle one request after another. Of a request that was accepted a batch knows its numbers, of one
that was refused its position; requests that were only replays leave no trace, so the order between
the two is searched, within the bounds that the positions set. What clients were told is then
compared with what the oracle said, and with the clock on the wall.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.db import Connection
from ledger.posting.values import Journal, Unit
from tests.faults.client_log import lines
from tests.ledger.oracle_book import Answer
from tests.ledger.play import Table

_RECORDS = """
SELECT b.batch_no, r.recorded_seq, r.actor
FROM (
    SELECT t.recorded_seq, t.actor FROM ledger.transfer AS t WHERE t.book_id = $1 AND t.line = 0
    UNION ALL
    SELECT e.recorded_seq, e.actor FROM ledger.event AS e WHERE e.book_id = $1
) AS r
INNER JOIN ledger.batch AS b
    ON b.book_id = $1 AND r.recorded_seq BETWEEN b.first_seq AND b.last_seq
WHERE r.actor LIKE 'client:%'
ORDER BY r.recorded_seq
"""
_REFUSALS = """
SELECT f.batch_no, f.position, f.actor, f.code FROM ledger.refusal AS f
WHERE f.book_id = $1 AND f.actor LIKE 'client:%' ORDER BY f.batch_no, f.position
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer that a client got: how, in which batch (None of a replay), and what it said."""

    name: str
    status: str
    replay: bool
    batch: int | None
    answer: dict[str, Any]
    at: int


@dataclass(slots=True)
class Logs:
    """The books of all clients together; instants are of one clock that never goes back."""

    asked: dict[str, int] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    asks: Counter[str] = field(default_factory=Counter)
    unsure: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Logs:
        """Every line; fails when a client broke, or was answered twice."""
        logs = cls()
        for facts in (facts for path in paths for facts in lines(path)):
            assert "broken" not in facts, facts
            if "asked" in facts:
                logs.asked.setdefault(facts["asked"], facts["at"])
                logs.asks[facts["asked"]] += 1
            elif "unsure" in facts:
                logs.unsure[facts["code"]] += 1
            else:
                name = facts.pop("told")
                assert name not in logs.told, name
                logs.told[name] = Told(name=name, **facts)
        return logs


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A request as the book recorded it: accepted under numbers, or refused at a position."""

    name: str
    batch: int
    seqs: tuple[int, ...] = ()
    position: int = 0
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """The book's own order, and what the oracle said of each entry."""

    order: list[tuple[Entry, Answer]]


async def entries(connection: Connection, book_id: int) -> dict[int, tuple[list[Entry], ...]]:
    """By batch: what was accepted, in order of numbers, and what was refused, by position."""
    found: dict[int, tuple[list[Entry], list[Entry]]] = {}
    for row in await connection.fetch(_RECORDS, book_id):
        accepted, _ = found.setdefault(row["batch_no"], ([], []))
        name, seq = row["actor"].removeprefix("client:"), row["recorded_seq"]
        more = accepted and accepted[-1].name == name
        before = accepted.pop().seqs if more else ()
        accepted.append(Entry(name=name, batch=row["batch_no"], seqs=(*before, seq)))
    for row in await connection.fetch(_REFUSALS, book_id):
        found.setdefault(row["batch_no"], ([], []))[1].append(
            Entry(
                name=row["actor"].removeprefix("client:"),
                batch=row["batch_no"],
                position=row["position"],
                code=row["code"],
            )
        )
    return dict(sorted(found.items()))


def explain(
    table: Table, found: dict[int, tuple[list[Entry], ...]], unit_of: Callable[[str], Unit]
) -> Explained:
    """Put the record to the oracle; fails where no order of a batch gives what it recorded."""
    order: list[tuple[Entry, Answer]] = []
    for accepted, refused in found.values():
        order += _Batch(table, unit_of, accepted, refused).explain()
    return Explained(order)


@dataclass(slots=True)
class _Batch:
    """The search for the order of one batch; what is decided follows from (accepted, refused)."""

    table: Table
    unit_of: Callable[[str], Unit]
    accepted: Sequence[Entry]
    refused: Sequence[Entry]
    dead_ends: set[tuple[int, int]] = field(default_factory=set)
    said: list[str] = field(default_factory=list)

    def explain(self) -> list[tuple[Entry, Answer]]:
        """The order, each entry with what the oracle says."""
        found = self._from(0, 0)
        assert found is not None, "no order of the batch explains it: " + "; ".join(self.said)
        return found

    def _from(self, granted: int, refused: int) -> list[tuple[Entry, Answer]] | None:
        if (granted, refused) == (len(self.accepted), len(self.refused)):
            return []
        if (granted, refused) in self.dead_ends:
            return None
        for entry in self._next(granted, refused):
            before = self.table.oracle.book.copy()
            (answer,) = self.table.oracle.batch([self.unit_of(entry.name)])
            if self._fits(entry, answer):
                is_refusal = entry.code is not None
                rest = self._from(granted + (not is_refusal), refused + is_refusal)
                if rest is not None:
                    return [(entry, answer), *rest]
            self.table.oracle.book = before
        self.dead_ends.add((granted, refused))
        return None

    def _next(self, granted: int, refused: int) -> list[Entry]:
        """What may come next; the likeliest first, as if no replay stood in the batch."""
        accepted = list(self.accepted[granted : granted + 1])
        if refused == len(self.refused):
            return accepted
        refusal = self.refused[refused]
        # Before position p stand p units: the refused ones, and at most the rest accepted.
        room = refusal.position - refused - granted
        return [*accepted, refusal] if room > 0 else [refusal]

    def _fits(self, entry: Entry, answer: Answer) -> bool:
        expected = ("refused", entry.code) if entry.code else ("accepted", None)
        fits = (answer.status, answer.code) == expected and answer.seqs == entry.seqs
        if not fits:
            self.said.append(f"{entry} but the model says {answer}")
        return fits and not answer.replay


def check_told(logs: Logs, explained: Explained, unit_of: Callable[[str], Unit]) -> None:
    """Everybody was told what the oracle says, in the batch in which the book has it."""
    originals: dict[str, list[tuple[Entry, dict[str, Any]]]] = {}
    for entry, answer in explained.order:
        asked = repr(unit_of(entry.name).operations)
        originals.setdefault(asked, []).append((entry, _told(answer)))
    for name, told in logs.told.items():
        unit = unit_of(name)
        found = originals.get(repr(unit.operations), [])
        if told.replay:
            by_key = unit.key is not None and told.status == "replayed"
            shown = [said if by_key else _by_id(unit, said) for _, said in found]
            heard = told.answer if by_key else _by_id(unit, told.answer, again=True)
            assert heard in shown, f"{told} replays none of {found}"
        else:
            here = [said for e, said in found if (e.name, e.batch) == (name, told.batch)]
            assert here == [told.answer], f"{told} is not what the book has: {found}"


def _told(answer: Answer) -> dict[str, Any]:
    """What a client is told when this is what the oracle says."""
    return {
        "granted": answer.status == "accepted",
        "code": answer.code,
        "failed": answer.failed,
        "seqs": list(answer.seqs),
        "balances": {str(number): list(b) for number, b in answer.balances.items()},
    }


def _by_id(unit: Unit, said: dict[str, Any], again: bool = False) -> dict[str, Any]:
    """What a replay by id repeats: the numbers of journals; balances are those of its moment."""
    seqs = said["seqs"]
    if seqs and not again:
        pairs = zip(unit.operations, seqs, strict=True)
        seqs = [seq for operation, seq in pairs if isinstance(operation, Journal)]
    return {**said, "seqs": seqs, "balances": {}}


def check_real_time(logs: Logs, explained: Explained) -> int:
    """Who was answered before another asked stands in an earlier batch; answers the pairs seen.

    A request counts from its first ask: the answer may have been lost, and its effect been there.
    """
    answered = sorted(
        (told.at, told.batch) for told in logs.told.values() if told.batch is not None
    )
    instants = [at for at, _ in answered]
    highest: list[int] = []
    for _, batch in answered:
        highest.append(max(batch, highest[-1] if highest else 0))
    pairs = 0
    first_batch: dict[str, int] = {}
    for entry, _ in explained.order:
        first_batch.setdefault(entry.name, entry.batch)
    for name, batch in first_batch.items():
        before = bisect_left(instants, logs.asked[name])
        if before:
            assert highest[before - 1] < batch, (
                f"{name}, asked after an answer of batch {highest[before - 1]}, is in batch {batch}"
            )
            pairs += before
    return pairs
