"""Money between books: one request over several books, one half a book, all of it or nothing.

Each half is a unit of its own book with its own batch, numbers and digest; the halves share the
ids of their journals, and a note `cross_book` in each says which books have the others. One
transaction: locks of every book first, then the heads in the order of book ids, so that two such
requests cannot wait for each other; all are judged before anything is written, and a kill leaves
both books with it or both without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ledger.db import Connection
from ledger.errors import InvalidInput
from ledger.kinds import EventKind
from ledger.posting import write
from ledger.posting.decide import Draft, decide
from ledger.posting.values import Journal, Note, Origin, Outcome, Status, Unit
from ledger.refusals import Refusal

_DONE = {Status.ACCEPTED, Status.REPLAYED}


async def post_across(
    connection: Connection,
    halves: Sequence[tuple[int, Unit]],
    *,
    origin: Origin = Origin.DOORS,
) -> list[Outcome]:
    """Post one unit in each of several books, or nothing in any; outcomes in input order.

    halves: (book_id, unit), each book once; every half must name the same journal ids. Each book
            posts on its own business date.
    When a half is refused, the refusal is recorded in its book, and the others are refused as
    `not_attempted`, which nobody remembers. A half that cannot be decided now (stale, deferred, in
    progress) makes every other one `not_attempted` too: ask again. Must run inside a transaction
    that the caller commits. Raises `InvalidInput`.
    """
    _check(halves)
    order = sorted(range(len(halves)), key=lambda place: halves[place][0])
    books = [halves[place][0] for place in order]
    locked = [
        await write.lock(connection, halves[place][0], [_noted(halves[place][1], books)])
        for place in order
    ]
    drafts: list[Draft] = []
    for each in locked:
        drafts.append(await write.begin(connection, each, origin=origin))
    for draft in drafts:
        decide(draft)
    statuses = [draft.outcomes[0].status for draft in drafts]
    # One half recorded before and the other new is no retry of one request.
    together = all(status in _DONE for status in statuses) and len(set(statuses)) == 1
    answers: dict[int, Outcome] = {}
    for place, draft in zip(order, drafts, strict=True):
        mine = draft.outcomes[0].status
        if together or mine not in _DONE:
            answers[place] = (await write.record(connection, draft))[0]
        else:
            answers[place] = Outcome(
                status=Status.REFUSED, refusal=_not_attempted(halves, order, statuses)
            )
    return [answers[place] for place in range(len(halves))]


def _noted(unit: Unit, books: Sequence[int]) -> Unit:
    """The half with the note that names the books of all halves."""
    first = next(o.journal_id for o in unit.operations if isinstance(o, Journal))
    note = Note(kind=EventKind.CROSS_BOOK, subject=first, body={"books": list(books)})
    return replace(unit, operations=(*unit.operations, note))


def _check(halves: Sequence[tuple[int, Unit]]) -> None:
    books = [book_id for book_id, _ in halves]
    if len(books) < 2 or len(set(books)) != len(books):
        raise InvalidInput.one("halves", str(books), "two or more books, each of them once")
    ids = [
        frozenset(o.journal_id for o in unit.operations if isinstance(o, Journal))
        for _, unit in halves
    ]
    if not ids[0] or len(set(ids)) != 1:
        raise InvalidInput.one("halves", "different journal ids", "the same ids in every book")


def _not_attempted(
    halves: Sequence[tuple[int, Unit]], order: Sequence[int], statuses: Sequence[Status]
) -> Refusal:
    """Names the books that stood in the way."""
    others = [
        {"book_id": halves[place][0], "status": status.value}
        for place, status in zip(order, statuses, strict=True)
    ]
    return Refusal(code="not_attempted", detail={"halves": others})
