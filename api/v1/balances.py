"""Balances: many accounts at one moment, now or at any date as known at any number."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import AccountCode, CalendarDate, Currency, SignedAmount, View
from api.v1.moments import AxisName, KnownAt, On, OnAxis, day_of, pinned
from ledger import accounts, asof
from ledger.asof import Axis
from ledger.db import Connection
from ledger.errors import NotFound
from ledger.money import format_baht

router = APIRouter(prefix="/books/{book}", tags=["balances"])

# Balances and head in one statement: all of them stand at the same number.
_BALANCES = """
SELECT a.code, b.debits, b.credits, b.held, b.excess_satang,
    greatest(0, b.credits - b.debits - b.held - b.balance_min) AS available_satang,
    b.balance_min IS NOT NULL AS limited, h.recorded_seq, h.business_date
FROM ledger.account AS a
INNER JOIN ledger.balance AS b ON b.book_id = a.book_id AND b.account_id = a.account_id
INNER JOIN ledger.book_head AS h ON h.book_id = a.book_id
WHERE a.book_id = $1 AND a.code = ANY($2::text []) AND ($3::int IS NULL OR a.party_id = $3)
ORDER BY a.code
"""


class DatedBalanceView(View):
    """An account on the date. What is held, available and in excess is told of now only."""

    account: str
    debits: SignedAmount
    credits: SignedAmount
    balance: SignedAmount
    held: SignedAmount | None
    available: SignedAmount | None
    excess: SignedAmount | None


class Balances(View):
    """The accounts that were asked for, in order of their codes, all at one moment.

    on, axis, known_at_seq: the close of that day by that date, as known at that number.
    recorded_seq: the book's last number when this was read.
    """

    currency: Currency
    on: CalendarDate
    axis: AxisName
    known_at_seq: int
    recorded_seq: int
    data: list[DatedBalanceView]


@router.get("/balances", responses=failing(*READS), operation_id="get_balances")
async def get_balances(
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(in_book("accounts:read"))],
    account: Annotated[
        list[AccountCode], Query(min_length=1, max_length=1000, description="Repeat for several.")
    ],
    on: On = None,
    axis: OnAxis = "business",
    known_at: KnownAt = None,
) -> Balances:
    """Many accounts at one moment; 404 names the first that is not there to be seen."""
    wanted = sorted(set(account))
    async with doors.read() as connection:
        if on is None and known_at is None:
            return await _now(connection, caller, wanted, axis)
        found = await accounts.by_codes(connection, caller.book_id, wanted)
        _require(wanted, {code for code, a in found.items() if caller.may_see(a.party_id)})
        at = await pinned(connection, caller.book_id, known_at)
        day = day_of(on, at)
        ids = [found[code].account_id for code in wanted]
        balances = await asof.balances_at(connection, at, ids, on=day, axis=Axis(axis))
    return Balances(
        currency="THB",
        on=day,
        axis=axis,
        known_at_seq=at.known_at,
        recorded_seq=at.head_seq,
        data=[
            DatedBalanceView(
                account=code,
                debits=format_baht(balances[number].debits),
                credits=format_baht(balances[number].credits),
                balance=format_baht(balances[number].balance_satang),
                held=None,
                available=None,
                excess=None,
            )
            for code, number in zip(wanted, ids, strict=True)
        ],
    )


async def _now(
    connection: Connection, caller: Caller, wanted: list[str], axis: AxisName
) -> Balances:
    """Everything recorded: nothing has a later date, so both axes say the same."""
    rows = await connection.fetch(_BALANCES, caller.book_id, wanted, caller.party_id)
    _require(wanted, {row["code"] for row in rows})
    return Balances(
        currency="THB",
        on=rows[0]["business_date"],
        axis=axis,
        known_at_seq=rows[0]["recorded_seq"],
        recorded_seq=rows[0]["recorded_seq"],
        data=[
            DatedBalanceView(
                account=row["code"],
                debits=format_baht(row["debits"]),
                credits=format_baht(row["credits"]),
                balance=format_baht(row["credits"] - row["debits"]),
                held=format_baht(row["held"]),
                available=format_baht(row["available_satang"]) if row["limited"] else None,
                excess=format_baht(row["excess_satang"]),
            )
            for row in rows
        ],
    )


def _require(wanted: list[str], known: set[str]) -> None:
    for code in wanted:
        if code not in known:
            raise NotFound("account", code)
