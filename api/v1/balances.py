"""Balances: several accounts as they stand at one moment, in one query."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import AccountCode, Currency, View
from api.v1.posting import BalanceView
from ledger.errors import NotFound
from ledger.money import format_baht

router = APIRouter(prefix="/books/{book}", tags=["balances"])

# Balances and head in one statement: all of them stand at the same number.
_BALANCES = """
SELECT a.code, b.credits - b.debits AS balance_satang, b.held, b.excess_satang,
    greatest(0, b.credits - b.debits - b.held - b.balance_min) AS available_satang,
    b.balance_min IS NOT NULL AS limited, h.recorded_seq
FROM ledger.account AS a
INNER JOIN ledger.balance AS b ON b.book_id = a.book_id AND b.account_id = a.account_id
INNER JOIN ledger.book_head AS h ON h.book_id = a.book_id
WHERE a.book_id = $1 AND a.code = ANY($2::text []) AND ($3::int IS NULL OR a.party_id = $3)
ORDER BY a.code
"""


class Balances(View):
    """The accounts that were asked for, in order of their codes, all at number `recorded_seq`."""

    currency: Currency
    recorded_seq: int
    data: list[BalanceView]


@router.get("/balances", responses=failing(*READS), operation_id="get_balances")
async def get_balances(
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(in_book("accounts:read"))],
    account: Annotated[
        list[AccountCode], Query(min_length=1, max_length=200, description="Repeat for several.")
    ],
) -> Balances:
    """Several accounts at one moment; 404 names the first that is not there to be seen."""
    wanted = sorted(set(account))
    async with doors.read() as connection:
        rows = await connection.fetch(_BALANCES, caller.book_id, wanted, caller.party_id)
    known = {row["code"] for row in rows}
    for code in wanted:
        if code not in known:
            raise NotFound("account", code)
    return Balances(
        currency="THB",
        recorded_seq=rows[0]["recorded_seq"],
        data=[
            BalanceView(
                account=row["code"],
                balance=format_baht(row["balance_satang"]),
                held=format_baht(row["held"]),
                available=format_baht(row["available_satang"]) if row["limited"] else None,
                excess=format_baht(row["excess_satang"]),
            )
            for row in rows
        ],
    )
