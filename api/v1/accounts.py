"""Accounts: their positions, one or page by page, all about one, and the statement of one."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import (
    AccountCode,
    CalendarDate,
    Currency,
    GlCode,
    SignedAmount,
    View,
)
from api.v1.moments import AxisName, KnownAt, OnAxis, named_in_query
from api.v1.pages import After, Limit, Page, cursor, link_next, next_page, parts_of
from api.v1.position_views import FullPositionView, baht, full_view
from ledger import accounts, statements
from ledger.accounts import Position
from ledger.asof import Axis
from ledger.dates import parse_date
from ledger.db import Connection
from ledger.errors import InvalidInput, NotFound
from ledger.money import format_baht
from products import positions

router = APIRouter(prefix="/books/{book}", tags=["accounts"])
_CODE = r"[A-Z0-9][A-Z0-9-]{1,31}"
ReadAccounts = Annotated[Caller, Depends(in_book("accounts:read"))]


class PositionView(View):
    """How an account stands: `balance` is credits less debits; limits and `available` may be null.

    recorded_seq: the book's last number when this was read.
    """

    account: str
    gl_code: str
    party_id: int | None
    name_th: str
    name_en: str
    currency: Currency
    opened_on: CalendarDate
    balance: SignedAmount
    held: SignedAmount
    available: SignedAmount | None
    balance_min: SignedAmount | None
    balance_max: SignedAmount | None
    excess: SignedAmount
    closed: bool
    debits_frozen: bool
    credits_frozen: bool
    recorded_seq: int


class LineView(View):
    """A transfer as the account sees it: `amount` above zero is a credit, below a debit."""

    recorded_seq: int
    line: int
    journal_id: UUID
    fiscal_year: int
    voucher_no: int
    kind: str
    business_date: CalendarDate
    value_date: CalendarDate
    amount: SignedAmount
    balance: SignedAmount
    counter_account: str
    reference: str
    narrative: str
    reverses: UUID | None
    adjusts: UUID | None
    forced: bool


class LaterChangesView(View):
    """Lines recorded after the cut that belong to the statement or to its opening balance."""

    count: int
    first_seq: int
    last_seq: int


class StatementView(View):
    """A page of a statement; pages join: the next one's opening is this one's closing balance.

    known_at_seq: the number at which it is cut; asked for with `known_at` it is the same for ever,
    but for `changed_since`, which tells what was recorded after it with a date up to `to_date`.
    """

    account: str
    currency: Currency
    axis: AxisName
    known_at_seq: int
    changed_since: LaterChangesView | None
    opening_balance: SignedAmount
    closing_balance: SignedAmount
    data: list[LineView]
    has_more: bool
    next_cursor: str | None


def _view(position: Position) -> PositionView:
    account = position.account
    return PositionView(
        account=account.code,
        gl_code=account.gl_code,
        party_id=account.party_id,
        name_th=account.name_th,
        name_en=account.name_en,
        currency="THB",
        opened_on=account.opened_on,
        balance=format_baht(position.balance_satang),
        held=format_baht(position.held_satang),
        available=baht(position.available_satang),
        balance_min=baht(position.balance_min_satang),
        balance_max=baht(position.balance_max_satang),
        excess=format_baht(position.excess_satang),
        closed=position.closed,
        debits_frozen=position.debits_frozen,
        credits_frozen=position.credits_frozen,
        recorded_seq=position.recorded_seq,
    )


async def visible_position(connection: Connection, caller: Caller, code: str) -> Position:
    """The account's position. Raises `NotFound`, also for an account of another party."""
    position = await accounts.position(connection, caller.book_id, code)
    if not caller.may_see(position.account.party_id):
        raise NotFound("account", code)
    return position


@router.get("/accounts", responses=failing(*READS), operation_id="list_accounts")
async def list_accounts(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadAccounts,
    limit: Limit = 50,
    after: After = None,
    gl_code: Annotated[GlCode | None, Query(description="Only accounts of this GL code.")] = None,
) -> Page[PositionView]:
    """Accounts in order of their codes; a member's key sees its own."""
    parts = parts_of(after, _CODE)
    async with doors.read() as connection:
        rows = await accounts.positions(
            connection,
            caller.book_id,
            after="" if parts is None else parts[0],
            limit=limit + 1,
            party_id=caller.party_id,
            gl_code=gl_code,
        )
    return next_page(request, response, rows, limit, _view, lambda row: cursor(row.account.code))


