"""Living the example month: every banking day's files through the doors, every night, every proof.

A day: the co-ops' notices come in (most as a file, some one by one over HTTP), a second person
approves the withdrawals and they are paid, the banks' statements arrive and are matched, a clerk
answers what the matching asks, members place sums for a term, the banks are reconciled, and the
night closes the date. Nothing here knows more than the people would: the planted mistakes are found
by the services, or not.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

from examples import placing, seeds
from examples.opening import OPENED_ON
from ledger.books import Book
from ledger.db import Pool
from ledger.errors import CffError
from ledger.evidence.keys import KeyFile
from ledger.periods.acts import Acted
from ledger.periods.months import close_month
from ledger.posting.collector import Collector
from ledger.posting.values import Status
from products.end_of_day import DayReport, run_day
from products.payments import notice_services, suspense
from products.payments.matching import REFERENCE_DIFFERS, REFERENCE_MISSING
from products.payments.notice_files import load_notices
from products.payments.notice_reads import PAGE_MAX, page
from products.payments.notice_values import NoticeStatus
from products.payments.reconciliation import BankReconciliation, reconcile
from products.payments.resolving import resolve
from products.payments.statements import load_statement

INTAKE = "facility:intake"
APPROVER = "facility:treasury-checker"
PAYER = "facility:treasury-payer"
CLERK = "facility:reconciliation-clerk"
ACCOUNTANT = "facility:accountant"

PostNotice = Callable[[dict[str, str]], Awaitable[str]]
"""Sends one notice over HTTP; answers "accepted", "replayed" or the code of the problem."""

Told = Callable[[str], None]
"""Told of each finished part of the month, for a progress bar."""


@dataclass(slots=True, kw_only=True)
class Lived:
    """What happened, counted as it happened. Money in satang."""

    accepted: int = 0
    replayed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    over_http: Counter[str] = field(default_factory=Counter)
    approved: int = 0
    paid: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    bank_lines: int = 0
    answered_by_clerk: int = 0
    interest_satang: int = 0
    nights: list[DayReport] = field(default_factory=list)
    months: list[Acted] = field(default_factory=list)
    fixed: Counter[str] = field(default_factory=Counter)
    placed_satang: int = 0
    reconciliations: dict[date, list[BankReconciliation]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Where the month is lived: the book, its pool and collector, the files, and the HTTP door.

    seal_key: what closed days are sealed with; None = no seals.
    """

    pool: Pool
    collector: Collector
    book: Book
    files: Path
    post_notice: PostNotice
    seal_key: KeyFile | None = None


