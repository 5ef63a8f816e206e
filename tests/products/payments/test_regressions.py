"""Faults that were found once in payments, each with the case that showed it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import asyncpg
import pytest

from ledger.errors import Forbidden
from ledger.posting.values import PlaceHold, Status
from products.day_opening import expire_holds
from products.kinds import JournalKind
from products.night import Night
from products.payments import lines, notice_reads, notices, resolving, suspense
from products.payments.bank_statement import LineKind
from products.payments.iso20022 import camt053
from products.payments.notice_files import FileReport, load_notices
from products.payments.notice_values import parse_notice
from products.payments.reconciliation import reconcile
from products.payments.statements import StatementRefused
from products.proof.verify import verify_products
from tests.builders import journal
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
    day = scene.today
    await scene.next_day()
    await scene.load(scene.line(100))
    late = scene.statement(replace(scene.line(200), booking_date=day, value_date=day))
    late = replace(late, booking_date_from=day, booking_date_to=day)
    with pytest.raises(StatementRefused, match=f"begins on {day}.*ended on {scene.today}"):
        await scene.load_file(scene.file(late))


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


async def test_a_large_file_is_read_while_the_doors_go_on(scene: Scene) -> None:
    path = scene.file(scene.statement(scene.line(1, "MANY")))
    header, row = path.read_text(encoding="utf-8").splitlines()
    fields = dict(zip(header.split(","), row.split(","), strict=True))
    many = (
        ",".join((fields | {"line_no": str(number), "bank_reference": f"C{number}"}).values())
        for number in range(1, 20_001)
    )
    path.write_text("\n".join((header, *many)) + "\n", encoding="utf-8")
    reading = asyncio.create_task(scene.load_file(path))
    await asyncio.sleep(0)
    received = await scene.receive(scene.notice_in("withdrawal", "SAV-0001", 5_000))
    assert received.status is Status.ACCEPTED
    assert not reading.done()
    with refused("closing balance", "credits 200.00"):  # every line was read, the sum is wrong
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


async def test_who_brought_a_notice_in_cannot_approve_it_whatever_name_its_file_gives(
    scene: Scene,
) -> None:
    body = scene.notice_in("withdrawal", "SAV-0001", 5_000, made_by="coop-1:somebody")
    path = scene.notices_file(body)
    assert (await load(scene, path.name)).accepted == 1
    for actor in ("facility:intake", "Facility:Intake", "coop-1:somebody"):
        with pytest.raises(Forbidden, match="another person must approve"):
            await scene.approve(body.id, actor)
    async with scene.pool.acquire() as connection:
        (received, *_) = await notice_reads.history(connection, scene.book.book_id, body.id)
        with pytest.raises(asyncpg.CheckViolationError, match="notice_maker_is_not_approver"):
            await connection.execute(
                "UPDATE products.notice SET approved_by = 'Facility:INTAKE' WHERE notice_id = $1",
                body.id,
            )
    assert received.body["received_by"] == "facility:intake"
    assert (await scene.approve(body.id)).status is Status.ACCEPTED
    assert (await scene.notice(body.id)).received_by == "facility:intake"


@pytest.mark.parametrize("kind", ["deposit", "withdrawal"])
async def test_a_notice_whose_id_is_a_hold_of_another_kind_is_refused_not_taken_for_a_replay(
    scene: Scene, kind: str
) -> None:
    body = scene.notice_in(kind, "SAV-0001", 5_000)
    hold = PlaceHold(
        hold_id=body.id,
        account=scene.names["SAV-0001"],
        amount_satang=5_000,
        expires_on=body.value_date + timedelta(days=notices.HOLD_DAYS),
        reference=body.reference,
    )
    await scene.do(hold)
    received = await scene.receive(body)
    assert (received.status, received.code) == (Status.REFUSED, "id_conflict")
    assert "a hold that belongs to no notice" in str(received.problems[0])


async def test_a_hold_placed_while_its_notice_comes_in_is_no_replay_of_the_notice(
    scene: Scene,
) -> None:
    """Both wait for the head; the hold is judged first, in a batch of its own."""
    body = scene.notice_in("withdrawal", "SAV-0001", 5_000)
    hold = PlaceHold(
        hold_id=body.id,
        account=scene.names["SAV-0001"],
        amount_satang=5_000,
        expires_on=body.value_date + timedelta(days=notices.HOLD_DAYS),
        reference=body.reference,
    )
    async with scene.pool.acquire() as other, other.transaction():
        await other.execute(_HEAD, scene.book.book_id)
        placing = asyncio.create_task(scene.do(hold))
        await asyncio.sleep(0.2)
        receiving = asyncio.create_task(scene.receive(body))
        await asyncio.sleep(0.2)
    await placing
    received = await receiving
    assert (received.status, received.code) == (Status.REFUSED, "id_conflict")


async def test_a_statement_that_ends_after_the_business_date_waits_for_it(scene: Scene) -> None:
    today, tomorrow = scene.today, scene.today + timedelta(days=1)
    line = scene.line(100, booking_date=tomorrow, value_date=tomorrow)
    statement = replace(scene.statement(line), booking_date_from=tomorrow, booking_date_to=tomorrow)
    path = scene.file(statement)
    with pytest.raises(StatementRefused, match=f"ends on {tomorrow}.*business date is {today}"):
        await scene.load_file(path)
    await scene.next_day()
    await scene.load_file(path)
    assert [row[3] for row in await scene.journals(JournalKind.SUSPENSE_RECEIPT)] == [tomorrow]


async def test_an_entrys_bare_number_is_told_from_the_same_number_of_another_statement(
    scene: Scene,
) -> None:
    for _ in range(2):
        statement = scene.statement(scene.line(100), scene.line(-30))
        text = camt053.render(statement, message_id="M1", created_at=scene.collector._clock())
        for number, line in enumerate(statement.lines, start=1):
            named = f"<AcctSvcrRef>{line.bank_reference}</AcctSvcrRef>".encode()
            text = text.replace(named, b"")
            place = b"<Ntry><Amt" if number == 1 else b"</Ntry><Ntry><Amt"
            numbered = place.replace(b"<Amt", f"<NtryRef>{number}</NtryRef><Amt".encode())
            text = text.replace(place, numbered, 1)
        path = scene.folder / f"{statement.statement_id}.xml"
        path.write_bytes(text)
        await scene.load_file(path)
    assert sorted(await scene.lines()) == [
        f"ACC-KTB/{statement}/{entry}" for statement in (102, 103) for entry in (1, 2)
    ]


async def test_a_line_taken_apart_waits_since_that_day_and_not_since_it_was_posted(
    scene: Scene,
) -> None:
    body = await scene.deposit("SAV-0001", 5_000)
    line, other = scene.line(5_000, body.reference), scene.line(700)
    await scene.load(line, other)
    for _ in range(5):
        await scene.next_day()
    call = (scene.collector, scene.pool, scene.book.book_id, await scene.line_id(line))
    await resolving.unmatch(*call, actor="facility:clerk", reason="the wrong member")
    async with scene.pool.acquire() as connection:
        waiting = await suspense.suspended_lines(connection, scene.book.book_id)
    first = scene.today - timedelta(days=5)
    assert [(row.bank_reference, row.posted_on) for row in waiting] == [
        (other.bank_reference, first),
        (line.bank_reference, scene.today),
    ]
    ages = {age.days: age.receipts_satang for age in suspense.ages(waiting, scene.today)}
    assert (ages["0-1"], ages["4-7"]) == (5_000, 700)


@pytest.mark.parametrize("name", ["suspense receipts", "suspense payments", "outgoing clearing"])
async def test_money_moved_by_hand_on_what_waits_is_found_by_reconciliation_and_proof(
    scene: Scene, name: str
) -> None:
    """Else a suspended line is credited by hand, and again when its notice comes."""
    await scene.paid("SAV-0002", 300)
    await scene.load(scene.line(5_000), scene.line(-200))
    await scene.load(bank="BBL")
    assert await findings(scene) == []
    await scene.do(journal(scene.names[name], scene.names["SAV-0001"], 77))
    (found,) = await findings(scene)
    assert found.startswith(f"{name}: -0.77 baht are explained by no line of the bank")
    async with scene.pool.acquire() as connection:
        report = await verify_products(connection, scene.book.book_id)
    places = {d.where for d in report.differences if "what waits" in d.check}
    assert places == {name}


async def test_what_waits_is_explained_on_every_day_of_its_life(scene: Scene) -> None:
    """Suspended, joined, taken apart; paid, come back before its debit, debited at last."""
    paid = await scene.paid("SAV-0002", 300)
    deposit = await scene.deposit("SAV-0001", 5_000, reference="TYPO")
    line = scene.line(5_000, "OTHER")
    await scene.load(line, scene.line(-20))
    await scene.load(bank="BBL")
    line_id = await scene.line_id(line)
    call = (scene.collector, scene.pool, scene.book.book_id, line_id)
    await scene.next_day()
    back = scene.line(300, "BACK", kind=LineKind.RETURN, original_reference=paid.reference)
    await scene.load(back, scene.line(-5, kind=LineKind.FEE))
    await scene.load(bank="BBL")
    await resolving.resolve(*call, [deposit.id], actor="facility:clerk", reason="slip")
    await scene.next_day()
    await resolving.unmatch(*call, actor="facility:clerk", reason="not theirs")
    await scene.next_day()
    await scene.load(scene.line(-300, paid.reference))
    assert await scene.balance("outgoing clearing") == 0
    await scene.load(bank="BBL")
    for days in range(4):
        assert await findings(scene, scene.today - timedelta(days=days)) == []
    async with scene.pool.acquire() as connection:
        assert (await verify_products(connection, scene.book.book_id)).ok


async def test_a_notice_that_expires_says_from_where_to_where_it_went(scene: Scene) -> None:
    first = scene.today
    held, approved = await scene.held("SAV-0001", 100), await scene.held("SAV-0001", 200)
    await scene.approve(approved.id)
    for _ in range(notices.HOLD_DAYS + 1):
        await scene.next_day()
    night = Night(
        pool=scene.pool,
        book_id=scene.book.book_id,
        business_date=first + timedelta(days=notices.HOLD_DAYS),
        products={},
    )
    await expire_holds(night)
    async with scene.pool.acquire() as connection:
        for body, before in ((held, "held"), (approved, "approved")):
            history = await notice_reads.history(connection, scene.book.book_id, body.id)
            assert history[-1].body == {"from": before, "to": "expired"}


async def findings(scene: Scene, on: date | None = None) -> list[str]:
    async with scene.pool.acquire() as connection:
        banks = await reconcile(connection, scene.book, on or scene.today)
    return [text for bank in banks for text in bank.findings]


_NOTICE_IDS = "SELECT notice_id FROM products.notice"
_HEAD = "SELECT 1 FROM ledger.book_head WHERE book_id = $1 FOR UPDATE"
