"""Fields that every body and query shares: amounts, dates, ids, names, in one exact form each.

The JSON schema of a field says the same as its validator, to the character, so that a client's own
tools refuse what we would refuse. Requests know no other fields than theirs; answers are built only
by us and are read by machines, so they carry amounts as text with exactly two places.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.money import format_baht, parse_baht
from pricing.rates import parse_rate_percent

T = TypeVar("T")

# The whole of ledger.money.AMOUNT_PATTERN but zero.
POSITIVE_AMOUNT = r"^(0\.(0[1-9]|[1-9][0-9])|[1-9][0-9]{0,12}\.[0-9]{2})$"
SIGNED_AMOUNT = r"^-?(0|[1-9][0-9]{0,15})\.[0-9]{2}$"
# Each day of 1900 to 2399: Buddhist years lie outside, and so does 30 February.
CALENDAR_DATE = (
    r"^((19|2[0-3])[0-9]{2}-("
    r"(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    r"|((19|2[0-3])(0[48]|[2468][048]|[13579][26])|2000)-02-29)$"
)
RATE_PERCENT = r"^(100\.0{2,6}|(0|[1-9][0-9]?)\.[0-9]{2,6})$"
_UUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", re.ASCII)
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class Body(BaseModel):
    """A request: unknown fields are refused, a number is no text and a text is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class View(BaseModel):
    """An answer."""

    model_config = ConfigDict(frozen=True)


def _ours(read: Callable[[], T]) -> T:
    """What `read` gives; its error becomes one that pydantic gathers with the others."""
    try:
        return read()
    except InvalidInput as error:
        problem = error.problems[0]
    text = f"expected {problem.expected}. {problem.fix}".strip()
    raise PydanticCustomError("invalid_input", "{text}", {"text": text})


def _amount(text: object) -> object:
    _ours(lambda: parse_baht(text))
    return text


def _rate(text: object) -> object:
    _ours(lambda: parse_rate_percent(text))
    return text


def _date(text: object) -> object:
    return text if isinstance(text, date) else _ours(lambda: parse_date(text))


def _uuid(text: object) -> object:
    if isinstance(text, UUID):
        return text
    if not isinstance(text, str) or not _UUID.match(text) or text.endswith("\n"):
        raise PydanticCustomError("uuid_parsing", "expected a UUID with its four hyphens")
    return UUID(text)


Amount = Annotated[
    str,
    BeforeValidator(_amount),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": POSITIVE_AMOUNT,
            "description": "Baht, exactly two places, more than zero.",
            "examples": ["1234.50"],
        }
    ),
]
"""An amount as it comes in; `satang_of` turns it into satang."""

SignedAmount = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": SIGNED_AMOUNT, "examples": ["-1234.50"]})
]
"""An amount as it goes out."""

CalendarDate = Annotated[
    date,
    BeforeValidator(_date),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": CALENDAR_DATE,
            "description": "YYYY-MM-DD in the common era.",
            "examples": ["2026-06-30"],
        }
    ),
]
RatePercent = Annotated[
    str,
    BeforeValidator(_rate),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": RATE_PERCENT,
            "description": "Per cent, two to six places, 0 to 100.",
            "examples": ["1.3750"],
        }
    ),
]
Id = Annotated[UUID, BeforeValidator(_uuid), WithJsonSchema({"type": "string", "format": "uuid"})]
AccountCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$")]
GlCode = Annotated[str, StringConstraints(pattern=r"^[123459][0-9]{5}$")]
BookCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,31}$")]
Line = Annotated[str, StringConstraints(max_length=140, pattern=_PRINTABLE)]
"""A line of text for people."""

ProductCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,31}$")]
PartyCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,32}$")]
Person = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._@-]{0,63}$")]
"""Who did something, as the actor of a key is written."""

Reason = Annotated[
    str, StringConstraints(min_length=3, max_length=200, pattern=r"^\S[^\x00-\x1f\x7f]*\S$")
]
"""Why: kept for ever, read by the auditor and by the member."""

Currency = Literal["THB"]


def satang_of(amount: str) -> int:
    """Satang of a validated amount."""
    return parse_baht(amount)


def money_facts(facts: object) -> object:
    """Facts of a refusal or an event for the wire: `..._satang` integers become `..._amount` texts.

    Works through mappings and lists; what is not JSON (dates, ids) becomes its text.
    """
    if isinstance(facts, dict):
        shown: dict[str, object] = {}
        for name, value in facts.items():
            money = isinstance(value, int) and not isinstance(value, bool)
            if money and (str(name).endswith("_satang") or name in _SATANG_NAMES):
                shown[f"{str(name).removesuffix('_satang')}_amount"] = format_baht(value)
            else:
                shown[str(name)] = money_facts(value)
        return shown
    if isinstance(facts, list | tuple):
        return [money_facts(value) for value in facts]
    return facts if facts is None or isinstance(facts, str | int | bool) else str(facts)


_SATANG_NAMES = ("balance_min", "balance_max")
