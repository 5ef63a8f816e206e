"""What the member's side does with a loan request: draft, amend, papers, submit, withdraw. Pure.

Each function decides on what is known and gives a unit; `request_services` loads and hands over.
Everything is judged anew at each step: a ceiling that has passed since the draft stops the
submission, with the rule, its limit and the value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar
from uuid import UUID

from ledger.errors import CffError, InvalidInput
from ledger.posting.values import FIRST_SEQ, RowRead, RowWrite
from products.loans.borrower_limits import (
    LoanKind,
    checks_of_kind,
    checks_of_member,
    require_kept,
)
from products.loans.lending_rules import LendingRules
from products.loans.request_reads import SQL, YEARS, Known, KnownBefore
from products.loans.request_units import Decided, asked_facts, begin, first_step, next_step
from products.loans.request_values import Asked, LoanRequest, RequestState, Verb


class RequestIdTaken(CffError):  # noqa: N818 - the name is what the clerk reads
    """A request with this id is recorded already, for another member or with other terms."""

    code: ClassVar[str] = "id_conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperIn:
    """A paper as it comes in: its kind, its file's name and the SHA-256 of its bytes."""

    document_kind: str
    file_name: str
    sha256: bytes


def draft(
    known: KnownBefore,
    request_id: UUID,
    party_id: int,
    asked: Asked,
    *,
    actor: str,
    remark: str = "",
) -> Decided | LoanRequest:
    """Draft a request; its number is the next of the book's fiscal year.

    The request as recorded when it is there already with this member and these terms (a replay).
    Raises `RequestIdTaken`, `InvalidInput` for an unknown member or kind of loan.
    """
    recorded = known.recorded
    if recorded is not None:
        if (recorded.party_id, recorded.asked) == (party_id, asked):
            return recorded
        raise RequestIdTaken(
            f"loan request {request_id} is recorded for another member or with other terms: give "
            "a new request an id of its own"
        )
    if not known.is_member:
        raise InvalidInput.one("#/party_id", party_id, "the number of a member of this book")
    _kind_of(known.rules, asked.loan_kind)
    request = LoanRequest(
        request_id=request_id,
        request_year=known.request_year,
        request_no=(known.last_no or 0) + 1,
        party_id=party_id,
        asked=asked,
        state=RequestState.DRAFT,
        version=1,
        round=0,
        made_by=actor,
        drafted_on=known.business_date,
        drafted_seq=0,
        changed_on=known.business_date,
        changed_seq=0,
    )
    return _numbered(known, first_step(known, request, remark))


def _numbered(known: KnownBefore, drafted: Decided) -> Decided:
    """The draft takes the next number, which is its own only while nobody else took it."""
    reads: tuple[RowRead, ...] = ()
    if known.last_no is None:
        begin = (known.book_id, known.year_id, known.request_year)
        counted = RowWrite(statement=SQL["begin_year"], arguments=begin)
    else:
        following = (known.book_id, known.year_id, known.last_no)
        counted = RowWrite(statement=SQL["next_no"], arguments=following)
        reads = (RowRead(table=YEARS, row_id=known.year_id, version=known.last_no),)
    unit = replace(drafted.unit, reads=reads, writes=(counted, *drafted.unit.writes))
    return replace(drafted, unit=unit)


def amend(known: Known, asked: Asked, *, actor: str, remark: str = "") -> Decided:
    """Ask for something else, while it is a draft. Raises `InvalidInput` as `draft`."""
    begin(known, Verb.AMEND, actor)
    if asked.loan_kind not in known.rules.kinds:
        raise _unknown_kind(known.rules, asked.loan_kind)
    after = replace(known.request, asked=asked, made_by=actor)
    facts = asked_facts(asked)
    return next_step(known, Verb.AMEND, after, actor=actor, remark=remark, facts=facts)


def add_document(known: Known, paper: PaperIn, *, actor: str, remark: str = "") -> Decided:
    """Record that a paper was received: which, and the hash of what was received."""
    request = known.request
    number = len(known.whole.documents) + 1
    facts: dict[str, object] = {
        "document_no": number,
        "document_kind": paper.document_kind,
        "file_name": paper.file_name,
        "sha256": paper.sha256.hex(),
    }
    write = RowWrite(
        statement=SQL["insert_document"],
        arguments=(
            known.book_id,
            request.request_id,
            number,
            paper.document_kind,
            paper.file_name,
            paper.sha256,
            actor,
            known.business_date,
            FIRST_SEQ,
        ),
    )
    return next_step(
        known,
        Verb.ADD_DOCUMENT,
        request,
        actor=actor,
        remark=remark,
        facts=facts,
        writes=(write,),
    )


def submit(known: Known, *, actor: str, remark: str = "") -> Decided:
    """Submit a draft. Raises `LimitExceeded` with every rule that the amount or term breaks."""
    request = known.request
    begin(known, Verb.SUBMIT, actor)
    kind, asked, rules = _kind_of(known.rules, request.asked.loan_kind), request.asked, known.rules
    exposure = known.standings.exposure
    checks = [
        *checks_of_kind(kind, asked.amount_satang, asked.term_months),
        *checks_of_member(rules.ceiling, rules.single, exposure, asked.amount_satang),
    ]
    require_kept(checks)
    after = replace(request, state=RequestState.SUBMITTED, round=request.round + 1)
    facts: dict[str, object] = {
        "round": after.round,
        "checks": [check.facts() for check in checks],
    }
    return next_step(known, Verb.SUBMIT, after, actor=actor, remark=remark, facts=facts)


def withdraw(known: Known, *, actor: str, remark: str) -> Decided:
    """The member does not want it any more; what was approved of it binds its limits no longer."""
    after = replace(known.request, state=RequestState.WITHDRAWN)
    return next_step(known, Verb.WITHDRAW, after, actor=actor, remark=remark, facts={})


def _kind_of(rules: LendingRules, loan_kind: str) -> LoanKind:
    if rules.kind is None:
        raise _unknown_kind(rules, loan_kind)
    return rules.kind


def _unknown_kind(rules: LendingRules, loan_kind: str) -> InvalidInput:
    expected = f"one of {', '.join(rules.kinds)}" if rules.kinds else "a kind that is offered"
    return InvalidInput.one("#/loan_kind", loan_kind, expected)
