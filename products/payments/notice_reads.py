"""Reading notices: by id, as a list by pages, their history, and what a decision needs to know.

Everything is set-based: one query serves one notice or the five hundred of a window of a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from ledger.books import read_head
from ledger.db import Connection, statements
from ledger.errors import NotFound
from products.catalogue import SPECIAL_SAVINGS
from products.contracts import Contract, by_nos
from products.deposits.savings_terms import (
    NOTHING_ASKED,
    SavingsTerms,
    load_terms,
    never_funded,
)
from products.payments.notice_values import Notice, NoticeKind, NoticeStatus

SQL = statements(Path(__file__).parent / "sql" / "notices.sql")

PAGE_MAX = 1000
"""Notices on one page at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known when notices are decided: the dates, the banks, contracts, recorded ids.

    holds: those of the ids under which money is held, by a notice or by a hold of its own.
    terms: what each product asks of deposits and withdrawals, of those that ask something.
    unfunded: contracts of such products that nothing was credited to and no deposit is noticed for.
    """

    book_id: int
    business_date: date
    value_date_floor: date
    banks: frozenset[str]
    contracts: dict[str, Contract]
    notices: dict[UUID, Notice]
    holds: frozenset[UUID]
    terms: Mapping[str, SavingsTerms]
    unfunded: frozenset[UUID]

    def asked_of(self, contract: Contract) -> SavingsTerms:
        """What the contract's product asks."""
        return self.terms.get(contract.product_code, NOTHING_ASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One numbered change of a notice: when, who, why, from where to where."""

    recorded_seq: int
    kind: int
    code: str
    name_th: str
    name_en: str
    business_date: date
    recorded_at: datetime
    actor: str
    reason: str
    body: dict[str, object]


async def load(connection: Connection, book_id: int, ids: Sequence[UUID]) -> dict[UUID, Notice]:
    """The notices that exist among `ids`."""
    if not ids:
        return {}
    rows = await connection.fetch(SQL["notices"], book_id, list(ids))
    return {row["notice_id"]: notice_of(row) for row in rows}


async def get(connection: Connection, book_id: int, notice_id: UUID) -> Notice:
    """One notice. Raises `NotFound`."""
    found = await load(connection, book_id, [notice_id])
    if notice_id not in found:
        raise NotFound("notice", notice_id)
    return found[notice_id]


async def load_known(
    connection: Connection, book_id: int, ids: Sequence[UUID], contract_nos: Sequence[str]
) -> Known:
    """Everything that receiving these notices depends on, read at one go."""
    head = await read_head(connection, book_id)
    banks = await connection.fetch(SQL["bank_codes"], book_id)
    # Before the notices: a hold seen here whose notice is not seen then belongs to none.
    holds = await connection.fetch(SQL["holds"], book_id, list(ids))
    contracts = await by_nos(connection, book_id, sorted(set(contract_nos)))
    special = [c.contract_id for c in contracts.values() if c.family == SPECIAL_SAVINGS]
    return Known(
        book_id=book_id,
        business_date=head.business_date,
        value_date_floor=head.value_date_floor,
        banks=frozenset(row["bank_code"] for row in banks),
        contracts=contracts,
        notices=await load(connection, book_id, ids),
        holds=frozenset(row["hold_id"] for row in holds),
        terms=await load_terms(connection, book_id) if special else {},
        unfunded=await never_funded(connection, book_id, special) if special else frozenset(),
    )


async def page(
    connection: Connection,
    book_id: int,
    *,
    after_seq: int = 0,
    limit: int = 100,
    status: NoticeStatus | None = None,
    contract_id: UUID | None = None,
    party_id: int | None = None,
) -> list[Notice]:
    """Notices in the order of their arrival, those after `after_seq`; at most `limit`.

    The next page begins after the last one's `received_seq`; a page shorter than `limit` is the
    last. Filters are joined by "and".
    """
    conditions: list[str] = []
    arguments: list[object] = [book_id, after_seq, max(1, min(limit, PAGE_MAX))]
    filters = (("n.status", status), ("n.contract_id", contract_id), ("c.party_id", party_id))
    for column, value in filters:
        if value is not None:
            arguments.append(value)
            conditions.append(f"AND {column} = ${len(arguments)}")
    query = SQL["page"].replace("/* filters */", " ".join(conditions))
    return [notice_of(row) for row in await connection.fetch(query, *arguments)]


async def history(connection: Connection, book_id: int, notice_id: UUID) -> list[HistoryEntry]:
    """Every change of a notice in the order of the book; [] for an id that is no notice."""
    rows = await connection.fetch(SQL["history"], book_id, notice_id)
    return [HistoryEntry(**dict(row) | {"body": json.loads(row["body"])}) for row in rows]


def notice_of(row: Iterable[object]) -> Notice:
    """The value of a row whose columns are those of the statement `notices`."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    values["kind"] = _KINDS[values["kind"]]
    values["status"] = _STATUSES[values["status"]]
    return Notice(**values)


COLUMNS = tuple(field.name for field in fields(Notice))
"""Of the statement `notices`, in its order."""
_KINDS = {kind.value: kind for kind in NoticeKind}
_STATUSES = {status.value: status for status in NoticeStatus}
