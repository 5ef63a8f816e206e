"""A history becomes a book: with its own dates, closed day by day, as if it had been lived there.

The committed example is the small one; longer histories are drawn from a fixed seed. What was
imported is compared with the same journals posted live, date by date, with every night run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from ledger import accounts, books
from ledger.books import Book, GlAccount
from ledger.dates import days
from ledger.db import Database, Pool, translate
from ledger.errors import InvalidInput
from ledger.history.beginning import HistoryRefused, ImportRunning, OtherHistory
from ledger.history.importing import import_history
from ledger.history.outcome import Imported
from ledger.history.texts import buddhist, parse_buddhist_date
from ledger.kinds import JournalKind
from ledger.posting.values import (
    Journal,
    MoveBusinessDate,
    OpenAccount,
    Origin,
    Status,
    Transfer,
    Unit,
)
from ledger.posting.write import post_batch
from ledger.proof.verify import verify_ledger
from products.end_of_day import run_missed
from tests.builders import post_units, unit
from tests.ledger.history_files import (
    ACCOUNTS,
    BALANCES,
    CHART,
    FIRST,
    GOOD,
    HISTORY,
    Record,
    drawn,
    header,
    journal_record,
    write_history,
)


async def _book(pool: Pool, code: str) -> Book:
    async with pool.acquire() as connection:
        return await books.get_book(connection, code)


async def _verified(pool: Pool, book: Book) -> list[str]:
    async with pool.acquire() as connection:
        report = await verify_ledger(connection, book.book_id)
    return [f"{each.check}: {each.where}" for each in report.differences]


_CANON = {
    "transfers": """
        SELECT t.journal_id, t.line, d.code AS debit, c.code AS credit, t.amount_satang, t.kind,
            t.business_date, t.value_date, t.reference, t.narrative
        FROM ledger.transfer AS t
        INNER JOIN ledger.account AS d ON d.book_id = t.book_id AND d.account_id = t.debit_account
        INNER JOIN ledger.account AS c ON c.book_id = t.book_id AND c.account_id = t.credit_account
        WHERE t.book_id = $1 ORDER BY 1, 2""",
    "vouchers": """
        SELECT b.business_date, b.fiscal_year, b.first_voucher, b.journal_count
        FROM ledger.batch AS b WHERE b.book_id = $1 AND b.journal_count > 0 ORDER BY b.batch_no""",
    "days": "SELECT d.business_date, d.state FROM ledger.day AS d WHERE d.book_id = $1 ORDER BY 1",
    "totals": """
        SELECT t.business_date, t.gl_code, t.debits, t.credits FROM ledger.day_total AS t
        WHERE t.book_id = $1 ORDER BY 1, 2""",
    "snapshots": """
        SELECT a.code, s.business_date, s.debits, s.credits FROM ledger.snapshot AS s
        INNER JOIN ledger.account AS a USING (book_id, account_id)
        WHERE s.book_id = $1 ORDER BY 1, 2""",
    "movements": """
        SELECT a.code, m.business_date, m.value_date, sum(m.debits), sum(m.credits)
        FROM ledger.movement AS m INNER JOIN ledger.account AS a USING (book_id, account_id)
        WHERE m.book_id = $1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
}


