"""What a notice is: its kinds, its statuses, the row as a value, and the line that a co-op sends.

A member co-op *notifies* the Facility: money is on its way to your bank (deposit), or please pay us
(withdrawal). The text of a line is judged here, field by field, in the project's own words, so that
a file, an HTTP body and a test all get the same errors. Nothing here reads the database.
"""

from __future__ import annotations

import contextlib
import enum
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ledger.dates import parse_date
from ledger.errors import InvalidInput, Problem, shorten
from ledger.money import AMOUNT_EXPECTED, AMOUNT_PATTERN, Satang, format_baht, parse_baht

T = TypeVar("T")


class NoticeKind(enum.IntEnum):
    """Which way the money goes, seen from the member's account."""

    DEPOSIT = 1
    WITHDRAWAL = 2

    @property
    def code(self) -> str:
        """The word on the wire: "deposit" or "withdrawal"."""
        return self.name.lower()


class NoticeStatus(enum.IntEnum):
    """Where a notice stands; the rows of `products.notice_status` (a test compares them)."""

    RECEIVED = 1
    MATCHED = 2
    POSTED = 3
    HELD = 11
    APPROVED = 12
    PAID = 13
    REJECTED = 21
    RETURNED = 22
    EXPIRED = 23

    @property
    def code(self) -> str:
        """The word on the wire, such as "received"."""
        return _STATUS_CODES[self]

    @property
    def name_th(self) -> str:
        """What the member reads in Thai."""
        return _STATUS_NAMES[self][0]

    @property
    def name_en(self) -> str:
        """What the member reads in English."""
        return _STATUS_NAMES[self][1]


_STATUS_CODES = {status: status.name.lower() for status in NoticeStatus}
_STATUS_NAMES = {
    NoticeStatus.RECEIVED: ("รับเรื่อง", "Received"),
    NoticeStatus.MATCHED: ("จับคู่แล้ว", "Matched"),
    NoticeStatus.POSTED: ("สำเร็จ", "Posted"),
    NoticeStatus.HELD: ("รับเรื่อง กันเงินแล้ว", "Received, amount held"),
    NoticeStatus.APPROVED: ("อนุมัติ", "Approved"),
    NoticeStatus.PAID: ("จ่ายเงินแล้ว รอธนาคาร", "Paid, awaiting the bank"),
    NoticeStatus.REJECTED: ("ปฏิเสธ", "Rejected"),
    NoticeStatus.RETURNED: ("เงินถูกส่งคืน", "Returned by the bank"),
    NoticeStatus.EXPIRED: ("หมดอายุ", "Expired"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A row of `products.notice` with the contract's number, owner and ledger account.

    value_date:     as announced; what is posted carries the bank line's.
    made_by:        as the co-op's line says; received_by: who brought it in (loader, key's actor).
    received_on:    the business date of its arrival; received_seq its number in the book.
    posted_journal: the journal that moved the member's money for it, if one has.
    """

    notice_id: UUID
    kind: NoticeKind
    status: NoticeStatus
    version: int
    contract_id: UUID
    contract_no: str
    party_id: int
    account_id: int
    bank_code: str
    amount_satang: int
    value_date: date
    reference: str
    made_by: str
    received_by: str
    approved_by: str | None
    received_on: date
    received_seq: int
    changed_seq: int
    posted_journal: UUID | None


def _ours(read: Callable[[], T]) -> T:
    """What `read` gives; its error becomes one that the model gathers with the others."""
    try:
        return read()
    except InvalidInput as error:
        problem = error.problems[0]
    context = {"expected": problem.expected, "fix": problem.fix}
    raise PydanticCustomError("invalid_input", "expected {expected}", context)


def _amount(text: object) -> object:
    _ours(lambda: parse_baht(text))
    return text


def _day(text: object) -> object:
    if isinstance(text, date):
        return text
    return _ours(lambda: parse_date(text))


class NoticeBody(BaseModel):
    """What a co-op announces. Texts only: a number where a text is expected is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: UUID = Field(description="Made by the co-op; the same id and body again is a replay.")
    kind: Literal["deposit", "withdrawal"]
    account: str = Field(
        pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$", description="Number of the savings contract."
    )
    amount: Annotated[str, BeforeValidator(_amount)] = Field(
        pattern=AMOUNT_PATTERN, description="Baht with exactly two places, more than zero."
    )
    bank: str = Field(
        pattern=r"^[A-Z0-9]{2,12}$", description="The bank the money comes to or goes from."
    )
    value_date: Annotated[date, BeforeValidator(_day)] = Field(
        description="The day from which it counts, YYYY-MM-DD in the common era."
    )
    reference: str = Field(
        pattern=r"^[A-Z0-9]{1,35}$", description="What the payer puts on the transfer."
    )

    @property
    def amount_satang(self) -> Satang:
        """The amount in satang."""
        return parse_baht(self.amount)


class NoticeIn(NoticeBody):
    """A line of a notices file: the body and who made it, such as "coop-0001:maker"."""

    made_by: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._@-]{0,63}$")


