"""`cff demo`: a month of the Facility, lived through in a fresh book of the default database.

It opens the book from the seeds, writes the month's files, puts them through the doors (a share of
the notices over real HTTP), closes every day, and prints what an officer would want to see at the
end. The book stays: the other commands then work on it.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated

import asyncpg
import httpx2
import typer
import uvicorn

from api.app import create_app
from api.auth.keys import issue_key
from api.cli.context import DEFAULT_DATABASE, connect, database_url, ensure_database
from api.cli.demo_shown import show_month
from api.cli.evidence import key_file
from api.cli.output import Facts, Json, progress, run, say
from api.cli.paying import bank_facts, suspense_facts
from api.cli.reading import trial_facts
from api.cli.working import proof_facts
from api.logs import configure_logs
from api.settings import Settings
from examples import seeds
from examples.generate import generate
from examples.live_month import Lived, Office, PostNotice, live_month
from examples.opening import Opened, open_book
from ledger import accounts, balances, schema
from ledger.books import Book
from ledger.dates import now, parse_date
from ledger.db import AUDITOR, Connection, Database, open_database, open_pool
from ledger.errors import InvalidInput
from ledger.evidence.seals import list_seals
from ledger.money import format_baht
from ledger.periods.acts import Acted
from ledger.posting.collector import Collector
from products.night_report import ProductReport

HTTP_NOTICES = 300
MADE_BY_DEMO = "made by cff demo; cff demo replaces it"
LARGEST = 10


def demo(
    scale: Annotated[int, typer.Option(min=1, max=100, help="Times 20,000 notices.")] = 1,
    through: Annotated[
        str, typer.Option(help="Last day to live, in June 2026.")
    ] = seeds.MONTH_LAST.isoformat(),
    files: Annotated[Path, typer.Option(help="Where the month's files are written.")] = Path(
        "build/month"
    ),
    json: Json = False,
) -> None:
    """Live a month of the Facility in a fresh book and print what came of it."""
    run(
        _demo(Settings.from_environment(), scale, through, files),
        json,
        show_month,
        failed=lambda facts: not facts["verified"],
    )


async def _demo(settings: Settings, scale: int, through: str, files: Path) -> Facts:
    configure_logs("warning")
    last = parse_date(through, "--through")
    if not seeds.MONTH_FIRST <= last <= seeds.MONTH_LAST:
        raise InvalidInput.one("--through", through, "a date in June 2026")
    began = now()
    with database_url(settings) as url:
        await _fresh_database(settings, url)
        say(f"writing the month's files to {files} (scale {scale})")
        await asyncio.to_thread(generate, files, scale=scale)
        database = await open_database(url)
        try:
            async with Collector(database.poster) as collector:
                say("opening the book: chart, members, accounts, rates, opening balances")
                opened = await open_book(database, collector, code=settings.book)
                async with _door(database, collector, opened.book) as post_notice:
                    office = Office(
                        pool=database.poster,
                        collector=collector,
                        book=opened.book,
                        files=files,
                        post_notice=post_notice,
                        seal_key=key_file(settings),
                    )
                    total = (last - opened.book.opened_on).days + 1
                    with progress("living the month", total) as told:
                        lived = await live_month(
                            office, through=last, http_notices=HTTP_NOTICES, told=told
                        )
            say("verifying everything with the independent model")
            facts = await _facts(database, opened, lived, last)
        finally:
            await database.close()
    facts["seconds"] = str((now() - began).seconds)
    return facts


async def _fresh_database(settings: Settings, url: str) -> None:
    """An empty, migrated database. Only what a demo made is ever replaced."""
    if settings.database_url is not None:
        connection = await connect(url)
        try:
            version = await schema.current_version(connection)
            used = version and await connection.fetchval("SELECT count(*) FROM ledger.book")
        finally:
            await connection.close()
        if used:
            raise InvalidInput.one(
                "CFF_DATABASE_URL",
                url,
                "a database without books",
                "The demo replaces nothing that you own: create an empty database for it.",
            )
        await schema.migrate(url)
        return
    maintenance = await asyncpg.connect(url, database="postgres")
    try:
        await _replace_demo(maintenance, url)
    finally:
        await maintenance.close()
    await ensure_database(settings, url)


async def _replace_demo(maintenance: asyncpg.Connection, url: str) -> None:
    comment = await maintenance.fetchval(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
        DEFAULT_DATABASE,
    )
    exists = await maintenance.fetchval(
        "SELECT count(*) FROM pg_database WHERE datname = $1", DEFAULT_DATABASE
    )
    if exists and comment != MADE_BY_DEMO and await _has_books(url):
        raise InvalidInput.one(
            "the default database",
            "books that no demo made",
            "an empty one",
            "Set CFF_HOME to another directory for the demo, e.g. CFF_HOME=/var/tmp/cff-demo.",
        )
    if exists:
        say("replacing the database of the last demo")
        await maintenance.execute(f"DROP DATABASE {DEFAULT_DATABASE} WITH (FORCE)")
    await maintenance.execute(f"CREATE DATABASE {DEFAULT_DATABASE}")
    await maintenance.execute(f"COMMENT ON DATABASE {DEFAULT_DATABASE} IS '{MADE_BY_DEMO}'")


async def _has_books(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        if await schema.current_version(connection) is None:
            return False
        return bool(await connection.fetchval("SELECT count(*) FROM ledger.book"))
    finally:
        await connection.close()


@asynccontextmanager
async def _door(database: Database, collector: Collector, book: Book) -> AsyncIterator[PostNotice]:
    """The HTTP doors on a free port of this machine, and a client that posts notices to them."""
    async with database.poster.acquire() as connection:
        key = await issue_key(
            connection,
            client="demo",
            actor="demo:intake",
            scopes=["notices:write", "notices:read"],
            book_id=book.book_id,
            valid_days=1,
        )
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(database, collector), log_config=None, access_log=False, lifespan="on"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}/v1/books/{book.code}"
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with httpx2.AsyncClient(base_url=base, headers=headers) as client:

            async def post_notice(body: dict[str, str]) -> str:
                retry = {"Idempotency-Key": secrets.token_hex(16)}
                # Over HTTP the key says who made it, so the field of the file does not go along.
                sent = {name: value for name, value in body.items() if name != "made_by"}
                response = await client.post("/notices", json=sent, headers=retry)
                if response.is_success:
                    replayed = response.headers.get("Idempotent-Replayed") == "true"
                    return "replayed" if replayed else "accepted"
                return str(response.json()["code"])

            yield post_notice
    finally:
        server.should_exit = True
        await serving


async def _facts(database: Database, opened: Opened, lived: Lived, last: date) -> dict[str, object]:
    book = opened.book
    auditor = await open_pool(database.url, role=AUDITOR, max_size=1)
    try:
        async with auditor.acquire() as connection:
            trial = trial_facts(await balances.trial_balance(connection, book.book_id, last))
            suspense = await suspense_facts(connection, book.book_id, last)
            largest = await _largest_members(connection, book.book_id)
            proof = await proof_facts(connection, book.book_id)
            seals = await _seals_by_day(connection, book.book_id)
    finally:
        await auditor.close()
    reconciled = lived.reconciliations[max(lived.reconciliations)]
    over_http = Counter(lived.over_http)
    judged = lived.accepted + lived.replayed + sum((lived.refused + over_http).values())
    accepted = over_http.pop("accepted", 0)
    replayed = over_http.pop("replayed", 0)
    return {
        "book": book.code,
        "members": opened.members,
        "opening_deposits": format_baht(opened.deposits_satang),
        "notice_lines": judged,
        "bank_lines": lived.bank_lines,
        "accepted": lived.accepted + accepted,
        "accepted_over_http": accepted,
        "replayed": lived.replayed + replayed,
        "refused": dict(sorted((lived.refused + over_http).items())),
        "withdrawals_approved": lived.approved,
        "withdrawals_paid": lived.paid,
        "bank_lines_by_outcome": dict(lived.lines),
        "questions_answered_by_clerk": lived.answered_by_clerk,
        "interest_expense": format_baht(lived.interest_satang),
        "fixed_deposits": _fixed_facts(opened, lived),
        "interest_by_product": _products_facts(lived),
        "trial_balance": trial,
        "largest_members": largest,
        "suspense": suspense,
        "bank_reconciliation": {
            "on": reconciled[0].on,
            "banks": [bank_facts(row) for row in reconciled],
        },
        "closed_days": [
            {
                "business_date": night.business_date,
                "proven_seq": night.proven_seq,
                "interest": format_baht(night.interest_satang),
                "seal": seals.get(night.business_date),
            }
            for night in lived.nights
        ],
        "closed_months": [_month_facts(month) for month in lived.months],
        "verified": proof["ok"],
        "proof": proof,
    }


async def _seals_by_day(connection: Connection, book_id: int) -> dict[date, str]:
    """The hash of each sealed day, in hex."""
    seals = await list_seals(connection, book_id)
    return {seal.content.business_date: seal.hash.hex() for seal in seals}


def _month_facts(month: Acted) -> dict[str, object]:
    draft = month.draft
    totals = (draft.debits, draft.credits) if draft is not None else (0, 0)
    return {
        "month": month.period.span.name,
        "closed_seq": month.period.closed_seq,
        "vouchers": 0 if draft is None else draft.vouchers.number,
        "debits": format_baht(totals[0]),
        "credits": format_baht(totals[1]),
    }


def _fixed_facts(opened: Opened, lived: Lived) -> dict[str, object]:
    """What members and nights did with fixed deposits."""
    return {
        "brought_along": opened.fixed.placements,
        "brought_along_baht": format_baht(opened.fixed.principal_satang),
        "placed_baht": format_baht(lived.placed_satang),
        **{name.replace(" ", "_"): number for name, number in sorted(lived.fixed.items())},
    }


def _products_facts(lived: Lived) -> list[dict[str, object]]:
    """The nights' reports added up, product by product."""
    found: dict[str, list[ProductReport]] = {}
    for night in lived.nights:
        for report in night.products:
            found.setdefault(report.product_code, []).append(report)
    return [
        {
            "product": code,
            "name_th": reports[0].name_th,
            "name_en": reports[0].name_en,
            "accrued": format_baht(sum(each.accrued.amount_satang for each in reports)),
            "credited": format_baht(sum(each.credited.amount_satang for each in reports)),
            "interest_paid": format_baht(sum(each.interest_paid.amount_satang for each in reports)),
            "tax": format_baht(sum(each.tax_satang for each in reports)),
            "paid_out": sum(each.paid_out.contracts for each in reports),
            "rolled": sum(each.rolled.contracts for each in reports),
            "waiting": sum(each.waiting.contracts for each in reports),
            "ended_early": sum(each.ended_early.contracts for each in reports),
        }
        for code, reports in sorted(found.items())
    ]


async def _largest_members(connection: Connection, book_id: int) -> list[dict[str, object]]:
    found = await accounts.largest(connection, book_id, gl_code="211100", limit=LARGEST)
    return [
        {
            "account": position.account.code,
            "name_th": position.account.name_th,
            "balance": format_baht(position.balance_satang),
        }
        for position in found
    ]
