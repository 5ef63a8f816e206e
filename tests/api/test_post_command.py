"""`cff post FILE` as a clerk meets it: outcomes, exit codes, the same command again."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from ledger.db import open_pool
from ledger.loading.runs import only_loader, run_id_of, sha256_of
from ledger.loading.sources import LAYOUT
from tests.builders import make_scene
from tests.house.sources import ROOT

HEADER = "id,debit,credit,amount\n"


@pytest.fixture
def book(database_url: str) -> Iterator[str]:
    """A book with two members, named by the environment as an operator would."""
    asyncio.run(_furnish(database_url))
    before = {name: os.environ.get(name) for name in ("CFF_DATABASE_URL", "CFF_BOOK")}
    os.environ.update({"CFF_DATABASE_URL": database_url, "CFF_BOOK": "book-1"})
    try:
        yield database_url
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


async def _furnish(url: str) -> None:
    pool = await open_pool(url)
    try:
        await make_scene(pool, members=2, opening=50_000)
    finally:
        await pool.close()


def post(*arguments: object, code: int = 0) -> dict[str, Any]:
    """The facts that `cff post --json` prints."""
    result = CliRunner().invoke(app, ["post", *map(str, arguments), "--json"])
    assert result.exit_code == code, result.output
    document: dict[str, Any] = json.loads(result.stdout if code < 2 else result.stderr)
    return document


def line(amount: str = "1.00") -> str:
    """A line in order under a new id."""
    return f"{uuid4()},SAV-0001,SAV-0002,{amount}\n"


def test_a_file_is_posted_once_however_often_the_command_is_given(
    book: str, tmp_path: Path
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(HEADER + line() + line())
    first = post(path)
    assert (first["posted"], first["repeated"], first["resumed_after"]) == (2, False, 0)
    assert Path(first["result"]).name == "lines.csv.result.jsonl"
    assert len(Path(first["result"]).read_text().splitlines()) == 2
    again = post(path)
    assert (again["posted"], again["repeated"], again["run"]) == (2, True, first["run"])
    told = CliRunner().invoke(app, ["post", str(path)])
    assert told.exit_code == 0
    assert "nothing was done" in told.stdout


def test_lines_that_were_not_posted_are_an_exit_code_of_their_own(
    book: str, tmp_path: Path
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(HEADER + line() + line("1,5") + line("99999.00"))
    facts = post(path, code=1)
    assert (facts["posted"], facts["refused"], facts["malformed"]) == (1, 1, 1)
    # Told before; the same content again is finished.
    assert post(path)["repeated"] is True


def test_a_file_without_ids_is_refused_whole_and_the_column_named(
    book: str, tmp_path: Path
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("debit,credit,amount\nSAV-0001,SAV-0002,1.00\n")
    document = post(path, code=2)
    assert document["problems"][0]["expected"].startswith("a column id")


def test_a_format_may_be_named_where_the_ending_tells_nothing(book: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text(HEADER + line())
    assert "--format" in post(path, code=2)["message"]
    assert post(path, "--format", "csv", "--result", tmp_path / "out")["posted"] == 1
    assert (tmp_path / "out").exists()


def test_a_second_process_at_the_same_file_is_refused_and_posts_nothing(
    book: str, tmp_path: Path
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(HEADER + line())
    options: dict[str, object] = {"format": "csv", "layout": LAYOUT}
    run_id = run_id_of(sha256_of(path), 1, "facility:loader", options)

    async def beside() -> dict[str, Any]:
        pool = await open_pool(book)
        try:
            async with only_loader(pool, 1, run_id):
                return await asyncio.to_thread(post, path, code=5)
        finally:
            await pool.close()

    assert asyncio.run(beside())["error"] == "run_busy"
    assert post(path)["posted"] == 1


def test_the_program_says_nothing_on_standard_error_when_nobody_watches(
    book: str, tmp_path: Path
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(HEADER + line())
    done = subprocess.run(
        [sys.executable, "-c", "from api.cli.main import main; main()", "post", str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "posted" in done.stdout
