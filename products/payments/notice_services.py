"""The doors' verbs on notices: load, decide, hand over to the collector.

One notice or many: the set-based forms read a few hundred notices at once and submit their units
together, in order, so that they share batches. A unit whose notice changed in between is decided
again; a step that is not possible is an error value of that notice alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from ledger.books import read_head
from ledger.db import Connection, Pool, translated
from ledger.errors import CffError, NotFound, Overloaded, Problem
from ledger.posting.collector import Collector, decide_and_post
from ledger.posting.ids import attempts
from ledger.posting.values import IdempotencyKey, Outcome, Status, Unit
from products.deposits.savings_terms import charges
from products.payments import notices
from products.payments.banks import payment_accounts
from products.payments.notice_reads import get, load, load_known
from products.payments.notice_values import Notice, NoticeIn

_TRIES = 20
_TOGETHER = 500

Answer = Callable[[Outcome], str]
"""Turns an outcome into the text kept under an idempotency key."""

Act = Callable[[Notice], Unit]
"""A decision on one notice, with everything but the notice already known."""

Prepare = Callable[[Connection, Sequence[UUID]], Awaitable[Act]]
"""Reads what the decisions on these notices need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of a notice that came in.

    status:  ACCEPTED, REPLAYED, REFUSED, or what the collector says of an idempotency key.
    code:    why it was refused: a code of the judge, or of `notices.decide_receive`.
    outcome: the collector's answer, if it was asked; it has the receipts.
    """

    notice_id: UUID
    status: Status
    code: str = ""
    problems: tuple[Problem, ...] = ()
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What became of one notice of many: an outcome, or the error that a single one would raise."""

    notice_id: UUID
    outcome: Outcome | None = None
    error: CffError | None = None


async def receive(
    collector: Collector,
    pool: Pool,
    book_id: int,
    body: NoticeIn,
    *,
    received_by: str,
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
) -> Received:
    """Receive one notice; see `notices.decide_receive` for the codes."""
    bodies = [(body, "notice")]
    found = await receive_many(
        collector, pool, book_id, bodies, received_by=received_by, key=key, answer=answer
    )
    return found[0]


async def receive_many(
    collector: Collector,
    pool: Pool,
    book_id: int,
    bodies: Sequence[tuple[NoticeIn, str]],
    *,
    received_by: str,
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
) -> list[Received]:
    """Receive notices with their places in the input; results in input order.

    The meaning is that of one after another: of two with the same id the second is judged after
    the first is recorded. `key` and `answer` are for a single notice.
    """
    results: list[Received | None] = [None] * len(bodies)
    for _ in range(_TRIES + len(bodies)):
        places = _first_of_each_id(bodies, results)
        if not places:
            return [result for result in results if result is not None]
        chosen = [bodies[place] for place in places]
        found = await _receive_wave(collector, pool, book_id, chosen, received_by, key, answer)
        for place, result in zip(places, found, strict=True):
            results[place] = result
    raise Overloaded("the same notices are being recorded elsewhere at this moment; try again")


def _first_of_each_id(
    bodies: Sequence[tuple[NoticeIn, str]], results: Sequence[Received | None]
) -> list[int]:
    waiting: dict[UUID, int] = {}
    for place, (body, _) in enumerate(bodies):
        if results[place] is None:
            waiting.setdefault(body.id, place)
    return list(waiting.values())