FIELDS = tuple(NoticeIn.model_fields)
"""The fields of a line, in the order in which problems are listed and CSV columns are written."""

_EXPECTED = {
    "id": 'a UUID such as "019e85d8-7fed-76d4-8f39-a14dccd9430c"',
    "kind": '"deposit" or "withdrawal"',
    "account": 'a contract number such as "SAV-0001"',
    "amount": AMOUNT_EXPECTED,
    "bank": 'a bank code such as "KTB"',
    "value_date": "a date YYYY-MM-DD in the common era, 1900 to 2399",
    "reference": "1 to 35 characters A-Z and 0-9",
    "made_by": '1 to 64 characters such as "coop-0001:maker"',
}


def parse_notice(text: bytes | str, where: str) -> NoticeIn:
    """The notice of one JSON line. Raises `InvalidInput` with every problem of the line."""
    try:
        notice = NoticeIn.model_validate_json(text)
    except ValidationError as error:
        raise InvalidInput(problems_of(error.errors(), where, whole=text)) from None
    names = [name for name, _ in json.loads(text, object_pairs_hook=list)]
    for name in FIELDS:
        if names.count(name) > 1:
            place = f"{where}, field {name}"
            raise InvalidInput.one(place, f"{names.count(name)} times", "each field once")
    return notice


def parse_fields(fields: Mapping[str, object], where: str) -> NoticeIn:
    """The notice of one CSV row, column by name. Raises `InvalidInput` as `parse_notice`."""
    values = dict(fields)
    # Left as the text it is when it is no UUID: the model names it with the other problems.
    with contextlib.suppress(ValueError):
        values["id"] = UUID(str(values.get("id", "")))
    try:
        return NoticeIn.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(problems_of(error.errors(), where, whole="")) from None


def problems_of(
    errors: Iterable[ErrorDetails], where: str, *, whole: bytes | str = ""
) -> list[Problem]:
    """The model's errors in the project's words; `where` is the place of the whole object."""
    return [_problem(error, where, whole) for error in errors]


def _problem(error: ErrorDetails, where: str, whole: bytes | str) -> Problem:
    name = str(error["loc"][-1]) if error["loc"] else ""
    if not name:
        text = whole.decode("utf-8", "replace") if isinstance(whole, bytes) else whole
        expected = "one whole JSON object"
        return Problem(where=where, got=shorten(text or error["input"]), expected=expected)
    place = f"{where}, field {name[:40]}"
    if error["type"] == "missing":
        return Problem(where=place, got="nothing", expected=_EXPECTED[name])
    if error["type"] == "extra_forbidden":
        expected = f"only the fields {', '.join(FIELDS)}"
        return Problem(where=place, got=shorten(error["input"]), expected=expected)
    context = error.get("ctx", {}) if error["type"] == "invalid_input" else {}
    return Problem(
        where=place,
        got=shorten(error["input"]),
        expected=str(context.get("expected", _EXPECTED.get(name, error["msg"]))),
        fix=str(context.get("fix", "")),
    )


def differing_fields(notice: Notice, body: NoticeIn) -> dict[str, tuple[str, str]]:
    """The fields in which a recorded notice and a new body with its id differ: recorded, new."""
    recorded = {
        "kind": notice.kind.code,
        "account": notice.contract_no,
        "amount": format_baht(notice.amount_satang),
        "bank": notice.bank_code,
        "value_date": notice.value_date.isoformat(),
        "reference": notice.reference,
        "made_by": notice.made_by,
    }
    given = {name: str(getattr(body, name)) for name in recorded}
    return {
        name: (recorded[name], given[name]) for name in recorded if recorded[name] != given[name]
    }
