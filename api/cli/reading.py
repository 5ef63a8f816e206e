"""Verbs that only read: trial balance, balance, statement, days.

Balances, trial balance and statement may be read on another date, by value date, and as known at
an earlier number; what is left out means now, and the answer says what was taken.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import date
from typing import Annotated

import typer

from api.cli.context import reading_book
from api.cli.output import Facts, Json, out, run, table
from api.settings import Settings
from ledger import accounts, asof, balances, statements
from ledger import days as ledger_days
from ledger.asof import Axis
from ledger.books import Book
from ledger.dates import parse_date
from ledger.db import Connection
from ledger.errors import InvalidInput, NotFound
from ledger.money import format_baht
from ledger.posting.values import Period

BookOption = Annotated[str | None, typer.Option("--book", help="Code of the book.")]
OnOption = Annotated[str | None, typer.Option("--on", help="Business date YYYY-MM-DD.")]
KnownAtOption = Annotated[
    int | None,
    typer.Option(
        "--known-at", min=0, max=2**63 - 1, help="As known at this recorded number; default: now."
    ),
]
AxisOption = Annotated[
    Axis, typer.Option("--axis", help="Which date counts: for accounting, or for interest.")
]


class Through(enum.Enum):
    """Which periods of the day itself are in a trial balance."""

    ORDINARY = "ordinary"
    LATE = "late"
    YEAR_CLOSE = "year-close"


def date_or_none(text: str | None, where: str) -> date | None:
    """A date option, parsed by the one parser."""
    return None if text is None else parse_date(text, where)


def trial_balance(
    on: OnOption = None,
    known_at: KnownAtOption = None,
    through: Annotated[
        Through,
        typer.Option(help="Of the day itself: without the late period, or without the closing."),
    ] = Through.YEAR_CLOSE,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """The trial balance by business date (งบทดลอง), as known now or at a number."""

    async def work() -> Facts:
        day = date_or_none(on, "--on")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            at = await asof.pin(connection, found.book_id, known_at)
            trial = await balances.trial_balance_at(
                connection, at, day or at.business_date, through=Period[through.name]
            )
        return trial_facts(trial)

    run(
        work(), json, show_trial, failed=lambda facts: facts["debit_total"] != facts["credit_total"]
    )


def trial_facts(trial: balances.TrialBalance) -> dict[str, object]:
    """A trial balance as facts; money as text with two places."""
    return {
        "business_date": trial.business_date,
        "known_at": trial.known_at,
        "through": Through[trial.through.name].value,
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
    title = f"Trial balance on {facts['business_date']}, known at {facts['known_at']}"
    table(title, ("code", "account", "debit>", "credit>"), cells)


def balance(
    codes: Annotated[list[str], typer.Argument(metavar="CODE...", help="Codes of accounts.")],
    on: Annotated[str | None, typer.Option("--on", help="The close of this day.")] = None,
    axis: AxisOption = Axis.BUSINESS,
    known_at: KnownAtOption = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """How an account stands now; or several, or on a date, by value date, as known at a number."""

    async def work() -> Facts:
        day = date_or_none(on, "--on")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            if len(codes) > 1 or day is not None or known_at is not None:
                return await _dated(connection, found, codes, day, axis, known_at)
            position = await accounts.position(connection, found.book_id, codes[0])
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

    run(
        work(), json, lambda facts: _show_dated(facts) if "accounts" in facts else show_pairs(facts)
    )


async def _dated(
    connection: Connection,
    book: Book,
    codes: Sequence[str],
    on: date | None,
    axis: Axis,
    known_at: int | None,
) -> Facts:
    """Balances of many accounts at one moment, by date and number."""
    found = await accounts.by_codes(connection, book.book_id, codes)
    for code in codes:
        if code not in found:
            raise NotFound("account", code)
    at = await asof.pin(connection, book.book_id, known_at)
    day = on or at.business_date
    numbers = {code: found[code].account_id for code in dict.fromkeys(codes)}
    standing = await asof.balances_at(connection, at, numbers.values(), on=day, axis=axis)
    return {
        "on": day,
        "axis": axis.value,
        "known_at": at.known_at,
        "accounts": [
            {
                "account": code,
                "debits": format_baht(standing[number].debits),
                "credits": format_baht(standing[number].credits),
                "balance": format_baht(standing[number].balance_satang),
            }
            for code, number in numbers.items()
        ],
    }


def _show_dated(facts: Facts) -> None:
    rows = facts["accounts"]
    if isinstance(rows, list):
        cells = [(r["account"], r["debits"], r["credits"], r["balance"]) for r in rows]
        title = f"By {facts['axis']} date {facts['on']}, known at {facts['known_at']}"
        table(title, ("account", "debits>", "credits>", "balance>"), cells)


def show_pairs(facts: Facts) -> None:
    """Facts as lines of name and value."""
    for name, value in facts.items():
        if value is not None:
            out.print(f"{name.replace('_', ' '):16} {value}", markup=False)


def statement(
    code: str,
    first: Annotated[str | None, typer.Option("--from", help="First date.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last date.")] = None,
    axis: AxisOption = Axis.BUSINESS,
    known_at: KnownAtOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """The statement of an account, each line with its balance, cut at a number (default: now)."""

    async def work() -> Facts:
        start, end = date_or_none(first, "--from"), date_or_none(last, "--to")
        if start is not None and end is not None and start > end:
            raise InvalidInput.one("--from", start.isoformat(), f"a date up to --to, {end}")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            page = await statements.statement(
                connection,
                found.book_id,
                code,
                limit=limit,
                from_date=start,
                to_date=end,
                axis=axis,
                known_at=known_at,
            )
        return _statement_facts(page)

    run(work(), json, _show_statement)


def _statement_facts(page: statements.StatementPage) -> Facts:
    later = page.changed_since
    return {
        "account": page.account,
        "axis": page.axis.value,
        "known_at": page.known_at,
        "changed_since": None
        if later is None
        else {"lines": later.count, "first_seq": later.first_seq, "last_seq": later.last_seq},
        "opening": format_baht(page.opening_satang),
        "closing": format_baht(page.closing_satang),
        "more": page.next_cursor is not None,
        "lines": [
            {
                "recorded_seq": line.recorded_seq,
                "voucher": str(line.voucher),
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


def _show_statement(facts: Facts) -> None:
    lines = facts["lines"]
    if not isinstance(lines, list):
        return
    rows = [("", "", "", "", "brought forward", "", str(facts["opening"]))]
    rows += [
        (
            str(line["recorded_seq"]),
            line["voucher"],
            str(line["business_date"]),
            str(line["value_date"]),
            f"{line['kind']} {line['reference']}",
            str(line["amount"]),
            str(line["balance"]),
        )
        for line in lines
    ]
    columns = ("seq", "voucher", "business", "value", "what", "amount>", "balance>")
    title = f"Statement of {facts['account']} by {facts['axis']} date, cut at {facts['known_at']}"
    table(title, columns, rows)
    later = facts["changed_since"]
    if isinstance(later, dict):
        out.print(
            f"{later['lines']} lines recorded since ({later['first_seq']} to "
            f"{later['last_seq']}) change this statement: read it without --known-at"
        )
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
