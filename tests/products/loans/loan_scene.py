"""A small loan desk to test with: a book, three members, rules in force, and short verbs.

Money is satang. Members 1 and 2 may borrow 20,000,000.00 each by the Registrar's word, member 3 has
no ceiling. Own capital is 300,000,000.00, of which one member may owe 10%. One approver suffices up
to 1,000,000.00, three one after another up to 5,000,000.00, a committee of five up to
15,000,000.00.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from ledger import accounts, books, parties
from ledger.books import Book, GlAccount
from ledger.db import Connection, Pool
from ledger.posting.collector import Collector
from ledger.posting.values import MoveBusinessDate, OpenAccount, Outcome, Status
from products.loans import request_judging, request_making, request_voting
from products.loans.lending_file import add_lending_rules, parse_lending_file
from products.loans.request_judging import Analysis
from products.loans.request_making import PaperIn
from products.loans.request_reads import Known, Whole, get_whole
from products.loans.request_services import Desk, make, take
from products.loans.request_units import Decided
from products.loans.request_values import (
    Asked,
    LoanRequest,
    RateMode,
    Repayment,
    RequestState,
    VoteKind,
)
from products.loans.request_voting import Ballot
from tests.builders import OPENED_ON, journal, make_book, post

BAHT = 100
MILLION = 1_000_000 * BAHT
MAKER, OFFICER, ANALYST = "coop-1:maker", "facility:officer", "facility:analyst"
MANAGER, DIRECTOR, CHAIR = "facility:manager", "facility:director", "facility:chair"
COMMITTEE = tuple(f"board:{number}" for number in range(1, 6))
PAPERS = ("board_minutes", "financial_statements")
CEILING, SINGLE = 20 * MILLION, 30 * MILLION

RULES: dict[str, Any] = {
    "entered_by": "facility:secretary",
    "approved_by": "facility:treasurer",
    "loan_kinds": [
        {
            "loan_kind": "SHORT",
            "effective_from": "2020-01-01",
            "name_th": "เงินกู้ระยะสั้น",
            "name_en": "Short-term loan",
            "amount_max": "12000000.00",
            "term_months_max": 12,
        },
        {
            "loan_kind": "LONG",
            "effective_from": "2020-01-01",
            "name_th": "เงินกู้ระยะยาว",
            "name_en": "Long-term loan",
            "term_months_max": 72,
        },
    ],
    "papers": [
        {
            "loan_kind": kind,
            "document_kind": paper,
            "effective_from": "2020-01-01",
            "name_th": paper,
            "name_en": paper,
        }
        for kind in ("SHORT", "LONG")
        for paper in PAPERS
    ],
    "authorities": [
        {
            "effective_from": "2020-01-01",
            "amount_up_to": "1000000.00",
            "way": "sequence",
            "levels": [1],
            "valid_days": 30,
        },
        {
            "effective_from": "2020-01-01",
            "amount_up_to": "5000000.00",
            "way": "sequence",
            "levels": [1, 2, 3],
            "valid_days": 60,
        },
        {
            "effective_from": "2020-01-01",
            "amount_up_to": "15000000.00",
            "way": "committee",
            "levels": [4],
            "approvals": 3,
            "quorum": 4,
            "seats": 5,
            "valid_days": 90,
        },
    ],
    "approvers": [
        {"actor": actor, "effective_from": "2020-01-01", "level": level}
        for actor, level in (
            (MANAGER, 1),
            (DIRECTOR, 2),
            (CHAIR, 3),
            *((member, 4) for member in COMMITTEE),
        )
    ],
    "ceilings": [
        {
            "party_id": party,
            "document_no": f"กส 1/{party}",
            "document_date": "2026-01-15",
            "valid_from": "2026-01-01",
            "valid_to": "2026-12-31",
            "amount": "20000000.00",
        }
        for party in (1, 2)
    ],
    "single_borrower": [
        {
            "effective_from": "2026-01-01",
            "share_percent": "10",
            "own_capital": "300000000.00",
            "document": "มติ 4/2569",
        }
    ],
}
"""The rules in force on the scene's first day."""


def asked_of(amount: int = 500_000 * BAHT, **fields: Any) -> Asked:
    """An ordinary wish; `fields` replace the ordinary ones."""
    ordinary: dict[str, Any] = {
        "loan_kind": "LONG",
        "purpose": "on-lending to members",
        "amount_satang": amount,
        "term_months": 36,
        "repayment": Repayment.EQUAL_INSTALMENT,
        "rate_mode": RateMode.FLOATING,
    }
    return Asked(**ordinary | fields)


async def add_rules(pool: Pool, book_id: int, rules: dict[str, Any]) -> None:
    """Put rules into force."""
    async with pool.acquire() as connection, connection.transaction():
        await add_lending_rules(connection, book_id, parse_lending_file(json.dumps(rules)))


