"""Verbs that search and follow: find, feed, consumers, and setting a consumer back."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from api.cli.context import opened_book, reading_book
from api.cli.output import Facts, Json, out, run, table
from api.cli.reading import BookOption, date_or_none, show_pairs
from api.settings import Settings
from ledger import events, finding
from ledger import find as finder
from ledger.consumers import Consumer
from ledger.consumers import consumers as list_consumers
from ledger.consumers import rewind as set_back
from ledger.db import Database
from ledger.errors import InvalidInput
from ledger.find import FoundJournal, FoundPage, Query
from ledger.money import format_baht, parse_baht

_STEPS_MAX = 100
_PAGES_MAX = 200


def find(
    reference: Annotated[str | None, typer.Option(help="Reference, letter for letter.")] = None,
    prefix: Annotated[str | None, typer.Option(help="How the reference begins.")] = None,
    amount: Annotated[str | None, typer.Option(help="Baht, such as 1234.50.")] = None,
    amount_from: Annotated[str | None, typer.Option("--amount-from")] = None,
    amount_to: Annotated[str | None, typer.Option("--amount-to")] = None,
    party: Annotated[str | None, typer.Option(help="Member code.")] = None,
    account: Annotated[str | None, typer.Option(help="Account code.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind, such as interest_accrual.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First business date.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last business date.")] = None,
    value_from: Annotated[
        str | None, typer.Option("--value-from", help="First value date.")
    ] = None,
    value_to: Annotated[str | None, typer.Option("--value-to", help="Last value date.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who posted it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    before: Annotated[
        int | None, typer.Option(min=1, max=2**63 - 1, help="Go on below this number.")
    ] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Find journals, newest first; one transfer of each is everything that is asked."""

    async def work() -> Facts:
        if amount is not None and (amount_from is not None or amount_to is not None):
            expected = "either --amount, or --amount-from and --amount-to"
            raise InvalidInput.one("--amount", amount, expected)
        query = Query(
            reference=reference,
            reference_prefix=prefix,
            amount_from=_satang(amount or amount_from, "--amount-from"),
            amount_to=_satang(amount or amount_to, "--amount-to"),
            party=party,
            account=account,
            kind=kind,
            from_date=date_or_none(first, "--from"),
            to_date=date_or_none(last, "--to"),
            from_value_date=date_or_none(value_from, "--value-from"),
            to_value_date=date_or_none(value_to, "--value-to"),
            actor=actor,
        )
        async with opened_book(Settings.from_environment(), book) as (database, found):
            page = await _search(database, found.book_id, query, limit, before)
        return _found_facts(page)

    run(work(), json, _show_found)


async def _search(
    database: Database, book_id: int, query: Query, limit: int, before: int | None
) -> FoundPage:
    """As many journals as are wanted, over as many pages as that takes."""
    # A server keeps the search rows; where none runs, they are brought up to date here.
    await finding.catch_up(database.poster, book_id, steps_max=_STEPS_MAX)
    async with database.poster.acquire() as connection:
        page = await finder.find(connection, book_id, query, limit=limit, before=before)
        for _ in range(_PAGES_MAX):
            if len(page.journals) >= limit or not page.has_more:
                break
            left = limit - len(page.journals)
            following = await finder.find(
                connection, book_id, query, limit=left, before=page.looked_to
            )
            page = replace(following, journals=page.journals + following.journals)
    return page


def _satang(text: str | None, where: str) -> int | None:
    return None if text is None else parse_baht(text, where)


def _found_facts(page: FoundPage) -> dict[str, object]:
    return {
        "journals": [_journal_facts(journal) for journal in page.journals],
        "more": page.has_more,
        "looked_to": page.looked_to,
        "indexed_to": page.indexed_to,
        "tail": page.tail,
    }


