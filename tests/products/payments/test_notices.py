"""Notices from their arrival to their end: statuses, holds, the second person, the history."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import pytest

from ledger.errors import DatabaseUnavailable, Forbidden, InvalidInput, NotFound
from ledger.posting.values import CloseAccount, IdempotencyKey, Status
from products.kinds import EventKind, JournalKind
from products.payments import notice_reads, notice_services
from products.payments.lines import LineStatus
from products.payments.notice_values import NoticeKind, NoticeStatus
from products.payments.notices import NotYetDue, WrongStatus
from tests.builders import journal
from tests.products.payments.payments_scene import CHECKER, MAKER, OPENING, Scene


async def test_statuses_are_the_rows_of_the_database_in_both_languages(scene: Scene) -> None:
    async with scene.pool.acquire() as connection:
        known = {
            "notice_status": [(int(s), s.code, s.name_th, s.name_en) for s in NoticeStatus],
            "bank_line_status": [(int(s), s.code, s.name_th, s.name_en) for s in LineStatus],
        }
        for table, expected in known.items():
            rows = await connection.fetch(
                f"SELECT status, code, name_th, name_en FROM products.{table} ORDER BY status"
            )
            assert [tuple(row) for row in rows] == expected


async def test_a_deposit_notice_is_received_and_moves_nothing(scene: Scene) -> None:
    body = await scene.deposit("SAV-0001", 5000)
    notice = await scene.notice(body.id)
    assert (notice.kind, notice.status) == (NoticeKind.DEPOSIT, NoticeStatus.RECEIVED)
    assert (notice.contract_no, notice.amount_satang) == ("SAV-0001", 5000)
    assert notice.received_on == scene.today
    assert await scene.balance("SAV-0001") == OPENING


async def test_a_withdrawal_is_held_approved_by_a_second_person_and_paid(scene: Scene) -> None:
    body = await scene.held("SAV-0001", 400_000)
    assert await scene.status(body) == "held"
    await scene.approve(body.id)
    assert await scene.status(body) == "approved"
    outcome = await scene.pay(body.id)
    assert outcome.status is Status.ACCEPTED
    notice = await scene.notice(body.id)
    assert (notice.status, notice.approved_by) == (NoticeStatus.PAID, CHECKER)
    assert notice.posted_journal == outcome.receipts[0].journal_id
    assert await scene.balance("SAV-0001") == OPENING - 400_000
    assert await scene.journals(JournalKind.WITHDRAWAL) == [
        ("SAV-0001", "outgoing clearing", 400_000, scene.today)
    ]


async def test_what_is_held_cannot_be_withdrawn_a_second_time(scene: Scene) -> None:
    await scene.held("SAV-0001", OPENING - 1)
    second = scene.notice_in("withdrawal", "SAV-0001", 2)
    received = await scene.receive(second)
    assert (received.status, received.code) == (Status.REFUSED, "below_balance_min")
    with pytest.raises(NotFound):
        await scene.notice(second.id)
    async with scene.pool.acquire() as connection:
        refusals = await connection.fetchval(
            "SELECT count(*) FROM ledger.refusal WHERE operation_id = $1", second.id
        )
    assert refusals == 1
    exact = await scene.receive(scene.notice_in("withdrawal", "SAV-0001", 1))
    assert exact.status is Status.ACCEPTED


async def test_a_refused_withdrawal_stays_refused_when_the_money_has_come(scene: Scene) -> None:
    body = scene.notice_in("withdrawal", "SAV-0001", OPENING + 1)
    assert (await scene.receive(body)).status is Status.REFUSED
    await scene.do(journal(scene.names["KTB"], scene.names["SAV-0001"], 1000))
    again = await scene.receive(body)
    assert (again.status, again.code) == (Status.REFUSED, "below_balance_min")
    fresh = await scene.receive(body.model_copy(update={"id": uuid4()}))
    assert fresh.status is Status.ACCEPTED


async def test_the_maker_cannot_approve_and_the_database_says_so_too(scene: Scene) -> None:
    body = await scene.held("SAV-0001", 100)
    with pytest.raises(Forbidden, match="another person must approve"):
        await scene.approve(body.id, actor=MAKER)
    async with scene.pool.acquire() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="notice_maker_is_not_approver"):
            await connection.execute(
                "UPDATE products.notice SET approved_by = made_by WHERE notice_id = $1", body.id
            )
    await scene.approve(body.id, actor=CHECKER)
    assert await scene.status(body) == "approved"


async def test_the_same_notice_again_is_a_replay_and_another_body_names_its_fields(
    scene: Scene,
) -> None:
    for kind in ("deposit", "withdrawal"):
        body = scene.notice_in(kind, "SAV-0001", 700)
        assert (await scene.receive(body)).status is Status.ACCEPTED
        assert (await scene.receive(body)).status is Status.REPLAYED
        other = body.model_copy(update={"amount": "8.00", "account": "SAV-0002"})
        received = await scene.receive(other)
        assert (received.status, received.code) == (Status.REFUSED, "id_conflict")
        assert [problem.where for problem in received.problems] == [
            "notice, field account",
            "notice, field amount",
        ]
        assert "7.00, as recorded" in received.problems[1].expected


async def test_the_same_notice_from_ten_clients_at_once_is_recorded_once(scene: Scene) -> None:
    for kind in ("deposit", "withdrawal"):
        body = scene.notice_in(kind, "SAV-0001", 500)
        found = await asyncio.gather(*(scene.receive(body) for _ in range(10)))
        statuses = [received.status for received in found]
        assert statuses.count(Status.ACCEPTED) == 1
        assert statuses.count(Status.REPLAYED) == 9


async def test_a_notice_on_what_is_not_there_is_refused_with_its_code(scene: Scene) -> None:
    await scene.do(journal(scene.names["SAV-0003"], scene.names["KTB"], OPENING))
    await scene.do(CloseAccount(account=scene.names["SAV-0003"]))
    async with scene.pool.acquire() as connection:
        await connection.execute(
            "UPDATE products.contract SET state = 2, closed_on = $1 WHERE contract_no = 'SAV-0003'",
            scene.today,
        )
    later = scene.today + timedelta(days=31)
    for fields, code in (
        ({"account": "SAV-9999"}, "unknown_account"),
        ({"account": "SAV-0003"}, "account_closed"),
        ({"bank": "XYZ"}, "unknown_bank"),
        ({"value_date": later}, "value_date_out_of_range"),
        ({"value_date": date(2025, 12, 31)}, "value_date_out_of_range"),
    ):
        for kind in ("deposit", "withdrawal"):
            body = scene.notice_in(kind, "SAV-0001", 100).model_copy(update=fields)
            received = await scene.receive(body)
            assert (received.status, received.code) == (Status.REFUSED, code)
            assert received.problems[0].where.startswith("notice, field ")


async def test_a_deposit_may_announce_the_past_and_a_withdrawal_is_paid_when_due(
    scene: Scene,
) -> None:
    await scene.deposit("SAV-0001", 100, value_date=date(2026, 1, 1))
    await scene.deposit("SAV-0001", 100, value_date=scene.today + timedelta(days=30))
    tomorrow = await scene.held("SAV-0001", 100, value_date=scene.today + timedelta(days=1))
    await scene.approve(tomorrow.id)
    with pytest.raises(NotYetDue):
        await scene.pay(tomorrow.id)
    await scene.next_day()
    assert (await scene.pay(tomorrow.id)).status is Status.ACCEPTED


async def test_a_rejected_withdrawal_gives_its_hold_back_and_needs_a_reason(scene: Scene) -> None:
    body = await scene.held("SAV-0001", OPENING)
    reject = notice_services.reject
    call = (scene.collector, scene.pool, scene.book.book_id, body.id)
    with pytest.raises(InvalidInput, match="reason"):
        await reject(*call, actor=CHECKER, reason=" ")
    await reject(*call, actor=CHECKER, reason="signature missing")
    assert await scene.status(body) == "rejected"
    await scene.held("SAV-0001", OPENING)
    with pytest.raises(WrongStatus, match="is rejected"):
        await scene.approve(body.id)
    deposit = await scene.deposit("SAV-0001", 100)
    await reject(*call[:3], deposit.id, actor=CHECKER, reason="sent twice")
    assert await scene.status(deposit) == "rejected"


async def test_steps_out_of_order_are_refused_by_name(scene: Scene) -> None:
    body = await scene.held("SAV-0001", 100)
    with pytest.raises(WrongStatus, match="only one that is approved can be paid"):
        await scene.pay(body.id)
    await scene.approve(body.id)
    with pytest.raises(WrongStatus, match="only one that is held can be approved"):
        await scene.approve(body.id)
    with pytest.raises(NotFound):
        await scene.approve(uuid4())


async def test_two_people_paying_at_once_pay_once(scene: Scene) -> None:
    body = await scene.held("SAV-0001", 100)
    await scene.approve(body.id)
    found = await asyncio.gather(*(scene.pay(body.id) for _ in range(5)), return_exceptions=True)
    paid = [item for item in found if not isinstance(item, BaseException)]
    assert [outcome.status for outcome in paid] == [Status.ACCEPTED]
    assert all(isinstance(item, WrongStatus) for item in found if item not in paid)
    assert await scene.balance("SAV-0001") == OPENING - 100


async def test_a_payment_refused_on_a_frozen_account_can_be_tried_again_once_thawed(
    scene: Scene,
) -> None:
    body = await scene.held("SAV-0001", 100)
    await scene.approve(body.id)
    await scene.freeze("SAV-0001", debits=True)
    refused = await scene.pay(body.id)
    assert refused.refusal is not None
    assert refused.refusal.code == "account_frozen_debit"
    assert await scene.status(body) == "approved"
    await scene.freeze("SAV-0001")
    assert (await scene.pay(body.id)).status is Status.ACCEPTED


async def test_many_are_approved_and_paid_together_and_one_bad_one_harms_none(
    scene: Scene,
) -> None:
    good = [(await scene.held("SAV-0001", 100)).id for _ in range(3)]
    own = await scene.held("SAV-0002", 100, made_by=CHECKER)
    ids = [*good, own.id, uuid4()]
    call = (scene.collector, scene.pool, scene.book.book_id)
    approved = await notice_services.approve_many(*call, ids, actor=CHECKER)
    assert [type(item.error) for item in approved[3:]] == [Forbidden, NotFound]
    assert all(item.outcome is not None for item in approved[:3])
    paid = await notice_services.pay_many(*call, ids, actor="facility:payer")
    assert [item.error is None for item in paid] == [True, True, True, False, False]
    assert await scene.balance("SAV-0001") == OPENING - 300


async def test_the_history_of_a_notice_names_every_change_its_person_and_its_instant(
    scene: Scene,
) -> None:
    body = await scene.paid("SAV-0001", 100)
    async with scene.pool.acquire() as connection:
        entries = await notice_reads.history(connection, scene.book.book_id, body.id)
    assert [(e.kind, e.actor, e.body["from"], e.body["to"]) for e in entries] == [
        (EventKind.NOTICE_RECEIVED, MAKER, None, "held"),
        (EventKind.NOTICE_APPROVED, CHECKER, "held", "approved"),
        (EventKind.NOTICE_PAID, "facility:payer", "approved", "paid"),
    ]
    assert [e.name_th for e in entries] == ["รับเรื่อง", "อนุมัติ", "จ่ายเงินแล้ว"]
    seqs = [e.recorded_seq for e in entries]
    instants = [e.recorded_at for e in entries]
    assert (seqs, instants) == (sorted(seqs), sorted(instants))
    assert all(e.business_date == scene.today for e in entries)


async def test_notices_are_listed_by_pages_in_order_of_arrival_and_by_filter(scene: Scene) -> None:
    made = [await scene.deposit(f"SAV-000{1 + n % 2}", 100 + n) for n in range(5)]
    held = await scene.held("SAV-0001", 100)
    book_id = scene.book.book_id
    async with scene.pool.acquire() as connection:
        first = await notice_reads.page(connection, book_id, limit=4)
        rest = await notice_reads.page(
            connection, book_id, limit=4, after_seq=first[-1].received_seq
        )
        assert [n.notice_id for n in first + rest] == [b.id for b in [*made, held]]
        status = await notice_reads.page(connection, book_id, status=NoticeStatus.HELD)
        assert [n.notice_id for n in status] == [held.id]
        party = await notice_reads.page(connection, book_id, party_id=2)
        assert [n.notice_id for n in party] == [made[1].id, made[3].id]
        contract = await notice_reads.page(
            connection, book_id, contract_id=first[0].contract_id, status=NoticeStatus.RECEIVED
        )
        assert [n.notice_id for n in contract] == [made[0].id, made[2].id, made[4].id]


async def test_a_withdrawal_not_paid_within_30_days_of_its_day_is_paid_no_more(
    scene: Scene,
) -> None:
    body = await scene.held("SAV-0001", 100, value_date=scene.today - timedelta(days=7))
    await scene.approve(body.id)
    for _ in range(24):
        await scene.next_day()
    refused = await scene.pay(body.id)
    assert refused.refusal is not None
    assert refused.refusal.code == "hold_expired"


async def test_a_retry_under_an_idempotency_key_gets_the_first_answer(scene: Scene) -> None:
    body = scene.notice_in("withdrawal", "SAV-0001", 100)
    key = IdempotencyKey(client="coop-1", key="k1", request_hash=b"h" * 32)
    call = (scene.collector, scene.pool, scene.book.book_id, body)
    receive = partial(
        notice_services.receive, received_by=MAKER, key=key, answer=lambda o: o.status.value
    )
    first, again = await receive(*call), await receive(*call)
    assert (first.status, again.status) == (Status.ACCEPTED, Status.REPLAYED)


@pytest.mark.parametrize("verb", ["receive", "pay_many"])
async def test_a_server_that_dies_while_notices_are_looked_up_is_an_unavailable_database(
    scene: Scene, verb: str
) -> None:
    body = scene.notice_in("withdrawal", "SAV-0001", 100)
    call = (scene.collector, scene.pool, scene.book.book_id)
    asked = (
        notice_services.receive(*call, body, received_by=MAKER)
        if verb == "receive"
        else notice_services.pay_many(*call, [body.id], actor="facility:payer")
    )
    async with scene.pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        async with connection.transaction():
            await connection.execute("LOCK products.notice IN ACCESS EXCLUSIVE MODE")
            looking = asyncio.create_task(asked)
            for _ in range(1000):
                await asyncio.sleep(0.005)
                killed = await connection.fetchval(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks "
                    "WHERE relation = 'products.notice'::regclass AND NOT granted"
                )
                if killed:
                    break
            with pytest.raises(DatabaseUnavailable):
                await looking
        await connection.execute("RESET ROLE")
