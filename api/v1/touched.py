"""Which accounts an answer about notices and bank lines may name, before it is known which moved.

An answer is made inside the posting transaction and kept for ever, so the codes of the accounts
that it may show are read beforehand: the contracts' accounts, and for the Facility's own people the
accounts of payments and banks too. A member sees its own accounts only.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from api.auth.keys import Caller
from ledger.db import Connection

_CODES = """
SELECT a.account_id, a.code FROM ledger.account AS a
WHERE a.book_id = $1 AND ($5::int IS NULL OR a.party_id = $5) AND a.account_id IN (
    SELECT c.account_id FROM products.contract AS c
    WHERE c.book_id = $1 AND c.contract_no = ANY($2::text [])
    UNION ALL
    SELECT c.account_id FROM products.contract AS c
    WHERE c.book_id = $1 AND c.contract_id IN (
        SELECT n.contract_id FROM products.notice AS n
        WHERE n.book_id = $1 AND (
            n.notice_id = ANY($3::uuid []) OR n.notice_id IN (
                SELECT m.notice_id FROM products.bank_match AS m
                WHERE m.book_id = $1 AND m.line_id = $4 AND m.undone_seq IS NULL
            )
        )
    )
    UNION ALL
    SELECT unnest(ARRAY[
        p.suspense_receipts, p.suspense_payments, p.outgoing_clearing, p.bank_fees
    ]) FROM products.payment_accounts AS p WHERE p.book_id = $1
    UNION ALL
    SELECT b.account_id FROM products.bank_account AS b WHERE b.book_id = $1
)
"""


async def codes_of(
    connection: Connection,
    caller: Caller,
    *,
    contract_nos: Sequence[str] = (),
    notice_ids: Sequence[UUID] = (),
    line_id: UUID | None = None,
) -> dict[int, str]:
    """Codes by account of what a step about these contracts, notices or bank line may move."""
    rows = await connection.fetch(
        _CODES, caller.book_id, list(contract_nos), list(notice_ids), line_id, caller.party_id
    )
    return {row["account_id"]: row["code"] for row in rows}
