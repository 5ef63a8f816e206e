"""The facts that a placement's life is lived from, out of its numbered notes. Pure.

Notes tell what persons decided: opened (or brought along), instructed, ended early, paid after it
waited. What a night could not do is listed in its chunks. Nothing of `products.placement`, `term`
and `coupon` is asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from products.proof.calendars import ONE_DAY
from products.proof.contract_rows import Piece, Shelf
from products.proof.placed import (
    ENDED_EARLY,
    INSTRUCTED,
    MATURED,
    OPENED,
    WAITS,
    Brought,
    Facts,
    Instructed,
)
from products.proof.placement_rows import Row, day_of, newest

Body = Mapping[str, Any]
NOBODY = 0
"""The account that a note names and the book does not have."""


def read_body(row: Row) -> Body:
    """What a note says; nothing where it cannot be read."""
    try:
        body = json.loads(row["body"])
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def facts_of(row: Row, piece: Piece, shelf: Shelf) -> Facts | None:
    """The facts of a placement; None without an offer, or an opening note that can be read."""
    notes = piece.placed.notes.get(row["account_id"], ())
    opening = next((note for note in notes if note["kind"] == OPENED), None)
    offer = shelf.placed.offers.get(row["product_code"])
    if opening is None or offer is None:
        return None
    body = read_body(opening)
    try:
        brought = _brought(row, body)
        every, matures_on = int(body["paid_every_months"]), _day(body["matures_on"])
    except (ValueError, KeyError, TypeError):
        return None
    opened = _instructed(opening, piece, body)
    contract_id: UUID = row["contract_id"]
    return Facts(
        offer=offer,
        account=row["account_id"],
        opened=opened,
        every=every,
        principal=opening["amount_satang"],
        matures_on=matures_on,
        holder=row["holder"],
        taxes=shelf.placed.taxes.get((row["holder"], offer.family), ()),
        sheets=shelf.placed.sheets.get(row["product_code"], ()),
        savings=shelf.placed.sheets.get(offer.savings_product or "", ()),
        holidays=shelf.placed.holidays,
        instructed=_later(opened, piece, notes),
        listed=frozenset(_listed(contract_id, piece, shelf)),
        paid=frozenset(credit["made_on"] for credit in piece.credits.get(contract_id, ())),
        ended_early=day_of(newest(notes, ENDED_EARLY)),
        paid_late=day_of(newest(notes, MATURED)) if newest(notes, WAITS) else None,
        brought=brought,
        bears_from=opened.on if brought is None else brought.accrued_to + ONE_DAY,
        matured_to=piece.matured_to(row),
        accrued_to=piece.accrued_to(row),
    )


def _brought(row: Row, body: Body) -> Brought | None:
    """What the note of interest brought along says besides the opening note."""
    if row["brought"] is None:
        return None
    interest = json.loads(row["brought"])
    return Brought(
        begins_on=_day(body["begins_on"]),
        rate=int(body["annual_rate_e8"]),
        exact=int(interest["exact"]),
        accrued_to=_day(interest["accrued_to"]),
    )


def _day(text: object) -> date:
    return date.fromisoformat(str(text))


def _instructed(note: Row, piece: Piece, body: Body) -> Instructed:
    number = str(body.get("linked"))
    linked = piece.placed.linked.get(number)
    return Instructed(
        on=note["business_date"],
        linked_no=number,
        linked_account=linked["account_id"] if linked else NOBODY,
        instruction=str(body.get("instruction")),
    )


def _later(opened: Instructed, piece: Piece, notes: Sequence[Row]) -> tuple[Instructed, ...]:
    """Instructions after the first one; what a note does not name stays as it was."""
    found, told = [], opened
    for note in notes:
        if note["kind"] == INSTRUCTED:
            before = {"linked": told.linked_no, "instruction": told.instruction}
            told = _instructed(note, piece, {**before, **read_body(note)})
            found.append(told)
    return tuple(found)


def _listed(contract_id: UUID, piece: Piece, shelf: Shelf) -> set[date]:
    """Nights that left something undone; one that runs beside the proof stands in the piece."""
    key = ("mature", contract_id)
    return shelf.refused.get(key, set()) | piece.refused.get(key, set())
