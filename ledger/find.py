"""Finding journals: by reference, amount, party, account, kind, dates, actor, in any combination.

A journal is found when *one of its transfers* is everything that was asked: "500.00 on SAV-0001"
does not find a journal with 500.00 here and another amount there. Newest first, by keyset pages.
Nothing is missed: what the follower has indexed is read from its rows, what it has not reached yet
from the record itself, only slower; the answer says how long that tail is. A page looks at a
bounded number of rows and may hold few journals or none: `looked_to` says how far it came, and the
next page goes on below it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TypeVar
from uuid import UUID

import asyncpg

from ledger import accounts
from ledger.db import Connection
from ledger.errors import InvalidInput, NotFound
from ledger.events import FeedTransfer
from ledger.parties import party_by_code
from ledger.runs import SQL, Bounds, Condition, Search, look

TRANSFERS_SHOWN = 100
"""Of each journal; `transfer_count` says how many it has."""

_End = TypeVar("_End", int, date)

BOUNDS = Bounds()
"""What a page may look at when nobody says otherwise."""

_AMOUNT_MAX = 10**15
_LAST_CODE_POINT = 0x10FFFF
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a transfer of the journal must be; None = anything. Ends of ranges belong to them.

    party:   member code: one side is an account of this party.
    account: account code: one side is this account.
    kind:    word for a kind of journal, such as "interest_accrual".
    """

    reference: str | None = None
    reference_prefix: str | None = None
    amount_from: int | None = None
    amount_to: int | None = None
    party: str | None = None
    account: str | None = None
    kind: str | None = None
    from_date: date | None = None
    to_date: date | None = None
    from_value_date: date | None = None
    to_value_date: date | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundJournal:
    """A journal as recorded; its first transfers, and how many there are."""

    recorded_seq: int
    journal_id: UUID
    kind: str
    business_date: date
    value_date: date
    actor: str
    reference: str
    narrative: str
    reverses: UUID | None
    hold_id: UUID | None
    transfers: tuple[FeedTransfer, ...]
    transfer_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """Journals, newest first, and how far the search came.

    indexed_to: the follower's cursor; `tail` numbers beyond it were read from the record itself.
    looked_to:  everything numbered from here up (to where the page began) has been looked at.
    """

    journals: tuple[FoundJournal, ...]
    indexed_to: int
    tail: int
    looked_to: int
    has_more: bool


async def find(
    connection: Connection,
    book_id: int,
    query: Query,
    *,
    limit: int = 50,
    before: int | None = None,
    bounds: Bounds = BOUNDS,
) -> FoundPage:
    """A page of journals numbered below `before` (None = from the newest).

    Raises `NotFound` for a book, party or account that does not exist, and `InvalidInput` for an
    unknown kind, a range that ends before it begins, or a text that no journal can have.
    """
    reached = await connection.fetchrow(SQL["reached"], book_id)
    if reached is None:
        raise NotFound("book", book_id)
    indexed_to, head = int(reached["indexed_to"]), int(reached["head_seq"])
    search = Search(
        connection=connection,
        book_id=book_id,
        conditions=await _conditions(connection, book_id, query),
        indexed_to=indexed_to,
        below=head + 1 if before is None else min(before, head + 1),
        wanted=limit + 1,
        bounds=bounds,
    )
    await look(search)
    shown = search.found[:limit]
    cut = len(search.found) > limit
    looked_to = shown[-1] if cut else max(1, search.below)
    indexed = [seq for seq in shown if seq not in search.ids]
    ids = [search.ids[seq] for seq in shown if seq in search.ids]
    if indexed:
        ids += [
            row["journal_id"] for row in await connection.fetch(SQL["ids_of"], book_id, indexed)
        ]
    rows = await connection.fetch(SQL["journals"], book_id, ids, TRANSFERS_SHOWN)
    return FoundPage(
        journals=tuple(
            _journal(list(lines)) for _, lines in groupby(rows, lambda row: row["recorded_seq"])
        ),
        indexed_to=indexed_to,
        tail=head - indexed_to,
        looked_to=looked_to,
        has_more=looked_to > 1,
    )


