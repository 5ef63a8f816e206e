"""Verbs of the back office on prices: rate sheets.

A sheet drafted by one person is approved by another; who acts is said with `--actor` and recorded.
Whoever can run these verbs can reach the database: the machine's own accounts guard them.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from api.cli.context import opened_book
from api.cli.output import Facts, Json, run, table
from api.cli.reading import BookOption, show_pairs
from api.settings import Settings
from ledger import books
from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.money import format_baht
from pricing.rate_lines import RateLine, one_rate, parse_slab, require_lines
from pricing.rates import format_rate_percent, parse_rate_percent
from pricing.sheets import Sheet, approve_sheet, draft_sheet, list_sheets
from products.catalogue import load_product

rates_app = typer.Typer(help="Rate sheets: draft, approve, list.", no_args_is_help=True)

Actor = Annotated[str, typer.Option("--actor", help="Who does it, for the record.")]
_STATES = {1: "draft", 2: "approved", 3: "withdrawn"}


@rates_app.command("list")
def rates_list(book: BookOption = None, json: Json = False) -> None:
    """Every rate sheet, newest date first."""

    async def work() -> Facts:
        async with opened_book(Settings.from_environment(), book) as (database, found):
            sheets = await list_sheets(database.application, found.book_id)
        return {"sheets": [_sheet(sheet) for sheet in sheets]}

    run(work(), json, _show_sheets)


def _sheet(sheet: Sheet) -> dict[str, object]:
    return {
        "sheet_id": str(sheet.sheet_id),
        "product": sheet.product_code,
        "effective_from": sheet.effective_from.isoformat(),
        "annual_rate_percent": format_rate_percent(sheet.annual_rate_e8),
        "slabs": [_slab(line) for line in sheet.lines],
        "state": _STATES[sheet.state],
        "made_by": sheet.made_by,
        "approved_by": sheet.approved_by,
    }


def _slab(line: RateLine) -> dict[str, str]:
    return {
        "from": format_baht(line.slab_from_satang),
        "annual_rate_percent": format_rate_percent(line.annual_rate_e8),
    }


def _show_sheets(facts: Facts) -> None:
    sheets = facts["sheets"]
    if isinstance(sheets, list):
        columns = ("product", "from", "% a year", "state", "made by", "approved by", "id")
        names = ["product", "effective_from", "slabs", "state"]
        names += ["made_by", "approved_by", "sheet_id"]
        told = [sheet | {"slabs": _told(sheet["slabs"], "\n")} for sheet in sheets]
        rows = [[str(sheet[name] or "") for name in names] for sheet in told]
        table("Rate sheets", columns, rows)


def _show_sheet(facts: Facts) -> None:
    show_pairs({**facts, "slabs": _told(facts["slabs"], "; ")})


def _told(slabs: object, between: str) -> str:
    """Slabs for people: "1.2500; from 100000.00 1.5000"."""
    if not isinstance(slabs, list):
        return ""
    first, *above = slabs
    told = [f"from {slab['from']} {slab['annual_rate_percent']}" for slab in above]
    return between.join([first["annual_rate_percent"], *told])


@rates_app.command("draft")
def rates_draft(
    product: Annotated[str, typer.Argument(help="Product code, e.g. SAVINGS.")],
    percent: Annotated[
        str, typer.Argument(help='Per cent a year, e.g. "1.3750"; with slabs, of the lowest.')
    ],
    effective: Annotated[str, typer.Option("--from", help="First date it is in force.")],
    actor: Actor,
    slab: Annotated[
        list[str] | None,
        typer.Option(
            help='From which balance another rate, "100000.00=1.5000"; as often as wanted.'
        ),
    ] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Draft a sheet; it prices nothing until another person approves it."""

    async def work() -> Facts:
        rate, first = parse_rate_percent(percent, "PERCENT"), parse_date(effective, "--from")
        above = [parse_slab(text, "--slab") for text in slab or ()]
        lines = require_lines([*one_rate(rate), *above], "slabs")
        async with opened_book(Settings.from_environment(), book) as (database, found):
            async with database.poster.acquire() as connection:
                await load_product(connection, found.book_id, product)
            sheet = await draft_sheet(
                database.application,
                found.book_id,
                product_code=product,
                effective_from=first,
                lines=lines,
                made_by=actor,
            )
        return _sheet(sheet)

    run(work(), json, _show_sheet)


@rates_app.command("approve")
def rates_approve(
    sheet_id: Annotated[str, typer.Argument(help="Id of the draft (cff rates list).")],
    actor: Actor,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Approve another person's draft, today, for its later date."""

    async def work() -> Facts:
        wanted = _uuid(sheet_id)
        async with opened_book(Settings.from_environment(), book) as (database, found):
            async with database.poster.acquire() as connection:
                today = (await books.read_head(connection, found.book_id)).business_date
            sheet = await approve_sheet(
                database.application, found.book_id, wanted, approved_by=actor, on=today
            )
        return _sheet(sheet)

    run(work(), json, _show_sheet)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput.one("SHEET_ID", text, "an id as `cff rates list` shows it") from None
