"""Parties: member co-ops, companies, persons, and the order Thai readers expect them in."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ledger.db import Connection
from ledger.errors import NotFound

_LEADING_VOWELS = "เแโใไ"
_MARKS = str.maketrans("", "", "็่้๊๋์")


class PartyKind(enum.IntEnum):
    """What a party is in law; the rows of `ledger.party_kind`. Withholding tax goes by it."""

    COOPERATIVE = 1
    COMPANY = 2
    PERSON = 3

    @property
    def code(self) -> str:
        """The word on the wire, such as "cooperative"."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A member co-op, a company or a person.

    `party_id` is the book's own number for it, `code` the member's.
    """

    party_id: int
    code: str
    name_th: str
    name_en: str
    region: str
    joined_on: date
    left_on: date | None = None
    kind: PartyKind = PartyKind.COOPERATIVE


def thai_sort_key(name: str) -> str:
    """A key whose code-point order is Thai dictionary order (Royal Institute Dictionary rules).

    A vowel written before its consonant is sorted after it; tone marks and the shortening and
    silencing signs count only between names that are otherwise equal, so they go to the end.
    """
    swapped: list[str] = []
    position = 0
    while position < len(name):
        if name[position] in _LEADING_VOWELS and position + 1 < len(name):
            swapped += (name[position + 1], name[position])
            position += 2
        else:
            swapped.append(name[position])
            position += 1
    text = "".join(swapped)
    bare = text.translate(_MARKS)
    return bare if bare == text else f"{bare}\x01{text}"


async def add_parties(connection: Connection, book_id: int, parties: Iterable[Party]) -> None:
    """Add member co-ops to a book. Raises the database's unique violation on a taken code."""
    await connection.executemany(
        "INSERT INTO ledger.party (book_id, party_id, code, name_th, name_en, sort_key, region, "
        "joined_on, left_on, kind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        [
            (
                book_id,
                party.party_id,
                party.code,
                party.name_th,
                party.name_en,
                thai_sort_key(party.name_th),
                party.region,
                party.joined_on,
                party.left_on,
                party.kind.value,
            )
            for party in parties
        ],
    )


async def party_by_code(connection: Connection, book_id: int, code: str) -> Party:
    """The party with this member code. Raises `NotFound`."""
    row = await connection.fetchrow(
        "SELECT party_id, code, name_th, name_en, region, joined_on, left_on, kind "
        "FROM ledger.party WHERE book_id = $1 AND code = $2",
        book_id,
        code,
    )
    if row is None:
        raise NotFound("party", code)
    facts = dict(row)
    return Party(kind=PartyKind(facts.pop("kind")), **facts)


async def kind_of(connection: Connection, book_id: int, party_id: int) -> PartyKind:
    """What the party with this number is in law. Raises `NotFound`."""
    kind = await connection.fetchval(
        "SELECT kind FROM ledger.party WHERE book_id = $1 AND party_id = $2", book_id, party_id
    )
    if kind is None:
        raise NotFound("party", party_id)
    return PartyKind(kind)
