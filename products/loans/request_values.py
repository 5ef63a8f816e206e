"""What a loan request is: its states and verbs in both languages, and its rows as values.

A member co-op asks for a loan; officers complete the papers, an analyst judges it, approvers vote,
the contract is signed and its conditions are met. Money is satang, terms are whole months. The
enums are the one source of `products.loan_request_state` and `loan_request_verb` (a test compares
them). Nothing here reads the database.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from products.kinds import EventKind


class RequestState(enum.IntEnum):
    """Where a request stands; its life ends in `CONDITIONS_MET` or one from 21 on."""

    DRAFT = 1
    SUBMITTED = 2
    DOCUMENTS_COMPLETE = 3
    ANALYSED = 4
    COMMITTEE = 5
    APPROVED = 6
    CONTRACT_SIGNED = 7
    CONDITIONS_MET = 8
    DECLINED = 21
    WITHDRAWN = 22
    EXPIRED = 23

    @property
    def code(self) -> str:
        """The word on the wire, such as "documents_complete"."""
        return self.name.lower()

    @property
    def name_th(self) -> str:
        """What people read in Thai."""
        return _STATE_NAMES[self][0]

    @property
    def name_en(self) -> str:
        """What people read in English."""
        return _STATE_NAMES[self][1]


_STATE_NAMES = {
    RequestState.DRAFT: ("ร่างคำขอ", "Draft"),
    RequestState.SUBMITTED: ("ยื่นคำขอแล้ว", "Submitted"),
    RequestState.DOCUMENTS_COMPLETE: ("เอกสารครบถ้วน", "Documents complete"),
    RequestState.ANALYSED: ("วิเคราะห์แล้ว", "Analysed"),
    RequestState.COMMITTEE: ("อยู่ระหว่างพิจารณาอนุมัติ", "Before its approvers"),
    RequestState.APPROVED: ("อนุมัติ รอลงนามสัญญา", "Approved, contract to be signed"),
    RequestState.CONTRACT_SIGNED: (
        "ลงนามสัญญาแล้ว รอผ่านเงื่อนไข",
        "Contract signed, conditions open",
    ),
    RequestState.CONDITIONS_MET: ("ผ่านเงื่อนไขครบ รอเบิกเงินกู้", "Conditions met, to be disbursed"),
    RequestState.DECLINED: ("ไม่อนุมัติ", "Declined"),
    RequestState.WITHDRAWN: ("สมาชิกขอยกเลิก", "Withdrawn by the member"),
    RequestState.EXPIRED: ("การอนุมัติหมดอายุ", "Approval expired"),
}


class Verb(enum.IntEnum):
    """What may be done with a request; which from where is `products.loans.transitions`."""

    DRAFT = 1
    AMEND = 2
    ADD_DOCUMENT = 3
    SUBMIT = 4
    COMPLETE_DOCUMENTS = 5
    ANALYSE = 6
    PUT_TO_VOTE = 7
    DECIDE = 8
    RETURN = 9
    WITHDRAW = 10
    SIGN = 11
    MEET_CONDITION = 12
    EXPIRE = 13

    @property
    def code(self) -> str:
        """The word in notes, answers and refusals, such as "put_to_vote"."""
        return self.name.lower()

    @property
    def name_th(self) -> str:
        """What people read in Thai."""
        return _VERB_NAMES[self][0]

    @property
    def name_en(self) -> str:
        """What people read in English."""
        return _VERB_NAMES[self][1]

    @property
    def event_kind(self) -> EventKind:
        """The numbered event that a step by this verb is."""
        return _VERB_NAMES[self][2]


_VERB_NAMES = {
    Verb.DRAFT: ("ร่างคำขอ", "Draft", EventKind.LOAN_REQUEST_DRAFTED),
    Verb.AMEND: ("แก้ไขคำขอ", "Amend", EventKind.LOAN_REQUEST_DRAFTED),
    Verb.ADD_DOCUMENT: ("รับเอกสาร", "Add a document", EventKind.LOAN_REQUEST_DOCUMENTED),
    Verb.SUBMIT: ("ยื่นคำขอ", "Submit", EventKind.LOAN_REQUEST_SUBMITTED),
    Verb.COMPLETE_DOCUMENTS: (
        "ตรวจเอกสารครบ",
        "Find the documents complete",
        EventKind.LOAN_REQUEST_DOCUMENTED,
    ),
    Verb.ANALYSE: ("วิเคราะห์", "Analyse", EventKind.LOAN_REQUEST_ANALYSED),
    Verb.PUT_TO_VOTE: (
        "เสนอผู้อนุมัติ",
        "Put before the approvers",
        EventKind.LOAN_REQUEST_PUT_TO_VOTE,
    ),
    Verb.DECIDE: ("ลงมติ", "Vote", EventKind.LOAN_REQUEST_VOTED),
    Verb.RETURN: ("ส่งกลับแก้ไข", "Return to the maker", EventKind.LOAN_REQUEST_RETURNED),
    Verb.WITHDRAW: ("ขอยกเลิก", "Withdraw", EventKind.LOAN_REQUEST_ENDED),
    Verb.SIGN: ("ลงนามสัญญา", "Sign the contract", EventKind.LOAN_REQUEST_SIGNED),
    Verb.MEET_CONDITION: ("ผ่านเงื่อนไข", "Meet a condition", EventKind.LOAN_CONDITION_MET),
    Verb.EXPIRE: ("ให้หมดอายุ", "Let the approval expire", EventKind.LOAN_REQUEST_ENDED),
}


class Repayment(enum.IntEnum):
    """How the member wishes to repay: คงต้น, คงยอด, interest and then the whole, by season."""

    EQUAL_PRINCIPAL = 1
    EQUAL_INSTALMENT = 2
    BULLET = 3
    SEASONAL = 4

    @property
    def code(self) -> str:
        """The word on the wire."""
        return self.name.lower()


class RateMode(enum.IntEnum):
    """Which rate the member wishes: fixed in the contract, or following its grade's sheet."""

    FIXED = 1
    FLOATING = 2

    @property
    def code(self) -> str:
        """The word on the wire."""
        return self.name.lower()


