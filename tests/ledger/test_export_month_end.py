"""At any month end, as known at any number, hledger and beancount agree with our trial balance."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import data

from ledger.balances import trial_balance
from ledger.db import Pool
from ledger.errors import InvalidInput
from ledger.export.beancount import export_beancount
from ledger.export.hledger import export_hledger
from ledger.posting.values import Origin
from tests.ledger.asof_model import OPENED_ON, YEAR_END, Draw, Life, begin_life
from tests.ledger.test_export import bean_check, hledger, hledger_balances

JUNE_END = date(2026, 6, 30)


def _draws(*amounts: int, valued_ago: int = 0) -> tuple[Draw, ...]:
    return tuple(
        Draw(transfers=((0, 1 + n % 3, amount),), valued_ago=valued_ago)
        for n, amount in enumerate(amounts)
    )


async def _two_months(pool: Pool) -> tuple[Life, list[int]]:
    """May and June with back-dated journals and adjustments; the numbers worth reading at."""
    life = await begin_life(pool)
    marks = []
    while life.today <= JUNE_END:
        await life.post(_draws(100_00 + life.today.day), Origin.DOORS, life.today)
        if life.today.day % 9 == 0:
            await life.post(_draws(7_25, 3_10, valued_ago=4), Origin.DOORS, life.today)
        await life.cut()
        if life.today == date(2026, 6, 3):
            marks.append(life.head_seq)
            await life.post(_draws(55_55, 1, 44_44), Origin.ADJUST, YEAR_END)
            # In the middle of the adjustments' batch, and after it.
            marks += [life.head_seq - 1, life.head_seq]
    await life.post(_draws(9_99), Origin.ADJUST, JUNE_END - timedelta(days=2))
    return life, [*marks, life.head_seq]


async def _trial(life: Life, on: date, known_at: int) -> dict[str, Decimal]:
    """Our trial balance, debits positive, baht."""
    async with life.pool.acquire() as connection:
        found = await trial_balance(connection, life.book.book_id, on, known_at=known_at)
    return {row.gl_code: Decimal(row.debits - row.credits) / 100 for row in found.rows}


async def _written(life: Life, form: str, to: Path, on: date, known_at: int) -> Path:
    export = {"hledger": export_hledger, "beancount": export_beancount}[form]
    async with life.pool.acquire() as connection:
        with to.open("w", encoding="utf-8") as out:
            await export(connection, life.book.book_id, out, through=on, known_at=known_at)
    return to


def _by_code(balances: dict[str, Decimal]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for name, balance in balances.items():
        code = name.split(":")[1]
        found[code] = found.get(code, Decimal(0)) + balance
    return {code: balance for code, balance in found.items() if balance}


async def test_hledger_agrees_with_the_trial_balance_at_any_month_end_as_known_then(
    pool: Pool, tmp_path: Path
) -> None:
    life, marks = await _two_months(pool)
    for known_at in marks:
        for on in (YEAR_END, JUNE_END):
            journal = await _written(life, "hledger", tmp_path / "b.journal", on, known_at)
            checked = hledger(journal, "check", "--strict")
            assert checked.returncode == 0, checked.stderr
            ours = await _trial(life, on, known_at)
            assert _by_code(hledger_balances(journal)) == ours, (known_at, on)


async def test_beancount_agrees_with_the_trial_balance_at_any_month_end_as_known_then(
    pool: Pool, tmp_path: Path
) -> None:
    life, marks = await _two_months(pool)
    for known_at in marks:
        for on in (YEAR_END, JUNE_END):
            path = await _written(life, "beancount", tmp_path / "b.beancount", on, known_at)
            assert bean_check(path).returncode == 0, bean_check(path).stderr
            entries, _, _ = loader.load_file(str(path))
            found: dict[str, Decimal] = {}
            for entry in entries:
                for posting in entry.postings if isinstance(entry, data.Transaction) else ():
                    assert posting.units is not None
                    assert posting.units.number is not None
                    before = found.get(posting.account, Decimal(0))
                    found[posting.account] = before + posting.units.number
            assert _by_code(found) == await _trial(life, on, known_at), (known_at, on)


async def test_an_export_as_known_before_an_adjustment_is_the_same_file_after_it(
    pool: Pool, tmp_path: Path
) -> None:
    life = await begin_life(pool)
    await life.post(_draws(100_00, 200_00), Origin.DOORS, OPENED_ON)
    await life.cut()
    known = life.head_seq
    for form in ("hledger", "beancount"):
        before = await _written(life, form, tmp_path / f"{form}.1", OPENED_ON, known)
        await life.post(_draws(5_00), Origin.ADJUST, OPENED_ON)
        after = await _written(life, form, tmp_path / f"{form}.2", OPENED_ON, known)
        assert after.read_bytes() == before.read_bytes()
        now = await _written(life, form, tmp_path / f"{form}.3", OPENED_ON, life.head_seq)
        assert now.read_bytes() != before.read_bytes()


async def test_an_export_as_known_at_a_number_not_given_out_is_refused(
    pool: Pool, tmp_path: Path
) -> None:
    life = await begin_life(pool)
    with pytest.raises(InvalidInput, match="a number from 0"):
        await _written(life, "hledger", tmp_path / "x", OPENED_ON, life.head_seq + 1)
