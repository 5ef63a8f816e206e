"""The doors' verbs on loan requests: load, decide, hand over to the collector.

One function drafts, one takes every other step: which step it is says the decision that it is
given. A unit whose rows changed in between is decided again on what is there then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from ledger.db import Connection, Pool
from ledger.errors import Overloaded
from ledger.posting.collector import Collector, decide_and_post
from ledger.posting.values import IdempotencyKey, Outcome, Status, Unit
from products.loans.request_making import draft
from products.loans.request_reads import Known, load_before, load_known
from products.loans.request_units import Decided
from products.loans.request_values import Asked, LoanRequest

_TRIES = 20

Answer = Callable[[Outcome], str]
"""Turns an outcome into the text kept under an idempotency key."""

Told = Callable[[LoanRequest], None]
"""Is told what the request will be, each time that it is decided anew."""

Decide = Callable[[Known], Decided]
"""A step, with everything but what is known of the request already given."""


def _nobody(_request: LoanRequest) -> None:
    """Nobody asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a step is posted: the collector, the pool, the book; and how its answer is kept."""

    collector: Collector
    pool: Pool
    book_id: int
    key: IdempotencyKey | None = None
    answer: Answer | None = None
    told: Told = _nobody

    def kept(self, decided: Decided) -> Unit:
        """The unit under the desk's key; whoever asked is told what the request becomes."""
        self.told(decided.after)
        return replace(decided.unit, key=self.key, answer=self.answer)


async def take(desk: Desk, request_id: UUID, decide: Decide) -> Outcome:
    """Take a step of a request. Raises `NotFound`, and what the decision raises."""

    async def decided(connection: Connection) -> Unit:
        return desk.kept(decide(await load_known(connection, desk.book_id, request_id)))

    return await decide_and_post(desk.collector, desk.pool, desk.book_id, decided)


class _Repeated(Exception):  # noqa: N818 - no error
    """The request is there already."""


async def make(
    desk: Desk,
    request_id: UUID,
    party_id: int,
    asked: Asked,
    *,
    actor: str,
    remark: str = "",
) -> Outcome:
    """Draft a request; REPLAYED when it is there already. Raises what `draft` raises."""

    async def decided(connection: Connection) -> Unit:
        known = await load_before(connection, desk.book_id, request_id, party_id, asked.loan_kind)
        drafted = draft(known, request_id, party_id, asked, actor=actor, remark=remark)
        if isinstance(drafted, LoanRequest):
            raise _Repeated
        return desk.kept(drafted)

    for _ in range(_TRIES):
        try:
            return await decide_and_post(desk.collector, desk.pool, desk.book_id, decided)
        except asyncpg.UniqueViolationError:
            # Somebody recorded the same id, or began the year, at this moment: look again.
            continue
        except _Repeated:
            return Outcome(status=Status.REPLAYED, replay=True)
    raise Overloaded("requests are being recorded elsewhere at this moment; try again")
