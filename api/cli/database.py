"""`cff db ...`: the database itself: its address, its schema, its server."""

from __future__ import annotations

import asyncpg
import typer

from api.cli.context import connect, database_url, ensure_database
from api.cli.output import Facts, Json, out, run
from api.settings import Settings
from ledger import embedded, schema
from ledger.binaries import find_binaries
from ledger.homes import default_home

app = typer.Typer(help="The database: address, schema, server.", no_args_is_help=True)


@app.command()
def migrate(json: Json = False) -> None:
    """Bring the database to the newest schema; safe to repeat."""

    async def work() -> Facts:
        settings = Settings.from_environment()
        with database_url(settings) as url:
            if settings.database_url is None:
                await ensure_database(settings, url)
            else:
                await schema.migrate(url)
            return await _facts(url)

    run(work(), json, _show)


@app.command()
def status(json: Json = False) -> None:
    """Where the database is, which server it runs on, and how old its schema is."""

    async def work() -> Facts:
        settings = Settings.from_environment()
        with database_url(settings) as url:
            if settings.database_url is None:
                await ensure_database(settings, url)
            return await _facts(url)

    run(work(), json, _show)


@app.command()
def stop(json: Json = False) -> None:
    """Stop the private server now, also while others use it (it stops by itself when unused)."""

    async def work() -> Facts:
        home = default_home()
        return {"home": str(home), "stopped": embedded.stop(home)}

    run(work(), json, lambda facts: out.print("stopped" if facts["stopped"] else "was not running"))


async def _facts(url: str) -> dict[str, object]:
    connection = await connect(url)
    try:
        return {
            "url": url,
            "psql": f"{find_binaries().bin_dir / 'psql'} '{url}'",
            "server": await connection.fetchval("SELECT current_setting('server_version')"),
            "schema": await schema.current_version(connection),
            "needs_schema": schema.REQUIRED,
            "books": await _books(connection),
        }
    finally:
        await connection.close()


async def _books(connection: asyncpg.Connection) -> list[str]:
    if await schema.current_version(connection) is None:
        return []
    rows = await connection.fetch("SELECT code FROM ledger.book ORDER BY book_id")
    return [row["code"] for row in rows]


def _show(facts: Facts) -> None:
    for name, value in facts.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        out.print(f"{name.replace('_', ' '):14} {shown}", markup=False)
