"""`cff post FILE`: the lines of a file become journals, each with its outcome in a result file.

Posting the same file again goes on where it stopped; a file that is finished is not posted again.
Exit code 1 when lines were refused or malformed: the result file names each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import opened_book
from api.cli.output import Facts, Json, out, run, share
from api.cli.reading import BookOption, show_pairs
from api.settings import Settings
from ledger.db import translated
from ledger.loading.files import Order, Posted, post_file, untold
from ledger.loading.runs import Told
from ledger.loading.sources import Format, format_of
from products.barred import barred_accounts


def post(
    file: Annotated[Path, typer.Argument(help="CSV, JSONL or Parquet (docs/loading.md).")],
    result: Annotated[
        Path | None,
        typer.Option("--result", help="Where the outcomes go; default: FILE.result.jsonl."),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: by the ending of the name.")
    ] = None,
    actor: Annotated[
        str, typer.Option("--actor", help="Who posts, for the record.")
    ] = "facility:loader",
    again: Annotated[
        bool,
        typer.Option("--again", help="Post a finished file once more; what stands is replayed."),
    ] = False,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Post a file of journals, one a line; a killed run is resumed by the same command."""

    async def work() -> Facts:
        wanted = form or format_of(file)
        async with (
            opened_book(Settings.from_environment(), book) as (database, found),
            translated(),
        ):
            order = Order(
                path=file,
                form=wanted,
                actor=actor,
                result=result,
                bars=barred_accounts,
                again=again,
            )
            # One bar fills twice: while the content is read, then while it is posted.
            with _bar(file.name, json) as told:
                posted = await post_file(
                    database.poster, found.book_id, order, hashing=told, posting=told
                )
        return _facts(file, wanted, posted)

    run(work(), json, _show, failed=_lines_failed)


@contextmanager
def _bar(title: str, as_json: bool) -> Iterator[Told]:
    if as_json:
        yield untold
    else:
        with share(title) as told:
            yield told


def _facts(file: Path, form: Format, posted: Posted) -> dict[str, object]:
    done = posted.run
    return {
        "file": file.name,
        "format": form.value,
        "run": done.run_id,
        "actor": done.actor,
        "repeated": posted.repeated,
        "resumed_after": posted.resumed_after,
        **done.position.counts(),
        "result": done.result,
        "finished_at": done.moved_at if posted.repeated else None,
    }


def _lines_failed(facts: Facts) -> bool:
    return not facts["repeated"] and bool(facts["refused"] or facts["malformed"])


def _show(facts: Facts) -> None:
    if facts["repeated"]:
        out.print(
            f"This very file was posted by {facts['actor']} and finished at "
            f"{facts['finished_at']}: nothing was done. Its outcomes are in {facts['result']}; "
            "--again posts it once more, what stands is answered as replayed",
            markup=False,
        )
    hidden = ("repeated", "finished_at", "resumed_after")
    show_pairs({name: value for name, value in facts.items() if name not in hidden})
    if facts["resumed_after"] and not facts["repeated"]:
        out.print(f"resumed after line {facts['resumed_after']} of the journals", markup=False)
    if _lines_failed(facts):
        out.print(
            f"Lines that were not posted are named in {facts['result']}: mend them in a file of "
            "their own, or what they met in the book and post this file with --again",
            markup=False,
        )
