"""Verbs of the accountant: months and fiscal years closed and opened again; vouchers by number."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated

import typer

from api.cli.context import opened_book, reading_book
from api.cli.output import Facts, Json, run, table
from api.cli.reading import BookOption, show_pairs
from api.settings import Settings
from ledger import books, manual
from ledger.books import Book
from ledger.db import Pool
from ledger.errors import InvalidInput, NotFound
from ledger.money import format_baht
from ledger.periods.acts import Acted
from ledger.periods.months import close_month, reopen_month
from ledger.periods.spans import BookPeriod, list_periods
from ledger.periods.years import close_year, reopen_year
from ledger.posting.values import Status
from ledger.vouchers import journal_of_voucher, parse_voucher

periods_app = typer.Typer(
    help="Months and fiscal years: list, close, open again.", no_args_is_help=True
)

Actor = Annotated[str, typer.Option("--actor", help="Who does it, for the record.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
MonthArgument = Annotated[str, typer.Argument(help="Month YYYY-MM.")]
YearArgument = Annotated[
    int, typer.Argument(min=1901, max=2398, help="Fiscal year, by the year in which it ends.")
]
_MONTH = re.compile(r"^(19[0-9]{2}|2[0-3][0-9]{2})-(0[1-9]|1[0-2])\Z", re.ASCII)
Act = Callable[[Pool, Book], Awaitable[Acted]]


@periods_app.command("list")
def periods_list(book: BookOption = None, json: Json = False) -> None:
    """Every month and fiscal year up to the business date, newest first."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            head = await books.read_head(connection, found.book_id)
            periods = await list_periods(connection, found, head.business_date)
        return {"periods": [_period(period) for period in periods]}

    run(work(), json, _show_periods)


def _period(period: BookPeriod) -> dict[str, object]:
    return {
        "kind": period.span.kind.name.lower(),
        "period": period.span.name,
        "starts_on": period.span.starts_on,
        "ends_on": period.span.ends_on,
        "state": period.state.value,
        "closings": period.closings,
        "closed_seq": period.closed_seq,
    }


def _show_periods(facts: Facts) -> None:
    periods = facts["periods"]
    if isinstance(periods, list):
        columns = ("kind", "period", "from", "to", "state", "closings>", "closed at seq>")
        rows = [["" if cell is None else str(cell) for cell in p.values()] for p in periods]
        table("Periods", columns, [[cell.replace("_", " ") for cell in row] for row in rows])


@periods_app.command("close-month")
def periods_close_month(
    month: MonthArgument,
    actor: Actor,
    reason: Reason = "",
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Close a month whose days are all proven (ปิดงวดเดือน)."""
    _do(
        lambda pool, found: close_month(pool, found, _first_day(month), actor=actor, reason=reason),
        book,
        json,
    )


@periods_app.command("reopen-month")
def periods_reopen_month(
    month: MonthArgument, actor: Actor, reason: Reason, book: BookOption = None, json: Json = False
) -> None:
    """Open the month that was closed last again, for a reason."""
    _do(
        lambda pool, found: reopen_month(
            pool, found, _first_day(month), actor=actor, reason=reason
        ),
        book,
        json,
    )


@periods_app.command("close-year")
def periods_close_year(
    year: YearArgument,
    actor: Actor,
    reason: Reason = "",
    result_account: Annotated[
        str | None,
        typer.Option("--result-account", help="Code of the account of class 3 for the result."),
    ] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Close a fiscal year: income and expense go to the result (ปิดบัญชีประจำปี)."""
    _do(
        lambda pool, found: close_year(
            pool, found, year, actor=actor, reason=reason, result_account=result_account
        ),
        book,
        json,
    )


@periods_app.command("reopen-year")
def periods_reopen_year(
    year: YearArgument, actor: Actor, reason: Reason, book: BookOption = None, json: Json = False
) -> None:
    """Open the newest closed fiscal year again: its closing is reversed."""
    _do(lambda pool, found: reopen_year(pool, found, year, actor=actor, reason=reason), book, json)


def _first_day(month: str) -> date:
    match = _MONTH.match(month)
    if match is None:
        raise InvalidInput.one("MONTH", month, "a month YYYY-MM of the common era")
    return date(int(match.group(1)), int(match.group(2)), 1)


def _do(act: Act, book: str | None, as_json: bool) -> None:
    async def work() -> Facts:
        async with opened_book(Settings.from_environment(), book) as (database, found):
            acted = await act(database.poster, found)
        return _acted(acted)

    run(work(), as_json, show_pairs, failed=lambda facts: facts["outcome"] != "accepted")


def _acted(acted: Acted) -> dict[str, object]:
    outcome, draft = acted.outcome, acted.draft
    facts: dict[str, object] = {"outcome": outcome.status.value} | _period(acted.period)
    if outcome.refusal is not None:
        account = outcome.refusal.detail.get("account")
        facts |= {"code": outcome.refusal.code, "detail": outcome.refusal.rule.message_en}
        facts["account"] = acted.codes.get(account) if isinstance(account, int) else None
        if "cure" in outcome.refusal.detail:
            facts["cure"] = outcome.refusal.detail["cure"]
    if outcome.status is Status.ACCEPTED:
        facts["recorded_seq"] = outcome.receipts[-1].recorded_seq
    if draft is not None and outcome.status is Status.ACCEPTED:
        facts |= {
            "debits": format_baht(draft.debits),
            "credits": format_baht(draft.credits),
            "vouchers": draft.vouchers.number,
            "first_voucher": draft.vouchers.first,
            "last_voucher": draft.vouchers.last,
        }
    if acted.result_satang is not None:
        facts["result"] = format_baht(acted.result_satang)
    return facts


def voucher(
    number: Annotated[str, typer.Argument(help="Fiscal year and number, e.g. 2026/123.")],
    book: BookOption = None,
    json: Json = False,
) -> None:
    """The journal with a voucher number (เลขที่ใบสำคัญ)."""

    async def work() -> Facts:
        wanted = parse_voucher(number, "NUMBER")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            journal_id = await journal_of_voucher(connection, found.book_id, wanted)
            if journal_id is None:
                raise NotFound("voucher", wanted)
            record = await manual.recorded_journal(connection, found.book_id, journal_id)
            if record is None:
                raise NotFound("journal", journal_id)
            codes = await manual.account_codes(connection, found.book_id, [record])
        return {
            "voucher": str(wanted),
            "journal_id": record.journal_id,
            "recorded_seq": record.recorded_seq,
            "business_date": record.business_date,
            "value_date": record.value_date,
            "reference": record.reference,
            "narrative": record.narrative,
            "actor": record.actor,
            "reverses": record.reverses,
            "adjusts": record.adjusts,
            "transfers": [
                {
                    "debit": codes[t.debit],
                    "credit": codes[t.credit],
                    "amount": format_baht(t.amount_satang),
                }
                for t in record.transfers
            ],
        }

    run(work(), json, _show_voucher)


def _show_voucher(facts: Facts) -> None:
    show_pairs({name: fact for name, fact in facts.items() if name != "transfers"})
    transfers = facts["transfers"]
    if isinstance(transfers, list):
        rows = [(t["debit"], t["credit"], t["amount"]) for t in transfers]
        table("Transfers", ("debit", "credit", "amount>"), rows)
