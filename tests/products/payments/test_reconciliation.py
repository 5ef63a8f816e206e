"""Bank reconciliation: statement = book + explained lines, every day; the rest is a finding."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from products.payments.banks import BankAccount
from products.payments.reconciliation import (
    BankReconciliation,
    StatementHead,
    continuity,
    reconcile,
)
from tests.builders import journal
from tests.products.payments.bank_statements import refused
from tests.products.payments.payments_scene import BANK_OPENING, DyingCollector, KilledError, Scene


async def of_bank(scene: Scene, on: date, bank: str = "KTB") -> BankReconciliation:
    async with scene.pool.acquire() as connection:
        found = {item.bank_code: item for item in await reconcile(connection, scene.book, on)}
    assert sorted(found) == ["BBL", "KTB"]
    return found[bank]


async def test_before_the_first_statement_the_opening_balance_stands_for_it(scene: Scene) -> None:
    found = await of_bank(scene, scene.today)
    assert (found.statement_no, found.statement_date) == (101, None)
    assert (found.statement_satang, found.book_satang) == (BANK_OPENING, BANK_OPENING)
    assert (found.unexplained_satang, found.findings) == (0, ())


async def test_book_and_statement_agree_on_every_day_of_a_busy_week(scene: Scene) -> None:
    first = scene.today
    for day in range(5):
        deposit = await scene.deposit("SAV-0001", 1000 + day)
        paid = await scene.paid("SAV-0002", 500 + day)
        lines = [scene.line(1000 + day, deposit.reference), scene.line(-500 - day, paid.reference)]
        await scene.load(*lines, scene.line(10), bank="KTB")
        await scene.load(scene.line(-3), bank="BBL")
        await scene.next_day()
    for day in range(5):
        for bank in ("KTB", "BBL"):
            found = await of_bank(scene, first + timedelta(days=day), bank)
            assert found.statement_no == 102 + day
            assert found.explained == ()
            assert (found.unexplained_satang, found.findings) == (0, ())


async def test_a_statement_loaded_a_day_late_is_explained_line_by_line(scene: Scene) -> None:
    day = scene.today
    path = scene.file(scene.statement(scene.line(900), scene.line(-200)))
    await scene.next_day()
    await scene.load_file(path)
    found = await of_bank(scene, day)
    assert (found.statement_satang, found.book_satang) == (BANK_OPENING + 700, BANK_OPENING)
    assert [item.signed_satang for item in found.explained] == [900, -200]
    assert (found.explained_satang, found.unexplained_satang) == (700, 0)
    after = await of_bank(scene, scene.today)
    assert (after.explained, after.book_satang) == ((), BANK_OPENING + 700)


async def test_a_statement_over_two_days_is_explained_on_the_first_by_what_the_book_has(
    scene: Scene,
) -> None:
    """Its lines were posted on the second day; on the first neither side has them."""
    first = scene.today
    await scene.next_day()
    statement = scene.statement(scene.line(900), scene.line(-200))
    await scene.load_file(scene.file(replace(statement, booking_date_from=first)))
    before = await of_bank(scene, first)
    assert (before.statement_satang, before.book_satang) == (BANK_OPENING, BANK_OPENING)
    assert (before.explained, before.findings) == ((), ())
    after = await of_bank(scene, scene.today)
    assert (after.statement_satang, after.book_satang) == (BANK_OPENING + 700, BANK_OPENING + 700)


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_date_that_the_book_does_not_have_is_not_reconciled(
    scene: Scene, days: int
) -> None:
    on = scene.today + timedelta(days=days)
    with refused(f"got '{on}'", f"a date from {scene.today}, the opening, to {scene.today}"):
        await of_bank(scene, on)


async def test_a_bank_whose_statement_was_forgotten_is_named(scene: Scene) -> None:
    first = scene.today
    await scene.load(scene.line(100), bank="BBL")
    assert (await of_bank(scene, first)).findings == (
        f"KTB: no statement yet while BBL has {first}",
    )
    await scene.load(scene.line(100), bank="KTB")
    await scene.next_day()
    await scene.load(scene.line(100), bank="BBL")
    assert (await of_bank(scene, first)).findings == ()
    assert (await of_bank(scene, scene.today)).findings == (
        f"KTB: no statement since {first} while BBL has {scene.today}",
    )
    assert (await of_bank(scene, scene.today, "BBL")).findings == ()


async def test_lines_that_a_killed_load_left_are_explained_until_they_are_posted(
    scene: Scene,
) -> None:
    path = scene.file(scene.statement(scene.line(50), scene.line(60)))
    alive = scene.collector
    async with DyingCollector(scene.pool, 2) as dying:
        scene.collector = dying
        with pytest.raises(KilledError):
            await scene.load_file(path)
    scene.collector = alive
    found = await of_bank(scene, scene.today)
    assert found.explained
    assert all(item.posted_on is None for item in found.explained)
    assert found.unexplained_satang == 0
    await scene.load_file(path)
    assert (await of_bank(scene, scene.today)).explained == ()


async def test_money_moved_on_the_banks_account_without_the_bank_is_a_finding(
    scene: Scene,
) -> None:
    await scene.load(scene.line(100))
    await scene.do(journal(scene.names["KTB"], scene.names["capital"], 77))
    found = await of_bank(scene, scene.today)
    assert found.unexplained_satang == -77
    assert found.findings == (
        "KTB: -0.77 baht between statement and book are explained by no line of the bank",
    )


def test_a_broken_chain_of_statements_is_named_wherever_it_breaks() -> None:
    bank = BankAccount(
        bank_code="KTB",
        bank_no="006",
        account_no="1",
        name_th="",
        name_en="",
        account_id=1,
        opening_sequence_no=1,
        opening_satang=100,
    )
    good = StatementHead(
        bank_code="KTB",
        sequence_no=2,
        booking_from=date(2026, 6, 2),
        booking_to=date(2026, 6, 2),
        opening_satang=100,
        closing_satang=150,
        line_count=1,
    )
    assert continuity(bank, [good]) == []
    gap = replace(good, sequence_no=3)
    assert continuity(bank, [gap]) == ["KTB statement 3 follows 1"]
    moved = replace(good, opening_satang=101)
    assert "opens with 1.01, the last one closed with 1.00" in continuity(bank, [moved])[0]
    back = replace(good, sequence_no=3, opening_satang=150, booking_from=date(2026, 6, 1))
    assert "begins on 2026-06-01" in continuity(bank, [good, back])[0]
