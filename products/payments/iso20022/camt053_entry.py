"""One entry (Ntry) of a camt.053 statement becomes one line, or several.

An entry is what the bank booked; its transaction details (TxDtls) are what it booked it for. When
the bank gathers several payments in one entry and gives each its own amount, and these add up,
each becomes a line of its own, so that each can be matched with its own notice; the bank's
reference then gets a suffix, `REF/1`, `REF/2`. When they do not add up, or an amount is not given
in baht, the entry stays one line: what the bank booked is certain, its details are not.

An entry without a reference of the bank has its number (NtryRef), which many banks begin anew in
each statement; the reader of the statement puts account and statement number before it.

Only booked entries (Sts BOOK) count. Pending (PDNG) and informational (INFO) ones are passed over:
they are not in the booked balances, and come again as booked when they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.errors import InvalidInput
from ledger.money import CURRENCY
from products.payments.bank_statement import (
    LineKind,
    StatementLine,
    is_original_credit,
    original_or,
    reference_or,
)
from products.payments.intake import Findings
from products.payments.iso20022.elements import Node, amount_of, code_of, date_of

CREDIT_CODES = {"CRDT": True, "DBIT": False}
NOT_PROVIDED = "NOTPROVIDED"
"""What a bank writes as end-to-end id when the payer gave none (ISO 20022 usage)."""

ORIGINAL_REFERENCE = "ORIGINAL"
"""Type of the proprietary reference that names the payment which was returned or reversed."""

_STATUS_BOOKED = "BOOK"
_STATUS_PASSED_OVER = ("PDNG", "INFO")
_TRUE_CODES = {"true": True, "1": True, "false": False, "0": False}

# ISO 20022 external bank transaction codes; the sub-family decides before the family.
_SUBFAMILY_KINDS = {
    "RRTN": LineKind.RETURN,
    "RPCR": LineKind.RETURN,
    "CHRG": LineKind.FEE,
    "FEES": LineKind.FEE,
    "COMM": LineKind.FEE,
}
_FAMILY_KINDS = {
    "RCDT": LineKind.CREDIT_TRANSFER,
    "RRCT": LineKind.CREDIT_TRANSFER,
    "ICDT": LineKind.DEBIT_TRANSFER,
    "IRCT": LineKind.DEBIT_TRANSFER,
}
# The codes of MT940, which banks carry on in Prtry.
_PROPRIETARY_FEES = ("NCHG", "NCOM")
_PROPRIETARY_RETURN = "NRTI"
_PROPRIETARY_TRANSFER = "NTRF"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Booked:
    amount_satang: int
    is_credit: bool
    is_reversal: bool
    booking_date: date
    value_date: date
    bank_reference: str


def lines_of(entry: Node, first_line_no: int, findings: Findings) -> list[StatementLine]:
    """The lines of one entry, numbered from `first_line_no`; [] if passed over or not readable.

    What is wrong with it is added to `findings`.
    """
    status = findings.attempt(lambda: entry.required_text("Sts"))
    if status is None or status in _STATUS_PASSED_OVER:
        return []
    if status != _STATUS_BOOKED:
        expected = " or ".join((_STATUS_BOOKED, *_STATUS_PASSED_OVER))
        findings.note(f"{entry.path}/Sts", status, expected)
        return []
    booked = _booked(entry, findings)
    details = entry.all("NtryDtls/TxDtls")
    own = findings.attempt(lambda: _own_amounts(details))
    if booked is None or own is None:
        return []
    lines = findings.attempt(lambda: _lines(entry, booked, details, own, first_line_no))
    return lines or []


def _booked(entry: Node, findings: Findings) -> _Booked | None:
    """What the bank says of the whole entry; every problem of its fields is noted."""
    amount = findings.attempt(lambda: amount_of(entry.one("Amt")))
    is_credit = findings.attempt(lambda: code_of(entry, "CdtDbtInd", CREDIT_CODES))
    is_reversal = findings.attempt(lambda: _is_reversal(entry))
    booking_date = findings.attempt(lambda: date_of(entry.one("BookgDt")))
    value_date = findings.attempt(lambda: _value_date(entry, booking_date))
    reference = findings.attempt(lambda: _bank_reference(entry))
    findings.attempt(lambda: entry.one("BkTxCd"))
    if (
        amount is None
        or is_credit is None
        or is_reversal is None
        or booking_date is None
        or value_date is None
        or reference is None
    ):
        return None
    return _Booked(
        amount_satang=amount,
        is_credit=is_credit,
        is_reversal=is_reversal,
        booking_date=booking_date,
        value_date=value_date,
        bank_reference=reference,
    )


def _lines(
    entry: Node, booked: _Booked, details: list[Node], own: list[int], first_line_no: int
) -> list[StatementLine]:
    if len(details) <= 1:
        return [_line(entry, booked, details[0] if details else None, first_line_no)]
    if sum(own) != booked.amount_satang:
        return [_line(entry, booked, None, first_line_no)]
    return [
        _line(entry, booked, detail, first_line_no + index, own[index], f"/{index + 1}")
        for index, detail in enumerate(details)
    ]


def _line(
    entry: Node,
    booked: _Booked,
    detail: Node | None,
    line_no: int,
    amount_satang: int | None = None,
    suffix: str = "",
) -> StatementLine:
    kind = _kind(entry, booked, detail)
    payer, written, stated = _texts(entry, detail)
    reference = reference_or(payer, written)
    return StatementLine(
        line_no=line_no,
        bank_reference=booked.bank_reference + suffix,
        amount_satang=amount_satang or booked.amount_satang,
        is_credit=booked.is_credit,
        booking_date=booked.booking_date,
        value_date=booked.value_date,
        reference=reference,
        remittance=written,
        counterparty=_counterparty(booked, kind, detail),
        kind=kind,
        is_reversal=booked.is_reversal,
        original_reference=original_or(stated, reference, kind, booked.is_reversal),
    )


def _own_amounts(details: list[Node]) -> list[int]:
    """The amount of each detail in satang; [] when one has none in baht, or there is one only."""
    amounts = []
    for detail in details if len(details) > 1 else ():
        amount = detail.find("AmtDtls/TxAmt/Amt")
        if amount is None or amount.element.get("Ccy") != CURRENCY:
            return []
        amounts.append(amount_of(amount))
    return amounts


def _is_reversal(entry: Node) -> bool:
    return entry.find("RvslInd") is not None and code_of(entry, "RvslInd", _TRUE_CODES)


def _value_date(entry: Node, booking_date: date | None) -> date | None:
    """The value date; the booking date where the bank gives none, as the standard allows."""
    found = entry.find("ValDt")
    return booking_date if found is None else date_of(found)


def _bank_reference(entry: Node) -> str:
    """The bank's reference of the entry, else its number, else the reference of its one detail."""
    reference = entry.text("AcctSvcrRef") or entry.text("NtryRef")
    details = entry.all("NtryDtls/TxDtls")
    if not reference and len(details) == 1:
        reference = details[0].text("Refs/AcctSvcrRef")
    if not reference:
        raise InvalidInput.one(
            f"{entry.path}/AcctSvcrRef", "", "the bank's reference here or in NtryRef"
        )
    return reference


