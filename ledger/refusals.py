"""Refusals: every decision "no" of the judge, in the order in which they are looked for.

The tuple `REFUSALS` *is* the precedence: when several hold, the first listed is the answer. The
document docs/refusals.md and the tests walk the same list. A *sticky* refusal burns the id of the
operation at fault: it came from the state of the book, and a late retry must not slip through once
the state has changed. One that is not sticky leaves the id free, so that a client's slip can be
mended under the same id.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reason to refuse: stable `code`, stickiness, what to tell people in both languages."""

    code: str
    sticky: bool
    message_en: str
    message_th: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refused operation: the rule's code and the facts that explain it.

    detail: names and values a person needs (account, amount, limit, fields that differ ...),
            all JSON-ready; money as satang integers under keys ending `_satang`.
    """

    code: str
    detail: dict[str, object] = field(default_factory=dict)

    @property
    def rule(self) -> Rule:
        """The rule this refusal came from."""
        return BY_CODE[self.code]

    @property
    def sticky(self) -> bool:
        """True when the id of the operation at fault is burnt."""
        return BY_CODE[self.code].sticky


def _rule(code: str, sticky: bool, message_en: str, message_th: str) -> Rule:
    return Rule(code=code, sticky=sticky, message_en=message_en, message_th=message_th)


REFUSALS: tuple[Rule, ...] = (
    # About the request itself: never sticky, nothing of the book decided it.
    _rule(
        "id_conflict",
        False,
        "this id is recorded already with another body",
        "รหัสนี้ถูกบันทึกแล้วด้วยข้อมูลอื่น",
    ),
    _rule(
        "force_without_reason",
        False,
        "a forced journal needs its reason recorded beside it",
        "รายการที่ใช้สิทธิพิเศษต้องบันทึกเหตุผล",
    ),
    _rule("empty_journal", False, "the journal has no transfer", "รายการไม่มีบรรทัดโอน"),
    _rule(
        "amount_out_of_range",
        False,
        "an amount is 0.01 to 9,999,999,999,999.99 baht",
        "จำนวนเงินอยู่นอกช่วงที่กำหนด",
    ),
    _rule(
        "accounts_must_differ",
        False,
        "debit and credit are the same account",
        "บัญชีเดบิตและเครดิตต้องต่างกัน",
    ),
    _rule("unknown_account", False, "no such account in this book", "ไม่พบบัญชีในสมุดบัญชีนี้"),
    _rule(
        "malformed_code",
        False,
        "an account's code is 2 to 32 of A-Z, 0-9 and -, not beginning with -",
        "รูปแบบรหัสบัญชีไม่ถูกต้อง",
    ),
    _rule("unknown_gl_code", False, "no such code in the chart of accounts", "ไม่พบรหัสผังบัญชี"),
    _rule("unknown_party", False, "no such party in this book", "ไม่พบสมาชิกในสมุดบัญชีนี้"),
    _rule("account_exists", False, "an account with this code exists", "มีบัญชีรหัสนี้แล้ว"),
    _rule(
        "limits_impossible",
        False,
        "the lower limit lies above the upper one, or a limit is out of range",
        "วงเงินขั้นต่ำสูงกว่าขั้นสูง หรืออยู่นอกช่วงที่กำหนด",
    ),
    _rule("currency_mismatch", False, "the accounts differ in currency", "สกุลเงินของบัญชีไม่ตรงกัน"),
    _rule(
        "unknown_journal",
        False,
        "no such journal to reverse, correct or settle by",
        "ไม่พบรายการที่อ้างถึง",
    ),
    _rule(
        "reversal_not_mirror",
        False,
        "the reversal does not mirror the journal that it reverses",
        "รายการกลับไม่ตรงข้ามกับรายการเดิม",
    ),
    _rule(
        "reversal_of_reversal",
        False,
        "a reversal is not reversed: post anew",
        "กลับรายการของรายการกลับไม่ได้ ให้บันทึกใหม่",
    ),
    _rule("unknown_hold", False, "no such hold", "ไม่พบรายการกันเงิน"),
    _rule(
        "hold_account_differs",
        False,
        "the journal does not debit the account of the hold",
        "รายการไม่ได้เดบิตบัญชีที่กันเงินไว้",
    ),
    _rule(
        "value_date_after_business_date",
        False,
        "a value date is never after the business date",
        "วันที่มีผลต้องไม่หลังวันทำการ",
    ),
    _rule(
        "business_date_not_next",
        False,
        "a business date is followed by the next calendar day",
        "วันทำการถัดไปต้องเป็นวันปฏิทินถัดไป",
    ),
    _rule(
        "freeze_until_past",
        False,
        "the freeze would end before the business date",
        "วันสิ้นสุดการอายัดผ่านไปแล้ว",
    ),
    _rule(
        "reopen_does_not_undo",
        False,
        "re-opening must reverse every journal that settled the closed account",
        "การยกเลิกปิดบัญชีต้องกลับรายการที่ใช้ปิดบัญชีทั้งหมด",
    ),
    # About the state of the book: sticky, a retry must not slip through later.
    _rule(
        "period_closed",
        True,
        "the period of this business date takes no such posting",
        "งวดบัญชีของวันทำการนี้ไม่รับรายการ",
    ),
    _rule(
        "value_date_before_floor",
        True,
        "the value date lies before the oldest open fiscal year",
        "วันที่มีผลอยู่ก่อนปีบัญชีที่ยังเปิด",
    ),
    _rule("already_reversed", True, "this journal has been reversed", "รายการนี้ถูกกลับแล้ว"),
    _rule("hold_not_open", True, "the hold is captured, released or expired", "รายการกันเงินสิ้นสุดแล้ว"),
    _rule("hold_expired", True, "the hold's last day has passed", "รายการกันเงินหมดอายุ"),
    _rule(
        "hold_not_yet_due",
        True,
        "the hold's last day has not passed",
        "รายการกันเงินยังไม่หมดอายุ",
    ),
    _rule("capture_exceeds_hold", True, "more is captured than is held", "ตัดเงินเกินจำนวนที่กันไว้"),
    _rule("account_closed", True, "the account is closed", "บัญชีปิดแล้ว"),
    _rule("account_not_closed", True, "the account is not closed", "บัญชียังไม่ได้ปิด"),
    _rule("account_not_empty", True, "the account has a balance or holds", "บัญชียังมียอดหรือเงินกัน"),
    _rule("account_frozen_debit", True, "debits are frozen", "บัญชีถูกอายัดการถอน"),
    _rule("account_frozen_credit", True, "credits are frozen", "บัญชีถูกอายัดการฝาก"),
    _rule("below_balance_min", True, "the available balance does not suffice", "ยอดเงินที่ใช้ได้ไม่พอ"),
    _rule("above_balance_max", True, "the balance would exceed its maximum", "ยอดเงินเกินเพดานบัญชี"),
    _rule("balance_out_of_range", True, "the balance would leave its range", "ยอดคงเหลือเกินขอบเขต"),
    _rule(
        "below_balance_min_later",
        True,
        "the balance on a later day would fall below its minimum",
        "ยอดเงินในวันถัดมาจะต่ำกว่าวงเงินขั้นต่ำ",
    ),
    _rule(
        "above_balance_max_later",
        True,
        "the balance on a later day would exceed its maximum",
        "ยอดเงินในวันถัดมาจะเกินเพดานบัญชี",
    ),
    # About the other operations of the unit.
    _rule(
        "not_attempted",
        False,
        "another operation of the same unit was refused",
        "ไม่ได้ทำรายการ เพราะรายการอื่นในชุดถูกปฏิเสธ",
    ),
)

BY_CODE: dict[str, Rule] = {rule.code: rule for rule in REFUSALS}
PRECEDENCE: dict[str, int] = {rule.code: position for position, rule in enumerate(REFUSALS)}
