"""Writing a camt.053.001.02 document from a statement, elements in the order of the standard.

Made for the example month and for tests: what is written here, `camt053.parse` reads back as an
equal statement. What the message has no room for (a reference of more than 35 characters, a word of
more than 140) is refused, never cut.
"""

from __future__ import annotations

from datetime import date, datetime

# Only made and serialised here, never parsed: parsing is done with defusedxml.
from xml.etree.ElementTree import Element, SubElement, tostring

from ledger.dates import BANGKOK
from ledger.errors import InvalidInput
from ledger.money import format_baht
from products.payments.bank_statement import (
    BankStatement,
    LineKind,
    StatementLine,
    check,
    is_original_credit,
)
from products.payments.intake import Findings
from products.payments.iso20022.camt053_entry import NOT_PROVIDED, ORIGINAL_REFERENCE
from products.payments.iso20022.elements import NAMESPACE

_ACCOUNT_MAX = 34
_ID_MAX = 35
_REMITTANCE_MAX = 140
_KIND_CODES = {
    LineKind.CREDIT_TRANSFER: ("PMNT", "RCDT", "DMCT"),
    LineKind.DEBIT_TRANSFER: ("PMNT", "ICDT", "DMCT"),
    LineKind.RETURN: ("PMNT", "ICDT", "RRTN"),
    LineKind.FEE: ("ACMT", "MDOP", "CHRG"),
    LineKind.OTHER: ("PMNT", "OTHR", "OTHR"),
}


def render(statement: BankStatement, *, message_id: str, created_at: datetime) -> bytes:
    """A camt.053.001.02 document with one statement, as UTF-8 with an XML declaration.

    message_id: the bank's id of the message, 1 to 35 characters; created_at: an instant with a time
    zone. Raises `InvalidInput` for a statement that does not pass `check` or does not fit.
    """
    check(statement)
    _check_fits(statement, message_id, created_at)
    created = created_at.astimezone(BANGKOK).isoformat(timespec="seconds")
    document = Element("Document", {"xmlns": NAMESPACE})
    message = SubElement(document, "BkToCstmrStmt")
    header = SubElement(message, "GrpHdr")
    _put(header, "MsgId", message_id)
    _put(header, "CreDtTm", created)
    _statement(SubElement(message, "Stmt"), statement, created)
    return bytes(tostring(document, encoding="utf-8", xml_declaration=True))


def _statement(parent: Element, statement: BankStatement, created: str) -> None:
    _put(parent, "Id", statement.statement_id)
    _put(parent, "ElctrncSeqNb", str(statement.sequence_no))
    _put(parent, "CreDtTm", created)
    # Without an offset a time is Bangkok's own: the days stay what they are.
    _put(parent, "FrToDt/FrDtTm", f"{statement.booking_date_from}T00:00:00")
    _put(parent[-1], "ToDtTm", f"{statement.booking_date_to}T23:59:59")
    _put(parent, "Acct/Id/Othr/Id", statement.account_no)
    _put(parent[-1], "Ccy", statement.currency)
    _balance(parent, "OPBD", statement.opening_satang, statement.booking_date_from)
    _balance(parent, "CLBD", statement.closing_satang, statement.booking_date_to)
    for line in statement.lines:
        _entry(SubElement(parent, "Ntry"), line, statement.currency)


def _balance(parent: Element, code: str, satang: int, day: date) -> None:
    balance = SubElement(parent, "Bal")
    _put(balance, "Tp/CdOrPrtry/Cd", code)
    _put(balance, "Amt", format_baht(abs(satang)), Ccy="THB")
    _put(balance, "CdtDbtInd", "DBIT" if satang < 0 else "CRDT")
    _put(balance, "Dt/Dt", day.isoformat())


