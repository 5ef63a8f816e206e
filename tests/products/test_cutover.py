"""A cut-over from files: loaded whole, once, proven, and lived on from as if nothing had happened.

The committed example is loaded as a clerk would load it; what follows is done through the same
services as every day. Interest is compared with figures worked out by hand.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from ledger import accounts, books
from ledger.books import Book
from ledger.db import Database
from ledger.kinds import JournalKind
from ledger.posting.collector import Collector
from ledger.posting.ids import event_id
from ledger.posting.values import Journal, Origin, Status, Transfer
from products.cutover.loading import (
    CutOverRefused,
    OtherCutOver,
    check_cut_over,
    load_cut_over,
)
from products.end_of_day import run_day, run_missed
from products.payments import csv_statement, notice_reads, notice_services
from products.payments.bank_statement import BankStatement, LineKind, StatementLine
from products.payments.statements import load_statement
from tests.builders import make_book, post_units, unit
from tests.products.cutover_scene import OPENING, add, change, example, proof

MAY_31, JUNE_1, JUNE_30 = date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 30)
DEPOSIT = UUID("019e85d8-7fed-76d4-8f39-a14dccd9430c")
HELD = UUID("019e85d8-7fed-76d4-8f39-a14dccd9430d")
APPROVED = UUID("019e85d8-7fed-76d4-8f39-a14dccd9430e")


async def _loaded(database: Database, directory: Path = OPENING) -> Book:
    report = await load_cut_over(database.poster, directory)
    assert report.ok, [*map(str, report.problems.problems), *map(str, report.differences)]
    assert report.loaded
    async with database.poster.acquire() as connection:
        return await books.get_book(connection, report.book_code)


async def _position(database: Database, book: Book, code: str) -> accounts.Position:
    async with database.poster.acquire() as connection:
        return await accounts.position(connection, book.book_id, code)


async def _rows(database: Database, question: str, *arguments: object) -> int:
    return int(await database.poster.fetchval(question, *arguments))


async def _move(database: Database, book: Book, code: str, satang: int, **more: object) -> Status:
    """Money from (or, below zero, to) the reserve, which has no limits."""
    here = (await _position(database, book, code)).account.account_id
    there = (await _position(database, book, "RESERVE")).account.account_id
    debit, credit = (there, here) if satang > 0 else (here, there)
    journal = Journal(
        journal_id=uuid4(),
        kind=JournalKind.MANUAL,
        transfers=(Transfer(debit=debit, credit=credit, amount_satang=abs(satang)),),
        **more,  # type: ignore[arg-type]  # fields of Journal by name
    )
    (outcome,) = await post_units(database.poster, book.book_id, [unit(journal)])
    return outcome.status


async def test_the_example_is_loaded_and_every_gl_code_is_the_old_trial_balance(
    database: Database,
) -> None:
    book = await _loaded(database)
    rows = await database.poster.fetch(
        "SELECT a.gl_code, sum(b.credits - b.debits)::bigint AS net FROM ledger.balance AS b "
        "INNER JOIN ledger.account AS a USING (book_id, account_id) WHERE b.book_id = $1 "
        "GROUP BY 1 HAVING sum(b.credits - b.debits) <> 0 ORDER BY 1",
        book.book_id,
    )
    assert {row["gl_code"]: row["net"] for row in rows} == {
        "111100": -100_000_000,
        "211100": 75_000_000,
        "241100": 309_455,
        "311100": 25_000_000,
        "511100": -309_455,
    }
    assert (await _position(database, book, "OPENING")).balance_satang == 0
    kinds = await database.poster.fetch(
        "SELECT DISTINCT kind, business_date FROM ledger.transfer WHERE book_id = $1", book.book_id
    )
    assert [tuple(row) for row in kinds] == [(JournalKind.OPENING, MAY_31)]
    origins = await database.poster.fetch("SELECT DISTINCT origin FROM ledger.batch")
    assert [row["origin"] for row in origins] == [Origin.BULK]
    assert await proof(database, book.book_id) == []


async def test_limits_holds_and_freezes_stand_as_they_stood_in_the_old_system(
    database: Database,
) -> None:
    book = await _loaded(database)
    one = await _position(database, book, "SAV-0001")
    assert (one.balance_satang, one.held_satang) == (50_000_000, 100_000 + 200_000 + 300_000)
    assert (await _position(database, book, "SAV-0002")).balance_min_satang == 10_000
    three = await _position(database, book, "SAV-0003")
    assert (three.debits_frozen, three.credits_frozen) == (True, False)
    await run_missed(database.poster, book, through=date(2026, 6, 15))
    assert not (await _position(database, book, "SAV-0003")).debits_frozen


async def test_the_same_files_again_are_a_no_op_that_says_so(database: Database) -> None:
    book = await _loaded(database)
    before = await _rows(database, "SELECT recorded_seq FROM ledger.book_head")
    for verb in (load_cut_over, check_cut_over):
        report = await verb(database.poster, OPENING)
        assert (report.repeated, report.loaded, report.ok) == (True, True, True)
    assert await _rows(database, "SELECT recorded_seq FROM ledger.book_head") == before
    assert await proof(database, book.book_id) == []


async def test_other_files_under_the_same_book_are_refused_by_name(
    database: Database, tmp_path: Path
) -> None:
    await _loaded(database)
    other = example(tmp_path)
    change(other, "contracts", 2, name_en="Another name")
    with pytest.raises(OtherCutOver, match="old-house was cut over from other files"):
        await load_cut_over(database.poster, other)


async def test_a_book_that_lives_already_takes_no_cut_over(
    database: Database, tmp_path: Path
) -> None:
    await make_book(database.poster)
    files = example(tmp_path)
    change(files, "book", 2, code="book-1")
    with pytest.raises(CutOverRefused, match="neither imported nor made by a cut-over"):
        await load_cut_over(database.poster, files)


async def test_a_difference_from_the_trial_balance_names_the_codes_and_commits_nothing(
    database: Database, tmp_path: Path
) -> None:
    files = example(tmp_path)
    change(files, "trial_balance", 3, credit="750000.01")
    change(files, "trial_balance", 5, credit="249999.99")
    report = await load_cut_over(database.poster, files)
    assert not report.loaded
    assert [str(each) for each in report.differences] == [
        "GL code 211100 at 31/05/2569: expected 750,000.01, found 750,000.00 (off by -0.01; "
        "credits less debits)",
        "GL code 311100 at 31/05/2569: expected 249,999.99, found 250,000.00 (off by 0.01; "
        "credits less debits)",
    ]
    assert await _rows(database, "SELECT count(*) FROM ledger.book") == 0


async def test_a_load_that_dies_half_way_leaves_nothing_and_is_simply_started_again(
    database: Database,
) -> None:
    def die(done: int, _: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await load_cut_over(database.poster, OPENING, told=die)
    assert await _rows(database, "SELECT count(*) FROM ledger.book") == 0
    assert await _rows(database, "SELECT count(*) FROM ledger.batch") == 0
    book = await _loaded(database)
    assert await proof(database, book.book_id) == []


async def test_the_first_night_accrues_on_from_what_was_accrued(database: Database) -> None:
    book = await _loaded(database)
    await run_missed(database.poster, book, through=JUNE_1)
    standing = await database.poster.fetchrow(
        "SELECT products.leg_exact(s, $1) AS exact, products.leg_accrued(s, $1, 1::smallint) "
        "AS accrued_satang, products.leg_accrued_to(s) AS accrued_to "
        "FROM products.interest_leg AS s INNER JOIN products.contract AS c "
        "USING (book_id, contract_id) WHERE c.contract_no = 'SAV-0001'",
        JUNE_1,
    )
    assert standing is not None
    # 2,054.796 baht brought and one day of 500,000.00 at 1.5%: 20.5479452... baht.
    satang = 160_308_000_000_000
    day = 50_000_000 * 1_500_000 * (1_603_080 // 365)
    assert int(standing["exact"]) == 205_479_600 * satang // 1_000 + day
    assert standing["accrued_satang"] == 207_534
    assert standing["accrued_to"] == JUNE_1
    assert await proof(database, book.book_id) == []


async def test_the_first_capitalisation_credits_old_and_new_interest_rounded_once(
    database: Database,
) -> None:
    book = await _loaded(database)
    await run_missed(database.poster, book, through=JUNE_30)
    # 2,054.796 + 500,000.00 x 1.5% x 30/365 (616.43835...) = 2,671.23435...; rounded apart it
    # would be 2,054.80 + 616.44 = 2,671.24.
    assert (await _position(database, book, "SAV-0001")).balance_satang == 50_000_000 + 267_123
    # 1,027.40 + 250,000.00 x 1.5% x 30/365 (308.21917...) = 1,335.61917...
    assert (await _position(database, book, "SAV-0002")).balance_satang == 25_000_000 + 133_562
    # 12.345 alone: half a satang goes up.
    assert (await _position(database, book, "SAV-0003")).balance_satang == 1_235
    assert (await _position(database, book, "INT-PAYABLE")).balance_satang == 0
    assert await proof(database, book.book_id) == []


async def test_a_late_posting_in_the_first_period_keeps_the_interest_that_was_brought(
    database: Database,
) -> None:
    book = await _loaded(database)
    await run_missed(database.poster, book, through=date(2026, 6, 10))
    status = await _move(database, book, "SAV-0001", 36_500_00, value_date=JUNE_1)
    assert status is Status.ACCEPTED
    await run_missed(database.poster, book, through=JUNE_30)
    # 36,500.00 more from 1 June on, 30 days at 1.50 a day: 45.00 above 2,671.23435...
    credited = await _rows(
        database,
        "SELECT k.amount_satang FROM products.capitalisation AS k INNER JOIN products.contract "
        "AS c USING (book_id, contract_id) WHERE c.contract_no = 'SAV-0001'",
    )
    assert credited == 267_123 + 4_500
    assert await proof(database, book.book_id) == []


async def test_a_late_posting_over_the_first_credit_corrects_it_with_the_interest_brought(
    database: Database,
) -> None:
    book = await _loaded(database)
    await run_missed(database.poster, book, through=JUNE_30 + timedelta(days=2))
    await _move(database, book, "SAV-0001", 36_500_00, value_date=date(2026, 6, 6))
    await run_missed(database.poster, book, through=JUNE_30 + timedelta(days=3))
    rows = await database.poster.fetch(
        "SELECT k.made_on, k.amount_satang FROM products.capitalisation AS k INNER JOIN "
        "products.contract AS c USING (book_id, contract_id) WHERE c.contract_no = 'SAV-0001' "
        "ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [(JUNE_30, 267_123), (date(2026, 7, 3), 3_750)]
    assert await proof(database, book.book_id) == []


async def test_a_hold_that_was_brought_along_can_be_captured(database: Database) -> None:
    book = await _loaded(database)
    hold_id = event_id("old-house", "hold", "GUARANTEE-17")
    status = await _move(database, book, "SAV-0001", -100_000, hold_id=hold_id)
    assert status is Status.ACCEPTED
    assert (await _position(database, book, "SAV-0001")).held_satang == 500_000
    assert await proof(database, book.book_id) == []


async def test_holds_and_withdrawals_nobody_takes_expire_on_their_own_days(
    database: Database,
) -> None:
    book = await _loaded(database)
    await run_missed(database.poster, book, through=date(2026, 6, 28))
    assert await _status(database, book, APPROVED) == "expired"
    assert await _status(database, book, HELD) == "held"
    await run_missed(database.poster, book, through=JUNE_30)
    assert (await _position(database, book, "SAV-0001")).held_satang == 0
    assert await proof(database, book.book_id) == []


async def _status(database: Database, book: Book, notice_id: UUID) -> str:
    async with database.poster.acquire() as connection:
        return (await notice_reads.get(connection, book.book_id, notice_id)).status.code


def _statement(folder: Path) -> Path:
    """The bank's next statement: the announced 500.00 came, the paid 3,000.00 went."""
    lines = [("B1", 50_000, True, "DEP500"), ("B2", 300_000, False, "WDL3000")]
    statement = BankStatement(
        account_no="0012345678",
        statement_id="KTB-102",
        sequence_no=102,
        booking_date_from=MAY_31,
        booking_date_to=MAY_31,
        currency="THB",
        opening_satang=100_000_000,
        closing_satang=100_000_000 + 50_000 - 300_000,
        lines=tuple(
            StatementLine(
                line_no=number,
                bank_reference=name,
                amount_satang=amount,
                is_credit=credit,
                booking_date=MAY_31,
                value_date=MAY_31,
                reference=reference,
                kind=LineKind.CREDIT_TRANSFER if credit else LineKind.DEBIT_TRANSFER,
            )
            for number, (name, amount, credit, reference) in enumerate(lines, start=1)
        ),
    )
    path = folder / "ktb.csv"
    path.write_bytes(csv_statement.render([statement]))
    return path


