"""Fiscal years: the late period, the closing, opening again, years that begin in other months."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from ledger import accounts, books, manual
from ledger.db import Pool
from ledger.errors import InvalidInput
from ledger.periods.acts import PeriodNotReady, PeriodWrongState
from ledger.periods.months import close_month, reopen_month
from ledger.periods.spans import (
    PeriodKind,
    PeriodState,
    list_periods,
    read_rows,
    standing,
    year_of,
    year_with,
)
from ledger.periods.years import CURE, close_year, reopen_year
from ledger.posting.values import (
    CloseAccount,
    MoveBusinessDate,
    Period,
    ReopenAccount,
    SetFreeze,
    Status,
    Unit,
)
from tests.ledger.period_scene import (
    CHIEF,
    Scene,
    a_year_of_business,
    code_of,
    make_scene,
    open_account,
)

JAN = date(2026, 1, 1)
YEAR_END = date(2026, 12, 31)
WHY = "the auditor asked for it"


@pytest.fixture
async def short(shared_pool: Pool) -> Scene:
    """A book opened on 10 December 2026: its first year is one partial month."""
    return await make_scene(shared_pool, opened_on=date(2026, 12, 10))


async def test_the_late_period_begins_when_every_month_is_closed(short: Scene) -> None:
    await short.live_through(YEAR_END)
    early = await short.post("COSTS", "BANK", 70, on=YEAR_END, period=Period.LATE)
    assert code_of(early) == "period_closed"
    await short.close_through(YEAR_END)
    wrong_day = await short.post("COSTS", "BANK", 70, on=date(2026, 12, 30), period=Period.LATE)
    assert code_of(wrong_day) == "period_closed"
    late = await short.post("COSTS", "BANK", 70, on=YEAR_END, period=Period.LATE)
    assert late.status is Status.ACCEPTED
    assert late.receipts[0].business_date == YEAR_END
    ordinary = await short.post("COSTS", "BANK", 70, on=YEAR_END)
    assert code_of(ordinary) == "period_closed"
    # December as it was known when it closed does not know of it.
    kept = await short.kept(PeriodKind.MONTH, date(2026, 12, 1), 1)
    assert "541200" not in kept


async def test_closing_the_year_carries_income_and_expense_to_the_result(short: Scene) -> None:
    await a_year_of_business(short)
    await short.live_through(YEAR_END)
    await short.post("COSTS", "BANK", 4_000)  # of the next year
    await short.close_through(YEAR_END)
    await short.post("COSTS", "BANK", 1_000, on=YEAR_END, period=Period.LATE)
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert acted.outcome.status is Status.ACCEPTED
    assert acted.result_satang == 90_000 + 10_000 - 25_000 - 5_000 - 1_000
    for name in ("INCOME", "FEES", "INTEREST", "COSTS"):
        assert await short.net(name, YEAR_END) == 0
    assert await short.net("RESULT", YEAR_END) == acted.result_satang
    assert await short.net("COSTS", date(2027, 1, 1)) == -4_000
    assert acted.draft is not None
    kept = await short.kept(PeriodKind.FISCAL_YEAR, JAN, 1)
    assert kept == await short.truth(YEAR_END, acted.period.closed_seq or 0)
    assert (acted.draft.vouchers.number, acted.draft.vouchers.last) == (6, 6)
    async with short.pool.acquire() as connection:
        head = await books.read_head(connection, short.book_id)
        rows = await read_rows(connection, short.book_id)
    assert head.value_date_floor == date(2027, 1, 1)
    assert standing(short.book, rows, year_of(short.book, 2026)).state is PeriodState.CLOSED


async def test_a_closed_year_takes_nothing_not_even_value_dates(short: Scene) -> None:
    await short.close_through(YEAR_END)
    await close_year(short.pool, short.book, 2026, actor=CHIEF)
    for period in Period:
        refused = await short.post("COSTS", "BANK", 1, on=YEAR_END, period=period)
        assert code_of(refused) == "period_closed"
    back = await short.post("COSTS", "BANK", 1, value_date=YEAR_END)
    assert code_of(back) == "value_date_before_floor"
    with pytest.raises(PeriodNotReady, match=r"fiscal year 2026 .* is closed"):
        await reopen_month(short.pool, short.book, YEAR_END, actor=CHIEF, reason=WHY)


async def test_a_year_closes_once_its_months_and_the_year_before_are_closed(
    shared_pool: Pool,
) -> None:
    scene = await make_scene(shared_pool, opened_on=date(2025, 12, 30))
    await scene.close_through(date(2025, 12, 31))
    with pytest.raises(PeriodNotReady, match="waits for its month 2026-01"):
        await close_year(scene.pool, scene.book, 2026, actor=CHIEF)
    await scene.close_through(YEAR_END)
    with pytest.raises(PeriodNotReady, match="waits for 2025"):
        await close_year(scene.pool, scene.book, 2026, actor=CHIEF)
    for year in (2025, 2026):
        await close_year(scene.pool, scene.book, year, actor=CHIEF)
        with pytest.raises(PeriodWrongState, match="is closed already"):
            await close_year(scene.pool, scene.book, year, actor=CHIEF)
    with pytest.raises(PeriodNotReady, match="Open the newest first"):
        await reopen_year(scene.pool, scene.book, 2025, actor=CHIEF, reason=WHY)
    await reopen_year(scene.pool, scene.book, 2026, actor=CHIEF, reason=WHY)
    await reopen_year(scene.pool, scene.book, 2025, actor=CHIEF, reason=WHY)


async def test_opening_the_year_again_voids_its_closing_and_the_next_one_carries_anew(
    short: Scene,
) -> None:
    await a_year_of_business(short)
    await short.close_through(YEAR_END)
    await short.post("COSTS", "BANK", 100)  # of the next year
    first = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    as_closed = await short.truth(YEAR_END, first.period.closed_seq or 0)
    opened = await reopen_year(short.pool, short.book, 2026, actor=CHIEF, reason=WHY)
    assert opened.period.state is PeriodState.LATE
    assert {r.business_date for r in opened.outcome.receipts} == {YEAR_END}
    assert await short.net("RESULT", YEAR_END) == 0
    assert await short.net("INCOME", YEAR_END) == 90_000
    assert await short.pool.fetchval(
        "SELECT value_date_floor FROM ledger.book_head WHERE book_id = $1", short.book_id
    ) == date(2026, 1, 1)
    await short.post("COSTS", "BANK", 2_500, on=YEAR_END, period=Period.LATE)
    second = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert second.period.closings == 2
    assert second.result_satang == 67_500
    assert await short.net("RESULT", YEAR_END) == 67_500
    assert await short.net("COSTS", date(2027, 1, 1)) == -100
    # The first closing reads as it did, for ever.
    assert await short.truth(YEAR_END, first.period.closed_seq or 0) == as_closed
    assert await short.kept(PeriodKind.FISCAL_YEAR, JAN, 1) == as_closed
    numbers = await short.vouchers()
    assert {year: list(range(1, len(n) + 1)) for year, n in numbers.items()} == numbers


async def test_the_months_of_a_year_in_its_late_period_may_be_opened_again(short: Scene) -> None:
    await short.close_through(YEAR_END)
    await short.post("COSTS", "BANK", 70, on=YEAR_END, period=Period.LATE)
    await reopen_month(short.pool, short.book, YEAR_END, actor=CHIEF, reason=WHY)
    with pytest.raises(PeriodNotReady, match="waits for its month 2026-12"):
        await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert code_of(await short.post("COSTS", "BANK", 1, on=YEAR_END)) == "accepted"
    again = await close_month(short.pool, short.book, YEAR_END, actor=CHIEF)
    kept = await short.kept(PeriodKind.MONTH, date(2026, 12, 1), 2)
    assert kept == await short.truth(YEAR_END, again.period.closed_seq or 0)
    assert kept["541200"] == (71, 0)


async def test_more_accounts_than_one_journal_holds_are_closed_by_several_of_one_unit(
    short: Scene,
) -> None:
    async with short.pool.acquire() as connection:
        numbers = await accounts.reserve_ids(connection, 501)
    opened = tuple(
        open_account(number, f"COST-{place:03d}", "541200") for place, number in enumerate(numbers)
    )
    await short.post_unit(Unit(operations=opened, actor="test:opening"))
    short.ids |= {f"COST-{place:03d}": number for place, number in enumerate(numbers)}
    journals = tuple(short.journal(f"COST-{n:03d}", "BANK", n + 1) for n in range(501))
    await short.post_unit(Unit(operations=journals, actor="test:clerk"))
    await short.close_through(YEAR_END)
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert [r.voucher_no for r in acted.outcome.receipts] == [502, 503, None]
    lines = await short.pool.fetch(
        "SELECT count(*) AS n FROM ledger.transfer WHERE book_id = $1 AND kind = 5 "
        "GROUP BY recorded_seq ORDER BY recorded_seq",
        short.book_id,
    )
    assert [row["n"] for row in lines] == [500, 1]
    assert acted.result_satang == -sum(range(1, 502))
    await reopen_year(short.pool, short.book, 2026, actor=CHIEF, reason=WHY)
    assert await short.net("RESULT", YEAR_END) == 0


async def test_a_year_without_income_or_expense_closes_without_a_journal(short: Scene) -> None:
    await short.post("BANK", "SAVINGS", 100)
    await short.close_through(YEAR_END)
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert (len(acted.outcome.receipts), acted.result_satang) == (1, 0)
    opened = await reopen_year(short.pool, short.book, 2026, actor=CHIEF, reason=WHY)
    assert len(opened.outcome.receipts) == 1


async def test_the_result_goes_to_an_account_of_capital(short: Scene) -> None:
    await a_year_of_business(short)
    await short.close_through(YEAR_END)
    for code in ("BANK", "NOBODY"):
        with pytest.raises(InvalidInput, match="an account of class 3"):
            await close_year(short.pool, short.book, 2026, actor=CHIEF, result_account=code)
    await close_year(short.pool, short.book, 2026, actor=CHIEF, result_account="SHARES")
    assert await short.net("SHARES", YEAR_END) == 70_000


async def test_with_two_accounts_of_retained_profit_one_must_be_named(short: Scene) -> None:
    async with short.pool.acquire() as connection:
        (number,) = await accounts.reserve_ids(connection, 1)
    another = open_account(number, "RESULT-2", "341100")
    await short.post_unit(Unit(operations=(another,), actor="test:opening"))
    await a_year_of_business(short)
    await short.close_through(YEAR_END)
    with pytest.raises(InvalidInput, match="several accounts of 341100"):
        await close_year(short.pool, short.book, 2026, actor=CHIEF)
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF, result_account="RESULT-2")
    assert acted.outcome.status is Status.ACCEPTED


async def test_a_year_whose_closing_is_refused_stays_in_its_late_period(short: Scene) -> None:
    await a_year_of_business(short)
    await short.close_through(YEAR_END)

    async def freeze(*, frozen: bool) -> None:
        freezing = SetFreeze(account=short.ids["INCOME"], debits=frozen, credits=False)
        await short.post_unit(Unit(operations=(freezing,), actor="test:clerk", reason="by order"))

    await freeze(frozen=True)
    refused = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert code_of(refused.outcome) == "account_frozen_debit"
    assert refused.period.state is PeriodState.LATE
    assert not await short.closed(PeriodKind.FISCAL_YEAR, JAN)
    await freeze(frozen=False)
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert acted.outcome.status is Status.ACCEPTED


async def test_a_year_that_waits_for_a_closed_account_says_how_to_go_on(short: Scene) -> None:
    await short.post("BANK", "INCOME", 100)
    await short.live_through(YEAR_END)
    # Emptied in the next year; the products' doors refuse what comes now, the ledger takes it.
    await short.post("INCOME", "BANK", 100)
    closing = Unit(
        operations=(CloseAccount(account=short.ids["INCOME"]),), actor="test:clerk", reason="old"
    )
    assert code_of(await short.post_unit(closing)) == "accepted"
    await short.close_through(YEAR_END)
    await short.live_through(date(2027, 1, 1))
    refused = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert code_of(refused.outcome) == "account_closed"
    assert refused.outcome.refusal is not None
    assert refused.outcome.refusal.detail["cure"] == CURE
    undone = Unit(
        operations=(ReopenAccount(account=short.ids["INCOME"]),), actor="test:chief", reason=WHY
    )
    assert code_of(await short.post_unit(undone)) == "accepted"
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert acted.outcome.status is Status.ACCEPTED


async def test_a_year_waits_for_the_night_of_what_was_posted_back_into_it(short: Scene) -> None:
    await short.close_through(YEAR_END)
    await short.live_through(date(2027, 1, 4))
    await short.post("BANK", "SAVINGS", 100, value_date=date(2026, 12, 28))
    for tomorrow in (date(2027, 1, 6), date(2027, 1, 7)):
        # Nor does another day help while the night of the fifth has not run.
        with pytest.raises(PeriodNotReady, match=r"2027-01-05 has postings .* Run end-of-day"):
            await close_year(short.pool, short.book, 2026, actor=CHIEF)
        cut = Unit(operations=(MoveBusinessDate(to=tomorrow),), actor="test:clock")
        assert code_of(await short.post_unit(cut)) == "accepted"
    await short.live_through(date(2027, 1, 5))
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert acted.outcome.status is Status.ACCEPTED


async def test_a_year_whose_reversal_is_refused_stays_closed(short: Scene) -> None:
    await short.post("BANK", "INCOME", 100)
    await short.close_through(YEAR_END)
    await close_year(short.pool, short.book, 2026, actor=CHIEF)
    closing = Unit(
        operations=(CloseAccount(account=short.ids["INCOME"]),), actor="test:clerk", reason="old"
    )
    assert code_of(await short.post_unit(closing)) == "accepted"
    refused = await reopen_year(short.pool, short.book, 2026, actor=CHIEF, reason=WHY)
    assert code_of(refused.outcome) == "account_closed"
    assert refused.outcome.refusal is not None
    assert "undoing its closing" in str(refused.outcome.refusal.detail["cure"])
    assert refused.period.state is PeriodState.CLOSED
    assert await short.closed(PeriodKind.FISCAL_YEAR, JAN)


# Fiscal years that are not calendar years


@pytest.mark.parametrize(
    ("start_month", "opened_on", "name", "starts_on", "ends_on"),
    [
        (1, date(2026, 6, 15), "2026", date(2026, 1, 1), date(2026, 12, 31)),
        (4, date(2026, 3, 31), "2026", date(2025, 4, 1), date(2026, 3, 31)),
        (4, date(2026, 4, 1), "2027", date(2026, 4, 1), date(2027, 3, 31)),
        (10, date(2027, 2, 28), "2027", date(2026, 10, 1), date(2027, 9, 30)),
        (12, date(2026, 12, 1), "2027", date(2026, 12, 1), date(2027, 11, 30)),
    ],
)
async def test_a_fiscal_year_is_named_by_the_year_in_which_it_ends(
    shared_pool: Pool, start_month: int, opened_on: date, name: str, starts_on: date, ends_on: date
) -> None:
    scene = await make_scene(shared_pool, opened_on=opened_on, start_month=start_month)
    year = year_with(scene.book, opened_on)
    assert (year.name, year.starts_on, year.ends_on) == (name, starts_on, ends_on)
    made = await scene.pool.fetchrow(
        "SELECT ledger.fiscal_year_of($1, $2), ledger.fiscal_year_starts($3, $2)",
        opened_on,
        start_month,
        int(name),
    )
    assert made is not None
    assert tuple(made) == (int(name), starts_on)


async def test_a_fiscal_year_from_april_closes_after_its_march(shared_pool: Pool) -> None:
    scene = await make_scene(shared_pool, opened_on=date(2026, 2, 15), start_month=4)
    await a_year_of_business(scene)
    march_end = date(2026, 3, 31)
    await scene.close_through(march_end)
    await scene.post("BANK", "INCOME", 1)
    late = await scene.post("COSTS", "BANK", 9, on=march_end, period=Period.LATE)
    assert (late.receipts[0].fiscal_year, late.receipts[0].voucher_no) == (2026, 5)
    acted = await close_year(scene.pool, scene.book, 2026, actor=CHIEF)
    assert acted.period.span.ends_on == march_end
    assert await scene.net("RESULT", march_end) == 70_000 - 9
    assert await scene.net("INCOME", date(2026, 4, 1)) == 1
    async with scene.pool.acquire() as connection:
        listed = await list_periods(connection, scene.book, await scene.today())
    assert [(p.span.name, p.state.value) for p in listed] == [
        ("2027", "open"),
        ("2026-04", "open"),
        ("2026", "closed"),
        ("2026-03", "closed"),
        ("2026-02", "closed"),
    ]


async def test_a_closing_journal_names_its_year_and_its_part(short: Scene) -> None:
    await short.post("BANK", "INCOME", 100)
    await short.close_through(YEAR_END)
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    row = await short.pool.fetchrow(
        "SELECT k.code, t.reference, t.value_date FROM ledger.transfer AS t "
        "INNER JOIN ledger.journal_kind AS k ON k.kind = t.kind "
        "WHERE t.book_id = $1 AND t.journal_id = $2",
        short.book_id,
        acted.outcome.receipts[0].journal_id,
    )
    assert row is not None
    assert tuple(row) == ("year_close", "2026-12-31 1/1", YEAR_END)


async def test_an_amount_larger_than_one_transfer_may_be_is_carried_in_parts(short: Scene) -> None:
    most = 10**15 - 1
    for _ in range(2):
        await short.post("BANK", "INCOME", most)
    await short.close_through(YEAR_END)
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    assert acted.result_satang == 2 * most
    assert await short.net("INCOME", YEAR_END) == 0


async def test_a_closing_is_not_a_journal_to_reverse_by_hand(short: Scene) -> None:
    await short.post("BANK", "INCOME", 100)
    await short.close_through(YEAR_END)
    acted = await close_year(short.pool, short.book, 2026, actor=CHIEF)
    journal_id = acted.outcome.receipts[0].journal_id
    assert journal_id is not None
    async with short.pool.acquire() as connection:
        record = await manual.recorded_journal(connection, short.book_id, journal_id)
    assert record is not None
    with pytest.raises(manual.NotOurs, match="open the year again instead"):
        manual.reversal_of(record, uuid4())
