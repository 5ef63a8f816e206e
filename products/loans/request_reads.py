"""Reading loan requests: one with all that belongs to it, and what a decision needs to know.

What a member owes today is answered by one function, `exposure_of`: what its accounts in the GL
groups of loans owe, and what is approved and not yet disbursed. It also answers which rows it stood
on, so that a decision on it is stale as soon as one of them has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from ledger.books import read_head
from ledger.db import Connection, statements
from ledger.errors import NotFound
from ledger.posting.ids import event_id
from ledger.posting.values import RowRead, RowTable
from ledger.vouchers import fiscal_year_of
from products.loans.approval import Authority
from products.loans.borrower_limits import Exposure
from products.loans.lending_rules import LendingRules, authority_by_id, rules_on
from products.loans.request_values import (
    Asked,
    Condition,
    Document,
    LoanRequest,
    RateMode,
    Repayment,
    RequestState,
    Step,
    Verb,
    Vote,
    VoteKind,
)

SQL = statements(Path(__file__).parent / "sql" / "requests.sql")

REQUESTS = RowTable(name="products.loan_request", select=SQL["lock_requests"])
BORROWERS = RowTable(name="products.loan_borrower", select=SQL["lock_borrowers"])
YEARS = RowTable(name="products.loan_request_year", select=SQL["lock_years"])
"""How the rows are locked that units about requests are decided on."""

LOAN_GROUPS = ("14", "15", "16")
"""GL groups of what members owe: short loans and overdrafts, long loans, hire purchase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """What a member owes and will owe, and the rows on which that was found.

    borrower: the member's row, None before its first request. accounts: its loan accounts, each
    with the number of its last change.
    """

    exposure: Exposure
    borrower: RowRead | None
    accounts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A request with all that belongs to it; votes of every round, in the order they were cast."""

    request: LoanRequest
    steps: tuple[Step, ...]
    documents: tuple[Document, ...]
    votes: tuple[Vote, ...]
    conditions: tuple[Condition, ...]

    def people(self, *verbs: Verb) -> frozenset[str]:
        """Who has done one of these to it, in any round; names in lower case."""
        return frozenset(step.person.lower() for step in self.steps if step.verb in verbs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a step of a request is decided on; `authority` is set once it is put to the vote."""

    book_id: int
    business_date: date
    whole: Whole
    rules: LendingRules
    standings: Standings
    authority: Authority | None

    @property
    def request(self) -> LoanRequest:
        """The request itself."""
        return self.whole.request

    @property
    def read(self) -> RowRead:
        """Its row, at the version that is decided on."""
        request = self.request
        return RowRead(table=REQUESTS, row_id=request.request_id, version=request.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBefore:
    """What a new request is decided on.

    recorded:   the request that has this id already. is_member: a party that has not left.
    year_id, last_no: the row that numbers the fiscal year's requests; None before its first.
    """

    book_id: int
    business_date: date
    request_year: int
    year_id: UUID
    last_no: int | None
    recorded: LoanRequest | None
    is_member: bool
    rules: LendingRules


async def load(
    connection: Connection, book_id: int, ids: Sequence[UUID]
) -> dict[UUID, LoanRequest]:
    """The requests that exist among `ids`."""
    rows = await connection.fetch(SQL["requests"], book_id, list(ids))
    return {row["request_id"]: request_of(row) for row in rows}


async def get(connection: Connection, book_id: int, request_id: UUID) -> LoanRequest:
    """One request. Raises `NotFound`."""
    found = await load(connection, book_id, [request_id])
    if request_id not in found:
        raise NotFound("loan request", request_id)
    return found[request_id]


async def get_whole(connection: Connection, book_id: int, request_id: UUID) -> Whole:
    """One request with all that belongs to it. Raises `NotFound`."""
    # The request first: what is read after it may be newer, and then its version has moved on.
    request = await get(connection, book_id, request_id)
    steps = await connection.fetch(SQL["steps"], book_id, request_id)
    documents = await connection.fetch(SQL["documents"], book_id, request_id)
    votes = await connection.fetch(SQL["votes"], book_id, request_id)
    conditions = await connection.fetch(SQL["conditions"], book_id, request_id)
    return Whole(
        request=request,
        steps=tuple(step_of(dict(row)) for row in steps),
        documents=tuple(Document(**dict(row)) for row in documents),
        votes=tuple(_vote(row) for row in votes),
        conditions=tuple(Condition(**dict(row)) for row in conditions),
    )


async def load_known(connection: Connection, book_id: int, request_id: UUID) -> Known:
    """Everything that a step of this request depends on. Raises `NotFound`."""
    head = await read_head(connection, book_id)
    whole = await get_whole(connection, book_id, request_id)
    request = whole.request
    day = head.business_date
    rules = await rules_on(
        connection, book_id, day, party_id=request.party_id, loan_kind=request.asked.loan_kind
    )
    return Known(
        book_id=book_id,
        business_date=day,
        whole=whole,
        rules=rules,
        standings=await exposure_of(connection, book_id, request.party_id, request_id, day),
        authority=await authority_by_id(connection, book_id, request.authority_id),
    )


async def load_before(
    connection: Connection, book_id: int, request_id: UUID, party_id: int, loan_kind: str
) -> KnownBefore:
    """Everything that a new request depends on."""
    day = (await read_head(connection, book_id)).business_date
    start_month: int = await connection.fetchval(SQL["fiscal_start"], book_id)
    year = fiscal_year_of(day, start_month)
    year_id = event_id(book_id, "loan_request_year", year)
    numbered = await connection.fetchrow(SQL["year"], book_id, year_id)
    return KnownBefore(
        book_id=book_id,
        business_date=day,
        request_year=year,
        year_id=year_id,
        last_no=None if numbered is None else numbered["last_no"],
        recorded=(await load(connection, book_id, [request_id])).get(request_id),
        is_member=bool(await connection.fetchval(SQL["party"], book_id, party_id, day)),
        rules=await rules_on(connection, book_id, day, party_id=party_id, loan_kind=loan_kind),
    )


async def exposure_of(
    connection: Connection, book_id: int, party_id: int, request_id: UUID, day: date
) -> Standings:
    """What a member owes and will owe, one request left out, as committed at this moment."""
    # Before what it guards: an approval in between is seen by its version.
    borrower = await connection.fetchrow(SQL["borrower"], book_id, party_id)
    accounts = await connection.fetch(SQL["loan_accounts"], book_id, party_id, list(LOAN_GROUPS))
    committed: int = await connection.fetchval(SQL["committed"], book_id, party_id, request_id, day)
    return Standings(
        exposure=Exposure(
            outstanding_satang=sum(row["owed_satang"] for row in accounts),
            committed_satang=committed,
        ),
        borrower=None
        if borrower is None
        else RowRead(table=BORROWERS, row_id=borrower["borrower_id"], version=borrower["version"]),
        accounts=tuple((row["account_id"], row["changed_seq"]) for row in accounts),
    )


def borrower_id_of(book_id: int, party_id: int) -> UUID:
    """The id of a member's row among borrowers: derived, so that every run makes the same."""
    return event_id(book_id, "loan_borrower", party_id)


def request_of(row: asyncpg.Record) -> LoanRequest:
    """The value of a row whose columns are those of the statement `requests`."""
    facts = dict(row)
    asked = Asked(
        loan_kind=facts.pop("loan_kind"),
        purpose=facts.pop("purpose"),
        amount_satang=facts.pop("amount_satang"),
        term_months=facts.pop("term_months"),
        repayment=Repayment(facts.pop("repayment")),
        rate_mode=RateMode(facts.pop("rate_mode")),
    )
    return LoanRequest(asked=asked, **facts | {"state": RequestState(facts["state"])})


def step_of(facts: dict[str, Any]) -> Step:
    """The value of a row whose columns are those of the statement `steps`."""
    begin = facts["from_state"]
    facts |= {"verb": Verb(facts["verb"]), "to_state": RequestState(facts["to_state"])}
    return Step(**facts | {"from_state": None if begin == 0 else RequestState(begin)})


def _vote(row: asyncpg.Record) -> Vote:
    facts = dict(row)
    return Vote(**facts | {"vote": VoteKind(row["vote"]), "conditions": tuple(row["conditions"])})
