"""Verbs that only read: trial balance, balance, statement, days, feed."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from api.cli.context import reading_book
from api.cli.output import Facts, Json, out, run, table
from api.settings import Settings
from ledger import accounts, balances, books, events, statements
from ledger import days as ledger_days
from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.money import format_baht

BookOption = Annotated[str | None, typer.Option("--book", help="Code of the book.")]
OnOption = Annotated[str | None, typer.Option("--on", help="Business date YYYY-MM-DD.")]


def date_or_none(text: str | None, where: str) -> date | None:
    """A date option, parsed by the one parser."""
    return None if text is None else parse_date(text, where)


def trial_balance(on: OnOption = None, book: BookOption = None, json: Json = False) -> None:
    """The trial balance by business date (งบทดลอง)."""

    async def work() -> Facts:
        day = date_or_none(on, "--on")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            head = await books.read_head(connection, found.book_id)
            trial = await balances.trial_balance(
                connection, found.book_id, day or head.business_date
            )
        return trial_facts(trial)

    run(
        work(), json, show_trial, failed=lambda facts: facts["debit_total"] != facts["credit_total"]
    )


def trial_facts(trial: balances.TrialBalance) -> dict[str, object]:
    """A trial balance as facts; money as text with two places."""
    return {
        "business_date": trial.business_date,
        "rows": [
            {
                "gl_code": row.gl_code,
                "name_th": row.name_th,
                "name_en": row.name_en,
                "debit": format_baht(row.debit_balance),
                "credit": format_baht(row.credit_balance),
            }
            for row in trial.rows
        ],
        "debit_total": format_baht(trial.debit_total),
        "credit_total": format_baht(trial.credit_total),
    }


def show_trial(facts: Facts) -> None:
    """A trial balance as a table."""
    rows = facts["rows"]
    if not isinstance(rows, list):
        return
    cells = [(r["gl_code"], r["name_th"], str(r["debit"]), str(r["credit"])) for r in rows]
    cells.append(("", "รวม / total", str(facts["debit_total"]), str(facts["credit_total"])))
    title = f"Trial balance on {facts['business_date']}"
    table(title, ("code", "account", "debit>", "credit>"), cells)


def balance(code: str, book: BookOption = None, json: Json = False) -> None:
    """How one account stands now: balance, holds, available, limits."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            position = await accounts.position(connection, found.book_id, code)
        minimum, available = position.balance_min_satang, position.available_satang
        return {
            "account": position.account.code,
            "name_th": position.account.name_th,
            "gl_code": position.account.gl_code,
            "balance": format_baht(position.balance_satang),
            "held": format_baht(position.held_satang),
            "available": None if available is None else format_baht(available),
            "balance_min": None if minimum is None else format_baht(minimum),
            "closed": position.closed,
            "debits_frozen": position.debits_frozen,
            "credits_frozen": position.credits_frozen,
            "recorded_seq": position.recorded_seq,
        }

    run(work(), json, show_pairs)


def show_pairs(facts: Facts) -> None:
    """Facts as lines of name and value."""
    for name, value in facts.items():
        if value is not None:
            out.print(f"{name.replace('_', ' '):16} {value}", markup=False)


def statement(
    code: str,
    first: Annotated[str | None, typer.Option("--from", help="First business date.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last business date.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """The statement of an account, by business date, each line with its balance."""

    async def work() -> Facts:
        start, end = date_or_none(first, "--from"), date_or_none(last, "--to")
        if start is not None and end is not None and start > end:
            raise InvalidInput.one("--from", start.isoformat(), f"a date up to --to, {end}")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            page = await statements.statement(
                connection, found.book_id, code, limit=limit, from_date=start, to_date=end
            )
        return {
            "account": page.account,
            "opening": format_baht(page.opening_satang),
            "closing": format_baht(page.closing_satang),
            "more": page.next_cursor is not None,
            "lines": [
                {
                    "recorded_seq": line.recorded_seq,
                    "business_date": line.business_date,
                    "value_date": line.value_date,
                    "kind": line.kind,
                    "reference": line.reference,
                    "amount": format_baht(line.amount_satang),
                    "balance": format_baht(line.balance_satang),
                }
                for line in page.lines
            ],
        }

    run(work(), json, _show_statement)


def _show_statement(facts: Facts) -> None:
    lines = facts["lines"]
    if not isinstance(lines, list):
        return
    rows = [("", "", "", "brought forward", "", str(facts["opening"]))]
    rows += [
        (
            str(line["recorded_seq"]),
            str(line["business_date"]),
            str(line["value_date"]),
            f"{line['kind']} {line['reference']}",
            str(line["amount"]),
            str(line["balance"]),
        )
        for line in lines
    ]
    columns = ("seq", "business", "value", "what", "amount>", "balance>")
    table(f"Statement of {facts['account']}", columns, rows)
    if facts["more"]:
        out.print("more lines follow: raise --limit or narrow --from / --to")


def days(book: BookOption = None, json: Json = False) -> None:
    """Every business date and how far it has come: open, cut off, proven."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            lived = await ledger_days.days_between(
                connection, found.book_id, found.opened_on, date.max
            )
        return {
            "days": [
                {
                    "business_date": day.business_date,
                    "state": day.state.name.lower(),
                    "cut_seq": day.cut_seq,
                    "proven_seq": day.proven_seq,
                }
                for day in lived
            ]
        }

    run(work(), json, _show_days)


def _show_days(facts: Facts) -> None:
    rows = facts["days"]
    if isinstance(rows, list):
        cells = [
            (
                str(day["business_date"]),
                day["state"].replace("_", " "),
                str(day["cut_seq"] or ""),
                str(day["proven_seq"] or ""),
            )
            for day in rows
        ]
        table("Business dates", ("date", "state", "cut seq>", "proven seq>"), cells)


def feed(
    after: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="The last number already dealt with.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """What was recorded, number by number."""

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
