"""Verbs of the back office on lending: the rules that loan requests are judged by.

A file of rules is loaded whole or not at all; who entered it and who approved it stands in the file
and on every row. Whoever can run these verbs can reach the database: the machine's own accounts
guard them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import opened_book, reading_book
from api.cli.output import Facts, Json, out, run, table
from api.cli.reading import BookOption, date_or_none, show_pairs
from api.settings import Settings
from ledger.books import read_head
from ledger.errors import InvalidInput
from ledger.money import format_baht
from products.loans.approval import Authority
from products.loans.lending_file import add_lending_rules, parse_lending_file
from products.loans.lending_rules import approvers_on, authorities_on, kinds_on

lending_app = typer.Typer(
    help="Rules of lending: kinds, papers, authorities, approvers, limits.", no_args_is_help=True
)


@lending_app.command("load")
def lending_load(
    file: Annotated[Path, typer.Argument(help="A JSON file (examples/lending_rules.json).")],
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Add the rules of a file, all or nothing. A rule changes by a row with a later date."""

    async def work() -> Facts:
        if not file.is_file():
            raise InvalidInput.one("FILE", str(file), "a file of lending rules")
        rules = parse_lending_file(file.read_bytes())
        async with (
            opened_book(Settings.from_environment(), book) as (database, found),
            database.poster.acquire() as connection,
            connection.transaction(),
        ):
            await add_lending_rules(connection, found.book_id, rules)
        by = {"entered_by": rules.entered_by, "approved_by": rules.approved_by}
        return {"book": found.code, **by, **rules.counts}

    run(work(), json, show_pairs)


@lending_app.command("show")
def lending_show(
    on: Annotated[str | None, typer.Option("--on", help="Default: the open business date.")] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Which loans may be asked for on a date, and who approves how much."""

    async def work() -> Facts:
        day = date_or_none(on, "--on")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            day = day or (await read_head(connection, found.book_id)).business_date
            kinds = await kinds_on(connection, found.book_id, day)
            authorities = await authorities_on(connection, found.book_id, day)
            approvers = await approvers_on(connection, found.book_id, day)
        return {
            "on": day.isoformat(),
            "loan_kinds": list(kinds),
            "authorities": [_authority(each) for each in authorities],
            "approvers": [{"actor": actor, "level": approvers[actor]} for actor in approvers],
        }

    run(work(), json, _show)


def _authority(authority: Authority) -> dict[str, object]:
    return {
        "amount_up_to": format_baht(authority.amount_up_to_satang),
        "way": authority.way.code,
        "levels": list(authority.levels),
        "approvals": authority.approvals,
        "quorum": authority.quorum,
        "seats": authority.seats,
        "valid_days": authority.valid_days,
    }


def _show(facts: Facts) -> None:
    kinds, authorities, approvers = facts["loan_kinds"], facts["authorities"], facts["approvers"]
    if isinstance(kinds, list):
        out.print(f"{facts['on']}: {', '.join(kinds) or 'no kind of loan is offered'}")
    for title, rows in (("Authorities", authorities), ("Approvers", approvers)):
        if isinstance(rows, list) and rows:
            shown = [[_cell(value) for value in row.values()] for row in rows]
            table(title, tuple(_COLUMNS.get(name, name) for name in rows[0]), shown)


_COLUMNS = {"amount_up_to": "up to>", "valid_days": "days"}


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
