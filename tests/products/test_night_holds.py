"""Withdrawal notices that nobody paid: their night gives the amount back and says so."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from ledger.db import Database, Pool
from ledger.posting.values import PlaceHold, Status
from products.end_of_day import ChunkSizes
from products.kinds import EventKind
from tests.products.savings_scene import Savings, open_savings

JUNE_1 = date(2026, 6, 1)
HELD, APPROVED, PAID, EXPIRED = 11, 12, 13, 23


async def _withdrawal(scene: Savings, amount: int, status: int, last_day: date) -> UUID:
    """A withdrawal notice as it stands in its table, with its hold."""
    notice_id = uuid4()
    hold = PlaceHold(
        hold_id=notice_id,
        account=scene.accounts["SAV-1"],
        amount_satang=amount,
        expires_on=last_day,
    )
    assert (await scene.do(hold)).status is Status.ACCEPTED
    await scene.pool.execute(
        "INSERT INTO products.notice (book_id, notice_id, kind, status, contract_id, bank_code, "
        "amount_satang, value_date, reference, made_by, received_by, approved_by, received_on, "
        "received_seq, changed_seq) VALUES (1, $1, 2, $2, $3, 'KTB', $4, $5, 'W1', 'test:member', "
        "'test:member', $6, $5, 1, 1)",
        notice_id,
        status,
        scene.contract_id("SAV-1"),
        amount,
        JUNE_1,
        None if status == HELD else "test:manager",
    )
    return notice_id


async def _notice(pool: Pool, notice_id: UUID) -> tuple[int, int]:
    (row,) = await pool.fetch(
        "SELECT status, version FROM products.notice WHERE notice_id = $1", notice_id
    )
    return row["status"], row["version"]


@pytest.fixture
async def scene(database: Database) -> Savings:
    """A contract with 1,000.00 and the bank that its withdrawals are paid from."""
    made = await open_savings(database, ["SAV-1"], opened_on=JUNE_1, rates={JUNE_1: "1.5000"})
    await made.pool.execute(
        "INSERT INTO products.bank_account (book_id, bank_code, bank_no, account_no, name_th, "
        "name_en, account_id, opening_sequence_no, opening_balance_satang) "
        "VALUES (1, 'KTB', '006', '1', '-', '-', $1, 0, 0)",
        made.bank,
    )
    await made.move("SAV-1", 1_000_00)
    return made


@pytest.mark.parametrize("status", [HELD, APPROVED])
async def test_a_withdrawal_not_paid_by_its_last_day_expires_with_its_hold(
    scene: Savings, status: int
) -> None:
    notice_id = await _withdrawal(scene, 300_00, status, JUNE_1)
    report = await scene.night()
    assert report.step("expire_holds").amount_satang == 300_00
    assert await _notice(scene.pool, notice_id) == (EXPIRED, 2)
    (event,) = await scene.pool.fetch(
        "SELECT kind, account_id, amount_satang, business_date FROM ledger.event "
        "WHERE subject = $1",
        notice_id,
    )
    assert tuple(event) == (
        EventKind.NOTICE_EXPIRED,
        scene.accounts["SAV-1"],
        300_00,
        JUNE_1,
    )
    assert await scene.pool.fetchval("SELECT sum(held) FROM ledger.balance") == 0


async def test_a_withdrawal_with_days_left_waits(scene: Savings) -> None:
    notice_id = await _withdrawal(scene, 300_00, HELD, JUNE_1 + timedelta(days=1))
    await scene.night()
    assert await _notice(scene.pool, notice_id) == (HELD, 1)
    await scene.night()
    assert await _notice(scene.pool, notice_id) == (EXPIRED, 2)


async def test_more_holds_than_a_chunk_takes_are_all_given_back(scene: Savings) -> None:
    scene.sizes = ChunkSizes(journals=2)
    for _ in range(5):
        await _withdrawal(scene, 100_00, HELD, JUNE_1)
    report = await scene.night()
    assert report.step("expire_holds").contracts == 5
    assert report.step("expire_holds").amount_satang == 500_00