async def _receive_wave(
    collector: Collector,
    pool: Pool,
    book_id: int,
    bodies: Sequence[tuple[NoticeIn, str]],
    received_by: str,
    key: IdempotencyKey | None,
    answer: Answer | None,
) -> list[Received | None]:
    """One result a body; None where another process recorded the id at this moment: look again."""
    async with translated(), pool.acquire() as connection:
        ids = [body.id for body, _ in bodies]
        known = await load_known(connection, book_id, ids, [body.account for body, _ in bodies])
    decisions = [
        notices.decide_receive(body, known, where, received_by=received_by)
        for body, where in bodies
    ]
    units = [
        None if decision.unit is None else replace(decision.unit, key=key, answer=answer)
        for decision in decisions
    ]
    tasks = [_submit(collector, book_id, unit) for unit in units if unit is not None]
    submitted = await asyncio.gather(*tasks)
    held = await _held_otherwise(pool, book_id, bodies, submitted)
    outcomes = iter(submitted)
    results: list[Received | None] = []
    for (body, where), decision in zip(bodies, decisions, strict=True):
        if decision.unit is None:
            results.append(_decided(body, decision))
            continue
        outcome = next(outcomes)
        if body.id in held:
            problems = (notices.held_otherwise(body, where),)
            conflict = notices.Decision(code="id_conflict", problems=problems)
            results.append(_decided(body, conflict))
        else:
            results.append(None if outcome is None else _posted(body, where, outcome))
    return results


async def _held_otherwise(
    pool: Pool,
    book_id: int,
    bodies: Sequence[tuple[NoticeIn, str]],
    outcomes: Sequence[Outcome | None],
) -> set[UUID]:
    """Ids of holds placed at this very moment that no notice has: a replay of them is none of ours.

    Looked up only when something was a replay, which is rare.
    """
    if not any(outcome is not None and outcome.status is Status.REPLAYED for outcome in outcomes):
        return set()
    async with translated(), pool.acquire() as connection:
        known = await load_known(connection, book_id, [body.id for body, _ in bodies], [])
    return set(known.holds - known.notices.keys())


async def _submit(collector: Collector, book_id: int, unit: Unit) -> Outcome | None:
    try:
        return await collector.submit(book_id, unit)
    except asyncpg.UniqueViolationError:
        return None


def _decided(body: NoticeIn, decision: notices.Decision) -> Received:
    status = Status.REFUSED if decision.replay is None else Status.REPLAYED
    return Received(
        notice_id=body.id, status=status, code=decision.code, problems=decision.problems
    )


def _posted(body: NoticeIn, where: str, outcome: Outcome) -> Received:
    code = ""
    problems: tuple[Problem, ...] = ()
    if outcome.refusal is not None:
        code = outcome.refusal.code
        problems = (
            Problem(
                where=where,
                got=f"{body.kind} of {body.amount} on {body.account}",
                expected="what the account allows",
                fix=f"Refused: {outcome.refusal.rule.message_en}.",
            ),
        )
    return Received(
        notice_id=body.id, status=outcome.status, code=code, problems=problems, outcome=outcome
    )


async def approve(
    collector: Collector,
    pool: Pool,
    book_id: int,
    notice_id: UUID,
    *,
    actor: str,
    reason: str = "",
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
) -> Outcome:
    """Approve a withdrawal. Raises `NotFound`, `Forbidden` for who made or brought it in,
    `WrongStatus`.
    """

    async def decide(connection: Connection) -> Unit:
        notice = await get(connection, book_id, notice_id)
        unit = notices.decide_approve(book_id, notice, actor=actor, reason=reason)
        return replace(unit, key=key, answer=answer)

    return await decide_and_post(collector, pool, book_id, decide)


async def pay(
    collector: Collector,
    pool: Pool,
    book_id: int,
    notice_id: UUID,
    *,
    actor: str,
    reason: str = "",
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
) -> Outcome:
    """Pay an approved withdrawal. Raises `NotFound`, `WrongStatus`, `NotYetDue`."""

    async def decide(connection: Connection) -> Unit:
        act = await _payer(connection, book_id, [notice_id], actor, reason)
        return replace(act(await get(connection, book_id, notice_id)), key=key, answer=answer)

    return await decide_and_post(collector, pool, book_id, decide)


async def reject(
    collector: Collector,
    pool: Pool,
    book_id: int,
    notice_id: UUID,
    *,
    actor: str,
    reason: str,
    key: IdempotencyKey | None = None,
    answer: Answer | None = None,
) -> Outcome:
    """Reject a notice that has moved no money. Raises `NotFound`, `WrongStatus`, `InvalidInput`."""

    async def decide(connection: Connection) -> Unit:
        notice = await get(connection, book_id, notice_id)
        unit = notices.decide_reject(book_id, notice, actor=actor, reason=reason)
        return replace(unit, key=key, answer=answer)

    return await decide_and_post(collector, pool, book_id, decide)


