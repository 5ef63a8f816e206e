"""Verbs that work: the night, the proof, the exports, the files of notices and banks."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, TextIO

import typer

from api.cli.context import opened_book, reading_book
from api.cli.output import Facts, Json, err, out, progress, run, share, table
from api.cli.reading import BookOption, OnOption, date_or_none, show_pairs
from api.settings import Settings
from ledger.books import read_head
from ledger.days import DayState, days_between
from ledger.db import AUDITOR, Connection, open_pool
from ledger.errors import InvalidInput
from ledger.export.beancount import export_beancount
from ledger.export.hledger import export_hledger
from ledger.money import format_baht
from ledger.posting.collector import Collector
from ledger.proof.verify import verify_ledger
from products.day_closing import PROVE
from products.end_of_day import DayReport, run_missed
from products.night import Progress
from products.payments import suspense
from products.payments.notice_files import NAMED_MAX, load_notices
from products.payments.reconciliation import BankReconciliation, reconcile
from products.payments.statements import load_statement
from products.proof.verify import verify_products

DAYS_AHEAD_MAX = 366
"""How far beyond the open business date one call may close."""

ActorOption = Annotated[str, typer.Option("--actor", help="Who does it, for the record.")]


def end_of_day(
    through: Annotated[
        str | None, typer.Option("--through", help="Last date to close, also one still open.")
    ] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Run the night of every date that is cut off and not yet closed, oldest first."""

    async def work() -> Facts:
        last = date_or_none(through, "--through")
        async with opened_book(Settings.from_environment(), book) as (database, found):
            async with database.poster.acquire() as connection:
                head = await read_head(connection, found.book_id)
                _require_near(last, head.business_date)
                lived = await days_between(connection, found.book_id, found.opened_on, date.max)
            open_days = sum(day.state is not DayState.PROVEN for day in lived)
            ahead = max(0, ((last or head.business_date) - head.business_date).days)
            with progress("end of day", open_days + ahead) as told:

                def say(step: Progress) -> None:
                    if step.step == PROVE:
                        told(f"{step.business_date} closed")

                reports = await run_missed(database.poster, found, through=last, say=say)
        return {"closed": [_night(report) for report in reports]}

    run(work(), json, _show_nights)


def _require_near(last: date | None, today: date) -> None:
    """A closed date is closed for good: a year that was mistyped must not close centuries."""
    farthest = today + timedelta(days=DAYS_AHEAD_MAX)
    if last is not None and last > farthest:
        expected = f"a date up to {farthest}: the open date is {today}"
        raise InvalidInput.one("--through", last.isoformat(), expected, "Go there in steps.")


def _night(report: DayReport) -> dict[str, object]:
    return {
        "business_date": report.business_date,
        "interest": format_baht(report.interest_satang),
        "steps": {
            step.step: {
                "contracts": step.contracts,
                "amount": format_baht(step.amount_satang),
                "refused": [asdict(refused) for refused in step.refused],
            }
            for step in report.steps
        },
    }


def _show_nights(facts: Facts) -> None:
    nights = facts["closed"]
    if isinstance(nights, list):
        rows = [(str(night["business_date"]), night["interest"]) for night in nights]
        table(f"{len(rows)} dates closed and proven", ("business date", "interest>"), rows)


def verify(book: BookOption = None, json: Json = False) -> None:
    """Re-derive everything from the transfers with an independent model; exit 1 on a difference."""

    async def work() -> Facts:
        settings = Settings.from_environment()
        async with opened_book(settings, book) as (database, found):
            pool = await open_pool(database.url, role=AUDITOR, max_size=1)
            try:
                async with pool.acquire() as connection:
                    return await proof_facts(connection, found.book_id)
            finally:
                await pool.close()

    run(work(), json, show_proof, failed=lambda facts: not facts["ok"])


async def proof_facts(connection: Connection, book_id: int) -> dict[str, object]:
    """Both proofs of a book as facts: the ledger's and the products'."""
    with share("proving the ledger") as told:
        ledger = await verify_ledger(connection, book_id, told)
    with share("proving contracts, interest, notices and banks") as told:
        products = await verify_products(connection, book_id, told)
    return {
        "ok": ledger.ok and products.ok,
        "checked": dict(ledger.counts) | dict(products.counts),
        "totals": dict(ledger.totals) | dict(products.totals),
        "differences": [asdict(each) for each in (*ledger.differences, *products.differences)],
    }


def show_proof(facts: Facts) -> None:
    """The verdict, and every difference by name."""
    checked, differences = facts["checked"], facts["differences"]
    if isinstance(checked, dict):
        out.print("checked  " + ", ".join(f"{n:,} {what}" for what, n in checked.items()))
    if isinstance(differences, list):
        for each in differences:
            place = f"{each['check']}: {each['where']}"
            text = f"{place}: expected {each['expected']}, found {each['found']}"
            err.print(text, markup=False, style="red")
    if facts["ok"]:
        out.print("[green]verified[/]: everything that is derived agrees with the transfers")
    else:
        out.print("[red]differences found[/]")


