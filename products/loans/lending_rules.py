"""The data that loan requests are judged by: what is in force on a day, read from its tables.

Kinds of loan and the papers that each needs, authorities by amount, who is an approver of which
level, the Registrar's ceilings, the single-borrower limit: each row has a date from which it holds
and was entered by one person and approved by another (the database refuses one name twice).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from products.loans.approval import Authority, Way
from products.loans.borrower_limits import Ceiling, LoanKind, SingleBorrowerLimit

SQL = statements(Path(__file__).parent / "sql" / "lending_rules.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A paper that a kind of loan needs."""

    document_kind: str
    name_th: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LendingRules:
    """What is in force for a member and a kind of loan on a day.

    kind:        None when no such kind is offered; `kinds` names those that are.
    authorities: every row of the newest date. levels: of each approver, by its name in lower case.
    """

    kind: LoanKind | None
    kinds: tuple[str, ...]
    papers: tuple[Paper, ...]
    authorities: tuple[Authority, ...]
    levels: Mapping[str, int]
    ceiling: Ceiling | None
    single: SingleBorrowerLimit | None

    def level_of(self, actor: str) -> int:
        """The level of an approver; 0 for anybody else."""
        return self.levels.get(actor.lower(), 0)


async def rules_on(
    connection: Connection, book_id: int, day: date, *, party_id: int, loan_kind: str
) -> LendingRules:
    """What is in force on `day` for this member and this kind of loan."""
    kind = await connection.fetchrow(SQL["kind"], book_id, loan_kind, day)
    ceiling = await connection.fetchrow(SQL["ceiling"], book_id, party_id, day)
    single = await connection.fetchrow(SQL["single"], book_id, day)
    papers = await connection.fetch(SQL["papers"], book_id, loan_kind, day)
    return LendingRules(
        kind=None if kind is None else LoanKind(**dict(kind)),
        kinds=await kinds_on(connection, book_id, day),
        papers=tuple(Paper(**dict(row)) for row in papers),
        authorities=await authorities_on(connection, book_id, day),
        levels=await approvers_on(connection, book_id, day),
        ceiling=None if ceiling is None else Ceiling(**dict(ceiling)),
        single=None if single is None else SingleBorrowerLimit(**dict(single)),
    )


async def kinds_on(connection: Connection, book_id: int, day: date) -> tuple[str, ...]:
    """The kinds of loan that may be asked for on `day`."""
    rows = await connection.fetch(SQL["kinds"], book_id, day)
    return tuple(row["loan_kind"] for row in rows)


async def authorities_on(connection: Connection, book_id: int, day: date) -> tuple[Authority, ...]:
    """The authorities in force on `day`, the smallest first: every row of the newest date."""
    rows = await connection.fetch(SQL["authorities"], book_id, day)
    return tuple(_authority(row) for row in rows)


async def approvers_on(connection: Connection, book_id: int, day: date) -> dict[str, int]:
    """Who is an approver on `day`, in lower case, and of which level."""
    rows = await connection.fetch(SQL["levels"], book_id, day)
    return {row["actor"]: row["level"] for row in rows}


async def authority_by_id(
    connection: Connection, book_id: int, authority_id: UUID | None
) -> Authority | None:
    """The authority of this id, in force or not any more; None for None."""
    if authority_id is None:
        return None
    row = await connection.fetchrow(SQL["authority"], book_id, authority_id)
    return None if row is None else _authority(row)


def _authority(row: asyncpg.Record) -> Authority:
    facts = dict(row)
    facts["way"] = Way(facts["way"])
    facts["levels"] = tuple(facts["levels"])
    return Authority(**facts)
