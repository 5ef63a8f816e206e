"""What a loan request looks like at the door, coming in and going out.

A member co-op reads everything of its own requests but what the Facility worked out: the facts
behind a step (limits, figures, grade) and the single votes are the Facility's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from api.v1.fields import (
    Amount,
    Body,
    CalendarDate,
    Id,
    Line,
    Reason,
    SignedAmount,
    View,
    money_facts,
    satang_of,
)
from api.v1.posting import ReceiptView
from ledger.money import format_baht
from products.loans.request_lists import Told
from products.loans.request_reads import Whole
from products.loans.request_values import (
    Asked,
    Condition,
    Document,
    LoanRequest,
    RateMode,
    Repayment,
    Vote,
)
from products.loans.transitions import verbs_from

LoanKindCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,31}$")]
Memo = Annotated[
    str,
    StringConstraints(min_length=3, max_length=4000, pattern=r"^\S[^\x00-\x09\x0b-\x1f\x7f]*\S$"),
]
FigureName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Figure = Annotated[str, StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,8})?$")]
Months = Annotated[int, Field(ge=1, le=600)]
Version = Annotated[
    int | None,
    Field(ge=1, le=2_000_000_000, description="The version that was read; another is refused."),
]


class AskedIn(Body):
    """What a member asks for."""

    loan_kind: LoanKindCode
    purpose: Reason
    amount: Amount
    term_months: Months
    repayment: Literal["equal_principal", "equal_instalment", "bullet", "seasonal"]
    rate_mode: Literal["fixed", "floating"]
    remark: Line = ""

    def asked(self) -> Asked:
        """The same in satang."""
        return Asked(
            loan_kind=self.loan_kind,
            purpose=self.purpose,
            amount_satang=satang_of(self.amount),
            term_months=self.term_months,
            repayment=Repayment[self.repayment.upper()],
            rate_mode=RateMode[self.rate_mode.upper()],
        )


class RequestIn(AskedIn):
    """A new request. `party_id` may be left out by a member, which asks for itself."""

    id: Annotated[Id, Field(description="Made by the client; the same id and body is a replay.")]
    party_id: Annotated[int | None, Field(ge=1, le=2_000_000_000)] = None


class AmendmentIn(AskedIn):
    """What a member asks for instead."""

    version: Version = None


class StepIn(Body):
    """What is said about a step, if anything."""

    remark: Line = ""
    version: Version = None


class RemarkIn(Body):
    """Why, or on what evidence; the member reads it."""

    remark: Reason
    version: Version = None


class DocumentIn(StepIn):
    """A paper that was received: its kind, its file's name, SHA-256 of its bytes."""

    document_kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,31}$")]
    file_name: Annotated[
        str, StringConstraints(min_length=1, max_length=140, pattern=r"^[^\x00-\x1f\x7f/\\]+$")
    ]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class AnalysisIn(Body):
    """What the analyst found; no `recommended_amount` = not to lend."""

    memo: Memo
    recommended_amount: Amount | None = None
    grade: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_+-]{0,15}$")] | None = None
    figures: Annotated[dict[FigureName, Figure], Field(max_length=50)] = Field(default_factory=dict)
    version: Version = None


class VoteIn(Body):
    """A vote. Amount, term and conditions go with a vote to approve; none = as asked."""

    vote: Literal["approve", "decline", "abstain"]
    reason: Annotated[Line, Field(description="Required of who declines or abstains.")] = ""
    minutes_reference: Annotated[Line, Field(description="Required of a committee.")] = ""
    amount: Amount | None = None
    term_months: Months | None = None
    conditions: Annotated[list[Reason], Field(max_length=20)] = Field(default_factory=list)
    version: Version = None


class SigningIn(StepIn):
    """The contract as it was signed."""

    contract_reference: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9/.-]{1,31}$")]


class LoanRequestView(View):
    """A request as it stands; `receipt` is set in answers to steps.

    allowed: the steps that begin where it stands.
    """

    id: UUID
    number: str
    party_id: int
    loan_kind: str
    purpose: str
    amount: SignedAmount
    term_months: int
    repayment: str
    rate_mode: str
    state: str
    state_th: str
    version: int
    round: int
    made_by: str
    drafted_on: CalendarDate
    drafted_seq: int
    changed_on: CalendarDate
    changed_seq: int
    analysed_by: str | None
    recommended_amount: SignedAmount | None
    approved_amount: SignedAmount | None
    approved_term_months: int | None
    sign_by: CalendarDate | None
    signed_on: CalendarDate | None
    contract_reference: str | None
    allowed: list[str]
    receipt: ReceiptView | None = None