export_app = typer.Typer(help="Write a book for another accounting program.", no_args_is_help=True)
OutOption = Annotated[Path | None, typer.Option("--out", help="File to write; default: stdout.")]


@export_app.command()
def hledger(
    out_file: OutOption = None, on: OnOption = None, book: BookOption = None, json: Json = False
) -> None:
    """An hledger journal: one entry a journal, both dates, balances asserted at the end."""
    _export("hledger", out_file, on, book, json)


@export_app.command()
def beancount(
    out_file: OutOption = None, on: OnOption = None, book: BookOption = None, json: Json = False
) -> None:
    """A beancount file: one transaction a journal, both dates, balances asserted at the end."""
    _export("beancount", out_file, on, book, json)


def _export(
    form: str, out_file: Path | None, on: str | None, book: str | None, as_json: bool
) -> None:
    export = {"hledger": export_hledger, "beancount": export_beancount}[form]

    async def work() -> Facts:
        if as_json and out_file is None:
            raise InvalidInput.one("--json", "no --out", "--out FILE when facts are asked as JSON")
        through = date_or_none(on, "--on")
        if out_file is not None:
            _require_place(out_file)
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            with _opened(out_file) as target:
                await export(connection, found.book_id, target, through=through)
        return {"format": form, "book": found.code, "file": str(out_file) if out_file else "-"}

    run(work(), as_json, _show_export)


def _require_place(out_file: Path) -> None:
    if out_file.is_dir() or not out_file.absolute().parent.is_dir():
        expected = "a file in a directory that exists"
        raise InvalidInput.one("--out", str(out_file), expected)


def _show_export(facts: Facts) -> None:
    if facts["file"] != "-":
        out.print(f"written {facts['file']}", markup=False)


def _opened(out_file: Path | None) -> nullcontext[TextIO] | TextIO:
    return nullcontext(sys.stdout) if out_file is None else out_file.open("w", encoding="utf-8")


notices_app = typer.Typer(help="Notices of member co-ops.", no_args_is_help=True)
bank_app = typer.Typer(help="Bank statements, matching, reconciliation.", no_args_is_help=True)


