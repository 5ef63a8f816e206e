"""Everything that can go wrong at a door: one table from code to status, one shape (RFC 9457).

A refusal of the judge is a decision: 422, or 409 where the state of a thing named by its id stands
in the way. `code` is stable, programs match on it; title and detail are for people, the title also
in Thai. The page of a problem is served by the service itself under its `type`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from ledger.errors import CffError
from ledger.refusals import REFUSALS

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of problem: its stable code, its status, its title in both languages."""

    code: str
    status: int
    title: str
    title_th: str


CONFLICTS = frozenset(
    {
        "id_conflict",
        "account_exists",
        "already_reversed",
        "hold_not_open",
        "account_closed",
        "account_not_closed",
        "account_not_empty",
        "business_date_not_next",
    }
)
"""Refusals because of the state of the thing that was named: 409; every other refusal is 422."""

_OWN = (
    (400, "malformed_body", "The body cannot be decoded", "อ่านข้อมูลที่ส่งมาไม่ได้"),
    (400, "idempotency_key_missing", "Idempotency-Key is required", "ต้องมี Idempotency-Key"),
    (401, "unauthenticated", "A valid API key is required", "ต้องใช้คีย์ที่ใช้ได้"),
    (403, "scope_missing", "The key may not do this", "คีย์นี้ไม่มีสิทธิ์ทำรายการ"),
    (403, "forbidden", "A second person is required", "ต้องให้บุคคลที่สองดำเนินการ"),
    (404, "not_found", "There is no such thing here", "ไม่พบข้อมูล"),
    (405, "method_not_allowed", "The method is not offered here", "ไม่รองรับวิธีเรียกนี้"),
    (
        409,
        "idempotency_key_in_progress",
        "The same request is being worked on",
        "คำขอเดียวกันกำลังดำเนินการ",
    ),
    (409, "wrong_status", "It does not stand where this step begins", "สถานะไม่ตรงกับขั้นตอนนี้"),
    (409, "not_yet_due", "The day asked for has not come", "ยังไม่ถึงวันที่ระบุ"),
    (
        409,
        "transition_not_allowed",
        "The request does not stand where this step begins",
        "คำขอกู้ไม่อยู่ในขั้นตอนที่ทำรายการนี้ได้",
    ),
    (
        409,
        "version_differs",
        "It has changed since it was read",
        "ข้อมูลเปลี่ยนไปแล้ว โปรดอ่านใหม่",
    ),
    (409, "documents_missing", "Papers that are needed are missing", "เอกสารยังไม่ครบ"),
    (409, "already_voted", "The approver has voted", "ผู้อนุมัติลงมติแล้ว"),
    (409, "approval_expired", "The last day for signing has passed", "พ้นกำหนดลงนามสัญญา"),
    (409, "condition_not_open", "The condition is met already", "เงื่อนไขนี้ผ่านแล้ว"),
    (403, "not_an_approver", "The approver's level does not suffice", "ไม่มีอำนาจอนุมัติในลำดับนี้"),
    (422, "limit_exceeded", "One limit or more would be exceeded", "เกินวงเงินหรือเกณฑ์ที่กำหนด"),
    (409, "hold_belongs_to_notice", "The hold belongs to a notice", "เงินกันนี้เป็นของรายการแจ้งถอน"),
    (
        422,
        "controlled_account",
        "This account is not moved by hand",
        "บัญชีนี้เดินรายการด้วยมือไม่ได้",
    ),
    (
        422,
        "placement_account",
        "Only its own events move a placement",
        "บัญชีฝากประจำเดินรายการเองไม่ได้",
    ),
    (409, "journal_belongs_to_product", "A product made this journal", "รายการนี้เกิดจากระบบงานอื่น"),
    (409, "statement_refused", "The statement does not continue the last one", "ใบแจ้งยอดไม่ต่อเนื่อง"),
    (409, "cannot_match", "Line and notices do not belong together", "จับคู่รายการไม่ได้"),
    (409, "cannot_close_contract", "Something stands against closing", "ยังปิดบัญชีไม่ได้"),
    (409, "cannot_undo_closing", "The closing cannot be undone", "ยกเลิกการปิดบัญชีไม่ได้"),
    (409, "cannot_place", "The sum cannot be placed like this", "ฝากประจำแบบนี้ไม่ได้"),
    (
        409,
        "cannot_pay_out_placement",
        "The placement cannot be paid out now",
        "ยังจ่ายคืนเงินฝากประจำนี้ไม่ได้",
    ),
    (
        409,
        "cannot_instruct_placement",
        "The instruction cannot be changed like this",
        "เปลี่ยนคำสั่งเมื่อครบกำหนดแบบนี้ไม่ได้",
    ),
    (
        409,
        "cannot_end_placement_early",
        "The placement cannot be withdrawn early",
        "ถอนเงินฝากประจำก่อนกำหนดไม่ได้",
    ),
    (409, "early_payout_differs", "The payout is not the one that was seen", "ยอดจ่ายคืนไม่ตรงกับที่เห็น"),
    (409, "day_not_proven", "The business date cannot be closed", "ปิดวันทำการไม่ได้"),
    (409, "not_sealed_yet", "The night has not sealed this yet", "ยังไม่ได้ผนึกหลักฐานของวันนี้"),
    (409, "run_busy", "Another sender works at this run", "มีผู้ส่งรายการชุดนี้อยู่แล้ว"),
    (409, "run_differs", "The run stands elsewhere or is another's", "สถานะของชุดรายการไม่ตรงกัน"),
    (409, "period_not_ready", "Another period or day comes first", "ต้องดำเนินการงวดหรือวันอื่นก่อน"),
    (413, "body_too_large", "The body is too large", "ข้อมูลที่ส่งมาใหญ่เกินไป"),
    (415, "unsupported_media_type", "The content type is not taken here", "ไม่รองรับชนิดข้อมูลนี้"),
    (422, "invalid_input", "The request does not say what is needed", "ข้อมูลไม่ถูกต้อง"),
    (422, "idempotency_key_reused", "The key was used for another request", "คีย์นี้ใช้กับคำขออื่นแล้ว"),
    (422, "amounts_differ", "The notices do not add up to the line", "ยอดรวมไม่ตรงกัน"),
    (422, "unknown_bank", "No such bank account of the Facility", "ไม่พบบัญชีธนาคารของชุมนุม"),
    (
        422,
        "below_minimum_opening",
        "Less than the product's first deposit",
        "ต่ำกว่าเงินฝากเปิดบัญชีขั้นต่ำ",
    ),
    (422, "below_minimum_withdrawal", "Less than the product's withdrawal", "ต่ำกว่าเงินถอนขั้นต่ำ"),
    (422, "value_date_out_of_range", "The value date is too far away", "วันที่มีผลอยู่นอกช่วง"),
    (500, "internal_error", "Something broke; it has been logged", "ระบบขัดข้อง"),
    (500, "invariant_broken", "Something broke; nothing was recorded", "ระบบขัดข้อง ไม่มีการบันทึก"),
    (503, "overloaded", "Too much is waiting; try again shortly", "มีรายการรอมาก โปรดลองใหม่"),
    (
        503,
        "outcome_unknown",
        "The outcome is unknown; retry with the same id",
        "ไม่ทราบผล โปรดส่งซ้ำด้วยรหัสเดิม",
    ),
    (503, "seal_key_unusable", "Closed, but not sealed: the seal key", "ปิดวันแล้ว แต่ผนึกไม่ได้"),
    (503, "database_unavailable", "The database cannot be reached", "ฐานข้อมูลไม่พร้อม"),
    (503, "database_too_old", "The database must be migrated", "ต้องปรับปรุงฐานข้อมูล"),
)

