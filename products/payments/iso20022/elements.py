"""Reading single values out of an ISO 20022 element: text, code, amount, date, each with its path.

Nothing here is lenient where money is concerned: an amount is plain ASCII digits, an element that
must stand once stands once, and one that holds text holds no other element in which a digit could
hide. A problem names the path of the element, entries and statements counted from 1:
`Stmt[1]/Ntry[3]/Amt`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from ledger.dates import BANGKOK, parse_date
from ledger.errors import InvalidInput, Problem
from ledger.money import AMOUNT_MAX, BALANCE_MAX, CURRENCY
from products.payments.bank_statement import clean

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
_PREFIXES = {"": NAMESPACE}
_XML_SPACE = " \t\r\n"
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,5}))?", re.ASCII)
_DATE = re.compile(r"(.{10})(?:Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)
_DATE_TIME = re.compile(
    r"(.{10})T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An element and the path by which a person finds it in the file."""

    element: Element
    path: str

    def find(self, names: str) -> Node | None:
        """The element below at `names` ("Refs/EndToEndId"), or None; `InvalidInput` if several."""
        found = self.element.findall(names, _PREFIXES)
        if len(found) > 1:
            raise wrong(f"{self.path}/{names}", f"{len(found)} elements", "exactly one")
        return Node(element=found[0], path=f"{self.path}/{names}") if found else None

    def one(self, names: str) -> Node:
        """The element below at `names`, which must be there: else `InvalidInput` names it."""
        found = self.find(names)
        if found is None:
            raise wrong(f"{self.path}/{names}", "nothing", "this element, which is mandatory")
        return found

    def all(self, names: str) -> list[Node]:
        """Every element below at `names`, numbered from 1."""
        return [
            Node(element=element, path=f"{self.path}/{names}[{number}]")
            for number, element in enumerate(self.element.findall(names, _PREFIXES), start=1)
        ]

    def own_text(self) -> str:
        """The text of this element without white space around it; `InvalidInput` if not a text."""
        if len(self.element):
            inner = local_name(self.element[0].tag)
            raise wrong(self.path, f"an element {inner} within it", "text alone")
        return (self.element.text or "").strip(_XML_SPACE)

    def text(self, names: str) -> str:
        """The text below at `names` with its white space collapsed; "" if there is no element."""
        found = self.find(names)
        return clean(found.own_text()) if found else ""

    def required_text(self, names: str) -> str:
        """As `text`, but neither missing nor empty."""
        text = clean(self.one(names).own_text())
        if not text:
            raise wrong(f"{self.path}/{names}", "an empty element", "a text")
        return text


def wrong(where: str, got: str, expected: str) -> InvalidInput:
    """The error for an element that is not as it must be; `got` is shown as it is, unquoted."""
    return InvalidInput([Problem(where=where, got=got, expected=expected)])


def local_name(tag: str) -> str:
    """The name of an element without its namespace."""
    return tag.rpartition("}")[2]


def code_of(node: Node, names: str, meanings: dict[str, bool]) -> bool:
    """Which of two codes stands at `names`, e.g. {"CRDT": True, "DBIT": False}."""
    found = node.one(names)
    code = found.own_text()
    if code not in meanings:
        raise InvalidInput.one(found.path, code, " or ".join(meanings))
    return meanings[code]


def amount_of(node: Node) -> int:
    """Satang of the amount of an entry: 1 to 10^15-1, in baht."""
    return _satang(node, 1, AMOUNT_MAX, "more than 0.00, less than 10,000,000,000,000.00")


def balance_of(node: Node) -> int:
    """Satang of the magnitude of a balance: zero is one; its sign stands in CdtDbtInd."""
    return _satang(node, 0, BALANCE_MAX, "at most 9,000,000,000,000,000.00")


def _satang(node: Node, least: int, most: int, bounds: str) -> int:
    currency = node.element.get("Ccy")
    if currency != CURRENCY:
        raise InvalidInput.one(f"{node.path}/@Ccy", currency or "", CURRENCY)
    text = node.own_text()
    expected = f'baht as plain digits like "1234.50", to the satang, {bounds}'
    match = _DECIMAL.fullmatch(text)
    if match is None:
        fix = "The direction belongs in CdtDbtInd." if text.startswith("-") else ""
        raise InvalidInput.one(node.path, text, expected, fix)
    decimals = (match[2] or "").ljust(5, "0")
    satang = int(match[1]) * 100 + int(decimals[:2])
    if decimals[2:] != "000" or not least <= satang <= most:
        raise InvalidInput.one(node.path, text, expected)
    return satang


def date_of(node: Node) -> date:
    """The day in an element that holds Dt or DtTm; an instant is put on its day in Bangkok."""
    day = node.find("Dt")
    if day is not None:
        text = day.own_text()
        match = _DATE.fullmatch(text)
        return parse_date(match[1] if match else text, day.path)
    return instant_date(node.one("DtTm"))


def instant_date(node: Node) -> date:
    """The day in Bangkok of a date and time; one without an offset is Bangkok's own time."""
    text = node.own_text()
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        expected = 'a date and time like "2026-06-30T17:00:00+07:00"'
        raise InvalidInput.one(node.path, text, expected)
    day = parse_date(match[1], node.path)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput.one(node.path, text, "a time that exists") from None
    return day if instant.tzinfo is None else instant.astimezone(BANGKOK).date()
