"""`cff position`: everything about accounts in one look, every figure at the same number."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.context import reading_book
from api.cli.output import Facts, Json, out, run
from api.cli.reading import BookOption, show_pairs
from api.settings import Settings
from ledger.errors import NotFound
from ledger.money import format_baht
from products import positions
from products.positions import FullPosition


def position(
    codes: Annotated[list[str], typer.Argument(metavar="CODE...", help="Codes of accounts.")],
    holds: Annotated[int, typer.Option(min=0, max=1000, help="Open holds listed at most.")] = 20,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """All about accounts from one snapshot: holds, accrued interest, limits, plans, freezes."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            known = await positions.positions(connection, found.book_id, codes, holds_shown=holds)
        for code in codes:
            if code not in known:
                raise NotFound("account", code)
        first = known[codes[0]]
        return {
            "business_date": first.business_date,
            "recorded_seq": first.recorded_seq,
            "accounts": [position_facts(known[code]) for code in dict.fromkeys(codes)],
        }

    run(work(), json, _show)


def position_facts(position: FullPosition) -> dict[str, object]:
    """A position as facts; money as text with two places, None where there is no such thing."""
    interest, planned = position.interest, position.planned_limits
    return {
        "account": position.account.code,
        "name_th": position.account.name_th,
        "gl_code": position.account.gl_code,
        "balance": format_baht(position.balance_satang),
        "held": format_baht(position.held_satang),
        "hold_count": position.hold_count,
        "available": _baht(position.available_satang),
        "accrued_interest": None if interest is None else format_baht(interest.accrued_satang),
        "accrued_to": None if interest is None else interest.accrued_to,
        "balance_min": _baht(position.balance_min_satang),
        "balance_max": _baht(position.balance_max_satang),
        "limits_change_on": None if planned is None else planned.effective_on,
        "planned_min": None if planned is None else _baht(planned.balance_min_satang),
        "planned_max": None if planned is None else _baht(planned.balance_max_satang),
        "excess": format_baht(position.excess_satang),
        "closed": position.closed,
        "debits_frozen": position.debits_frozen,
        "credits_frozen": position.credits_frozen,
        "frozen_until": position.frozen_until,
        "changed_seq": position.changed_seq,
        "holds": [
            {
                "hold_id": str(hold.hold_id),
                "amount": format_baht(hold.amount_satang),
                "expires_on": hold.expires_on,
                "reference": hold.reference,
            }
            for hold in position.holds
        ],
    }


def _baht(satang: int | None) -> str | None:
    return None if satang is None else format_baht(satang)


def _show(facts: Facts) -> None:
    found = facts["accounts"]
    if not isinstance(found, list):
        return
    for account in found:
        held = account["holds"]
        show_pairs({name: value for name, value in account.items() if name != "holds"})
        for hold in held:
            until = f" until {hold['expires_on']}" if hold["expires_on"] else ""
            out.print(f"  hold {hold['hold_id']} {hold['amount']}{until}", markup=False)
        out.print()
    out.print(f"on {facts['business_date']}, at number {facts['recorded_seq']}", markup=False)