@router.get("/accounts/{account}", responses=failing(*READS), operation_id="get_account")
async def get_account(doors: OpenDoors, caller: ReadAccounts, account: AccountCode) -> PositionView:
    """How one account stands now."""
    async with doors.read() as connection:
        return _view(await visible_position(connection, caller, account))


@router.get("/accounts/{account}/position", responses=failing(*READS), operation_id="get_position")
async def get_position(
    doors: OpenDoors,
    caller: ReadAccounts,
    account: AccountCode,
    holds: Annotated[int, Query(ge=0, le=200, description="Open holds listed at most.")] = 20,
) -> FullPositionView:
    """All about one account, read in one snapshot: also its holds, its accrued interest, plans."""
    async with doors.read() as connection:
        found = await positions.position(connection, caller.book_id, account, holds_shown=holds)
    if not caller.may_see(found.account.party_id):
        raise NotFound("account", account)
    return full_view(found)


@router.get(
    "/accounts/{account}/statement", responses=failing(*READS), operation_id="get_statement"
)
async def get_statement(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadAccounts,
    account: AccountCode,
    limit: Limit = 50,
    after: After = None,
    from_date: Annotated[CalendarDate | None, Query()] = None,
    to_date: Annotated[CalendarDate | None, Query()] = None,
    axis: OnAxis = "business",
    known_at: KnownAt = None,
) -> StatementView:
    """A page of the account's statement in order of a date, both dates included, cut at a number.

    A cursor brings the cut of its first page along: all pages are of one moment.
    """
    if from_date is not None and to_date is not None and from_date > to_date:
        raise InvalidInput.one("query/from_date", from_date.isoformat(), f"a day up to {to_date}")
    async with doors.read() as connection:
        await visible_position(connection, caller, account)
        with named_in_query():
            page = await statements.statement(
                connection,
                caller.book_id,
                account,
                after=_cursor(after, axis),
                limit=limit,
                from_date=from_date,
                to_date=to_date,
                axis=Axis(axis),
                known_at=known_at,
            )
    following = None
    if page.next_cursor is not None:
        last = page.next_cursor
        place = (last.on, last.recorded_seq, last.line, last.known_at)
        following = cursor(axis, *place, last.balance_satang)
        link_next(request, response, following)
    return StatementView(
        account=account,
        currency="THB",
        axis=axis,
        known_at_seq=page.known_at,
        changed_since=_changes(page.changed_since),
        opening_balance=format_baht(page.opening_satang),
        closing_balance=format_baht(page.closing_satang),
        data=[_line(line) for line in page.lines],
        has_more=following is not None,
        next_cursor=following,
    )


def _cursor(after: str | None, axis: AxisName) -> statements.Cursor | None:
    number = r"[0-9]{1,18}"
    date_pattern = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    told = rf"-?{number}"
    place = rf"{date_pattern}\x1f{number}\x1f[0-9]{{1,9}}\x1f{number}"
    parts = parts_of(after, rf"{axis}\x1f{place}\x1f{told}")
    if parts is None:
        return None
    return statements.Cursor(
        on=parse_date(parts[1], "after"),
        recorded_seq=int(parts[2]),
        line=int(parts[3]),
        known_at=int(parts[4]),
        balance_satang=int(parts[5]),
    )


def _changes(changes: statements.LaterChanges | None) -> LaterChangesView | None:
    if changes is None:
        return None
    return LaterChangesView(
        count=changes.count, first_seq=changes.first_seq, last_seq=changes.last_seq
    )


def _line(line: statements.StatementLine) -> LineView:
    return LineView(
        recorded_seq=line.recorded_seq,
        line=line.line,
        journal_id=line.journal_id,
        fiscal_year=line.voucher.fiscal_year,
        voucher_no=line.voucher.voucher_no,
        kind=line.kind,
        business_date=line.business_date,
        value_date=line.value_date,
        amount=format_baht(line.amount_satang),
        balance=format_baht(line.balance_satang),
        counter_account=line.counter_account,
        reference=line.reference,
        narrative=line.narrative,
        reverses=line.reverses,
        adjusts=line.adjusts,
        forced=line.forced,
    )
