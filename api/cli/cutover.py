"""Verbs that make a book from an old system: cut-over by a directory of files, import of a history.

Both judge everything before anything is posted and name every bad line by file, line and field;
exit code 1 when something stands against it, and then nothing was posted.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import opened
from api.cli.output import Facts, Json, err, out, run, share
from api.cli.reading import show_pairs
from api.settings import Settings
from ledger.history import importing
from ledger.history.texts import Findings
from ledger.money import format_baht
from products.cutover.loading import Report, check_cut_over, load_cut_over

SHOWN_MAX = 50
"""So many problems are shown to people; `--json` gives those that are kept (1,000)."""

cut_over_app = typer.Typer(
    help="Opening a book with what an old system hands over.", no_args_is_help=True
)
DirArgument = Annotated[Path, typer.Argument(help="Directory of the files (docs/cutover.md).")]
ActorOption = Annotated[str, typer.Option("--actor", help="Who does it, for the record.")]


@cut_over_app.command("check")
def cut_over_check(directory: DirArgument, json: Json = False) -> None:
    """Judge the files, line by line and against the trial balance; nothing is written."""

    async def work() -> Facts:
        async with opened(Settings.from_environment()) as database:
            return _facts(await check_cut_over(database.poster, directory))

    run(work(), json, _show, failed=lambda facts: not facts["ok"])


@cut_over_app.command("load")
def cut_over_load(
    directory: DirArgument, actor: ActorOption = "facility:cut-over", json: Json = False
) -> None:
    """Load the files, all or nothing, proven against the trial balance; once a book."""

    async def work() -> Facts:
        async with opened(Settings.from_environment()) as database:
            with share("loading the cut-over") as told:
                report = await load_cut_over(database.poster, directory, actor=actor, told=told)
        return _facts(report)

    run(work(), json, _show, failed=lambda facts: not facts["ok"])


def _facts(report: Report) -> dict[str, object]:
    return {
        "book": report.book_code,
        "on": report.on,
        "ok": report.ok,
        "loaded": report.loaded,
        "repeated": report.repeated,
        **report.counts,
        "debits": format_baht(report.debits_satang),
        "interest_brought": format_baht(report.interest_satang),
        **_against(report.problems, [str(each) for each in report.differences]),
    }


def _against(problems: Findings, differences: list[str]) -> dict[str, object]:
    return {
        "problem_count": problems.count,
        "problems": [asdict(problem) | {"text": str(problem)} for problem in problems.problems],
        "differences": differences,
    }


def import_history(
    file: Annotated[Path, typer.Argument(help="History as JSONL (docs/cutover.md).")],
    trial_balances: Annotated[
        Path | None,
        typer.Option("--trial-balances", help="The old system's balances by date, as the control."),
    ] = None,
    actor: ActorOption = "facility:cut-over",
    json: Json = False,
) -> None:
    """Make a book from a history with its own dates, day by day; a killed import is resumed."""

    async def work() -> Facts:
        async with opened(Settings.from_environment()) as database:
            # One bar fills twice: while the file is judged, then while it is posted.
            with share(f"history of {file.name}") as told:
                imported = await importing.import_history(
                    database.poster,
                    file,
                    balances=trial_balances,
                    actor=actor,
                    checking=told,
                    posting=told,
                )
        return {
            "book": imported.book_code,
            "ok": imported.ok,
            "repeated": imported.repeated,
            "first_on": imported.first_on,
            "live_on": imported.live_on,
            "accounts": imported.accounts,
            "journals": imported.journals,
            "transfers": imported.transfers,
            "trial_balances_agreed": imported.balances,
            **_against(imported.problems, [str(each) for each in imported.differences]),
        }

    run(work(), json, _show, failed=lambda facts: not facts["ok"])


def _show(facts: Facts) -> None:
    problems, differences = facts["problems"], facts["differences"]
    if isinstance(problems, list) and isinstance(differences, list):
        for problem in problems[:SHOWN_MAX]:
            err.print(problem["text"], markup=False, style="red")
        for difference in differences[:SHOWN_MAX]:
            err.print(difference, markup=False, style="red")
        if max(len(problems), len(differences)) > SHOWN_MAX:
            err.print(f"the first {SHOWN_MAX} of each; --json gives more")
    if facts["repeated"]:
        out.print("These very files stand in the book already: nothing was done.")
    hidden = ("problems", "differences", "ok", "repeated")
    show_pairs({name: value for name, value in facts.items() if name not in hidden})
    if not facts["ok"]:
        out.print("[red]nothing was posted[/]: mend what is named above and start again")
