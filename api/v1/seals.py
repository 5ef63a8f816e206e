"""Day seals: what each night signed, for whoever wants to keep it (bytes: docs/evidence.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import CalendarDate, View
from api.v1.pages import After, Limit, Page, cursor, next_page, number_after
from ledger.evidence.canonical import trial_balance_rows
from ledger.evidence.files import seal_facts
from ledger.evidence.keys import PublicKey
from ledger.evidence.seals import Seal, get_seal, list_seals, public_keys
from ledger.money import format_baht

router = APIRouter(prefix="/books/{book}/seals", tags=["evidence"])
ReadSeals = Annotated[Caller, Depends(in_book("seals:read"))]
SealNo = Annotated[int, Path(ge=1, le=10**18)]


class SealView(View):
    """A seal as a seal file has it, with its public key; hashes and keys are lower-case hex."""

    version: int
    book_id: int
    book: str
    seal_no: int
    business_date: CalendarDate
    first_seq: int
    last_seq: int
    journal_count: int
    transfer_count: int
    amount_sum: str
    merkle_root: str
    trial_balance_hash: str
    debits: str
    credits: str
    batch_no: int
    batch_digest: str
    previous: str
    hash: str
    signature: str
    key_id: str
    public_key: str


class GlTotalView(View):
    """A line of the sealed trial balance: counters since the book began."""

    gl_code: str
    debits: str
    credits: str


class SealWithBalanceView(SealView):
    """A seal with the trial balance under its hash; a member co-op's key does not see that."""

    trial_balance: list[GlTotalView] | None


def seal_view(seal: Seal, keys: Mapping[str, PublicKey]) -> SealView:
    """A seal as it goes out; `keys` by key_id."""
    return SealView.model_validate(_facts(seal, keys))


def _facts(seal: Seal, keys: Mapping[str, PublicKey]) -> dict[str, object]:
    return seal_facts(seal) | {"public_key": keys[seal.key_id].raw.hex()}


@router.get("", responses=failing(*READS), operation_id="list_seals")
async def list_day_seals(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadSeals,
    limit: Limit = 50,
    after: After = None,
) -> Page[SealView]:
    """Seals in order of their numbers, which have no gap."""
    async with doors.read() as connection:
        rows = await list_seals(
            connection, caller.book_id, after=number_after(after), limit=limit + 1
        )
        keys = {key.key_id: key for key in await public_keys(connection)}
    return next_page(
        request,
        response,
        rows,
        limit,
        lambda seal: seal_view(seal, keys),
        lambda seal: cursor(seal.content.seal_no),
    )


@router.get("/{seal_no}", responses=failing(*READS), operation_id="get_seal")
async def get_day_seal(doors: OpenDoors, caller: ReadSeals, seal_no: SealNo) -> SealWithBalanceView:
    """One seal; with the trial balance that it signs for whoever may see the whole book."""
    async with doors.read() as connection:
        seal = await get_seal(connection, caller.book_id, seal_no)
        keys = {key.key_id: key for key in await public_keys(connection)}
    rows = [
        GlTotalView(
            gl_code=row.gl_code, debits=format_baht(row.debits), credits=format_baht(row.credits)
        )
        for row in trial_balance_rows(seal.trial_balance)
    ]
    shown = rows if caller.party_id is None else None
    return SealWithBalanceView.model_validate(_facts(seal, keys) | {"trial_balance": shown})
