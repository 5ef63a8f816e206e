"""Verbs that work on a whole book: the night, the proof, the exports."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, TextIO

import typer

from api.cli.context import opened_book, reading_book
from api.cli.evidence import against_kept, key_file, read_kept_seals, with_report
from api.cli.nights import night_facts, show_nights
from api.cli.output import Facts, Json, err, out, progress, run, share
from api.cli.reading import BookOption, KnownAtOption, OnOption, date_or_none
from api.settings import Settings
from ledger.books import read_head
from ledger.days import DayState, days_between
from ledger.db import AUDITOR, Connection, open_pool
from ledger.errors import InvalidInput, NotFound
from ledger.export.beancount import export_beancount
from ledger.export.hledger import export_hledger
from ledger.proof.sealed import Unreadable
from ledger.proof.verify import verify_ledger
from products.day_closing import PROVE
from products.end_of_day import read_report, run_missed
from products.night import Progress
from products.proof.verify import verify_products

DAYS_AHEAD_MAX = 366
"""How far beyond the open business date one call may close."""


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
        settings = Settings.from_environment()
        async with opened_book(settings, book) as (database, found):
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

                reports = await run_missed(
                    database.poster, found, through=last, say=say, seal_key=key_file(settings)
                )
        return {"closed": [night_facts(report) for report in reports]}

    run(work(), json, show_nights)


def night_report(on: OnOption = None, book: BookOption = None, json: Json = False) -> None:
    """What the night of a closed date did, product by product; by default the newest one."""

    async def work() -> Facts:
        wanted = date_or_none(on, "--on")
        async with opened_book(Settings.from_environment(), book) as (database, found):
            if wanted is None:
                async with database.poster.acquire() as connection:
                    lived = await days_between(connection, found.book_id, found.opened_on, date.max)
                closed = [day.business_date for day in lived if day.state is DayState.PROVEN]
                if not closed:
                    raise NotFound("proven business date", f"in book {found.code}")
                wanted = max(closed)
            report = await read_report(database.poster, found, wanted)
        return {"closed": [night_facts(report)]}

    run(work(), json, show_nights)


def _require_near(last: date | None, today: date) -> None:
    """A closed date is closed for good: a year that was mistyped must not close centuries."""
    farthest = today + timedelta(days=DAYS_AHEAD_MAX)
    if last is not None and last > farthest:
        expected = f"a date up to {farthest}: the open date is {today}"
        raise InvalidInput.one("--through", last.isoformat(), expected, "Go there in steps.")


def verify(
    against: Annotated[
        Path | None, typer.Option("--against", help="A seal file that was kept elsewhere.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", help="Keep a checkpoint here; go on from it if it is there."),
    ] = None,
    since: Annotated[
        int | None,
        typer.Option("--since", help="Prove what came after this seal; take the rest as sealed."),
    ] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Re-derive everything from the transfers with an independent model; exit 1 on a difference."""

    async def work() -> Facts:
        settings = Settings.from_environment()
        if resume is not None:
            _require_place(resume, "--resume")
        kept = None if against is None else read_kept_seals(against)
        async with opened_book(settings, book) as (database, found):
            pool = await open_pool(database.url, role=AUDITOR, max_size=1)
            try:
                async with pool.acquire() as connection:
                    facts = await proof_facts(connection, found.book_id, resume=resume, since=since)
                    if kept is None:
                        return facts
                    return with_report(facts, await against_kept(connection, found.book_id, kept))
            finally:
                await pool.close()

    run(work(), json, show_proof, failed=lambda facts: not facts["ok"])


async def proof_facts(
    connection: Connection, book_id: int, *, resume: Path | None = None, since: int | None = None
) -> dict[str, object]:
    """Both proofs of a book as facts: the ledger's and the products'.

    resume, since: as `verify_ledger`'s `kept` and `since`. Raises `InvalidInput` for a file that is
    no checkpoint of this book.
    """
    with share("proving the ledger") as told:
        try:
            ledger = await verify_ledger(connection, book_id, told, kept=resume, since=since)
        except Unreadable as error:
            expected = "a file that is not there yet, or the checkpoint of a proof of this book"
            raise InvalidInput.one("--resume", str(resume), expected, str(error)) from error
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
ThroughOption = Annotated[
    str | None, typer.Option("--through", "--on", help="The last business date in it.")
]


@export_app.command()
def hledger(
    out_file: OutOption = None,
    through: ThroughOption = None,
    known_at: KnownAtOption = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """An hledger journal: one entry a journal, both dates, balances asserted at the end."""
    _export("hledger", out_file, through, known_at, book, json)


@export_app.command()
def beancount(
    out_file: OutOption = None,
    through: ThroughOption = None,
    known_at: KnownAtOption = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """A beancount file: one transaction a journal, both dates, balances asserted at the end."""
    _export("beancount", out_file, through, known_at, book, json)


def _export(
    form: str,
    out_file: Path | None,
    through: str | None,
    known_at: int | None,
    book: str | None,
    as_json: bool,
) -> None:
    export = {"hledger": export_hledger, "beancount": export_beancount}[form]

    async def work() -> Facts:
        if as_json and out_file is None:
            raise InvalidInput.one("--json", "no --out", "--out FILE when facts are asked as JSON")
        last = date_or_none(through, "--through")
        if out_file is not None:
            _require_place(out_file)
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            with _opened(out_file) as target:
                await export(connection, found.book_id, target, through=last, known_at=known_at)
        return {"format": form, "book": found.code, "file": str(out_file) if out_file else "-"}

    run(work(), as_json, _show_export)


def _require_place(file: Path, option: str = "--out") -> None:
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise InvalidInput.one(option, str(file), "a file in a directory that exists")


def _show_export(facts: Facts) -> None:
    if facts["file"] != "-":
        out.print(f"written {facts['file']}", markup=False)


def _opened(out_file: Path | None) -> nullcontext[TextIO] | TextIO:
    return nullcontext(sys.stdout) if out_file is None else out_file.open("w", encoding="utf-8")