def more_rules(**rows: list[dict[str, object]]) -> dict[str, Any]:
    """A file of these rows alone, by the same two people."""
    by = ("entered_by", "approved_by")
    return {name: RULES[name] for name in by} | rows


@dataclass(slots=True, kw_only=True)
class LoanScene:
    """The loan desk; `bank` is an account without limits."""

    pool: Pool
    collector: Collector
    book: Book
    bank: int
    today: date = OPENED_ON
    loans: dict[int, int] = field(default_factory=dict)

    @property
    def desk(self) -> Desk:
        """Where steps are posted."""
        return Desk(collector=self.collector, pool=self.pool, book_id=self.book.book_id)

    # Steps by whoever does them ordinarily

    async def draft(
        self,
        amount: int = 500_000 * BAHT,
        *,
        party_id: int = 1,
        actor: str = MAKER,
        request_id: UUID | None = None,
        **fields: Any,
    ) -> UUID:
        """A draft that is recorded; its id."""
        made = request_id or uuid4()
        asked = asked_of(amount, **fields)
        outcome = await make(self.desk, made, party_id, asked, actor=actor)
        assert outcome.status is Status.ACCEPTED, outcome
        return made

    async def take(self, request_id: UUID, decide: Callable[[Known], Decided]) -> Outcome:
        """Any step; errors pass."""
        outcome = await take(self.desk, request_id, decide)
        assert outcome.status is Status.ACCEPTED, outcome
        return outcome

    async def paper(self, request_id: UUID, kind: str, actor: str = MAKER) -> Outcome:
        """A paper received."""
        paper = PaperIn(document_kind=kind, file_name=f"{kind}.pdf", sha256=bytes(range(32)))
        return await self.take(
            request_id, lambda known: request_making.add_document(known, paper, actor=actor)
        )

    async def submit(self, request_id: UUID, actor: str = MAKER) -> Outcome:
        """Submitted."""
        return await self.take(request_id, lambda known: request_making.submit(known, actor=actor))

    async def complete(self, request_id: UUID, actor: str = OFFICER) -> Outcome:
        """Papers found complete."""
        return await self.take(
            request_id, lambda known: request_judging.complete_documents(known, actor=actor)
        )

    async def analyse(
        self, request_id: UUID, actor: str = ANALYST, recommended: int = 100 * BAHT
    ) -> Outcome:
        """Analysed."""
        return await self.take(
            request_id,
            lambda known: request_judging.analyse(
                known,
                Analysis(memo="repays from instalments", recommended_satang=recommended),
                actor=actor,
            ),
        )

    async def put_to_vote(self, request_id: UUID, actor: str = OFFICER) -> Outcome:
        """Put before its approvers."""
        return await self.take(
            request_id, lambda known: request_judging.put_to_vote(known, actor=actor)
        )

    async def vote(
        self, request_id: UUID, actor: str = MANAGER, vote: VoteKind = VoteKind.APPROVE, **said: Any
    ) -> Outcome:
        """A vote; `said` are fields of the ballot."""
        ordinary = {"reason": "as discussed", "minutes_reference": "4/2569"}
        ballot = Ballot(vote=vote, **ordinary | said)
        return await self.take(
            request_id, lambda known: request_voting.decide(known, ballot, actor=actor)
        )

    async def give_back(self, request_id: UUID, actor: str = OFFICER) -> Outcome:
        """Returned to its maker."""
        return await self.take(
            request_id,
            lambda known: request_judging.give_back(known, actor=actor, remark="say for whom"),
        )

    async def sign(self, request_id: UUID, actor: str = OFFICER) -> Outcome:
        """The contract signed."""
        return await self.take(
            request_id, lambda known: request_judging.sign(known, "LN-0001", actor=actor)
        )

    async def meet(self, request_id: UUID, number: int, actor: str = OFFICER) -> Outcome:
        """A condition met."""
        return await self.take(
            request_id,
            lambda known: request_judging.meet_condition(
                known, number, actor=actor, remark="seen the paper"
            ),
        )

    async def withdraw(self, request_id: UUID, actor: str = MAKER) -> Outcome:
        """Withdrawn by the member."""
        return await self.take(
            request_id,
            lambda known: request_making.withdraw(known, actor=actor, remark="no need any more"),
        )

    async def expire(self, request_id: UUID, actor: str = OFFICER) -> Outcome:
        """An approval ended."""
        return await self.take(
            request_id,
            lambda known: request_judging.expire(known, actor=actor, remark="nobody came to sign"),
        )

    # Lives up to a state

    async def until(self, state: RequestState, amount: int = 500_000 * BAHT, **more: Any) -> UUID:
        """A request that has come as far as `state` on the straight way, with two conditions."""
        made = await self.draft(amount, **more)
        actor = more.get("actor", MAKER)
        early = {RequestState.DRAFT, RequestState.WITHDRAWN}
        if state in early:
            if state is RequestState.WITHDRAWN:
                await self.withdraw(made)
            return made
        for kind in PAPERS:
            await self.paper(made, kind, actor)
        await self.submit(made, actor)
        steps = (
            (RequestState.DOCUMENTS_COMPLETE, self.complete),
            (RequestState.ANALYSED, self.analyse),
            (RequestState.COMMITTEE, self.put_to_vote),
        )
        for reached, step in steps:
            if state < reached:
                return made
            await step(made)
        if state is RequestState.DECLINED:
            await self.vote(made, vote=VoteKind.DECLINE)
        elif state is not RequestState.COMMITTEE:
            await self._approved(made, state)
        return made

    async def _approved(self, made: UUID, state: RequestState) -> None:
        await self.vote(made, conditions=("pledge a deposit", "insure the board"))
        if state is RequestState.EXPIRED:
            for _ in range(31):
                await self.next_day()
            await self.expire(made)
        if state in (RequestState.CONTRACT_SIGNED, RequestState.CONDITIONS_MET):
            await self.sign(made)
        if state is RequestState.CONDITIONS_MET:
            await self.meet(made, 1)
            await self.meet(made, 2)

    # What stands

    async def whole(self, request_id: UUID) -> Whole:
        """A request with all that belongs to it."""
        async with self.pool.acquire() as connection:
            return await get_whole(connection, self.book.book_id, request_id)

    async def request(self, request_id: UUID) -> LoanRequest:
        """A request as it stands now."""
        return (await self.whole(request_id)).request

    async def state(self, request_id: UUID) -> str:
        """Where a request stands."""
        return (await self.request(request_id)).state.code

    async def owes(self, party_id: int, amount: int, gl_code: str = "151200") -> None:
        """The member owes so much more on a loan account of this GL code."""
        async with self.pool.acquire() as connection:
            (account,) = await accounts.reserve_ids(connection, 1)
        opened = OpenAccount(
            account=account,
            code=f"LN-{account}",
            gl_code=gl_code,
            currency="THB",
            name_th="เงินกู้",
            name_en="Loan",
            party_id=party_id,
        )
        lent = journal(account, self.bank, amount)
        outcome = await post(self.pool, self.book.book_id, [opened, lent])
        assert outcome.status is Status.ACCEPTED, outcome
        self.loans[party_id] = account

    async def repays(self, party_id: int, amount: int) -> None:
        """The member repays."""
        repaid = journal(self.bank, self.loans[party_id], amount)
        assert (await post(self.pool, self.book.book_id, [repaid])).status is Status.ACCEPTED

    async def rules(self, **rows: list[dict[str, object]]) -> None:
        """More rules."""
        await add_rules(self.pool, self.book.book_id, more_rules(**rows))

    async def next_day(self) -> None:
        """The business date moves to the next day."""
        moved = MoveBusinessDate(to=self.today + timedelta(days=1))
        assert (await post(self.pool, self.book.book_id, [moved])).status is Status.ACCEPTED
        self.today += timedelta(days=1)


