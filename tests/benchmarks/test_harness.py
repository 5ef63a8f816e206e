"""The benchmarks judge others, so they are judged here: verdicts, checks, the model, the lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import numpy as np
import pytest

from benchmarks import end_of_day, entry, model, night_books, posting, ten_years, verbs
from benchmarks.bench import RUNS, CheckFailed, Figure, Point, Report, Void, percentile, point
from benchmarks.controls import control_totals
from benchmarks.made import BOOK, OPENED_ON, open_accounts, open_book, open_own
from benchmarks.night_books import NightBook
from benchmarks.night_floor import floor_seconds
from benchmarks.payments import Ready
from benchmarks.preload import Bench
from benchmarks.savings import sell_savings
from benchmarks.streams import CHUNK, Ids, Stream, regrouped
from benchmarks.timed import all_posted, checkpoint_at, path
from benchmarks.traffic import Traffic, counted_pool
from ledger import books
from ledger.db import Pool
from ledger.posting.collector import Collector
from products.payments.resolving import CannotMatch

SETTINGS = {"fsync": "on"}


@pytest.fixture
async def made(pool: Pool, database_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    """A book without its five million transfers, and a counted pool."""
    traffic = Traffic()
    counted = await counted_pool(database_url, traffic, max_size=4)
    numbers = await open_book(pool)
    product = await sell_savings(pool, database_url, OPENED_ON)
    async with pool.acquire() as connection:
        head = await books.read_head(connection, BOOK)
    yield Bench(
        dsn=database_url,
        pool=counted,
        traffic=traffic,
        settings=SETTINGS,
        numbers=numbers,
        product=product,
        today=OPENED_ON,
        folder=tmp_path,
        standing=(head.recorded_seq, head.batch_no),
    )
    await counted.close()


def test_the_worst_of_the_runs_decides_and_the_median_is_quoted() -> None:
    ratio = Figure(name="ratio", values=(0.9, 0.4, 0.8), at_least=0.45)
    assert (ratio.median, ratio.worst, ratio.met) == (0.8, 0.4, False)
    wal = Figure(name="WAL", unit="B", values=(250, 301, 200), at_most=300)
    assert (wal.median, wal.worst, wal.met) == (250, 301, False)
    assert Figure(name="p99", unit="ms", values=(1, 9, 3)).worst == 9
    assert Figure(name="shown", unit="/s", values=(1, 9, 3)).met is None


def test_a_missed_target_is_told_and_fails_only_when_asked_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def measured() -> Report:
        low = Figure(name="ratio", values=(0.5,), at_least=0.7)
        return Report(settings=SETTINGS, points=[Point(name="bulk", figures=(low,))])

    assert entry.finish(measured, as_json=False, strict=False) == 0
    assert "missed: bulk: ratio 0.500, must be >= 0.700" in capsys.readouterr().out
    assert entry.finish(measured, as_json=True, strict=True) == entry.CHECK_FAILED
    told = json.loads(capsys.readouterr().out)
    assert told["points"][0]["figures"]["ratio"]["met"] is False
    assert told["settings"] == SETTINGS


@pytest.mark.parametrize(
    ("error", "code"), [(CheckFailed("x"), entry.CHECK_FAILED), (Void("x"), entry.VOID)]
)
def test_a_failed_check_and_a_void_measurement_end_with_their_own_codes(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measured() -> Report:
        raise error

    assert entry.finish(measured, as_json=True, strict=False) == code
    assert capsys.readouterr().out == ""


def test_percentiles_and_simple_points_are_what_they_say() -> None:
    assert percentile([1_000_000 * n for n in range(1, 101)], 99) == 100
    assert percentile([5_000_000], 99) == 5
    assert point("proof", 50, "promised", 100).figures[2].values == (0.5,)


def test_lines_are_new_in_order_and_of_the_layout_that_clients_use() -> None:
    numbers = np.arange(1, 101, dtype=np.int32)
    stream = Stream(numbers=numbers, count=CHUNK + 10, first=0, today=date(2026, 6, 1))
    chunks = stream.arrays()
    ids = [line[0] for chunk in chunks for line in model.lines_of(chunk)]
    assert ids == sorted(set(ids))
    assert {each[6] >> 4 for each in ids} == {7}
    assert {each[8] >> 6 for each in ids} == {2}
    assert [len(each) for each in regrouped(chunks, [10, CHUNK])] == [10, CHUNK]
    lines = list(model.lines_of(chunks[1]))
    assert all(debit != credit for _, debit, credit, *_ in lines)
    assert lines[3][-1] == f"REF{CHUNK + 3:017d}"
    random = replace(stream, ids=Ids.RANDOM).arrays()
    ids = [line[0] for line in model.lines_of(random[0])]
    assert ids != sorted(ids)
    assert len(set(ids)) == CHUNK


async def test_the_path_judges_wrong_lines_as_the_sequential_model_does(made: Bench) -> None:
    clean = [chunk.slice(0, 1_500) for chunk in made.stream(1_500).chunks()]
    async with made.pool.acquire() as connection:
        sequential = await model.Model.of_book(connection)
    timed = all_posted(await path(made, clean))
    model.compare(sequential, clean, timed.outcomes)
    spoilt = posting.spoil(made.stream(1_500).arrays(), clean, seed=1)
    timed = await path(made, spoilt)
    told = model.compare(sequential, spoilt, timed.outcomes)
    assert " replayed" in told
    assert timed.posted < 1_500 - 3 * 10
    async with made.pool.acquire() as connection:
        await model.compare_balances(sequential, connection)
        sequential.balance[made.numbers[0]] += 1
        with pytest.raises(CheckFailed, match="balances that differ"):
            await model.compare_balances(sequential, connection)
    timed.outcomes[0].status[7] = model.REPLAYED
    with pytest.raises(CheckFailed, match="the model says"):
        model.compare(sequential, clean, timed.outcomes)
    await made.control("wrong lines")


async def test_control_totals_hold_and_find_what_is_planted(made: Bench) -> None:
    chunks = made.stream(500).arrays()
    all_posted(await path(made, chunks))
    seq, batch = made.standing
    await made.control("clean")
    owner = await asyncpg.connect(made.dsn)
    try:
        with pytest.raises(CheckFailed, match="were accepted"):
            await control_totals(owner, after_seq=seq, after_batch=batch, expected=499)
        await owner.execute("SET session_replication_role = replica")
        for planted, named in (
            ("UPDATE ledger.transfer SET amount_satang = amount_satang + 1", "amounts of rows"),
            (
                "UPDATE ledger.transfer SET recorded_seq = recorded_seq - 1 WHERE recorded_seq = "
                "(SELECT max(recorded_seq) - 1 FROM ledger.transfer)",
                "numbers stand on more",
            ),
            ("UPDATE ledger.balance SET credits = credits + 1, debits = debits + 1", "debits of"),
            ("DELETE FROM ledger.movement WHERE account_id = 1", "movements"),
            ("DELETE FROM ledger.batch WHERE batch_no > 1", "batches"),
        ):
            change = owner.transaction()
            await change.start()
            await owner.execute(planted)
            with pytest.raises(CheckFailed, match=named):
                await control_totals(owner, after_seq=seq, after_batch=batch)
            await change.rollback()
    finally:
        await owner.close()


async def test_round_trips_commits_and_wal_of_a_run_are_counted(made: Bench) -> None:
    timed = all_posted(await path(made, made.stream(CHUNK).arrays()))
    assert timed.commits >= len(timed.outcomes) >= 1
    assert timed.trips > 2 * timed.commits
    assert timed.wal_bytes > 100 * CHUNK
    assert len(timed.batches) == len(timed.sizes)


async def test_verbs_are_measured_beside_journals_and_cost_the_batch_not_each_a_round_trip(
    made: Bench,
) -> None:
    (found,) = await verbs.measure(made, 2 * verbs.IN_FLIGHT)
    figures = {figure.name: figure for figure in found.figures}
    assert figures["ratio_to_bare_journals"].at_least == 0.4
    assert figures["round trips a verb"].worst < 1
    await made.control("verbs")
    (row, *_) = await made.pool.fetch("SELECT line_id, notice_id FROM products.bank_match")
    pair = Ready(line_id=row["line_id"], notice_id=row["notice_id"])
    await verbs._check_matched(made, [pair])
    with pytest.raises(CheckFailed, match="lines joined, notices posted, questions left"):
        await verbs._check_matched(made, [pair, replace(pair, notice_id=pair.line_id)])
    async with Collector(made.pool) as collector:
        with pytest.raises(CannotMatch):
            await verbs._match(made, pair)(collector)


async def test_a_run_without_its_checkpoint_fails(made: Bench) -> None:
    with pytest.raises(CheckFailed, match="checkpoint"):
        async with checkpoint_at(made.dsn, asyncio.Event()):
            pass


async def test_accounts_of_a_part_are_opened_beside_the_ordinary_ones(made: Bench) -> None:
    (number,) = await open_accounts(made.pool, ["HOT-LIMITED"], 0)
    assert number not in made.numbers
    low = await made.pool.fetchval(
        "SELECT balance_min FROM ledger.balance WHERE book_id = $1 AND account_id = $2",
        BOOK,
        number,
    )
    assert low == 0


@pytest.fixture
async def nights(made: Bench) -> NightBook:
    """The book without contracts: it has one rate, and no period that ends within the month."""
    return NightBook(
        dsn=made.dsn,
        pool=made.pool,
        traffic=made.traffic,
        settings=made.settings,
        numbers=made.numbers,
        product=made.product,
        today=made.today,
        folder=made.folder,
        contracts=np.zeros(0, np.int32),
        source=await open_own(made.pool, "MONEY-IN", "211100"),
    )


@pytest.mark.parametrize("fill", [night_books.generate, night_books.open_each])
async def test_nights_of_generated_and_of_opened_contracts_earn_what_their_movements_say(
    nights: NightBook, fill: night_books.Fill
) -> None:
    await fill(nights, 120)
    timed = await end_of_day._ordinary(nights)
    assert timed.whole > timed.accrual > timed.steps["accrue"] > 0
    assert await night_books.missed(nights, 2) > 0
    assert nights.today == OPENED_ON + timedelta(days=3)
    assert "120 contracts" in await night_books.interest_agrees(nights)
    nights.uncounted()
    await nights.control("nights")
    owner = await asyncpg.connect(nights.dsn)
    try:
        await owner.execute("SET session_replication_role = replica")
        await owner.execute("UPDATE pricing.rate_sheet SET annual_rate_e8 = 2 * annual_rate_e8")
    finally:
        await owner.close()
    with pytest.raises(CheckFailed, match="by movements and as posted"):
        await night_books.interest_agrees(nights)


async def test_the_years_are_lived_night_by_night_and_every_block_of_a_read_is_counted(
    nights: NightBook,
) -> None:
    await night_books.open_each(nights, 250)
    until = OPENED_ON + timedelta(days=3)
    await ten_years._live(nights, until)
    assert nights.today == until
    costs = await ten_years._measured(nights)
    assert nights.today == until + timedelta(days=ten_years.NIGHTS * RUNS)
    assert set(costs) == {"night", *ten_years._READS}
    # A view reads its account, its contract and their leg; a night far more than one account's.
    assert all(cost.seconds > 0 for some in costs.values() for cost in some)
    assert all(3 < cost.blocks < 200 for cost in costs["contract view"])
    assert min(cost.blocks for cost in costs["night"]) > 250


async def test_the_floor_of_the_night_writes_a_row_a_contract_as_wide_as_a_span(
    nights: NightBook,
) -> None:
    await night_books.generate(nights, 120)
    await night_books.night(nights)
    assert await floor_seconds(nights) > 0
    owner = await asyncpg.connect(nights.dsn)
    try:
        differing = await owner.fetchval(
            "SELECT count(*) FROM floor.interest_span AS f FULL JOIN products.interest_span AS s "
            "USING (book_id, contract_id, leg) WHERE (f.balance_satang, f.annual_rate_e8, "
            "f.year_days, f.slope_exact, f.base_exact) IS DISTINCT FROM (s.balance_satang, "
            "s.annual_rate_e8, s.year_days, s.slope_exact, s.base_exact)"
        )
    finally:
        await owner.close()
    assert differing == 0
    nights.contracts = nights.contracts[1:]
    with pytest.raises(CheckFailed, match="119 contracts"):
        await floor_seconds(nights)
    with pytest.raises(CheckFailed, match="120 of 119"):
        await night_books.night(nights)
