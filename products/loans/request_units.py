"""A step of a loan request as a unit: its note, its history row, the request as it becomes.

Every verb ends here, so that no step can be taken without its row of the table of transitions, its
number in the book and its person. The note says everything that the rows say: `cff verify` folds
the notes of a request and must find its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ledger.errors import Forbidden
from ledger.posting.values import FIRST_SEQ, Note, RowWrite, Unit
from products.loans.request_reads import SQL, Known, KnownBefore, borrower_id_of
from products.loans.request_values import Asked, LoanRequest, RequestState, Verb
from products.loans.transitions import require, row_of

PARTS: Mapping[Verb, str] = MappingProxyType(
    {
        Verb.DRAFT: "maker",
        Verb.AMEND: "maker",
        Verb.SUBMIT: "maker",
        Verb.ANALYSE: "analyst",
        Verb.DECIDE: "approver",
    }
)
"""What a person becomes who does one of these. Nobody has two parts in one request, ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A step that may be posted, and the request as it stands after it.

    after: with the numbers of its steps so far; its own is known when it is recorded.
    """

    unit: Unit
    after: LoanRequest


def begin(known: Known, verb: Verb, actor: str) -> None:
    """What every step must pass first: it begins in this state, and this person may take it.

    Raises `TransitionNotAllowed`; `Forbidden` for somebody who has another part in this request, in
    whatever round.
    """
    request = known.request
    require(request.request_id, request.state, verb)
    part = PARTS.get(verb)
    others = [each for each in PARTS if part is not None and PARTS[each] != part]
    for other in others:
        if actor.lower() in known.whole.people(other):
            raise Forbidden(
                f"{actor} is {PARTS[other]} of loan request {request.request_id}: maker, analyst "
                f"and approvers are different people, another one must be its {part}"
            )


def asked_facts(asked: Asked) -> dict[str, object]:
    """What is asked for, as a note says it."""
    return {
        "loan_kind": asked.loan_kind,
        "purpose": asked.purpose,
        "asked_satang": asked.amount_satang,
        "term_months": asked.term_months,
        "repayment": asked.repayment.code,
        "rate_mode": asked.rate_mode.code,
    }


def first_step(known: KnownBefore, request: LoanRequest, remark: str) -> Decided:
    """The unit that drafts a request and gives it its number."""
    number: dict[str, object] = {
        "request_year": request.request_year,
        "request_no": request.request_no,
        "party_id": request.party_id,
    }
    writes = (
        RowWrite(
            statement=SQL["insert_borrower"],
            arguments=(
                known.book_id,
                borrower_id_of(known.book_id, request.party_id),
                request.party_id,
            ),
        ),
        RowWrite(statement=SQL["insert_request"], arguments=_inserted(known.book_id, request)),
        _step_write(known.book_id, Verb.DRAFT, None, request, request.made_by, remark),
    )
    facts = number | asked_facts(request.asked)
    unit = Unit(
        operations=(_note(Verb.DRAFT, None, request, facts),),
        actor=request.made_by,
        reason=remark,
        writes=writes,
        on=known.business_date,
    )
    return Decided(unit=unit, after=request)


def next_step(
    known: Known,
    verb: Verb,
    after: LoanRequest,
    *,
    actor: str,
    remark: str,
    facts: Mapping[str, object],
    writes: tuple[RowWrite, ...] = (),
) -> Decided:
    """The unit that takes a request from where it stands to `after`, whose `state` is the end.

    after:  the request with what the step changes; version and dates are filled in here.
    writes: rows beside those of the request and its history.
    Raises what `begin` raises.
    """
    before = known.request
    begin(known, verb, actor)
    row_of(verb, before.state, after.state)
    after = replace(after, version=before.version + 1, changed_on=known.business_date)
    change = RowWrite(
        statement=SQL["change_request"], arguments=_changed(known.book_id, before, after)
    )
    step = _step_write(known.book_id, verb, before.state, after, actor, remark)
    unit = Unit(
        operations=(_note(verb, before.state, after, facts),),
        actor=actor,
        reason=remark,
        reads=(known.read,),
        writes=(change, step, *writes),
        on=known.business_date,
    )
    return Decided(unit=unit, after=after)


def _note(
    verb: Verb, begin: RequestState | None, after: LoanRequest, facts: Mapping[str, object]
) -> Note:
    step: dict[str, object] = {
        "verb": verb.code,
        "from": None if begin is None else begin.code,
        "to": after.state.code,
        "step": after.version,
    }
    return Note(
        kind=verb.event_kind,
        subject=after.request_id,
        amount_satang=after.asked.amount_satang,
        body=step | dict(facts),
    )


def _step_write(
    book_id: int,
    verb: Verb,
    begin: RequestState | None,
    after: LoanRequest,
    person: str,
    remark: str,
) -> RowWrite:
    return RowWrite(
        statement=SQL["insert_step"],
        arguments=(
            book_id,
            after.request_id,
            after.version,
            int(verb),
            0 if begin is None else int(begin),
            int(after.state),
            after.changed_on,
            FIRST_SEQ,
            person,
            remark,
        ),
    )


def _inserted(book_id: int, request: LoanRequest) -> tuple[object, ...]:
    return (
        book_id,
        request.request_id,
        request.request_year,
        request.request_no,
        request.party_id,
        *_asked_columns(request.asked),
        request.made_by,
        request.drafted_on,
        FIRST_SEQ,
    )


def _changed(book_id: int, before: LoanRequest, after: LoanRequest) -> tuple[object, ...]:
    return (
        book_id,
        before.request_id,
        before.version,
        *_asked_columns(after.asked),
        int(after.state),
        after.round,
        after.made_by,
        after.analysed_by,
        after.recommended_satang,
        after.authority_id,
        after.approved_satang,
        after.approved_term_months,
        after.sign_by,
        after.signed_on,
        after.contract_reference,
        after.changed_on,
        FIRST_SEQ,
    )


def _asked_columns(asked: Asked) -> tuple[object, ...]:
    return (
        asked.loan_kind,
        asked.purpose,
        asked.amount_satang,
        asked.term_months,
        int(asked.repayment),
        int(asked.rate_mode),
    )