async def _canon(pool: Pool, book: Book, *leave_out: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a book says, without numbers, instants and digests."""
    return {
        name: [tuple(row) for row in await pool.fetch(question, book.book_id)]
        for name, question in _CANON.items()
        if name not in leave_out
    }


async def test_the_example_history_is_imported_with_its_own_dates_and_agrees_month_by_month(
    pool: Pool,
) -> None:
    imported = await import_history(pool, HISTORY, balances=BALANCES)
    assert imported.ok
    assert (imported.journals, imported.balances) == (4, 2)
    assert (imported.first_on, imported.live_on) == (date(2026, 1, 1), date(2026, 3, 1))
    book = await _book(pool, "old-year")
    row = await pool.fetchrow(
        "SELECT business_date, value_date, narrative, reference, kind FROM ledger.transfer "
        "WHERE reference = 'DEP1'"
    )
    assert row is not None
    assert tuple(row) == (
        date(2026, 1, 20),
        date(2026, 1, 19),
        "[ฝาก RC-1]",
        "DEP1",
        JournalKind.IMPORTED,
    )
    states = await pool.fetch("SELECT state FROM ledger.day ORDER BY business_date")
    assert [day["state"] for day in states] == [3] * 59 + [1]
    assert await _verified(pool, book) == []


async def _live(pool: Pool, records: Sequence[Record], last: date) -> Book:
    """The same journals through the doors, each on its date, every night run."""
    async with pool.acquire() as connection:
        book = await books.create_book(
            connection,
            book_id=2,
            code="lived",
            name_th="ชุมนุม",
            name_en="House",
            opened_on=FIRST,
        )
        chart = [
            GlAccount(gl_code=gl, cad_code="", name_th=name, name_en=name)
            for gl, name in CHART.items()
        ]
        await books.add_gl_accounts(connection, 2, chart)
        reserved = await accounts.reserve_ids(connection, len(ACCOUNTS))
    numbers = dict(zip(ACCOUNTS, reserved, strict=True))
    opened = [
        OpenAccount(
            account=numbers[code],
            code=code,
            gl_code=gl,
            currency="THB",
            name_th=code,
            name_en=code,
        )
        for code, gl in ACCOUNTS.items()
    ]
    await post_units(pool, 2, [unit(*opened)])
    for on in days(FIRST, last + timedelta(days=1)):
        made = [_lived(numbers, r) for r in records if r["business_date"] == buddhist(on)]
        if made:
            outcomes = await post_units(pool, 2, [unit(journal) for journal in made])
            assert {outcome.status for outcome in outcomes} == {Status.ACCEPTED}
        await run_missed(pool, book, through=on)
    return book


def _lived(numbers: dict[str, int], record: Record) -> Journal:
    """The record as a clerk would post it: its one debit against each of its credits."""
    debit = next(line for line in record["lines"] if "debit" in line)
    return Journal(
        journal_id=UUID(record["id"]),
        kind=JournalKind.IMPORTED,
        transfers=tuple(
            Transfer(
                debit=numbers[debit["account"]],
                credit=numbers[line["account"]],
                amount_satang=int(line["credit"].replace(".", "")),
            )
            for line in record["lines"]
            if "credit" in line
        ),
        value_date=parse_buddhist_date(record["value_date"], "value_date"),
        reference=record["reference"],
        narrative=f"[{record['kind']} {record['voucher']}] {record['narrative']}",
    )


async def test_an_imported_history_is_the_book_that_would_have_been_lived(
    pool: Pool, tmp_path: Path
) -> None:
    last = date(2026, 1, 20)  # over the end of a fiscal year
    records = drawn(last, a_day=6)
    imported = await import_history(pool, write_history(tmp_path, [*header(), *records]))
    assert imported.ok
    last = imported.live_on - timedelta(days=1) if imported.live_on else last
    lived = await _live(pool, records, last)
    book = await _book(pool, "old-books")
    ours, theirs = await _canon(pool, book), await _canon(pool, lived)
    assert len(ours["transfers"]) > 100
    assert ours == theirs
    assert await _verified(pool, book) == []


async def _stopped(pool: Pool, path: Path, after: int, units_at_once: int = 1_000) -> None:
    """Run an import that dies once `after` parts of it are done."""
    parts = 0

    def die(_: int, __: int) -> None:
        nonlocal parts
        parts += 1
        if parts >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await import_history(pool, path, posting=die, units_at_once=units_at_once)


async def test_an_import_that_was_stopped_goes_on_where_it_stopped(
    pool: Pool, tmp_path: Path
) -> None:
    records = drawn(date(2026, 1, 5), a_day=9)
    whole = write_history(tmp_path, [*header("whole"), *records], "whole.jsonl")
    parts = write_history(tmp_path, [*header("parts"), *records], "parts.jsonl")
    assert (await import_history(pool, whole, units_at_once=4)).ok
    # So small that days are split over several commits: a stop may fall into a half-posted day.
    for after in (1, 2, 5, 9):
        await _stopped(pool, parts, after, units_at_once=4)
    imported = await import_history(pool, parts, units_at_once=4)
    assert imported.ok
    assert imported.journals == len(records)
    ours = await _canon(pool, await _book(pool, "parts"), "vouchers")
    assert ours == await _canon(pool, await _book(pool, "whole"), "vouchers")
    assert await _verified(pool, await _book(pool, "parts")) == []


async def test_an_import_whose_process_is_killed_goes_on_where_it_was_killed(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    records = drawn(date(2026, 4, 30), a_day=12)
    path = write_history(tmp_path, [*header(), *records])
    program = _program(path, database_url)
    deadline = time.monotonic() + 60
    while await pool.fetchval("SELECT count(*) FROM ledger.day WHERE state = 3") < 12:
        assert time.monotonic() < deadline
        assert program.poll() is None, "the import ended before it could be killed"
    program.send_signal(signal.SIGKILL)
    program.wait()
    while not (done := await _resumed(pool, path)):
        assert time.monotonic() < deadline  # the server lets go of the dead process's lock
    assert done.journals == len(records)
    assert await _verified(pool, await _book(pool, "old-books")) == []


def _program(path: Path, url: str) -> subprocess.Popen[bytes]:
    """`cff import-history` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from api.cli.main import main; main()", "import-history", path],
        env=os.environ | {"CFF_DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
    )


async def _resumed(pool: Pool, path: Path) -> Imported | None:
    try:
        return await import_history(pool, path)
    except ImportRunning:
        return None


async def test_the_same_history_again_is_a_no_op_that_says_so(pool: Pool) -> None:
    await import_history(pool, HISTORY, balances=BALANCES)
    before = await pool.fetchval("SELECT recorded_seq FROM ledger.book_head")
    imported = await import_history(pool, HISTORY, balances=BALANCES)
    assert (imported.repeated, imported.ok, imported.journals) == (True, True, 4)
    assert await pool.fetchval("SELECT recorded_seq FROM ledger.book_head") == before


async def test_another_file_into_the_same_book_is_refused_by_name(
    pool: Pool, tmp_path: Path
) -> None:
    await import_history(pool, write_history(tmp_path, [*header(), *drawn(FIRST, 1)]))
    other = write_history(tmp_path, [*header(), *drawn(FIRST + timedelta(days=3), 1, seed=3)])
    with pytest.raises(OtherHistory, match="began with another file"):
        await import_history(pool, other)


async def test_a_book_that_lives_already_takes_no_history(pool: Pool, tmp_path: Path) -> None:
    await _live(pool, [], FIRST)
    path = write_history(tmp_path, [*header("lived"), *drawn(FIRST, 1)])
    with pytest.raises(HistoryRefused, match="imported and live postings never mix"):
        await import_history(pool, path)


async def test_nobody_else_posts_until_the_history_is_there_and_no_more_of_it_comes_after(
    pool: Pool, tmp_path: Path
) -> None:
    path = write_history(tmp_path, [*header(), *drawn(date(2025, 12, 25), 3)])
    await _stopped(pool, path, 3)
    book = await _book(pool, "old-books")
    move = unit(MoveBusinessDate(to=FIRST + timedelta(days=400)))
    for origin in (Origin.DOORS, Origin.NIGHT, Origin.BULK):
        with pytest.raises(asyncpg.PostgresError, match="not imported to its end") as refused:
            await _post(pool, book, move, origin)
        said = translate(refused.value)
        assert isinstance(said, InvalidInput)
        assert "run cff import-history again" in str(said)
    assert (await import_history(pool, path)).ok
    with pytest.raises(asyncpg.PostgresError, match="takes no more of a history"):
        await _post(pool, book, move, Origin.IMPORT)
    (outcome,) = await _post(pool, book, move, Origin.DOORS)
    assert outcome.refusal is not None
    assert outcome.refusal.code == "business_date_not_next"


async def _post(pool: Pool, book: Book, what: Unit, origin: Origin) -> list[Any]:
    async with pool.acquire() as connection, connection.transaction():
        return await post_batch(connection, book.book_id, [what], origin=origin)


async def test_two_imports_of_one_book_do_not_run_together(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("SELECT pg_advisory_lock(1320, hashtext('old-year'))")
        with pytest.raises(ImportRunning):
            await import_history(pool, HISTORY)
        await connection.execute("SELECT pg_advisory_unlock(1320, hashtext('old-year'))")


async def test_a_month_that_differs_from_the_trial_balance_is_named_and_nothing_is_posted(
    pool: Pool, tmp_path: Path
) -> None:
    text = BALANCES.read_text(encoding="utf-8")
    wrong = tmp_path / "balances.csv"
    wrong.write_text(
        text.replace("2569-01-31,111100,151000.00", "2569-01-31,111100,151000.01").replace(
            "2569-01-31,311100,,50000.00", "2569-01-31,311100,,50000.01"
        ),
        encoding="utf-8",
    )
    imported = await import_history(pool, HISTORY, balances=wrong)
    assert not imported.ok
    assert [
        (d.as_of, d.gl_code, d.expected_satang, d.found_satang) for d in imported.differences
    ] == [
        (date(2026, 1, 31), "111100", -15_100_001, -15_100_000),
        (date(2026, 1, 31), "311100", 5_000_001, 5_000_000),
    ]
    assert await pool.fetchval("SELECT count(*) FROM ledger.book") == 0


async def test_one_bad_line_at_the_end_keeps_a_whole_history_out(
    pool: Pool, tmp_path: Path
) -> None:
    path = write_history(tmp_path, [*header(), *drawn(FIRST, 2), GOOD | {"lines": []}])
    imported = await import_history(pool, path)
    assert not imported.ok
    assert imported.problems.count == 1
    assert await pool.fetchval("SELECT count(*) FROM ledger.book") == 0


async def test_a_history_needs_no_journal_on_its_last_days(pool: Pool, tmp_path: Path) -> None:
    path = write_history(tmp_path, [*header(), journal_record(FIRST, [("BANK", 5), ("SAV-1", -5)])])
    control = tmp_path / "control.csv"
    lines = "as_of,gl_code,debit,credit\n31/12/2568,111100,0.05,\n31/12/2568,211100,,0.05\n"
    control.write_text(lines, encoding="utf-8")
    imported = await import_history(pool, path, balances=control)
    assert imported.ok
    assert imported.live_on == date(2026, 1, 1)
    head = await pool.fetchval("SELECT business_date FROM ledger.book_head")
    assert head == imported.live_on


async def test_an_id_that_is_no_uuid_belongs_to_its_book(
    database: Database, tmp_path: Path
) -> None:
    pool = database.poster
    for code in ("one", "two"):
        path = write_history(
            tmp_path, [*header(code), GOOD | {"id": str(uuid4())}, GOOD | {"id": "17"}]
        )
        assert (await import_history(pool, path)).ok
    ids = await pool.fetch("SELECT DISTINCT journal_id FROM ledger.transfer")
    assert len(ids) == 4
