"""Reading a bank's statement in the form camt.053.001.02 (BankToCustomerStatement).

The file comes from outside, so nothing about it is believed: its size is judged before it is
parsed, a document type declaration (the door of XML bombs and of external entities) is refused, it
is read as a stream, one entry in memory at a time, and every problem up to the fiftieth is named
with the path of its element. Either all its statements are good or none is returned.

What is read: account, opening (OPBD or PRCD) and closing (CLBD) booked balance, entries. A
statement ends on the date of its closing balance. What the standard makes mandatory but nobody
here uses (message ids, creation times) is not asked for. A statement divided over several messages
is refused, since its parts have no opening or closing balance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, BinaryIO

from defusedxml import DefusedXmlException, DTDForbidden, EntitiesForbidden
from defusedxml.ElementTree import ParseError, iterparse

from ledger.errors import InvalidInput
from ledger.money import CURRENCY, format_baht
from products.payments.bank_statement import (
    BankStatement,
    StatementLine,
    duplicates,
    problems_of,
)
from products.payments.intake import SIZE_LIMIT_BYTES, Findings, open_limited
from products.payments.iso20022.camt053_entry import (
    CREDIT_CODES,
    is_numbered_only,
    lines_of,
)
from products.payments.iso20022.camt053_write import render
from products.payments.iso20022.elements import (
    NAMESPACE,
    Node,
    balance_of,
    code_of,
    date_of,
    instant_date,
    local_name,
    wrong,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["parse", "render"]

DEPTH_MAX = 40
"""The deepest element of the standard stands at 16; what is deeper is an attack."""

PART_ELEMENTS_MAX = 500_000
"""Elements in one entry: ten thousand payments in one batch, and memory still bounded."""

_ROOT = "Document"
_MESSAGE = "BkToCstmrStmt"
_PARTS_ONCE = ("Id", "ElctrncSeqNb", "LglSeqNb", "FrToDt", "Acct")


def parse(
    source: BinaryIO | bytes, *, size_limit: int = SIZE_LIMIT_BYTES
) -> tuple[BankStatement, ...]:
    """The statements of a camt.053.001.02 file, in its order; each passes `bank_statement.check`.

    Raises `InvalidInput` with every problem (at most 50) for anything that cannot be read whole:
    see the module's docstring. `source` is read from where it stands and is not closed.
    """
    stream = open_limited(source, size_limit)
    start = stream.tell()
    findings = Findings()
    document = _Document(findings)
    try:
        for event, element in _events(stream, start):
            if event == "start":
                document.begin(element)
            else:
                document.end(element)
        document.finish()
    except InvalidInput as error:
        findings.extend(error.problems)
    findings.raise_if_any()
    return tuple(document.statements)


def _events(stream: BinaryIO, start: int) -> Iterator[tuple[str, Element]]:
    """The elements as they begin and end; whatever the XML parser refuses becomes `InvalidInput`.

    Nothing raised by the reader of these events passes through here.
    """
    expected = "a well-formed XML document, whole"
    try:
        yield from iterparse(stream, events=("start", "end"), forbid_dtd=True)
    except DefusedXmlException:
        raise _attack(stream, start) from None
    except ParseError as error:
        line, column = error.position
        fix = "The file is damaged or was cut off: fetch it from the bank again."
        raise InvalidInput.one(
            f"XML line {line}, column {column + 1}", _reason(error), expected, fix
        ) from None
    except (ValueError, LookupError) as error:
        # The parser hands on what Python's codecs say of an encoding that they do not know.
        raise InvalidInput.one("the XML declaration's encoding", str(error), expected) from None


def _reason(error: ParseError) -> str:
    return str(error).partition(":")[0]


def _attack(stream: BinaryIO, start: int) -> InvalidInput:
    """Name what the document type declaration was for, by reading it with entities forbidden."""
    got = "a document type declaration (DTD)"
    stream.seek(start)
    try:
        for _ in iterparse(stream, events=("start",), forbid_dtd=False):
            break
    except EntitiesForbidden as error:
        if error.sysid or error.pubid:
            got = f"an external entity attack (XXE): entity {error.name!r} reads {error.sysid!r}"
        else:
            got = f"an XML bomb (entity expansion, billion laughs): entity {error.name!r}"
    except (DTDForbidden, ParseError, ValueError, LookupError):
        got = "a document type declaration (DTD) that is damaged"
    return wrong("XML prolog, before the first element", got, "no DTD and no entities")


class _Document:
    """The events of one file: which statement is open, which of its parts has just ended."""

    def __init__(self, findings: Findings) -> None:
        self.statements: list[BankStatement] = []
        self._findings = findings
        self._open: list[Element] = []
        self._statement: _Statement | None = None
        self._statements_seen: dict[tuple[str, str], int] = {}
        self._count = 0
        self._part_elements = 0

    def begin(self, element: Element) -> None:
        self._open.append(element)
        depth = len(self._open)
        if depth == 1:
            _check_root(element)
        elif depth == 3 and _is(self._open[1], _MESSAGE) and _is(element, "Stmt"):
            self._count += 1
            self._statement = _Statement(self._count, self._findings)
        self._part_elements = 0 if depth <= 4 else self._part_elements + 1
        if depth > DEPTH_MAX:
            raise wrong(self._where(), "elements nested deeper", f"at most {DEPTH_MAX} levels")
        if self._part_elements > PART_ELEMENTS_MAX:
            raise wrong(self._where(), "more elements", f"at most {PART_ELEMENTS_MAX:,} elements")

    def end(self, element: Element) -> None:
        self._open.pop()
        depth = len(self._open) + 1
        if depth == 4 and self._statement is not None:
            self._statement.take(element)
        if depth == 3 and self._statement is not None:
            self._accept(self._statement)
            self._statement = None
        if depth in (2, 3, 4):
            # What has been read is let go, or a long file would stand in memory whole.
            self._open[-1].remove(element)

    def finish(self) -> None:
        if not self._count:
            path = f"{_ROOT}/{_MESSAGE}/Stmt"
            raise wrong(path, "nothing", "at least one statement, which is mandatory")

    def _accept(self, reader: _Statement) -> None:
        statement = reader.finish()
        if statement is None:
            return
        key = (statement.account_no, statement.statement_id)
        earlier = self._statements_seen.setdefault(key, self._count)
        if earlier != self._count:
            self._findings.note(
                f"{reader.path}/Id",
                statement.statement_id,
                f"a statement that is not already in this file as Stmt[{earlier}]",
            )
        self.statements.append(statement)

    def _where(self) -> str:
        inside = self._statement.path + "/" if self._statement else ""
        return f"{inside}{local_name(self._open[min(len(self._open), 4) - 1].tag)}"


def _is(element: Element, name: str) -> bool:
    return element.tag == f"{{{NAMESPACE}}}{name}"


def _check_root(element: Element) -> None:
    if _is(element, _ROOT):
        return
    namespace = element.tag[1:].partition("}")[0] if element.tag.startswith("{") else "none"
    raise wrong(
        "the first element",
        f"{local_name(element.tag)[:80]} in the namespace {namespace[:200]}",
        f"{_ROOT} in the namespace {NAMESPACE}; ask the bank for this version",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Balance:
    satang: int
    day: date


class _Statement:
    """One Stmt while it is read: its parts as they end, its lines as they come."""

    def __init__(self, number: int, findings: Findings) -> None:
        self.path = f"Stmt[{number}]"
        self._findings = findings
        self._found_before = len(findings)
        self._parts: dict[str, Node] = {}
        self._balances: dict[str, _Balance | None] = {}
        self._lines: list[StatementLine] = []
        self._places: list[str] = []
        self._numbered_only: set[int] = set()
        self._entries = 0

    def take(self, element: Element) -> None:
        """Read one part of the statement, whose element has just ended."""
        name = local_name(element.tag)
        if _is(element, "Ntry"):
            self._entries += 1
            entry = Node(element=element, path=f"{self.path}/Ntry[{self._entries}]")
            lines = lines_of(entry, len(self._lines) + 1, self._findings)
            self._lines += lines
            self._places += [entry.path] * len(lines)
            if is_numbered_only(entry):
                self._numbered_only.update(line.line_no for line in lines)
        elif _is(element, "Bal"):
            node = Node(element=element, path=f"{self.path}/Bal")
            self._findings.attempt(lambda: self._take_balance(node))
        elif name in _PARTS_ONCE and _is(element, name):
            if name in self._parts:
                self._findings.note(f"{self.path}/{name}", "a second one", "exactly one")
            self._parts[name] = Node(element=element, path=f"{self.path}/{name}")

    def _take_balance(self, node: Node) -> None:
        """Note a balance under its code; those that are not booked ones do not concern us."""
        code = node.text("Tp/CdOrPrtry/Cd")
        if code not in ("OPBD", "PRCD", "CLBD"):
            return
        node = Node(element=node.element, path=f"{node.path}[{code}]")
        if code in self._balances:
            raise wrong(node.path, "a second one", "exactly one balance of a kind")
        self._balances[code] = None
        satang = self._findings.attempt(lambda: balance_of(node.one("Amt")))
        is_credit = self._findings.attempt(lambda: code_of(node, "CdtDbtInd", CREDIT_CODES))
        day = self._findings.attempt(lambda: date_of(node.one("Dt")))
        if satang is not None and is_credit is not None and day is not None:
            self._balances[code] = _Balance(satang=satang if is_credit else -satang, day=day)

    def finish(self) -> BankStatement | None:
        """The statement, or None with every problem noted."""
        attempt = self._findings.attempt
        account = attempt(self._account_no)
        statement_id = attempt(lambda: self._part("Id").own_text())
        sequence_no = attempt(self._sequence_no)
        first_day = attempt(self._first_day)
        opening, closing = self._opening(), self._balance("CLBD", "a closing booked balance")
        lines = self._named_lines(account, sequence_no)
        if (
            account is None
            or statement_id is None
            or sequence_no is None
            or opening is None
            or closing is None
            or len(self._findings) > self._found_before
        ):
            # Sums would differ because of what could not be read; doubles are doubles all the same.
            self._findings.extend(duplicates(lines, self._place))
            return None
        statement = BankStatement(
            account_no=account,
            statement_id=statement_id,
            sequence_no=sequence_no,
            booking_date_from=first_day or self._day_after_last_statement(opening, closing),
            booking_date_to=closing.day,
            currency=CURRENCY,
            opening_satang=opening.satang,
            closing_satang=closing.satang,
            lines=lines,
        )
        self._findings.extend(problems_of(statement, self._place, self.path))
        return statement if len(self._findings) == self._found_before else None

    def _named_lines(
        self, account_no: str | None, sequence_no: int | None
    ) -> tuple[StatementLine, ...]:
        """The lines; an entry's bare number, which many banks begin anew in each statement, is made
        one of all time by the account and the statement's number.
        """
        prefix = f"{account_no}/{sequence_no}/"
        return tuple(
            replace(line, bank_reference=prefix + line.bank_reference)
            if line.line_no in self._numbered_only
            else line
            for line in self._lines
        )

    def _place(self, position: int) -> str:
        return self._places[position - 1]

    def _part(self, name: str) -> Node:
        if name not in self._parts:
            raise wrong(f"{self.path}/{name}", "nothing", "this element, which is mandatory")
        return self._parts[name]

    def _account_no(self) -> str:
        account = self._part("Acct")
        currency = account.text("Ccy")
        if currency not in ("", CURRENCY):
            raise InvalidInput.one(f"{account.path}/Ccy", currency, CURRENCY)
        account_no = account.text("Id/IBAN") or account.text("Id/Othr/Id")
        if not account_no:
            raise wrong(f"{account.path}/Id", "nothing", "IBAN or Othr/Id, which is mandatory")
        return account_no

    def _sequence_no(self) -> int:
        name = "ElctrncSeqNb" if "ElctrncSeqNb" in self._parts else "LglSeqNb"
        if name not in self._parts:
            raise wrong(
                f"{self.path}/ElctrncSeqNb",
                "nothing",
                "the statement's number here or in LglSeqNb, by which gaps are found",
            )
        text = self._parts[name].own_text()
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise InvalidInput.one(f"{self.path}/{name}", text, "a number of 1 to 18 digits")
        return int(text)

    def _first_day(self) -> date | None:
        span = self._parts.get("FrToDt")
        return instant_date(span.one("FrDtTm")) if span else None

    def _opening(self) -> _Balance | None:
        opening, previous = self._balances.get("OPBD"), self._balances.get("PRCD")
        if opening and previous and opening.satang != previous.satang:
            self._findings.extend(
                wrong(
                    f"{self.path}/Bal[OPBD]",
                    format_baht(opening.satang, thousands=True),
                    f"the same as PRCD, {format_baht(previous.satang, thousands=True)}",
                ).problems
            )
        name = "OPBD" if "OPBD" in self._balances or "PRCD" not in self._balances else "PRCD"
        return self._balance(name, "an opening booked balance (or PRCD)")

    def _balance(self, code: str, meaning: str) -> _Balance | None:
        if code not in self._balances:
            self._findings.extend(
                wrong(
                    f"{self.path}/Bal[{code}]", "nothing", f"{meaning}, which is mandatory"
                ).problems
            )
        return self._balances.get(code)

    def _day_after_last_statement(self, opening: _Balance, closing: _Balance) -> date:
        """The first day where FrToDt is not given: PRCD bears the last day of the one before."""
        if "OPBD" in self._balances:
            return opening.day
        return min(opening.day + timedelta(days=1), closing.day)