PROBLEMS: dict[str, Kind] = {
    code: Kind(code=code, status=status, title=title, title_th=thai)
    for status, code, title, thai in _OWN
} | {
    rule.code: Kind(
        code=rule.code,
        status=409 if rule.code in CONFLICTS else 422,
        title=rule.message_en[:1].upper() + rule.message_en[1:],
        title_th=rule.message_th,
    )
    for rule in REFUSALS
}
"""Every kind of problem by its code."""

RETRY_SECONDS = "1"
_RETRY = frozenset({"idempotency_key_in_progress", "overloaded", "database_unavailable"})


class FieldProblem(BaseModel):
    """One thing wrong with the input: `pointer` is a JSON pointer ("#/transfers/0/amount") or the
    place of a parameter ("query/limit") or a place in a file ("line 7").
    """

    model_config = ConfigDict(frozen=True)

    pointer: str
    detail: str


class Problem(BaseModel):
    """An answer that is not what was asked for. `facts` explain a refusal: amounts, dates."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Where this kind of problem is explained.")
    title: str
    title_th: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldProblem] = []
    facts: dict[str, object] = {}


class ProblemError(CffError):
    """A problem that a door itself finds; `code` is one of `PROBLEMS`."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = PROBLEMS[code]
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(detail)


def problem_json(
    code: str,
    detail: str,
    *,
    instance: str,
    request_id: str,
    errors: Sequence[FieldProblem] = (),
    facts: Mapping[str, object] | None = None,
) -> str:
    """The JSON text of a problem."""
    kind = PROBLEMS[code]
    body = Problem(
        type=f"/problems/{code}",
        title=kind.title,
        title_th=kind.title_th,
        status=kind.status,
        detail=detail,
        instance=instance,
        code=code,
        request_id=request_id,
        errors=list(errors),
        facts=dict(facts or {}),
    )
    # A lone surrogate from outside has no UTF-8: it is shown as a question mark.
    text = json.dumps(body.model_dump(), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode("utf-8")


def problem_response(
    code: str,
    detail: str,
    *,
    instance: str,
    request_id: str,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
    facts: Mapping[str, object] | None = None,
) -> Response:
    """A problem as an answer, with `Retry-After` where trying again helps."""
    body = problem_json(
        code, detail, instance=instance, request_id=request_id, errors=errors, facts=facts
    )
    extra = dict(headers or {})
    if code in _RETRY:
        extra.setdefault("Retry-After", RETRY_SECONDS)
    return Response(body, PROBLEMS[code].status, extra, media_type=MEDIA_TYPE)


# What any door may answer, by what it needs; the lists of an operation are made of these.
READS = (
    "unauthenticated",
    "scope_missing",
    "not_found",
    "invalid_input",
    "internal_error",
    "invariant_broken",
    "overloaded",
    "database_unavailable",
)
BODIES = (*READS, "malformed_body", "body_too_large", "unsupported_media_type")
POSTS = (
    *BODIES,
    "idempotency_key_missing",
    "idempotency_key_in_progress",
    "idempotency_key_reused",
    "outcome_unknown",
)
JOURNAL_REFUSALS = tuple(
    rule.code
    for rule in REFUSALS
    if rule.code
    not in (
        "malformed_code",
        "unknown_gl_code",
        "unknown_party",
        "account_exists",
        "limits_impossible",
        "business_date_not_next",
    )
)
HOLD_REFUSALS = (
    "id_conflict",
    "amount_out_of_range",
    "unknown_account",
    "hold_expired",
    "account_closed",
    "account_frozen_debit",
    "below_balance_min",
    "balance_out_of_range",
)


def failing(*codes: str) -> dict[int | str, dict[str, object]]:
    """The `responses` of an operation: every status it may fail with, and the codes behind it."""
    by_status: dict[int, list[Kind]] = {}
    for code in sorted(set(codes)):
        by_status.setdefault(PROBLEMS[code].status, []).append(PROBLEMS[code])
    return {
        status: {
            "description": "; ".join(f"`{kind.code}`: {kind.title}" for kind in kinds)
            or HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, kinds in sorted(by_status.items())
    }