def _entry(entry: Element, line: StatementLine, currency: str) -> None:
    _put(entry, "Amt", format_baht(line.amount_satang), Ccy=currency)
    _put(entry, "CdtDbtInd", "CRDT" if line.is_credit else "DBIT")
    if line.is_reversal:
        _put(entry, "RvslInd", "true")
    _put(entry, "Sts", "BOOK")
    _put(entry, "BookgDt/Dt", line.booking_date.isoformat())
    _put(entry, "ValDt/Dt", line.value_date.isoformat())
    _put(entry, "AcctSvcrRef", line.bank_reference)
    domain, family, subfamily = _KIND_CODES[line.kind]
    _put(entry, "BkTxCd/Domn/Cd", domain)
    _put(entry[-1][-1], "Fmly/Cd", family)
    _put(entry[-1][-1][-1], "SubFmlyCd", subfamily)
    if line.reference or line.counterparty or line.original_reference:
        _details(SubElement(SubElement(entry, "NtryDtls"), "TxDtls"), line)


def _details(details: Element, line: StatementLine) -> None:
    references = SubElement(details, "Refs")
    _put(references, "EndToEndId", _end_to_end_id(line))
    if line.original_reference and line.original_reference != line.reference:
        _put(references, "Prtry/Tp", ORIGINAL_REFERENCE)
        _put(references[-1], "Ref", line.original_reference)
    if line.counterparty:
        paid_to_us = is_original_credit(line.is_credit, line.kind, line.is_reversal)
        _put(details, f"RltdPties/{'Dbtr' if paid_to_us else 'Cdtr'}/Nm", line.counterparty)
    if line.remittance:
        remittance = SubElement(details, "RmtInf")
        for piece in _pieces(line.remittance):
            _put(remittance, "Ustrd", piece)


def _end_to_end_id(line: StatementLine) -> str:
    """The reference; where it is the remittance itself, reading the remittance gives it again."""
    return NOT_PROVIDED if line.reference in ("", line.remittance) else line.reference


def _pieces(text: str) -> list[str]:
    """The text in pieces of at most 140 characters, parted only at its spaces."""
    pieces = [""]
    for word in text.split(" "):
        joined = f"{pieces[-1]} {word}" if pieces[-1] else word
        if len(joined) <= _REMITTANCE_MAX:
            pieces[-1] = joined
        else:
            pieces.append(word)
    return pieces


def _check_fits(statement: BankStatement, message_id: str, created_at: datetime) -> None:
    findings = Findings()
    _fits(findings, "message_id", message_id, _ID_MAX)
    if not message_id:
        findings.note("message_id", message_id, "1 to 35 characters")
    if created_at.tzinfo is None:
        findings.note("created_at", created_at, "an instant with a time zone")
    _fits(findings, "account_no", statement.account_no, _ACCOUNT_MAX)
    _fits(findings, "statement_id", statement.statement_id, _ID_MAX)
    for line in statement.lines:
        where = f"line {line.line_no}"
        _fits(findings, f"{where}, bank_reference", line.bank_reference, _ID_MAX)
        if line.original_reference != line.reference:
            _fits(findings, f"{where}, original_reference", line.original_reference, _ID_MAX)
        if line.reference != line.remittance:
            _fits(findings, f"{where}, reference", line.reference, _ID_MAX)
            if line.reference == NOT_PROVIDED:
                findings.note(f"{where}, reference", line.reference, "a reference, or none")
        for word in line.remittance.split(" "):
            _fits(findings, f"{where}, a word of remittance", word, _REMITTANCE_MAX)
    findings.raise_if_any()


def _fits(findings: Findings, where: str, text: str, length_max: int) -> None:
    if len(text) > length_max:
        expected = f"at most {length_max} characters in camt.053, not {len(text)}"
        findings.extend(InvalidInput.one(where, text, expected).problems)


def _put(parent: Element, names: str, text: str, **attributes: str) -> None:
    """Add the elements of a path ("Id/Othr/Id") below `parent`, the last with the text."""
    for name in names.split("/"):
        parent = SubElement(parent, name)
    parent.text = text
    parent.attrib.update(attributes)
