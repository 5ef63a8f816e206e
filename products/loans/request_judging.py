"""What the Facility does with a loan request but for the vote on it. Pure.

Papers, analysis, who approves, return, signing, conditions. An approval has a last day for signing;
nothing happens by itself on the day after it: signing is then refused by name, and an officer's
`expire` ends the request, because every change of state has a number and a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from ledger.errors import CffError, NotFound
from ledger.posting.values import FIRST_SEQ, RowWrite
from products.loans.approval import authority_for
from products.loans.borrower_limits import checks_of_grant, require_kept
from products.loans.request_reads import SQL, Known
from products.loans.request_units import Decided, begin, next_step
from products.loans.request_values import RequestState, Verb


class DocumentsMissing(CffError):  # noqa: N818 - the name is what the clerk reads
    """Papers that the kind of loan needs have not been received; `facts` names them."""

    code: ClassVar[str] = "documents_missing"

    def __init__(self, kinds: Sequence[str]) -> None:
        self.facts = {"missing": list(kinds)}
        super().__init__(f"not received: {', '.join(kinds)}")


class ApprovalExpired(CffError):  # noqa: N818
    """The last day for signing has passed."""

    code: ClassVar[str] = "approval_expired"


class StillValid(CffError):  # noqa: N818
    """The last day for signing has not passed."""

    code: ClassVar[str] = "not_yet_due"


class ConditionMet(CffError):  # noqa: N818
    """The condition is met already."""

    code: ClassVar[str] = "condition_not_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What the analyst found.

    memo: in words. recommended_satang: 0 = not to lend. grade: of the member, None = not graded.
    figures: what was worked out, each name with its value as text, e.g. "dscr": "1.42".
    """

    memo: str
    recommended_satang: int
    grade: str | None = None
    figures: Mapping[str, str] = field(default_factory=dict)


def complete_documents(known: Known, *, actor: str, remark: str = "") -> Decided:
    """Find the papers complete. Raises `DocumentsMissing`."""
    request = known.request
    begin(known, Verb.COMPLETE_DOCUMENTS, actor)
    there = {document.document_kind for document in known.whole.documents}
    missing = [
        paper.document_kind for paper in known.rules.papers if paper.document_kind not in there
    ]
    if missing:
        raise DocumentsMissing(missing)
    after = replace(request, state=RequestState.DOCUMENTS_COMPLETE)
    return next_step(known, Verb.COMPLETE_DOCUMENTS, after, actor=actor, remark=remark, facts={})


def analyse(known: Known, analysis: Analysis, *, actor: str) -> Decided:
    """Record the analysis. Raises `Forbidden` for who made or voted on the request,
    `LimitExceeded` above the amount asked for.
    """
    request = known.request
    begin(known, Verb.ANALYSE, actor)
    require_kept(checks_of_grant(request.asked, analysis.recommended_satang, 0))
    after = replace(
        request,
        state=RequestState.ANALYSED,
        analysed_by=actor,
        recommended_satang=analysis.recommended_satang,
    )
    facts: dict[str, object] = {
        "recommended_satang": analysis.recommended_satang,
        "grade": analysis.grade,
        "figures": dict(analysis.figures),
    }
    return next_step(known, Verb.ANALYSE, after, actor=actor, remark=analysis.memo, facts=facts)


def put_to_vote(known: Known, *, actor: str, remark: str = "") -> Decided:
    """Put it before those whose authority suffices for the amount asked for.

    The authority in force today decides, also if another one comes into force before the last vote.
    Raises `LimitExceeded` (rule `approval_authority`) above the highest.
    """
    request = known.request
    begin(known, Verb.PUT_TO_VOTE, actor)
    authority = authority_for(known.rules.authorities, request.asked.amount_satang)
    after = replace(request, state=RequestState.COMMITTEE, authority_id=authority.authority_id)
    facts = {"authority_id": str(authority.authority_id), "way": authority.way.code}
    return next_step(known, Verb.PUT_TO_VOTE, after, actor=actor, remark=remark, facts=facts)


def give_back(known: Known, *, actor: str, remark: str) -> Decided:
    """Return it to its maker as a draft, with what is to be mended. What was judged is undone."""
    after = replace(
        known.request,
        state=RequestState.DRAFT,
        analysed_by=None,
        recommended_satang=None,
        authority_id=None,
    )
    return next_step(known, Verb.RETURN, after, actor=actor, remark=remark, facts={})


def sign(known: Known, contract_reference: str, *, actor: str, remark: str = "") -> Decided:
    """Record that the contract is signed. Raises `ApprovalExpired` after its last day."""
    request = known.request
    begin(known, Verb.SIGN, actor)
    if request.sign_by is not None and known.business_date > request.sign_by:
        raise ApprovalExpired(
            f"loan request {request.request_id} could be signed until {request.sign_by}; the "
            f"business date is {known.business_date}: let it expire and ask anew"
        )
    open_ones = known.whole.conditions
    after = replace(
        request,
        state=RequestState.CONTRACT_SIGNED if open_ones else RequestState.CONDITIONS_MET,
        signed_on=known.business_date,
        contract_reference=contract_reference,
    )
    facts = {"contract_reference": contract_reference}
    return next_step(known, Verb.SIGN, after, actor=actor, remark=remark, facts=facts)


def meet_condition(known: Known, condition_no: int, *, actor: str, remark: str) -> Decided:
    """Record that a condition is met; the last one ends the life of the request.

    Raises `NotFound` for a number that there is not, `ConditionMet`.
    """
    request = known.request
    begin(known, Verb.MEET_CONDITION, actor)
    conditions = {each.condition_no: each for each in known.whole.conditions}
    if condition_no not in conditions:
        raise NotFound("condition", f"{condition_no} of loan request {request.request_id}")
    if conditions[condition_no].met_on is not None:
        raise ConditionMet(
            f"condition {condition_no} is met since {conditions[condition_no].met_on}"
        )
    others = [each for number, each in conditions.items() if number != condition_no]
    last = all(each.met_on is not None for each in others)
    state = RequestState.CONDITIONS_MET if last else RequestState.CONTRACT_SIGNED
    write = RowWrite(
        statement=SQL["meet_condition"],
        arguments=(
            known.book_id,
            request.request_id,
            condition_no,
            known.business_date,
            actor,
            FIRST_SEQ,
        ),
    )
    return next_step(
        known,
        Verb.MEET_CONDITION,
        replace(request, state=state),
        actor=actor,
        remark=remark,
        facts={"condition_no": condition_no},
        writes=(write,),
    )


def expire(known: Known, *, actor: str, remark: str) -> Decided:
    """End an approval whose last day has passed. Raises `StillValid` before that."""
    request = known.request
    begin(known, Verb.EXPIRE, actor)
    if request.sign_by is not None and known.business_date <= request.sign_by:
        raise StillValid(
            f"loan request {request.request_id} may be signed until {request.sign_by}; the "
            f"business date is {known.business_date}"
        )
    after = replace(request, state=RequestState.EXPIRED)
    return next_step(known, Verb.EXPIRE, after, actor=actor, remark=remark, facts={})