@asynccontextmanager
async def loan_scene(
    pool: Pool, *, rules: dict[str, Any] | None = None
) -> AsyncIterator[LoanScene]:
    """The loan desk on its first business date."""
    book = await make_book(pool)
    async with pool.acquire() as connection:
        (bank,) = await accounts.reserve_ids(connection, 1)
        await _members(connection, book.book_id)
    opened = OpenAccount(
        account=bank, code="BANK", gl_code="111100", currency="THB", name_th="BANK", name_en="BANK"
    )
    assert (await post(pool, book.book_id, [opened])).status is Status.ACCEPTED
    await add_rules(pool, book.book_id, RULES if rules is None else rules)
    async with Collector(pool) as collector:
        yield LoanScene(pool=pool, collector=collector, book=book, bank=bank)


async def _members(connection: Connection, book_id: int) -> None:
    chart = ("141100", "141200", "151200", "211100")
    lines = [GlAccount(gl_code=c, cad_code="", name_th=c, name_en=c) for c in chart]
    await books.add_gl_accounts(connection, book_id, lines)
    first = parties.Party(
        party_id=1,
        code="0001",
        name_th="สหกรณ์ออมทรัพย์ทดสอบ จำกัด",
        name_en="Test Co-operative",
        region="central",
        joined_on=date(2020, 1, 1),
    )
    members = [replace(first, party_id=number, code=f"{number:04d}") for number in (1, 2, 3)]
    await parties.add_parties(connection, book_id, members)