def _journal(rows: list[asyncpg.Record]) -> FoundJournal:
    facts = dict(rows[0])
    for name in ("debit", "credit", "amount_satang"):
        del facts[name]
    transfers = tuple(
        FeedTransfer(debit=row["debit"], credit=row["credit"], amount_satang=row["amount_satang"])
        for row in rows
    )
    return FoundJournal(transfers=transfers, **facts)


async def _conditions(connection: Connection, book_id: int, query: Query) -> list[Condition]:
    """What was asked as conditions on a row, ids instead of codes."""
    _check(query)
    found = []
    if query.reference is not None:
        found.append(Condition(("f.reference = {}",), (query.reference,)))
    if query.reference_prefix is not None:
        found.append(_beginning(query.reference_prefix))
    if query.amount_from is not None or query.amount_to is not None:
        least = 1 if query.amount_from is None else query.amount_from
        most = _AMOUNT_MAX if query.amount_to is None else query.amount_to
        found.append(Condition(("f.amount_satang BETWEEN {} AND {}",), (least, most)))
    if query.account is not None:
        known = await accounts.by_codes(connection, book_id, [query.account])
        if query.account not in known:
            raise NotFound("account", query.account)
        found.append(_either_side([known[query.account].account_id]))
    if query.party is not None:
        party = await party_by_code(connection, book_id, query.party)
        rows = await connection.fetch(SQL["accounts_of_party"], book_id, party.party_id)
        found.append(_either_side([row["account_id"] for row in rows]))
    if query.kind is not None:
        kind = await connection.fetchval(SQL["kind"], query.kind)
        if kind is None:
            raise InvalidInput.one("kind", query.kind, "a kind of journal, such as manual")
        found.append(Condition(("f.kind = {}",), (kind,)))
    for column, first, last in (
        ("business_date", query.from_date, query.to_date),
        ("value_date", query.from_value_date, query.to_value_date),
    ):
        if first is not None or last is not None:
            dates = (first or date.min, last or date.max)
            found.append(Condition((f"f.{column} BETWEEN {{}} AND {{}}",), dates))
    if query.actor is not None:
        found.append(Condition(("f.actor = {}",), (query.actor,)))
    return found


def _check(query: Query) -> None:
    for name in ("reference", "reference_prefix", "kind", "actor"):
        text = getattr(query, name)
        if text is not None and _UNFIT.search(text):
            raise InvalidInput.one(name, text, "text without control characters")
    _in_order("amount", query.amount_from, query.amount_to)
    _in_order("date", query.from_date, query.to_date)
    _in_order("value_date", query.from_value_date, query.to_value_date)


def _in_order(name: str, first: _End | None, last: _End | None) -> None:
    if first is not None and last is not None and first > last:
        raise InvalidInput.one(f"first {name}", first, f"at most the last one, {last}")


def _either_side(numbers: list[int]) -> Condition:
    probes = ("f.debit_account = ANY({}::int [])", "f.credit_account = ANY({}::int [])")
    return Condition(probes, (numbers,))


def _beginning(prefix: str) -> Condition:
    """Texts that begin so: by code points, from the prefix to just before the next possible one."""
    kept = prefix.rstrip(chr(_LAST_CODE_POINT))
    if not kept:
        return Condition(('f.reference COLLATE "C" >= {}',), (prefix,))
    following = ord(kept[-1]) + 1
    if 0xD800 <= following <= 0xDFFF:  # no characters, and not in UTF-8
        following = 0xE000
    end = kept[:-1] + chr(following)
    return Condition(
        ('f.reference COLLATE "C" >= {} AND f.reference COLLATE "C" < {}',), (prefix, end)
    )