@notices_app.command("load")
def notices_load(
    file: Annotated[Path, typer.Argument(help="JSONL, or CSV with the same columns.")],
    result: Annotated[
        Path | None, typer.Option("--result", help="Where each line's outcome is written.")
    ] = None,
    actor: ActorOption = "facility:intake",
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Load a file of notices; bad lines are named, good ones judged; exit 1 if any was refused."""

    async def work() -> Facts:
        _require_file(file)
        async with (
            opened_book(Settings.from_environment(), book) as (database, found),
            Collector(database.poster) as collector,
        ):
            size = max(1, file.stat().st_size)
            read = 0
            with share(f"notices of {file.name}") as told:

                def passed(count: int) -> None:
                    nonlocal read
                    read += count
                    told(read, size)

                report = await load_notices(
                    database.poster,
                    collector,
                    found,
                    file,
                    received_by=actor,
                    result=result,
                    progress=passed,
                )
        return {"file": str(file)} | asdict(report)

    run(work(), json, _show_notices, failed=lambda facts: bool(facts["refused"]))


def _show_notices(facts: Facts) -> None:
    if facts["repeated"]:
        out.print(f"{facts['file']} was loaded before: nothing was done. Its counts were:")
    shown = {name: value for name, value in facts.items() if name not in ("repeated", "problems")}
    refused, problems = facts["refused"], facts["problems"]
    if isinstance(refused, dict):
        shown["refused"] = ", ".join(f"{count:,} {code}" for code, count in refused.items()) or "0"
    show_pairs(shown)
    if isinstance(problems, tuple):
        for problem in problems:
            err.print(problem, markup=False, style="red")
        if len(problems) == NAMED_MAX:
            err.print(f"the first {NAMED_MAX} problems; --result FILE names them all")


@bank_app.command("load")
def bank_load(
    file: Annotated[Path, typer.Argument(help="camt.053.001.02, or CSV.")],
    actor: ActorOption = "facility:intake",
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Load a bank statement: check that it continues the last one, post and match its lines."""

    async def work() -> Facts:
        _require_file(file)
        async with (
            opened_book(Settings.from_environment(), book) as (database, found),
            Collector(database.poster) as collector,
        ):
            report = await load_statement(
                database.poster, collector, found, file, received_by=actor
            )
        return {
            "file": str(file),
            "repeated": report.repeated,
            "statements": [
                {
                    "bank": each.bank_code,
                    "sequence_no": each.sequence_no,
                    "lines": each.lines,
                    "closing": format_baht(each.closing_satang),
                    "repeated": each.repeated,
                }
                for each in report.statements
            ],
            "lines": report.settled.counts,
            "questions": report.settled.proposals,
            "stuck": {str(line): code for line, code in report.settled.stuck.items()},
        }

    run(work(), json, _show_loaded, failed=lambda facts: bool(facts["stuck"]))


def _show_loaded(facts: Facts) -> None:
    if facts["repeated"]:
        out.print(f"{facts['file']} was loaded before: nothing was done.", markup=False)
    loaded, lines, stuck = facts["statements"], facts["lines"], facts["stuck"]
    if isinstance(loaded, list):
        columns = ("bank", "number>", "lines>", "closing>", "")
        rows = [
            (
                each["bank"],
                str(each["sequence_no"]),
                f"{each['lines']:,}",
                each["closing"],
                "loaded before" if each["repeated"] else "",
            )
            for each in loaded
        ]
        table(f"Statements of {facts['file']}", columns, rows)
    if isinstance(lines, dict) and lines:
        out.print(", ".join(f"{count:,} {what}" for what, count in lines.items()))
        out.print(f"{facts['questions']} proposals wait for a person")
    if isinstance(stuck, dict):
        for line, code in stuck.items():
            err.print(f"line {line} is not posted: {code}", markup=False, style="red")


def _require_file(file: Path) -> None:
    if not file.is_file():
        expected = "a file, not a directory" if file.is_dir() else "a file that exists"
        raise InvalidInput.one("FILE", str(file), expected)


@bank_app.command("reconcile")
def bank_reconcile(on: OnOption = None, book: BookOption = None, json: Json = False) -> None:
    """Statement against book, bank by bank; exit 1 if anything is unexplained."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            head = await read_head(connection, found.book_id)
            day = date_or_none(on, "--on") or head.business_date
            rows = await reconcile(connection, found, day)
        return {"on": day, "banks": [bank_facts(row) for row in rows]}

    run(work(), json, show_banks, failed=lambda facts: not _reconciled(facts))


def bank_facts(row: BankReconciliation) -> dict[str, object]:
    """One bank's reconciliation as facts."""
    return {
        "bank": row.bank_code,
        "on": row.on,
        "statement_no": row.statement_no,
        "statement_date": row.statement_date,
        "statement": format_baht(row.statement_satang),
        "explained": format_baht(row.explained_satang),
        "book": format_baht(row.book_satang),
        "unexplained": format_baht(row.unexplained_satang),
        "findings": list(row.findings),
    }


def _reconciled(facts: Facts) -> bool:
    banks = facts["banks"]
    return isinstance(banks, list) and not any(
        bank["findings"] or bank["unexplained"] != "0.00" for bank in banks
    )


def show_banks(facts: Facts) -> None:
    """Reconciliations as a table, findings below it."""
    banks = facts["banks"]
    if not isinstance(banks, list):
        return
    columns = ("bank", "number>", "up to", "statement>", "explained>", "book>", "unexplained>")
    money = ("statement", "explained", "book", "unexplained")
    rows = [
        (
            bank["bank"],
            str(bank["statement_no"]),
            str(bank["statement_date"] or "opening"),
            *(bank[name] for name in money),
        )
        for bank in banks
    ]
    table(f"Bank reconciliation on {facts['on']}", columns, rows)
    for bank in banks:
        for finding in bank["findings"]:
            err.print(finding, markup=False, style="red")


@bank_app.command("suspense")
def bank_suspense(on: OnOption = None, book: BookOption = None, json: Json = False) -> None:
    """What waits in suspense, by age, and what the matching asks a person."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            head = await read_head(connection, found.book_id)
            day = date_or_none(on, "--on") or head.business_date
            return await suspense_facts(connection, found.book_id, day)

    run(work(), json, show_suspense)


async def suspense_facts(connection: Connection, book_id: int, on: date) -> dict[str, object]:
    """Suspense by age, and how many questions wait."""
    buckets = await suspense.age_list(connection, book_id, on)
    return {
        "on": on,
        "questions": len(await suspense.questions(connection, book_id)),
        "ages": [
            {
                "days": bucket.days,
                "receipts": bucket.receipts,
                "receipts_amount": format_baht(bucket.receipts_satang),
                "payments": bucket.payments,
                "payments_amount": format_baht(bucket.payments_satang),
            }
            for bucket in buckets
        ],
    }


def show_suspense(facts: Facts) -> None:
    """Suspense by age as a table."""
    ages = facts["ages"]
    if isinstance(ages, list):
        columns = ("days", "receipts>", "amount>", "payments>", "amount>")
        rows = [
            (
                age["days"],
                str(age["receipts"]),
                age["receipts_amount"],
                str(age["payments"]),
                age["payments_amount"],
            )
            for age in ages
        ]
        table(f"Suspense by age on {facts['on']}", columns, rows)
        out.print(f"{facts['questions']} proposals wait for a person")