async def test_notices_that_were_brought_along_are_approved_paid_and_matched(
    database: Database, tmp_path: Path
) -> None:
    book = await _loaded(database)
    book_id, pool = book.book_id, database.poster
    async with Collector(pool) as collector:
        for notice_id, verb in ((HELD, notice_services.approve), (APPROVED, notice_services.pay)):
            outcome = await verb(collector, pool, book_id, notice_id, actor="facility:second")
            assert outcome.status is Status.ACCEPTED, outcome
        await load_statement(
            pool, collector, book, _statement(tmp_path), received_by="facility:bank-desk"
        )
    assert await _status(database, book, HELD) == "approved"
    assert await _status(database, book, APPROVED) == "posted"
    assert await _status(database, book, DEPOSIT) == "posted"
    assert (await _position(database, book, "SAV-0002")).balance_satang == 25_050_000
    await run_day(pool, book, MAY_31)
    assert await proof(database, book_id) == []


async def test_accounts_that_were_accrued_to_the_day_before_accrue_the_opening_day_here(
    database: Database, tmp_path: Path
) -> None:
    files = example(tmp_path)
    for line in (2, 3, 4):
        change(files, "contracts", line, accrued_to="30/05/2569")
    book = await _loaded(database, files)
    report = await run_day(database.poster, book, MAY_31)
    # 20.547945 and 10.273972 baht, each on top of what was brought: 20.54 and 10.27.
    assert report.interest_satang == 2_054 + 1_027
    assert await proof(database, book.book_id) == []