async def live_month(
    office: Office, *, through: date, http_notices: int, seed: int = 2569, told: Told
) -> Lived:
    """Live from the opening date to `through`, both nights included; close the months that end."""
    lived = Lived()
    banking = [day for day in seeds.banking_days() if day <= through]
    share = {day: http_notices // len(banking) for day in banking}
    for day in banking[: http_notices % len(banking)]:
        share[day] += 1
    dice = random.Random(seed)  # noqa: S311 - which notices go over HTTP is no secret
    fixed = placing.FixedDesk(
        pool=office.pool,
        collector=office.collector,
        book=office.book,
        dice=random.Random(seed + 1),  # noqa: S311
        rich=placing.rich(seeds.openings()),
    )
    day = OPENED_ON
    while day <= through:
        if day in share:
            await _banking_day(office, day, share[day], dice, lived)
            await fixed.banking_day(day)
            async with office.pool.acquire() as connection:
                lived.reconciliations[day] = await reconcile(connection, office.book, day)
        night = await run_day(office.pool, office.book, day, seal_key=office.seal_key)
        lived.nights.append(night)
        lived.interest_satang += night.interest_satang
        if (day + timedelta(days=1)).day == 1:
            month = await close_month(office.pool, office.book, day, actor=ACCOUNTANT)
            lived.months.append(month)
        told(f"{day.isoformat()} closed")
        day += timedelta(days=1)
    lived.fixed, lived.placed_satang = fixed.done, fixed.placed_satang
    return lived


async def _banking_day(
    office: Office, day: date, http_notices: int, dice: random.Random, lived: Lived
) -> None:
    source = office.files / "notices" / f"{day.isoformat()}.jsonl"
    chosen, rest = _split(source.read_text(encoding="utf-8").splitlines(), http_notices, dice)
    for body in chosen:
        answer = await office.post_notice(body)
        lived.over_http[answer] += 1
    inbox = office.files / "inbox" / source.name
    inbox.parent.mkdir(parents=True, exist_ok=True)
    inbox.write_text("".join(f"{line}\n" for line in rest), encoding="utf-8")
    report = await load_notices(
        office.pool,
        office.collector,
        office.book,
        inbox,
        received_by=INTAKE,
        result=inbox.with_suffix(".result.jsonl"),
    )
    lived.accepted += report.accepted
    lived.replayed += report.replayed
    lived.refused.update(report.refused)
    lived.lines["resolved"] += report.matched_again
    await _pay_withdrawals(office, lived)
    for statement in sorted((office.files / "statements").glob(f"*-{day.isoformat()}.xml")):
        loaded = await load_statement(
            office.pool, office.collector, office.book, statement, received_by=INTAKE
        )
        lived.lines.update(loaded.settled.counts)
        lived.bank_lines += sum(each.lines for each in loaded.statements)
    await _answer_questions(office, lived)


def _split(
    lines: list[str], wanted: int, dice: random.Random
) -> tuple[list[dict[str, str]], list[str]]:
    """Some well-formed notices to send one by one, and the lines that stay in the file."""
    good = [number for number, line in enumerate(lines) if _is_notice(line)]
    chosen = set(dice.sample(good, min(wanted, len(good))))
    bodies = [json.loads(lines[number]) for number in sorted(chosen)]
    return bodies, [line for number, line in enumerate(lines) if number not in chosen]


def _is_notice(line: str) -> bool:
    try:
        body = json.loads(line)
    except json.JSONDecodeError:
        return False
    return isinstance(body, dict) and all(isinstance(value, str) for value in body.values())


async def _pay_withdrawals(office: Office, lived: Lived) -> None:
    """The second person approves what is held, then everything approved is paid."""
    for status, many in (
        (NoticeStatus.HELD, notice_services.approve_many),
        (NoticeStatus.APPROVED, notice_services.pay_many),
    ):
        ids = await _ids_with(office, status)
        actor = APPROVER if status is NoticeStatus.HELD else PAYER
        changes = await many(office.collector, office.pool, office.book.book_id, ids, actor=actor)
        done = sum(
            change.outcome is not None and change.outcome.status is Status.ACCEPTED
            for change in changes
        )
        if status is NoticeStatus.HELD:
            lived.approved += done
        else:
            lived.paid += done


async def _ids_with(office: Office, status: NoticeStatus) -> list[UUID]:
    found: list[UUID] = []
    after = 0
    async with office.pool.acquire() as connection:
        while notices := await page(
            connection, office.book.book_id, status=status, after_seq=after, limit=PAGE_MAX
        ):
            found += [notice.notice_id for notice in notices]
            after = notices[-1].received_seq
    return found


async def _answer_questions(office: Office, lived: Lived) -> None:
    """The clerk joins what leaves no doubt to a person: same amount, one line, one notice."""
    async with office.pool.acquire() as connection:
        asked = await suspense.questions(connection, office.book.book_id)
    lines = Counter(question.line_id for question in asked)
    notices = Counter(question.notice_id for question in asked)
    for question in asked:
        plain = question.reason in (REFERENCE_DIFFERS, REFERENCE_MISSING)
        alone = lines[question.line_id] == notices[question.notice_id] == 1
        if not (plain and alone and question.line_satang == question.notice_satang):
            continue
        try:
            outcome = await resolve(
                office.collector,
                office.pool,
                office.book.book_id,
                question.line_id,
                [question.notice_id],
                actor=CLERK,
                reason="same bank and amount, no other candidate; co-op confirmed by telephone",
            )
        except CffError as error:
            lived.refused[error.code] += 1
            continue
        lived.answered_by_clerk += outcome.status is Status.ACCEPTED
