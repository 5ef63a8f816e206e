"""Journals as they stand: proposals page by page, one by its id or by its voucher number."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import Id
from api.v1.journal_views import JournalView, of_proposal, of_record
from api.v1.pages import After, Limit, Page, cursor, next_page, parts_of
from api.v1.period_views import FiscalYear
from ledger import manual
from ledger.errors import NotFound
from ledger.manual import ManualState
from ledger.posting.records import JournalRecord
from ledger.posting.values import Journal
from ledger.vouchers import Voucher, journal_of_voucher, vouchers_of

router = APIRouter(prefix="/books/{book}")
ReadJournals = Annotated[Caller, Depends(in_book("journals:read"))]
VoucherNo = Annotated[
    str, Path(pattern=r"^[1-9][0-9]{0,17}$", description="Number within the fiscal year.")
]

_STATES = {state.code: state for state in ManualState}


@router.get(
    "/journals", tags=["journals"], responses=failing(*READS), operation_id="list_proposals"
)
async def list_proposals(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadJournals,
    limit: Limit = 50,
    after: After = None,
    state: Annotated[Literal["waiting", "posted", "rejected"] | None, Query()] = None,
) -> Page[JournalView]:
    """Proposals of manual journals in the order in which they were made."""
    start = manual.BEFORE_ALL
    parts = parts_of(after, r"[0-9T:.+-]{20,40}\x1f[0-9a-f-]{36}")
    async with doors.read() as connection:
        if parts is not None:
            before = await manual.find(connection, caller.book_id, UUID(parts[1]))
            start = start if before is None else (before.made_at, before.journal_id)
        rows = await manual.page(
            connection,
            caller.book_id,
            after=start,
            limit=limit + 1,
            state=None if state is None else _STATES[state],
        )
        codes = await manual.account_codes(
            connection, caller.book_id, [row.journal for row in rows]
        )
    return next_page(
        request,
        response,
        rows,
        limit,
        lambda row: of_proposal(row, codes),
        lambda row: cursor(row.made_at.isoformat(), row.journal_id),
    )


@router.get(
    "/journals/{journal_id}",
    tags=["journals"],
    responses=failing(*READS),
    operation_id="get_journal",
)
async def get_journal(doors: OpenDoors, caller: ReadJournals, journal_id: Id) -> JournalView:
    """A journal with its transfers: posted by whomever, or a proposal."""
    return await read_journal(doors, caller, journal_id)


async def read_journal(doors: Doors, caller: Caller, journal_id: UUID) -> JournalView:
    """A journal or a proposal, by its id. Raises `NotFound`."""
    async with doors.read() as connection:
        proposal = await manual.find(connection, caller.book_id, journal_id)
        record = await manual.recorded_journal(connection, caller.book_id, journal_id)
        if proposal is None and record is None:
            raise NotFound("journal", journal_id)
        known: list[Journal | JournalRecord] = [record] if record is not None else []
        known += [proposal.journal] if proposal is not None else []
        codes = await manual.account_codes(connection, caller.book_id, known)
        seqs = [] if record is None else [record.recorded_seq]
        vouchers = await vouchers_of(connection, caller.book_id, seqs)
    if record is not None:
        return of_record(record, proposal, codes, vouchers.get(record.recorded_seq))
    if proposal is None:
        raise NotFound("journal", journal_id)
    return of_proposal(proposal, codes)


@router.get(
    "/vouchers/{year}/{number}",
    tags=["periods"],
    responses=failing(*READS),
    operation_id="get_voucher",
)
async def get_voucher(
    doors: OpenDoors,
    caller: ReadJournals,
    year: FiscalYear,
    number: VoucherNo,
) -> JournalView:
    """The journal with this voucher number of a fiscal year."""
    voucher = Voucher(fiscal_year=int(year), voucher_no=int(number))
    async with doors.read() as connection:
        journal_id = await journal_of_voucher(connection, caller.book_id, voucher)
    if journal_id is None:
        raise NotFound("voucher", voucher)
    return await read_journal(doors, caller, journal_id)
