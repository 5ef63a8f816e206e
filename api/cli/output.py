"""What a command prints, and what it exits with.

Every command gives one JSON-ready dictionary of facts; `--json` prints exactly that on standard
output, otherwise a renderer shows it to people. Errors go to standard error with what was wrong,
where, what was expected and what to do, as JSON too when asked for. Progress bars are drawn on a
terminal only, on standard error, so that a pipe never sees them.
"""

from __future__ import annotations

import asyncio
import csv
import enum
import json
import re
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, NoReturn
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ledger import errors

# A pipe has no width of its own; 120 columns show money and Thai names without folding.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print lines of CSV instead of tables.")]
Facts = Mapping[str, object]


_MONEY = re.compile(r"^-?[0-9]+\.[0-9]{2}$", re.ASCII)


class Exit(enum.IntEnum):
    """Exit codes that mean something; 0 is success."""

    CHECK_FAILED = 1  # verify found a difference, a day was not proven, lines were refused
    BAD_INPUT = 2  # the command line or a file cannot be read as asked
    DATABASE = 3  # the database cannot be reached, or is too old
    NOT_FOUND = 4  # something that was named does not exist
    REFUSED = 5  # a right, a second person or the state of the book stands against it
    INTERNAL = 70  # a broken invariant: a bug or damage


_EXITS: tuple[tuple[type[BaseException], Exit], ...] = (
    (errors.InvalidInput, Exit.BAD_INPUT),
    (errors.NotFound, Exit.NOT_FOUND),
    (errors.Forbidden, Exit.REFUSED),
    (errors.DatabaseTooOld, Exit.DATABASE),
    (errors.DatabaseUnavailable, Exit.DATABASE),
    (errors.OutcomeUnknown, Exit.DATABASE),
    (errors.InvariantBroken, Exit.INTERNAL),
    (errors.CffError, Exit.REFUSED),
)


def run(
    work: Coroutine[object, object, Facts],
    as_json: bool,
    render: Callable[[Facts], None],
    *,
    failed: Callable[[Facts], bool] = lambda _: False,
) -> None:
    """Do a command's work, print its facts, and exit 1 if `failed` says so of them."""
    try:
        facts = asyncio.run(work)
    except KeyboardInterrupt:
        err.print("interrupted; what was committed stays, run the command again to go on")
        raise typer.Exit(130) from None
    except errors.CffError as error:
        stop(error, as_json)
    if as_json:
        print_json(facts)
    else:
        render(facts)
    if failed(facts):
        raise typer.Exit(Exit.CHECK_FAILED)


def stop(error: errors.CffError, as_json: bool) -> NoReturn:
    """Say what went wrong and exit with the code of its kind."""
    code = next(exit_code for kind, exit_code in _EXITS if isinstance(error, kind))
    if as_json:
        document: dict[str, object] = {"error": error.code, "message": str(error)}
        if isinstance(error, errors.InvalidInput):
            document["problems"] = [asdict(problem) for problem in error.problems]
        sys.stderr.write(json.dumps(document, ensure_ascii=False) + "\n")
    elif isinstance(error, errors.InvalidInput):
        for problem in error.problems:
            err.print(f"[red]error[/]: {_plain(str(problem))}")
    else:
        err.print(f"[red]error[/] ({error.code}): {_plain(str(error))}")
    raise typer.Exit(code)


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


def print_json(facts: Facts) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2, default=_json) + "\n")


def _json(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def say(line: str) -> None:
    """A line about what is going on, on standard error."""
    err.print(f"[dim]{_plain(line)}[/]", soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table for people; columns whose name ends in `>` are right-aligned, money with commas."""
    drawn = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        if column.endswith(">"):
            drawn.add_column(column.rstrip(">"), justify="right", no_wrap=True)
        else:
            drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(_plain(money(cell)) for cell in row))
    out.print(drawn)


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Lines of CSV on standard output, the names of the columns first."""
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows(rows)


def money(text: str) -> str:
    """Money for people: "1234.50" becomes "1,234.50", zero an empty cell; other texts stay."""
    if not _MONEY.match(text):
        return text
    whole, _, places = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return "" if text == "0.00" else f"{sign}{abs(int(whole)):,}.{places}"


@contextmanager
def share(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for work that tells (done, total) as it goes; silence where there is no terminal."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    ) as bar:
        task = bar.add_task(title, total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield told


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal, silence elsewhere; call the yielded function once a finished part."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    ) as bar:
        task = bar.add_task(title, total=total)

        def advance(what: str) -> None:
            bar.update(task, advance=1, description=what)

        yield advance