def _journal_facts(found: FoundJournal) -> dict[str, object]:
    return {
        "recorded_seq": found.recorded_seq,
        "id": found.journal_id,
        "kind": found.kind,
        "business_date": found.business_date,
        "value_date": found.value_date,
        "actor": found.actor,
        "reference": found.reference,
        "narrative": found.narrative,
        "transfers": [
            {"debit": t.debit, "credit": t.credit, "amount": format_baht(t.amount_satang)}
            for t in found.transfers
        ],
        "transfer_count": found.transfer_count,
    }


def _show_found(facts: Facts) -> None:
    rows = facts["journals"]
    if not isinstance(rows, list):
        return
    cells = []
    for row in rows:
        shown, count = row["transfers"][0], row["transfer_count"]
        amount = str(shown["amount"]) if count == 1 else f"{count} transfers"
        sides = f"{shown['debit']} > {shown['credit']}"
        cells.append(
            (
                str(row["recorded_seq"]),
                str(row["business_date"]),
                row["kind"],
                sides,
                amount,
                row["reference"],
                row["actor"],
            )
        )
    columns = ("seq>", "date", "kind", "debit > credit", "amount>", "reference", "actor")
    table("Found", columns, cells)
    if facts["more"]:
        out.print(f"more may follow: --before {facts['looked_to']}")
    if facts["tail"]:
        out.print(f"the index lacks {facts['tail']} numbers; they were read from the record itself")


def feed(
    after: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="The last number already dealt with.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """What was recorded, number by number, with the balances that it led to."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            items = await events.feed(connection, found.book_id, after, limit)
        return {
            "items": [
                {
                    "recorded_seq": item.recorded_seq,
                    "kind": item.kind,
                    "business_date": item.business_date,
                    "actor": item.actor,
                    "amount": format_baht(
                        sum(t.amount_satang for t in item.transfers) or item.amount_satang or 0
                    ),
                    "reference": item.reference,
                    "reason": item.reason,
                    "balances": {
                        each.account: format_baht(each.balance_satang) for each in item.balances
                    },
                }
                for item in items
            ]
        }

    run(work(), json, _show_feed)


def _show_feed(facts: Facts) -> None:
    rows = facts["items"]
    if isinstance(rows, list):
        cells = [
            (
                str(item["recorded_seq"]),
                str(item["business_date"]),
                item["kind"],
                str(item["amount"]),
                item["reference"] or item["reason"],
                item["actor"],
            )
            for item in rows
        ]
        columns = ("seq>", "date", "kind", "amount>", "reference or reason", "actor")
        table("Feed", columns, cells)


consumers_app = typer.Typer(help="Consumers of the feed.", invoke_without_command=True)


@consumers_app.callback()
def consumers(context: typer.Context, book: BookOption = None, json: Json = False) -> None:
    """Every consumer of the book's feed and how many numbers it is behind."""
    if context.invoked_subcommand is not None:
        return

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            rows = await list_consumers(connection, found.book_id)
        return {"consumers": [_consumer_facts(row) for row in rows]}

    run(work(), json, _show_consumers)


def _consumer_facts(row: Consumer) -> dict[str, object]:
    return {
        "name": row.name,
        "cursor_seq": row.cursor_seq,
        "recorded_seq": row.head_seq,
        "lag": row.lag,
        "moved_at": row.moved_at,
    }


def _show_consumers(facts: Facts) -> None:
    rows = facts["consumers"]
    if isinstance(rows, list):
        cells = [
            (row["name"], str(row["cursor_seq"]), str(row["lag"]), f"{row['moved_at']:%F %T}")
            for row in rows
        ]
        table("Consumers of the feed", ("name", "cursor>", "lag>", "moved at (UTC)"), cells)


@consumers_app.command("rewind")
def consumers_rewind(
    name: Annotated[str, typer.Argument(help="The consumer.")],
    to: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Its new last number.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    actor: Annotated[str, typer.Option(help="Who, such as ops:malee.")],
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Set a consumer back, so that it deals again with everything after a number."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            return _consumer_facts(
                await set_back(connection, found.book_id, name, to, actor=actor, reason=reason)
            )

    run(work(), json, show_pairs)
