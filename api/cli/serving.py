"""`cff serve` and `cff keys ...`: the HTTP doors and the keys to them."""

from __future__ import annotations

import gc
from typing import Annotated, cast

import typer
import uvicorn

from api.app import create_app
from api.auth.keys import issue_key, revoke_key
from api.auth.scopes import PARTY_SCOPES, SCOPES, Scope
from api.cli.context import opened, opened_book
from api.cli.output import Facts, Json, out, run, say
from api.cli.reading import BookOption, show_pairs
from api.logs import configure_logs
from api.settings import Settings
from ledger.errors import NotFound
from ledger.evidence.keys import KeyFile
from ledger.parties import party_by_code


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535)] = None,
    json: Json = False,
) -> None:
    """Open the HTTP doors (/v1; its description is at /docs) until interrupted."""

    async def work() -> Facts:
        settings = Settings.from_environment()
        configure_logs(settings.log_level)
        where = (host or settings.host, settings.port if port is None else port)
        async with opened(settings) as database:
            config = uvicorn.Config(
                create_app(
                    database,
                    live=settings.live,
                    key_cache_seconds=settings.key_cache_seconds,
                    seal_key=KeyFile(path=settings.seal_key_path, say=say),
                ),
                host=where[0],
                port=where[1],
                log_level=settings.log_level,
                log_config=None,
                access_log=False,
            )
            say(f"listening on http://{where[0]}:{where[1]} - description at /docs")
            # What is there before the first request stays: to look through it again and again
            # would hold answers up.
            gc.collect()
            gc.freeze()
            await uvicorn.Server(config).serve()
        return {"host": where[0], "port": where[1], "stopped": True}

    run(work(), json, lambda _: out.print("stopped"))


keys_app = typer.Typer(help="API keys of the HTTP doors.", no_args_is_help=True)


@keys_app.command("issue")
def keys_issue(
    client: Annotated[str, typer.Argument(help="The program that will use it.")],
    actor: Annotated[str, typer.Argument(help='The person behind it, e.g. "coop-0001:maker".')],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="A scope; repeat it. Default: all allowed.")
    ] = None,
    member: Annotated[
        str | None, typer.Option("--member", help="Member code: the key sees only this co-op's.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long it is valid.")] = 365,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Issue a key; it is shown once and kept only as a hash."""

    async def work() -> Facts:
        settings = Settings.from_environment()
        async with (
            opened_book(settings, book) as (database, found),
            database.poster.acquire() as connection,
        ):
            party_id = None
            if member is not None:
                party_id = (await party_by_code(connection, found.book_id, member)).party_id
            allowed = SCOPES if party_id is None else sorted(PARTY_SCOPES)
            key = await issue_key(
                connection,
                client=client,
                actor=actor,
                scopes=cast(list[Scope], scope) if scope else allowed,
                book_id=found.book_id,
                party_id=party_id,
                valid_days=days,
                live=settings.live,
            )
        granted = ", ".join(scope or allowed)
        return {"key": key, "client": client, "actor": actor, "valid_days": days, "scopes": granted}

    run(work(), json, show_pairs)


@keys_app.command("revoke")
def keys_revoke(
    prefix: Annotated[str, typer.Argument(help="The twelve characters after cff_test_.")],
    json: Json = False,
) -> None:
    """Revoke a key; every process refuses it within seconds."""

    async def work() -> Facts:
        async with (
            opened(Settings.from_environment()) as database,
            database.poster.acquire() as connection,
        ):
            if not await revoke_key(connection, prefix):
                raise NotFound("valid key", prefix)
        return {"revoked": prefix}

    run(work(), json, show_pairs)