async def approve_many(
    collector: Collector, pool: Pool, book_id: int, ids: Sequence[UUID], *, actor: str
) -> list[Changed]:
    """Approve several withdrawals; one result each, in input order."""

    async def prepare(_connection: Connection, _ids: Sequence[UUID]) -> Act:
        return lambda notice: notices.decide_approve(book_id, notice, actor=actor)

    return await _change_many(collector, pool, book_id, ids, prepare)


async def pay_many(
    collector: Collector, pool: Pool, book_id: int, ids: Sequence[UUID], *, actor: str
) -> list[Changed]:
    """Pay several approved withdrawals; one result each, in input order."""

    async def prepare(connection: Connection, wanted: Sequence[UUID]) -> Act:
        return await _payer(connection, book_id, wanted, actor, "")

    return await _change_many(collector, pool, book_id, ids, prepare)


async def _payer(
    connection: Connection, book_id: int, ids: Sequence[UUID], actor: str, reason: str
) -> Act:
    """The decision to pay, with everything that it needs already read."""
    head = await read_head(connection, book_id)
    accounts = await payment_accounts(connection, book_id)
    events = {notice_id: notices.payment_event(book_id, notice_id) for notice_id in ids}
    tried = await attempts(connection, book_id, list(events.values()))
    charged = await charges(connection, book_id, ids)
    return lambda notice: notices.decide_pay(
        book_id,
        notice,
        accounts=accounts,
        business_date=head.business_date,
        attempt=tried[events[notice.notice_id]],
        actor=actor,
        reason=reason,
        charge=charged.get(notice.notice_id),
    )


async def _change_many(
    collector: Collector, pool: Pool, book_id: int, ids: Sequence[UUID], prepare: Prepare
) -> list[Changed]:
    done: dict[UUID, Changed] = {}
    for first in range(0, len(ids), _TOGETHER):
        waiting = list(dict.fromkeys(ids[first : first + _TOGETHER]))
        for _ in range(_TRIES + len(waiting)):
            results = await _change_wave(collector, pool, book_id, waiting, prepare)
            done |= {result.notice_id: result for result in results if not _is_stale(result)}
            waiting = [notice_id for notice_id in waiting if notice_id not in done]
            if not waiting:
                break
        else:
            raise Overloaded(f"the same notices changed {_TRIES} times meanwhile; try again")
    return [done[notice_id] for notice_id in ids]


def _is_stale(result: Changed) -> bool:
    return result.outcome is not None and result.outcome.status is Status.STALE


async def _change_wave(
    collector: Collector, pool: Pool, book_id: int, ids: Sequence[UUID], prepare: Prepare
) -> list[Changed]:
    """One result each, but for those that read a row which an earlier one reads: they wait."""
    async with translated(), pool.acquire() as connection:
        act = await prepare(connection, ids)
        found = await load(connection, book_id, ids)
    units: dict[UUID, Unit] = {}
    results: dict[UUID, Changed] = {}
    rows: set[UUID] = set()
    for notice_id in ids:
        try:
            if notice_id not in found:
                raise NotFound("notice", notice_id)
            unit = act(found[notice_id])
        except CffError as error:
            results[notice_id] = Changed(notice_id=notice_id, error=error)
            continue
        if rows.isdisjoint(read.row_id for read in unit.reads):
            rows.update(read.row_id for read in unit.reads)
            units[notice_id] = unit
    outcomes = await asyncio.gather(*(collector.submit(book_id, unit) for unit in units.values()))
    for notice_id, outcome in zip(units, outcomes, strict=True):
        results[notice_id] = Changed(notice_id=notice_id, outcome=outcome)
    return [results[notice_id] for notice_id in ids if notice_id in results]
