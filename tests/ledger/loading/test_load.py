"""Files posted: an outcome for every line, whatever is in them and however they are cut."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types
import pytest

from ledger import accounts
from ledger.db import Pool
from ledger.errors import InvalidInput
from ledger.loading.files import Order, post_file
from ledger.loading.results import ResultFile, ResultUnusable
from ledger.loading.runs import RunBusy, only_loader
from ledger.loading.sources import FileChanged, Format
from ledger.posting.values import OpenAccount
from tests.builders import make_scene, post
from tests.ledger.loading.scene import ACTOR, HEADER, book, csv_lines, load, raw, results, sound


def written(folder: Path, text: str, name: str = "lines.csv") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def files_in(folder: Path) -> list[Path]:
    """What lies in a folder."""
    return sorted(folder.iterdir())


def line(debit: str = "SAV-0001", credit: str = "SAV-0002", amount: str = "1.00") -> str:
    """A line in order, with a new id."""
    return f"{uuid4()},{debit},{credit},{amount},,,,\n"


async def _open(pool: Pool, code: str) -> None:
    async with pool.acquire() as connection:
        (number,) = await accounts.reserve_ids(connection, 1)
    opened = OpenAccount(
        account=number,
        code=code,
        gl_code="211100",
        currency="THB",
        name_th="-",
        name_en="-",
    )
    await post(pool, 1, [opened])


async def test_every_line_of_a_file_has_its_outcome_in_order(pool: Pool, tmp_path: Path) -> None:
    await book(pool, 1)
    path = written(tmp_path, csv_lines(600))
    posted = await load(pool, 1, path)
    told = results(posted)
    assert [each["line"] for each in told] == list(range(2, 602))
    outcomes = Counter(str(each["outcome"]) for each in told)
    assert set(outcomes) == {"posted", "replayed", "refused", "malformed"}
    position = posted.run.position
    assert position.counts() == {"lines": 600, **outcomes}
    assert position.bytes_done == len(path.read_bytes())
    assert position.result_bytes == len(raw(posted))
    assert posted.run.finished
    recorded = [each["recorded_seq"] for each in told if each["outcome"] == "posted"]
    assert recorded == list(range(int(str(recorded[0])), int(str(recorded[0])) + len(recorded)))
    refused = {str(each["code"]) for each in told if each["outcome"] == "refused"}
    assert {"below_balance_min", "id_conflict", "value_date_after_business_date"} <= refused
    short = next(each for each in told if each.get("code") == "below_balance_min")
    detail = short["detail"]
    assert isinstance(detail, dict)
    assert str(detail["account"]).startswith("SAV-")
    assert detail["available"].count(".") == 1
    await sound(pool, 1)


async def test_where_batches_are_cut_changes_no_byte_of_the_results(
    pool: Pool, tmp_path: Path
) -> None:
    path = written(tmp_path, csv_lines(300))
    found = set()
    for number, lines_max in enumerate((None, 1, 7, 64), start=1):
        await book(pool, number)
        posted = await load(pool, number, path, lines_max=lines_max)
        found.add(raw(posted))
    assert len(found) == 1


async def test_the_same_lines_have_the_same_outcomes_in_every_format(
    pool: Pool, tmp_path: Path
) -> None:
    rows = [
        dict(zip(HEADER.strip().split(","), text.strip().split(","), strict=True))
        for text in [line(), line("SAV-0003"), line("SAV-0404"), line(amount="9000.00")] * 3
    ]
    csv = written(tmp_path, HEADER + "".join(",".join(row.values()) + "\n" for row in rows))
    jsonl = written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "lines.jsonl")
    parquet = tmp_path / "lines.parquet"
    pq.write_table(pa.Table.from_pylist(rows), parquet, row_group_size=5)
    told = []
    for number, path in enumerate((csv, jsonl, parquet), start=1):
        await book(pool, number)
        found = results(await load(pool, number, path))
        first = int(str(found[0].pop("line")))
        assert first == (2 if path == csv else 1)
        told.append([{k: v for k, v in each.items() if k != "line"} for each in found])
    assert told[0] == told[1] == told[2]


async def test_the_same_content_again_posts_nothing_and_says_that_it_is_finished(
    pool: Pool, tmp_path: Path
) -> None:
    await book(pool, 1)
    path = written(tmp_path, csv_lines(50))
    first = await load(pool, 1, path)
    before = raw(first)
    again = await load(pool, 1, path.rename(tmp_path / "renamed.csv"), result="elsewhere")
    assert (first.repeated, again.repeated) == (False, True)
    assert again.run.result == first.run.result
    assert again.run.position == first.run.position
    assert raw(first) == before
    assert not (tmp_path / "elsewhere").exists()


async def test_a_finished_file_is_posted_again_when_asked_for_and_what_stands_is_replayed(
    pool: Pool, tmp_path: Path
) -> None:
    await book(pool, 1)
    path = written(tmp_path, HEADER + line() + line("SAV-0001", "LATE-01") + line())
    order = Order(path=path, form=Format.CSV, actor=ACTOR)
    first = results(await post_file(pool, 1, order))
    assert [each["outcome"] for each in first] == ["posted", "malformed", "posted"]
    await _open(pool, "LATE-01")
    again = await post_file(pool, 1, replace(order, again=True))
    assert again.run.result.endswith("lines.csv.2.result.jsonl")
    told = results(again)
    assert [each["outcome"] for each in told] == ["replayed", "posted", "replayed"]
    assert [each["recorded_seq"] for each in told[::2]] == [
        each["recorded_seq"] for each in first[::2]
    ]
    once_more = await post_file(pool, 1, order)
    assert once_more.repeated
    assert once_more.run.run_id == again.run.run_id


async def test_a_result_file_has_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "result"
    with ResultFile(path, 0), pytest.raises(ResultUnusable, match="another process"):
        ResultFile(path, 0)


async def test_a_mended_file_is_another_run_in_which_recorded_lines_are_replays(
    pool: Pool, tmp_path: Path
) -> None:
    await book(pool, 1)
    good = [line() for _ in range(3)]
    await load(pool, 1, written(tmp_path, HEADER + good[0] + "bad\n" + good[1]))
    path = written(tmp_path, HEADER + good[0] + good[2] + good[1])
    with pytest.raises(ResultUnusable, match="not of this run"):
        await load(pool, 1, path)
    told = results(await load(pool, 1, path, result="second"))
    assert [each["outcome"] for each in told] == ["replayed", "posted", "replayed"]


async def test_a_file_that_cannot_be_posted_leaves_no_trace(pool: Pool, tmp_path: Path) -> None:
    await book(pool, 1)
    path = written(tmp_path, "debit,credit,amount\nSAV-0001,SAV-0002,1.00\n")
    with pytest.raises(InvalidInput, match="a column id"):
        await load(pool, 1, path)
    assert [each.name for each in files_in(tmp_path)] == [path.name]
    assert await pool.fetchval("SELECT count(*) FROM ledger.posting_run") == 0


async def test_a_file_of_malformed_lines_alone_is_finished_in_bounded_pieces(
    pool: Pool, tmp_path: Path
) -> None:
    await book(pool, 1)
    path = written(tmp_path, HEADER + ("x" * 8000 + "\n") * 3000 + line())
    posted = await load(pool, 1, path)
    assert posted.run.position.malformed == 3000
    assert posted.run.position.posted == 1
    assert results(posted)[-1]["line"] == 3002


async def test_an_account_opened_while_the_file_is_read_is_found(
    pool: Pool, tmp_path: Path
) -> None:
    await book(pool, 1)
    told = results(await load(pool, 1, written(tmp_path, HEADER + line("SAV-7777") + line())))
    assert told[0] == {
        "line": 2,
        "id": told[0]["id"],
        "outcome": "malformed",
        "field": "debit",
        "got": "SAV-7777",
        "expected": "the code of an account of this book",
    }
    assert told[1]["outcome"] == "posted"


async def test_accounts_that_only_the_night_moves_are_not_for_loaders(
    pool: Pool, tmp_path: Path
) -> None:
    scene = await make_scene(pool, members=2, opening=50_000)
    path = written(tmp_path, HEADER + line(credit="BANK-1") + line())

    async def bars(_connection: object, _book_id: int, _among: object) -> set[int]:
        return {scene.bank}

    order = Order(path=path, form=Format.CSV, actor=ACTOR, bars=bars)
    told = results(await post_file(pool, 1, order))
    assert (told[0]["outcome"], told[0]["field"], told[0]["got"]) == (
        "malformed",
        "credit",
        "BANK-1",
    )
    assert told[1]["outcome"] == "posted"


async def test_an_account_that_is_opened_while_the_file_is_read_and_is_not_for_loaders_is_refused(
    pool: Pool, tmp_path: Path
) -> None:
    await book(pool, 1)
    path = written(tmp_path, HEADER + line("SAV-7777") + line())
    asked: list[Collection[int] | None] = []

    async def bars(
        _connection: object, _book_id: int, among: Collection[int] | None
    ) -> Collection[int]:
        asked.append(among)
        if among is None:
            # The loader has read the accounts; now one is opened that is not for it.
            await _open(pool, "SAV-7777")
        return among or ()

    order = Order(path=path, form=Format.CSV, actor=ACTOR, bars=bars)
    told = results(await post_file(pool, 1, order))
    assert (told[0]["outcome"], told[0]["got"]) == ("malformed", "SAV-7777")
    assert "moved by hand" in str(told[0]["expected"])
    assert told[1]["outcome"] == "posted"
    assert [None if each is None else len(each) for each in asked] == [None, 1]


async def test_a_second_loader_of_the_same_run_is_refused(pool: Pool, tmp_path: Path) -> None:
    await book(pool, 1)
    path = written(tmp_path, csv_lines(400))
    outcomes = await asyncio.gather(
        *(load(pool, 1, path, lines_max=20) for _ in range(2)), return_exceptions=True
    )
    refused = [each for each in outcomes if isinstance(each, RunBusy)]
    assert len(refused) == 1, outcomes
    assert (await load(pool, 1, path)).repeated
    run_id = await pool.fetchval("SELECT run_id FROM ledger.posting_run")
    async with only_loader(pool, 1, run_id):
        with pytest.raises(RunBusy):
            await load(pool, 1, path)


async def test_a_file_that_changes_while_it_is_posted_is_noticed(
    pool: Pool, tmp_path: Path
) -> None:
    await book(pool, 1)
    path = written(tmp_path, csv_lines(100))

    appended: list[int] = []

    def append(done: int, total: int) -> None:
        if not appended:
            appended.append(total)
            with path.open("a") as file:
                file.write(line())

    order = Order(path=path, form=Format.CSV, actor=ACTOR)
    # Its whole content is known, and then it grows.
    with pytest.raises(FileChanged, match="changed while it was posted"):
        await post_file(pool, 1, order, hashing=append)
    again = await post_file(pool, 1, Order(path=path, form=Format.CSV, actor=ACTOR))
    assert again.run.position.lines_done == 101


async def test_a_lost_result_file_is_told_with_what_to_do(pool: Pool, tmp_path: Path) -> None:
    await book(pool, 1)
    path = written(tmp_path, csv_lines(100))

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise LookupError

    order = Order(path=path, form=Format.CSV, actor=ACTOR, lines_max=10)
    with pytest.raises(LookupError):
        await post_file(pool, 1, order, posting=stop)
    result = path.with_name(path.name + ".result.jsonl")
    kept = result.read_bytes()
    os.truncate(result, 10)
    with pytest.raises(ResultUnusable, match="bring the file back"):
        await post_file(pool, 1, order)
    # Moved elsewhere it is as good, and whatever lies behind what was committed is void.
    moved = tmp_path / "moved"
    moved.write_bytes(kept + b"void")
    resumed = await post_file(pool, 1, Order(path=path, form=Format.CSV, actor=ACTOR, result=moved))
    assert 0 < resumed.resumed_after < 100
    assert [each["line"] for each in results(resumed)] == list(range(2, 102))
    await sound(pool, 1)


async def test_the_result_is_never_written_over_the_file(pool: Pool, tmp_path: Path) -> None:
    await book(pool, 1)
    path = written(tmp_path, csv_lines(5))
    order = Order(path=path, form=Format.CSV, actor=ACTOR, result=path)
    with pytest.raises(InvalidInput, match="another file"):
        await post_file(pool, 1, order)


async def test_an_empty_book_file_with_only_a_header_is_a_finished_run_without_lines(
    pool: Pool, tmp_path: Path
) -> None:
    await book(pool, 1)
    posted = await load(pool, 1, written(tmp_path, HEADER))
    assert posted.run.finished
    assert posted.run.position.lines_done == 0
    assert results(posted) == []
