"""Verbs of notices and banks: load files, reconcile, list suspense."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import opened_book, reading_book
from api.cli.output import Facts, Json, err, out, run, share, table
from api.cli.reading import BookOption, OnOption, date_or_none, show_pairs
from api.settings import Settings
from ledger.books import read_head
from ledger.db import Connection
from ledger.errors import InvalidInput
from ledger.money import format_baht
from ledger.posting.collector import Collector
from products.payments import suspense
from products.payments.notice_files import NAMED_MAX, load_notices
from products.payments.reconciliation import BankReconciliation, reconcile
from products.payments.statements import load_statement

ActorOption = Annotated[str, typer.Option("--actor", help="Who does it, for the record.")]
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
