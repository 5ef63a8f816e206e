"""Loading a bank's statement: continuity, repetition, and what an interruption leaves behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ledger.errors import InvalidInput
from ledger.posting.collector import Collector
from products.kinds import JournalKind
from products.payments import csv_statement
from products.payments.iso20022 import camt053
from products.payments.statements import StatementRefused
from tests.products.payments.bank_statements import refused
from tests.products.payments.payments_scene import BANK_OPENING, DyingCollector, KilledError, Scene


async def loaded(scene: Scene) -> list[tuple[str, int, int]]:
    async with scene.pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT bank_code, sequence_no, line_count FROM products.bank_statement "
            "ORDER BY bank_code, sequence_no"
        )
    return [tuple(row) for row in rows]


async def test_a_statement_is_kept_whole_and_its_lines_are_posted(scene: Scene) -> None:
    report = await scene.load(scene.line(100), scene.line(-30))
    (statement,) = report.statements
    assert (statement.bank_code, statement.sequence_no, statement.lines) == ("KTB", 102, 2)
    assert (statement.repeated, report.repeated) == (False, False)
    assert await loaded(scene) == [("KTB", 102, 2)]
    assert await scene.balance("KTB") == -(BANK_OPENING + 70)
    assert statement.closing_satang == BANK_OPENING + 70


async def test_camt053_is_recognised_by_its_first_character(scene: Scene) -> None:
    statement = scene.statement(scene.line(100, "R1"))
    path = scene.folder / "statement.dat"
    created = scene.collector._clock()
    path.write_bytes(camt053.render(statement, message_id="M1", created_at=created))
    report = await scene.load_file(path)
    assert report.statements[0].lines == 1
    # The same content in another form is the same statement.
    again = await scene.load_file(scene.file(statement))
    assert (again.repeated, again.statements[0].repeated) == (False, True)
    assert await loaded(scene) == [("KTB", 102, 1)]


async def test_the_same_file_twice_is_a_no_op_that_says_so(scene: Scene) -> None:
    path = scene.file(scene.statement(scene.line(100), scene.line(-30)))
    await scene.load_file(path)
    again = await scene.load_file(path)
    assert again.repeated
    assert [statement.repeated for statement in again.statements] == [True]
    assert again.settled.counts == {}
    assert await scene.balance("KTB") == -(BANK_OPENING + 70)


async def test_the_same_number_with_other_content_is_refused(scene: Scene) -> None:
    statement = scene.statement(scene.line(100))
    await scene.load_file(scene.file(statement))
    (line,) = statement.lines
    other = replace(statement, lines=(replace(line, counterparty="Somebody Else"),))
    with pytest.raises(StatementRefused, match="102 of KTB is loaded already with other content"):
        await scene.load_file(scene.file(other))


async def test_a_gap_is_refused_naming_both_numbers_and_filled_in_order(scene: Scene) -> None:
    first = scene.file(scene.statement(scene.line(100)))
    second = scene.file(scene.statement(scene.line(200)))
    third = scene.file(scene.statement(scene.line(300)))
    with pytest.raises(StatementRefused, match=r"103 of KTB does not follow 101.*: 102 is missing"):
        await scene.load_file(second)
    with pytest.raises(StatementRefused, match=r"104 of KTB does not follow 101.*102 to 103"):
        await scene.load_file(third)
    assert await loaded(scene) == []
    for path in (first, second, third):
        assert not (await scene.load_file(path)).repeated
    assert [number for _, number, _ in await loaded(scene)] == [102, 103, 104]


async def test_a_number_before_the_first_or_beyond_all_bounds_is_refused(scene: Scene) -> None:
    statement = scene.statement(scene.line(100))
    for number in (100, 10**17):
        with pytest.raises(StatementRefused, match="does not follow 101"):
            await scene.load_file(scene.file(replace(statement, sequence_no=number)))


async def test_an_opening_that_is_not_the_last_closing_is_refused(scene: Scene) -> None:
    statement = scene.statement(scene.line(100))
    moved = replace(
        statement,
        opening_satang=statement.opening_satang + 1,
        closing_satang=statement.closing_satang + 1,
    )
    with pytest.raises(StatementRefused, match=r"opens with 1,000,000\.01, but .* 1,000,000\.00"):
        await scene.load_file(scene.file(moved))


async def test_an_account_that_is_not_ours_is_refused_naming_those_that_are(scene: Scene) -> None:
    statement = replace(scene.statement(scene.line(100)), account_no="ACC-XYZ")
    with refused("ACC-XYZ", "ACC-BBL (BBL), ACC-KTB (KTB)"):
        await scene.load_file(scene.file(statement))


async def test_a_line_that_stands_in_an_earlier_statement_is_refused_by_name(scene: Scene) -> None:
    line = scene.line(100)
    await scene.load(line)
    with refused("line 2", line.bank_reference, "not already in statement 102"):
        await scene.load(scene.line(5), line)
    assert await loaded(scene) == [("KTB", 102, 1)]


@pytest.mark.parametrize("content", [b"<?xml version='1.0'?><Document", b"", b"no,such,header\n1"])
async def test_a_file_that_cannot_be_read_leaves_nothing_behind(
    scene: Scene, content: bytes
) -> None:
    path = scene.folder / "damaged.xml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput):
        await scene.load_file(path)
    assert await loaded(scene) == []
    with refused("a file that exists"):
        await scene.load_file(Path("no-such-file.xml"))


async def test_a_file_of_200_megabytes_is_refused_before_it_is_read(scene: Scene) -> None:
    path = scene.folder / "huge.xml"
    with path.open("wb") as stream:
        stream.truncate(200 * 1000 * 1000)
    with refused("huge.xml", "200,000,000 bytes", "at most 50 MiB"):
        await scene.load_file(path)


@pytest.mark.parametrize("units", [0, 1, 2, 4])
async def test_a_killed_load_is_taken_up_where_it_stood_and_posts_nothing_twice(
    scene: Scene, units: int
) -> None:
    body = await scene.deposit("SAV-0001", 700)
    lines = [scene.line(700, body.reference), scene.line(50), scene.line(-20), scene.line(60)]
    path = scene.file(scene.statement(*lines))
    alive = scene.collector
    async with DyingCollector(scene.pool, units) as dying:
        scene.collector = dying
        with pytest.raises(KilledError):
            await scene.load_file(path)
    scene.collector = alive
    report = await scene.load_file(path)
    assert not report.repeated
    assert await scene.status(body) == "posted"
    assert await scene.balance("KTB") == -(BANK_OPENING + 790)
    assert len(await scene.journals(JournalKind.DEPOSIT)) == 1
    assert (await scene.load_file(path)).repeated


async def test_the_next_statement_takes_up_lines_that_a_killed_load_left(scene: Scene) -> None:
    path = scene.file(scene.statement(scene.line(50), scene.line(60)))
    alive = scene.collector
    async with DyingCollector(scene.pool, 2) as dying:
        scene.collector = dying
        with pytest.raises(KilledError):
            await scene.load_file(path)
    scene.collector = alive
    await scene.load(scene.line(7))
    assert await scene.balance("KTB") == -(BANK_OPENING + 117)


async def test_two_desks_loading_the_same_statement_at_once_load_it_once(scene: Scene) -> None:
    statement = scene.statement(*(scene.line(10 + n) for n in range(20)))
    paths = [scene.file(statement) for _ in range(2)]
    async with Collector(scene.pool) as other:
        twin = replace(scene, collector=other)
        await asyncio.gather(scene.load_file(paths[0]), twin.load_file(paths[1]))
    assert await loaded(scene) == [("KTB", 102, 20)]
    assert await scene.balance("KTB") == -(BANK_OPENING + sum(10 + n for n in range(20)))


async def test_one_file_may_hold_the_statements_of_several_days(scene: Scene) -> None:
    days = [scene.statement(scene.line(100)), scene.statement(scene.line(200))]
    path = scene.folder / "two-days.csv"
    path.write_bytes(csv_statement.render(days))
    report = await scene.load_file(path)
    assert [statement.sequence_no for statement in report.statements] == [102, 103]
    assert report.settled.counts == {"suspended": 2}
    assert all(line[3] == date(2026, 6, 1) for line in await scene.journals(116))