class StepView(View):
    """One step: what, from where to where, when, by whom, with what remark."""

    step_no: int
    verb: str
    verb_th: str
    from_state: str | None
    to_state: str
    business_date: CalendarDate
    recorded_seq: int
    recorded_at: str
    person: str
    remark: str
    facts: dict[str, object]


class DocumentView(View):
    """A paper that was received."""

    document_no: int
    document_kind: str
    file_name: str
    sha256: str
    received_by: str
    received_on: CalendarDate


class VoteView(View):
    """What an approver said in a round."""

    round: int
    approver: str
    level: int
    vote: str
    reason: str
    minutes_reference: str
    granted_amount: SignedAmount | None
    granted_term_months: int | None
    conditions: list[str]
    decided_on: CalendarDate


class ConditionView(View):
    """A condition of the approval, met or open."""

    condition_no: int
    wording: str
    met_on: CalendarDate | None
    met_by: str | None


class WholeRequestView(LoanRequestView):
    """A request with its whole history, papers, votes and conditions."""

    history: list[StepView]
    documents: list[DocumentView]
    votes: list[VoteView]
    conditions: list[ConditionView]


def request_view(request: LoanRequest, receipt: ReceiptView | None = None) -> LoanRequestView:
    """A request as recorded; after a step, with its receipt."""
    asked = request.asked
    seq = None if receipt is None else receipt.recorded_seq
    return LoanRequestView(
        id=request.request_id,
        number=request.number,
        party_id=request.party_id,
        loan_kind=asked.loan_kind,
        purpose=asked.purpose,
        amount=format_baht(asked.amount_satang),
        term_months=asked.term_months,
        repayment=asked.repayment.code,
        rate_mode=asked.rate_mode.code,
        state=request.state.code,
        state_th=request.state.name_th,
        version=request.version,
        round=request.round,
        made_by=request.made_by,
        drafted_on=request.drafted_on,
        drafted_seq=request.drafted_seq or seq or 0,
        changed_on=request.changed_on,
        changed_seq=seq or request.changed_seq,
        analysed_by=request.analysed_by,
        recommended_amount=_baht(request.recommended_satang),
        approved_amount=_baht(request.approved_satang),
        approved_term_months=request.approved_term_months,
        sign_by=request.sign_by,
        signed_on=request.signed_on,
        contract_reference=request.contract_reference,
        allowed=[verb.code for verb in verbs_from(request.state)],
        receipt=receipt,
    )


def whole_view(whole: Whole, history: Sequence[Told], *, inside: bool) -> WholeRequestView:
    """A request with all that belongs to it; `inside`: for the Facility's own people."""
    return WholeRequestView(
        **request_view(whole.request).model_dump(),
        history=[_step(told, inside=inside) for told in history],
        documents=[_document(each) for each in whole.documents],
        votes=[_vote(each) for each in whole.votes] if inside else [],
        conditions=[_condition(each) for each in whole.conditions],
    )


def _baht(satang: int | None) -> str | None:
    return None if satang is None else format_baht(satang)


def _step(told: Told, *, inside: bool) -> StepView:
    step = told.step
    facts = money_facts(told.facts) if inside else {}
    return StepView(
        step_no=step.step_no,
        verb=step.verb.code,
        verb_th=step.verb.name_th,
        from_state=None if step.from_state is None else step.from_state.code,
        to_state=step.to_state.code,
        business_date=step.business_date,
        recorded_seq=step.recorded_seq,
        recorded_at=told.recorded_at.isoformat(),
        person=step.person,
        remark=step.remark,
        facts=facts if isinstance(facts, dict) else {},
    )


def _document(document: Document) -> DocumentView:
    return DocumentView(
        document_no=document.document_no,
        document_kind=document.document_kind,
        file_name=document.file_name,
        sha256=document.sha256.hex(),
        received_by=document.received_by,
        received_on=document.received_on,
    )


def _vote(vote: Vote) -> VoteView:
    return VoteView(
        round=vote.round,
        approver=vote.approver,
        level=vote.level,
        vote=vote.vote.code,
        reason=vote.reason,
        minutes_reference=vote.minutes_reference,
        granted_amount=_baht(vote.granted_satang),
        granted_term_months=vote.granted_term_months,
        conditions=list(vote.conditions),
        decided_on=vote.decided_on,
    )


def _condition(condition: Condition) -> ConditionView:
    return ConditionView(
        condition_no=condition.condition_no,
        wording=condition.wording,
        met_on=condition.met_on,
        met_by=condition.met_by,
    )
