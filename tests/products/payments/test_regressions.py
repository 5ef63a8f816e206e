"""Faults that were found once in payments, each with the case that showed it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.errors import Forbidden, InvalidInput
from ledger.posting.values import Status
from products.payments import lines, notices
from products.payments.iso20022 import camt053
from products.payments.notice_files import FileReport, load_notices
from products.payments.notice_values import parse_notice
from products.payments.statements import StatementRefused
from tests.products.payments.bank_statements import refused
from tests.products.payments.payments_scene import Scene


async def load(scene: Scene, name: str) -> FileReport:
    return await load_notices(
        scene.pool, scene.collector, scene.book, scene.folder / name, received_by="facility:intake"
    )


async def test_a_statement_sent_to_the_notices_door_first_is_still_posted_at_its_own(
    scene: Scene,
) -> None:
    statement = scene.statement(scene.line(100), scene.line(-30))
    path = scene.folder / "statement.xml"
    path.write_bytes(
        camt053.render(statement, message_id="M1", created_at=scene.collector._clock())
    )
    lost = await load(scene, "statement.xml")
    assert (lost.accepted, set(lost.refused)) == (0, {"invalid_input"})
    report = await scene.load_file(path)
    assert not report.repeated
    assert sum(report.settled.counts.values()) == 2
    assert [status for _, status in (await scene.lines()).values()] == ["suspense", "suspense"]


async def test_a_statement_taken_for_notices_in_earnest_begins_anew_at_its_own_door(
    scene: Scene,
) -> None:
    path = scene.file(scene.statement(scene.line(100)))
    await scene.load_file(path)
    async with scene.pool.acquire() as connection:
        await connection.execute("UPDATE products.file_intake SET kind = 'notices'")
    assert not (await scene.load_file(path)).repeated
    assert (await scene.load_file(path)).repeated


async def test_a_csv_loaded_under_another_name_may_be_loaded_again_under_its_right_one(
    scene: Scene,
) -> None:
    body = scene.notice_in("deposit", "SAV-0001", 5_000)
    facts = body.model_dump(mode="json")
    text = ",".join(facts) + "\n" + ",".join(str(value) for value in facts.values()) + "\n"
    for name in ("notices.txt", "notices.csv"):
        (scene.folder / name).write_text(text, encoding="utf-8")
    assert (await load(scene, "notices.txt")).refused == {"invalid_input": 2}
    right = await load(scene, "notices.csv")
    assert (right.accepted, right.repeated) == (1, False)


async def test_a_report_names_line_and_field_of_what_was_refused(scene: Scene) -> None:
    bad = scene.notice_in("deposit", "SAV-0001", 5_000).model_dump_json()
    path = scene.notices_file(
        scene.notice_in("deposit", "SAV-0001", 5_000),
        bad.replace('"50.00"', '"1e3"'),
        scene.notice_in("deposit", "SAV-0009", 5_000),
    )
    report = await load(scene, path.name)
    amount, account = report.problems
    assert amount.startswith("line 2, field amount: got '1e3'; expected")
    assert account.startswith("line 3, field account: got SAV-0009")
    assert (await load(scene, path.name)).problems == ()


@pytest.mark.parametrize("first", [b'id,"kind', b"id\r\x00kind\rx", b'"id" x,kind'])
async def test_a_csv_whose_first_line_is_no_csv_is_refused_with_its_place(
    scene: Scene, first: bytes
) -> None:
    (scene.folder / "notices.csv").write_bytes(first + b"\n1,2\n")
    with refused("line 1, header", "the columns id,kind"):
        await load(scene, "notices.csv")


def test_a_line_that_names_its_amount_twice_is_refused() -> None:
    text = (
        '{"id":"019e85d8-7fed-76d4-8f39-a14dccd9430c","kind":"deposit","account":"SAV-0001",'
        '"amount":"1.00","bank":"KTB","value_date":"2026-06-01","reference":"R1",'
        '"made_by":"coop-1:maker"%s}'
    )
    assert parse_notice(text % "", "line 1").amount == "1.00"
    with refused("line 1, field amount", "2 times"):
        parse_notice(text % ',"amount":"9000000.00"', "line 1")


async def test_a_statement_whose_days_run_backwards_is_refused(scene: Scene) -> None:
    later = scene.today + timedelta(days=9)
    first = scene.statement(replace(scene.line(100), booking_date=later, value_date=later))
    first = replace(first, booking_date_from=later, booking_date_to=later)
    await scene.load_file(scene.file(first))
    second = scene.statement(scene.line(200))
    with pytest.raises(StatementRefused, match=f"begins on {scene.today}.*ended on {later}"):
        await scene.load_file(scene.file(second))


async def test_what_was_loaded_before_a_refused_statement_of_the_same_file_is_posted(
    scene: Scene,
) -> None:
    good = scene.file(scene.statement(scene.line(100))).read_text(encoding="utf-8")
    scene.statement(scene.line(1))  # the one that the bank forgot
    gap = scene.file(scene.statement(scene.line(200))).read_text(encoding="utf-8")
    path = scene.folder / "two.csv"
    path.write_text(good + gap.partition("\n")[2], encoding="utf-8")
    with pytest.raises(StatementRefused, match="103 is missing"):
        await scene.load_file(path)
    assert [status for _, status in (await scene.lines()).values()] == ["suspense"]


async def test_a_large_file_is_read_while_the_doors_go_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(source: object) -> tuple[()]:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(timeout=20)
        raise InvalidInput.one("the file", str(source), "another one")

    monkeypatch.setattr("products.payments.statements.parse_statements", slow)
    reading = asyncio.create_task(scene.load(scene.line(100)))
    await asyncio.wait_for(started.wait(), 20)
    received = await scene.receive(scene.notice_in("withdrawal", "SAV-0001", 5_000))
    assert received.status is Status.ACCEPTED
    go_on.set()
    with refused("another one"):
        await reading


async def test_a_batch_that_holds_a_line_and_a_notice_lets_questions_about_them_be_written(
    scene: Scene,
) -> None:
    await scene.deposit("SAV-0001", 5_000, reference="R1")
    line = scene.line(5_000, "OTHER")
    await scene.load(line)
    assert await scene.reasons() == [("R1", "reference_differs")]
    ids = [await scene.line_id(line)]
    async with scene.pool.acquire() as connection:
        notice_ids = [row["notice_id"] for row in await connection.fetch(_NOTICE_IDS)]
    async with scene.pool.acquire() as batch, batch.transaction():
        assert await batch.fetch(lines.TABLE.select, scene.book.book_id, ids)
        assert await batch.fetch(notices.TABLE.select, scene.book.book_id, notice_ids)
        # Else: the batch waits for the row of the question, the question for the batch's line.
        await asyncio.wait_for(scene.settle(), 5)
    assert await scene.reasons() == [("R1", "reference_differs")]


async def test_questions_are_renewed_under_the_head_so_that_no_batch_spends_them_meanwhile(
    scene: Scene,
) -> None:
    await scene.deposit("SAV-0001", 5_000, reference="R1")
    await scene.load(scene.line(5_000, "OTHER"))
    async with scene.pool.acquire() as batch, batch.transaction():
        await batch.execute(_HEAD, scene.book.book_id)
        waiting = asyncio.create_task(scene.settle())
        await asyncio.sleep(0.3)
        assert not waiting.done()
        # What a batch does while it holds the head; it must not wait for the questions' row.
        await asyncio.wait_for(batch.execute("DELETE FROM products.match_proposal"), 5)
    await waiting
    assert await scene.reasons() == [("R1", "reference_differs")]


async def test_the_maker_is_not_a_second_person_in_capitals(scene: Scene) -> None:
    body = await scene.held("SAV-0001", 5_000)
    with pytest.raises(Forbidden, match="another person"):
        await scene.approve(body.id, body.made_by.upper())


_NOTICE_IDS = "SELECT notice_id FROM products.notice"
_HEAD = "SELECT 1 FROM ledger.book_head WHERE book_id = $1 FOR UPDATE"