class VoteKind(enum.IntEnum):
    """For, against, or neither because of a conflict of interest."""

    APPROVE = 1
    DECLINE = 2
    ABSTAIN = 3

    @property
    def code(self) -> str:
        """The word on the wire."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for: of which kind, what for, how much, how long, repaid and priced how."""

    loan_kind: str
    purpose: str
    amount_satang: int
    term_months: int
    repayment: Repayment
    rate_mode: RateMode


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRequest:
    """A row of `products.loan_request`.

    version:    number of its steps. round: how often it was submitted.
    made_by:    who drafted it or amended it last. changed_on, changed_seq: of the last step.
    authority_id: the row of `products.approval_authority` that decides, once put to the vote.
    approved_satang, approved_term_months: what was granted, never more than asked.
    sign_by:    last business date on which the approval may be signed.
    """

    request_id: UUID
    request_year: int
    request_no: int
    party_id: int
    asked: Asked
    state: RequestState
    version: int
    round: int
    made_by: str
    drafted_on: date
    drafted_seq: int
    changed_on: date
    changed_seq: int
    analysed_by: str | None = None
    recommended_satang: int | None = None
    authority_id: UUID | None = None
    approved_satang: int | None = None
    approved_term_months: int | None = None
    sign_by: date | None = None
    signed_on: date | None = None
    contract_reference: str | None = None

    @property
    def number(self) -> str:
        """Its gap-free number in book and fiscal year, written 2026/12."""
        return f"{self.request_year}/{self.request_no}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a request: what was done, from where to where, when, by whom, with what remark.

    from_state: None for the first.
    """

    step_no: int
    verb: Verb
    from_state: RequestState | None
    to_state: RequestState
    business_date: date
    recorded_seq: int
    person: str
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A paper that was received: its kind, its file's name and SHA-256, who received it."""

    document_no: int
    document_kind: str
    file_name: str
    sha256: bytes
    received_by: str
    received_on: date
    recorded_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What an approver said in a round.

    level: of the approver on that day. granted_satang, granted_term_months: set by who approves.
    conditions: what must be met before money flows, as this approver worded it.
    """

    round: int
    approver: str
    level: int
    vote: VoteKind
    reason: str
    minutes_reference: str
    granted_satang: int | None
    granted_term_months: int | None
    conditions: tuple[str, ...]
    decided_on: date
    recorded_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition of the approval; met on a date, by a person's word, or still open."""

    condition_no: int
    wording: str
    met_on: date | None
    met_by: str | None
    met_seq: int | None