async def test_interest_in_the_engine_s_own_units_is_taken_to_the_last_unit(
    database: Database, tmp_path: Path
) -> None:
    files = example(tmp_path)
    third = 205_480 * 160_308_000_000_000 - 7
    change(files, "contracts", 2, accrued="", accrued_exact=str(third))
    await _loaded(database, files)
    exact = await database.poster.fetchval("SELECT max(base_exact) FROM products.interest_leg")
    assert int(exact) == third


async def test_a_contract_whose_interest_note_was_altered_is_named_by_verify(
    database: Database,
) -> None:
    book = await _loaded(database)
    await run_missed(database.poster, book, through=JUNE_1)
    owner = await asyncpg.connect(database.url)
    await owner.execute("SET session_replication_role = 'replica'")
    await owner.execute(
        "UPDATE ledger.event SET body = replace(body, '2026-05-31', '2026-05-30') WHERE kind = 131"
    )
    await owner.close()
    checks = {difference.check for difference in await proof(database, book.book_id)}
    assert {"interest brought is its note", "the digest chain is unbroken"} <= checks


async def test_a_file_as_json_lines_says_the_same_as_one_with_commas(
    database: Database, tmp_path: Path
) -> None:
    files = example(tmp_path)
    (files / "limits.csv").unlink()
    line = '{"account": "SAV-0002", "balance_min": "100.00", "balance_max": ""}\n'
    (files / "limits.jsonl").write_text(line, encoding="utf-8")
    add(files, "holds", hold_id="SECOND", amount="0.01")
    book = await _loaded(database, files)
    assert (await _position(database, book, "SAV-0002")).balance_min_satang == 10_000
    assert (await _position(database, book, "SAV-0001")).held_satang == 600_001


async def test_special_savings_are_loaded_with_their_slabs_and_earn_by_them(
    database: Database, tmp_path: Path
) -> None:
    """500,000.00: a year of 100,000.00 at 1.5% and 400,000.00 at 1.75%, slice by slice."""
    files = example(tmp_path)
    change(files, "contracts", 2, product_code="SPECIAL")
    book = await _loaded(database, files)
    await run_missed(database.poster, book, through=JUNE_1)
    slope = await _rows(
        database,
        "SELECT l.slope_exact FROM products.interest_leg AS l INNER JOIN products.contract AS c "
        "USING (book_id, contract_id) WHERE c.contract_no = 'SAV-0001'",
    )
    a_year = 100_000_00 * 1_500_000 + 400_000_00 * 1_750_000
    assert slope == a_year * (1_603_080 // 365)
    assert await proof(database, book.book_id) == []
