"""What one date's interest is worked out from, read once, as known on any night since.

The value-dated movements of the contract's account, what was capitalised for the date, interest
brought from an old system, and what each date of the period pays: by the sheet that its night used.
A placement's period is its coupon, and every date of it pays by the sheet of its term. Nothing is
read that nights worked out themselves: neither spans nor legs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from ledger.dates import days
from ledger.db import Connection, statements
from pricing.quotes import ApprovedSheet, approved_sheet
from products.catalogue import PLACEMENTS, Product
from products.contracts import Contract
from products.deposits.telling import Placed, placed_on
from products.interest import period_start
from products.interest.earning import Conditions
from products.late_cases import interest_brought, sheets_of
from products.workings import Inputs

_SQL = statements(Path(__file__).parent / "sql" / "known_inputs.sql")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownInputs:
    """The inputs of a date, movements and credits still by the business date that recorded them.

    sheet:    the sheet that says what the date pays; None where a note does.
    placed:   the term and coupon of the date, of a placement.
    inputs:   without movements.
    moved:    (business date, value date, net change); what came by the date as one business date,
              value dates before the period as one.
    credited: (night, what it capitalised for the date), where the date ends a period.
    """

    sheet: ApprovedSheet | None
    placed: Placed | None
    inputs: Inputs
    moved: Sequence[tuple[date, date, int]]
    credited: Sequence[tuple[date, int]]

    def known_on(self, night: date) -> Inputs:
        """The inputs with what was recorded up to the end of a night, the date's own or later."""
        first, on = self.inputs.period_start, self.inputs.on
        opening, changes = 0, {on: 0}
        for recorded_on, value_date, net in self.moved:
            if recorded_on <= night and value_date < first:
                opening += net
            elif recorded_on <= night:
                changes[value_date] = changes.get(value_date, 0) + net
        changes[on] -= sum(amount for made_on, amount in self.credited if made_on <= night)
        return replace(self.inputs, opening_satang=opening, changes=changes)


async def load_inputs(
    connection: Connection,
    contract: Contract,
    product: Product,
    on: date,
    known_on: date | None = None,
) -> KnownInputs:
    """Everything that the contract's interest of the date `on` is worked out from.

    known_on: the last night whose payments of a placement's interest are told; None = all.
    Raises `NotFound` where no approved sheet is in force on a date of the period.
    """
    if product.family in PLACEMENTS:
        return await _placement(connection, contract, product, on, known_on)
    return await _savings(connection, contract, product, on)


async def _savings(
    connection: Connection, contract: Contract, product: Product, on: date
) -> KnownInputs:
    first = period_start(product.terms, on, contract.interest_from)
    sheets, lines = await sheets_of(connection, product, first, on + _ONE_DAY)
    paid = {sheet_id: _paid(product.conditions(told)) for sheet_id, told in lines.items()}
    key = (contract.book_id, contract.contract_id)
    credited = await connection.fetch(_SQL["credited"], *key, on)
    return KnownInputs(
        sheet=await approved_sheet(connection, contract.book_id, sheets[on]),
        placed=None,
        inputs=Inputs(
            terms=product.terms,
            on=on,
            period_start=first,
            opening_satang=0,
            changes={},
            paid={day: paid[sheet_id] for day, sheet_id in sheets.items()},
            brought_exact=await _brought(connection, contract, first),
        ),
        moved=await _moved(connection, contract, first, on),
        credited=[(row["made_on"], row["amount_satang"]) for row in credited],
    )


async def _placement(
    connection: Connection, contract: Contract, product: Product, on: date, known_on: date | None
) -> KnownInputs:
    """What a coupon pays has the value date of its payment, which its own dates do not see."""
    placed = await placed_on(connection, contract, product, on, known_on)
    begins, first = placed.coupon.from_date, max(placed.coupon.from_date, contract.interest_from)
    return KnownInputs(
        sheet=placed.source if isinstance(placed.source, ApprovedSheet) else None,
        placed=placed,
        inputs=Inputs(
            terms=product.terms,
            on=on,
            period_start=first,
            opening_satang=0,
            changes={},
            paid=dict.fromkeys(days(first, on + _ONE_DAY), placed.pays),
            brought_exact=await _brought(connection, contract, first) if begins < first else 0,
        ),
        moved=await _moved(connection, contract, first, on),
        credited=[],
    )


async def _brought(connection: Connection, contract: Contract, first: date) -> int:
    """What the first period, and no other, brought from an old system."""
    if first != contract.interest_from:
        return 0
    brought = await interest_brought(connection, contract.book_id, [contract.contract_id])
    return brought.get(contract.contract_id, 0)


async def _moved(
    connection: Connection, contract: Contract, first: date, on: date
) -> list[tuple[date, date, int]]:
    rows = await connection.fetch(_SQL["moved"], contract.book_id, contract.account_id, first, on)
    return [(row["recorded_on"], row["value_date"], int(row["net"])) for row in rows]


def _paid(told: int | Conditions) -> Conditions:
    """What a date pays in one shape: a rate alone is one slab and no minimum."""
    return told if isinstance(told, Conditions) else Conditions.flat(told)