def is_numbered_only(entry: Node) -> bool:
    """True when the lines of the entry bear its number (NtryRef): unique in its statement only."""
    return not entry.text("AcctSvcrRef") and bool(entry.text("NtryRef"))


def _texts(entry: Node, detail: Node | None) -> tuple[str, str, str]:
    """(payer's reference or "", remittance, reference of the first payment as the bank states)."""
    if detail is None:
        batch = entry.all("NtryDtls/Btch")
        reference = batch[0].text("PmtInfId") or batch[0].text("MsgId") if batch else ""
        return reference, entry.text("AddtlNtryInf"), ""
    free = [node.own_text() for node in detail.all("RmtInf/Ustrd")]
    structured = [node.own_text() for node in detail.all("RmtInf/Strd/CdtrRefInf/Ref")]
    written = " ".join(" ".join(free + structured).split())
    written = written or detail.text("AddtlTxInf") or entry.text("AddtlNtryInf")
    payer = detail.text("Refs/EndToEndId")
    payer = "" if payer == NOT_PROVIDED else payer
    payer = payer or (" ".join(structured[0].split()) if structured else "")
    is_stated = detail.text("Refs/Prtry/Tp") == ORIGINAL_REFERENCE
    return payer, written, detail.text("Refs/Prtry/Ref") if is_stated else ""


def _counterparty(booked: _Booked, kind: LineKind, detail: Node | None) -> str:
    """The other side's name. A return keeps the roles of the payment that it undoes."""
    if detail is None:
        return ""
    paid_to_us = is_original_credit(booked.is_credit, kind, booked.is_reversal)
    return detail.text(f"RltdPties/{'Dbtr' if paid_to_us else 'Cdtr'}/Nm")


def _kind(entry: Node, booked: _Booked, detail: Node | None) -> LineKind:
    own_code = detail.find("BkTxCd") if detail else None
    code = own_code or entry.one("BkTxCd")
    if detail is not None and detail.find("RtrInf") is not None:
        return LineKind.RETURN
    subfamily = _SUBFAMILY_KINDS.get(code.text("Domn/Fmly/SubFmlyCd"))
    if subfamily is not None:
        return subfamily
    # Money that runs against its code, and is no reversal, is for a person to look at.
    expected = (
        LineKind.CREDIT_TRANSFER
        if booked.is_credit != booked.is_reversal
        else LineKind.DEBIT_TRANSFER
    )
    family = _FAMILY_KINDS.get(code.text("Domn/Fmly/Cd"))
    if family is not None:
        return family if family is expected else LineKind.OTHER
    return _proprietary_kind(code.text("Prtry/Cd"), expected)


def _proprietary_kind(code: str, transfer: LineKind) -> LineKind:
    if code in _PROPRIETARY_FEES:
        return LineKind.FEE
    if code == _PROPRIETARY_RETURN:
        return LineKind.RETURN
    return transfer if code == _PROPRIETARY_TRANSFER else LineKind.OTHER
