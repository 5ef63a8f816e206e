"""The interest of a contract on a date, explained from its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import AccountCode, CalendarDate
from api.v1.interest_views import ExplanationView, explanation_view
from ledger.errors import InvalidInput, NotFound
from products import contracts
from products.explaining import explain

router = APIRouter(prefix="/books/{book}", tags=["contracts"])

_PLACES = {"date": "path/date", "known_on": "query/known_on"}


@router.get(
    "/contracts/{contract_no}/interest/{date}",
    responses=failing(*READS),
    operation_id="explain_interest",
)
async def explain_interest(
    doors: OpenDoors,
    caller: Annotated[Caller, Depends(in_book("accounts:read"))],
    contract_no: Annotated[AccountCode, Path(description="Number of the contract.")],
    on: Annotated[CalendarDate, Path(alias="date", description="The date that bore interest.")],
    known_on: Annotated[
        CalendarDate | None,
        Query(description="As known on this night, one that has closed its date; now by default."),
    ] = None,
) -> ExplanationView:
    """What a contract earned on a date and why: balance, rate, days, rounding, corrections.

    Journals of the night carry a whole chunk of contracts: keys that hold `journals:read` see them.
    """
    async with doors.read() as connection:
        contract = await contracts.by_no(connection, caller.book_id, contract_no)
        if not caller.may_see(contract.party_id):
            raise NotFound("contract", contract_no)
        with _named_in_request():
            found = await explain(connection, contract, on, known_on=known_on)
    return explanation_view(found, whole_book="journals:read" in caller.scopes)


@contextmanager
def _named_in_request() -> Iterator[None]:
    """Problems with either date, named as the caller would point at them."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(
            [replace(each, where=_PLACES.get(each.where, each.where)) for each in error.problems]
        ) from None
