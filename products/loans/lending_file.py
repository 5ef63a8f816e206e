"""A file of lending rules: the rows that loan requests are judged by, as JSON, loaded whole or not.

Who entered them and who approved them stands at its head and on every row; the database refuses one
name for both, and an approver who is made one by himself. Rows are only ever added: a rule changes
by a row with a later date. Amounts are baht with two places, shares percent with up to six.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

import asyncpg
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ledger.dates import parse_date
from ledger.db import Connection
from ledger.errors import InvalidInput, Problem, shorten
from ledger.money import AMOUNT_PATTERN, parse_baht
from products.loans.approval import Way
from products.loans.lending_rules import SQL


def _day(text: object) -> date:
    try:
        return parse_date(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None


Baht = Annotated[str, Field(pattern=AMOUNT_PATTERN)]
Day = Annotated[date, BeforeValidator(_day)]
Kind = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,31}$")]
Person = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._@-]{0,63}$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class KindRow(_Row):
    """A kind of loan and its bounds; no `amount_max` = any amount."""

    loan_kind: Kind
    effective_from: Day
    name_th: Name
    name_en: Name
    amount_max: Baht | None = None
    term_months_max: int = Field(ge=1, le=600)


class PaperRow(_Row):
    """A paper that a kind of loan needs, or needs no more."""

    loan_kind: Kind
    document_kind: str = Field(pattern=r"^[a-z][a-z0-9_]{1,31}$")
    effective_from: Day
    required: bool = True
    name_th: Name
    name_en: Name


class AuthorityRow(_Row):
    """Who approves up to an amount; in sequence the counts follow from `levels`."""

    effective_from: Day
    amount_up_to: Baht
    way: Literal["sequence", "committee"]
    levels: list[Annotated[int, Field(ge=1, le=9)]] = Field(min_length=1, max_length=3)
    approvals: int | None = None
    quorum: int | None = None
    seats: int | None = None
    valid_days: int = Field(ge=1, le=366)

    @model_validator(mode="after")
    def _counted(self) -> Self:
        given = [count is not None for count in (self.approvals, self.quorum, self.seats)]
        if any(given) if self.way == "sequence" else not all(given):
            raise ValueError("approvals, quorum and seats: all three for a committee, none else")
        return self


class ApproverRow(_Row):
    """An approver and the level; 0 = none from that date on."""

    actor: Person
    effective_from: Day
    level: int = Field(ge=0, le=9)


class CeilingRow(_Row):
    """The Registrar's ceiling of a member, with the document that says so."""

    party_id: int
    document_no: Name
    document_date: Day
    valid_from: Day
    valid_to: Day
    amount: Annotated[str, Field(pattern=AMOUNT_PATTERN)]


class SingleRow(_Row):
    """The part of own capital that one member may owe."""

    effective_from: Day
    share_percent: str = Field(pattern=r"^(100|[1-9]?[0-9])(\.[0-9]{1,6})?$")
    own_capital: Baht
    document: Name

    @property
    def share_e8(self) -> int:
        """The share as a fraction x 10^8."""
        return int(Decimal(self.share_percent) * 1_000_000)


class LendingFile(_Row):
    """A whole file of lending rules."""

    entered_by: Person
    approved_by: Person
    loan_kinds: tuple[KindRow, ...] = ()
    papers: tuple[PaperRow, ...] = ()
    authorities: tuple[AuthorityRow, ...] = ()
    approvers: tuple[ApproverRow, ...] = ()
    ceilings: tuple[CeilingRow, ...] = ()
    single_borrower: tuple[SingleRow, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each sort."""
        return {name: len(rows) for name, rows in self if isinstance(rows, tuple)}


def parse_lending_file(text: bytes | str) -> LendingFile:
    """The file of a text. Raises `InvalidInput` with every problem of it."""
    try:
        return LendingFile.model_validate_json(text)
    except ValidationError as error:
        problems = [
            Problem(
                where="/".join(str(part) for part in each["loc"]) or "the file",
                got=shorten(each["input"]),
                expected=each["msg"],
            )
            for each in error.errors()
        ]
        raise InvalidInput(problems) from None


async def add_lending_rules(connection: Connection, book_id: int, rules: LendingFile) -> None:
    """Add the rows of a file; the caller's transaction makes it whole.

    Raises `InvalidInput` when a row is there already or the database refuses it.
    """
    by = (rules.entered_by, rules.approved_by)
    rows: list[tuple[str, tuple[object, ...]]] = []
    rows += [("add_kind", _kind(row)) for row in rules.loan_kinds]
    rows += [("add_paper", tuple(row.model_dump().values())) for row in rules.papers]
    rows += [("add_authority", _authority(row)) for row in rules.authorities]
    rows += [("add_approver", tuple(row.model_dump().values())) for row in rules.approvers]
    rows += [("add_ceiling", _ceiling(row)) for row in rules.ceilings]
    rows += [("add_single", _single(row)) for row in rules.single_borrower]
    for statement, values in rows:
        try:
            await connection.execute(SQL[statement], book_id, *values, *by)
        except asyncpg.IntegrityConstraintViolationError as error:
            where = f"{statement.removeprefix('add_')} {values[0]}"
            expected = "a new row that keeps the rules of its table"
            fix = "Nothing of the file was added."
            raise InvalidInput.one(where, error.constraint_name or str(error), expected, fix) from (
                error
            )


def _kind(row: KindRow) -> tuple[object, ...]:
    most = None if row.amount_max is None else parse_baht(row.amount_max)
    head = (row.loan_kind, row.effective_from, row.name_th, row.name_en)
    return (*head, most, row.term_months_max)


def _authority(row: AuthorityRow) -> tuple[object, ...]:
    steps = len(row.levels)
    counts = [steps if given is None else given for given in (row.approvals, row.quorum, row.seats)]
    head = (row.effective_from, parse_baht(row.amount_up_to), int(Way[row.way.upper()]))
    return (*head, row.levels, *counts, row.valid_days)


def _ceiling(row: CeilingRow) -> tuple[object, ...]:
    head = (row.party_id, row.document_no, row.document_date, row.valid_from, row.valid_to)
    return (*head, parse_baht(row.amount))


def _single(row: SingleRow) -> tuple[object, ...]:
    return (row.effective_from, row.share_e8, parse_baht(row.own_capital), row.document)
