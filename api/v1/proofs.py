"""Proofs: a journal's way to its seal, and statements with a proof for every journal in them.

A key of a member co-op gets proofs of journals that touch its own accounts; such a proof shows the
whole journal, other accounts by number.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.accounts import visible_position
from api.v1.fields import AccountCode, CalendarDate, Id, SignedAmount, View
from api.v1.seals import SealView, seal_view
from ledger.books import get_book
from ledger.db import Connection
from ledger.errors import InvalidInput, NotFound
from ledger.evidence.files import proof_facts, statement_document
from ledger.evidence.proofs import prove_journal
from ledger.evidence.seals import get_seal, public_keys

router = APIRouter(prefix="/books/{book}", tags=["evidence"])
ReadProofs = Annotated[Caller, Depends(in_book("seals:read"))]

JOURNALS_MAX = 5_000
"""Journals of one statement file at most; ask for a shorter range, or `cff statement-file`."""

_VISIBLE = """
SELECT EXISTS (
    SELECT FROM ledger.transfer AS t
    INNER JOIN ledger.account AS a
        ON a.book_id = t.book_id AND a.account_id IN (t.debit_account, t.credit_account)
    WHERE t.book_id = $1 AND t.journal_id = $2 AND ($3::integer IS NULL OR a.party_id = $3)
)
"""


class ProofView(View):
    """A journal's canonical bytes and the path from its leaf to the root of its seal."""

    recorded_seq: int
    seal_no: int
    digest_version: int
    journal: str
    leaf_index: int
    tree_size: int
    path: list[str]


class JournalProofView(ProofView):
    """A proof with the seal that it leads to."""

    journal_id: UUID
    seal: SealView


class StatementLineView(View):
    """A line of a statement file: a credit above zero, a debit below."""

    recorded_seq: int
    line: int
    journal_id: UUID
    business_date: CalendarDate
    value_date: CalendarDate
    amount: SignedAmount
    balance: SignedAmount
    reference: str
    narrative: str


class StatementFileView(View):
    """A statement file: keep it as it is, `cff verify-statement` reads it."""

    format: str
    version: int
    book_id: int
    book: str
    account: str
    account_number: int
    from_date: CalendarDate = Field(alias="from")
    to: CalendarDate
    known_at: int
    opening: SignedAmount
    closing: SignedAmount
    seals: list[int]
    lines: list[StatementLineView]
    proofs: list[ProofView]


@router.get(
    "/journals/{journal_id}/proof",
    responses=failing(*READS, "not_sealed_yet"),
    operation_id="prove_journal",
)
async def prove_one(doors: OpenDoors, caller: ReadProofs, journal_id: Id) -> JournalProofView:
    """The proof of a posted journal; 409 `not_sealed_yet` until the night after it."""
    async with doors.read() as connection:
        await _require_visible(connection, caller, journal_id)
        proof = await prove_journal(connection, caller.book_id, journal_id)
        seal = await get_seal(connection, caller.book_id, proof.seal_no)
        keys = {key.key_id: key for key in await public_keys(connection)}
    facts = proof_facts(proof) | {"journal_id": journal_id, "seal": seal_view(seal, keys)}
    return JournalProofView.model_validate(facts)


@router.get(
    "/accounts/{account}/statement-file",
    responses=failing(*READS, "not_sealed_yet"),
    operation_id="get_statement_file",
)
async def get_statement_file(
    doors: OpenDoors,
    caller: ReadProofs,
    account: AccountCode,
    from_date: Annotated[CalendarDate | None, Query(alias="from")] = None,
    to_date: Annotated[CalendarDate | None, Query(alias="to")] = None,
) -> StatementFileView:
    """A statement with a proof for every journal in it, known at the last sealed number.

    Without dates: from the book's first date to the last sealed one.
    """
    if from_date is not None and to_date is not None and from_date > to_date:
        raise InvalidInput.one("query/from", from_date.isoformat(), f"a date up to {to_date}")
    async with doors.read() as connection:
        await visible_position(connection, caller, account)
        book = await get_book(connection, caller.book_code)
        document = await statement_document(
            connection, book, account, from_date=from_date, to_date=to_date, most=JOURNALS_MAX
        )
    return StatementFileView.model_validate(document)


async def _require_visible(connection: Connection, caller: Caller, journal_id: UUID) -> None:
    """Raise `NotFound` unless the journal is posted and touches something of the caller's."""
    if not await connection.fetchval(_VISIBLE, caller.book_id, journal_id, caller.party_id):
        raise NotFound("posted journal", journal_id)
