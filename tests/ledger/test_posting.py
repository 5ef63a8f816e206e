"""Posting, as an accountant would have it told: journals, dates, limits, reversals.

Each test plays on a fresh book that the sequential oracle follows and that `cff verify` proves at
the end. Amounts are satang; a balance is credits less debits.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from ledger.kinds import JournalKind
from ledger.posting.values import (
    Journal,
    MoveBusinessDate,
    Outcome,
    SetLimits,
    Status,
    Transfer,
    Unit,
)
from tests.builders import journal, unit
from tests.ledger.play import OPENED_ON, Table

BANK, SAV, SAV2, OD, LOAN = range(1, 6)
ONE_DAY = timedelta(days=1)


async def one(table: Table, asked: Journal) -> Outcome:
    """Play one journal."""
    (outcome,) = await table.play([unit(asked)])
    return outcome


def balance(outcome: Outcome, account: int) -> tuple[int, int]:
    """(balance, excess) of an account after a unit."""
    (found,) = [b for b in outcome.balances if b.account == account]
    return found.balance_satang, found.excess_satang


async def test_a_deposit_debits_the_bank_and_credits_the_member(bare_table: Table) -> None:
    outcome = await one(bare_table, journal(BANK, SAV, 100_000))
    assert outcome.status is Status.ACCEPTED
    assert balance(outcome, SAV) == (100_000, 0)
    assert balance(outcome, BANK) == (-100_000, 0)


async def test_a_journal_of_many_lines_stands_or_falls_as_one(bare_table: Table) -> None:
    lines = ((BANK, SAV, 50), (SAV, SAV2, 20), (SAV2, LOAN, 1))
    asked = Journal(
        journal_id=uuid4(),
        kind=JournalKind.MANUAL,
        transfers=tuple(Transfer(debit=d, credit=c, amount_satang=a) for d, c, a in lines),
    )
    outcome = await one(bare_table, asked)
    assert outcome.refusal is not None
    # The loan account may not stand above zero: line 2 is at fault, lines 0 and 1 are undone.
    assert outcome.refusal.code == "above_balance_max"
    assert outcome.refusal.detail["line"] == 2
    assert (await one(bare_table, journal(SAV, BANK, 1))).status is Status.REFUSED


async def test_numbers_have_no_gap_although_units_between_were_refused(bare_table: Table) -> None:
    outcomes = [
        await one(bare_table, journal(BANK, SAV, amount)) for amount in (1, 0, 2, 10**15, 3)
    ]
    numbers = [o.receipts[0].recorded_seq for o in outcomes if o.status is Status.ACCEPTED]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


async def test_a_journal_without_a_value_date_takes_the_business_date(bare_table: Table) -> None:
    outcome = await one(bare_table, journal(BANK, SAV, 1))
    receipt = outcome.receipts[0]
    assert (receipt.value_date, receipt.business_date) == (OPENED_ON, OPENED_ON)


async def test_a_late_deposit_keeps_its_value_date_on_today_s_business_date(
    bare_table: Table,
) -> None:
    day = OPENED_ON - 10 * ONE_DAY
    outcome = await one(bare_table, journal(BANK, SAV, 1, value_date=day))
    receipt = outcome.receipts[0]
    assert (receipt.value_date, receipt.business_date) == (day, OPENED_ON)


async def test_one_batch_may_carry_many_value_dates_of_one_account(bare_table: Table) -> None:
    units = [
        unit(journal(BANK, SAV, 1 + days, value_date=OPENED_ON - days * ONE_DAY))
        for days in (0, 3, 1, 3)
    ]
    outcomes = await bare_table.play(units)
    rows = await bare_table.connection.fetch(
        "SELECT value_date, credits, credits_after FROM ledger.movement "
        "WHERE book_id = $1 AND account_id = $2 AND batch_no = $3 ORDER BY value_date",
        bare_table.book_id,
        SAV,
        outcomes[0].batch_no,
    )
    assert [tuple(row) for row in rows] == [
        (OPENED_ON - 3 * ONE_DAY, 8, 11),
        (OPENED_ON - ONE_DAY, 2, 11),
        (OPENED_ON, 1, 11),
    ]


async def test_the_last_satang_may_be_withdrawn_and_not_one_more(bare_table: Table) -> None:
    await one(bare_table, journal(BANK, SAV, 100))
    assert (await one(bare_table, journal(SAV, BANK, 101))).status is Status.REFUSED
    outcome = await one(bare_table, journal(SAV, BANK, 100))
    assert balance(outcome, SAV) == (0, 0)


async def test_an_overdraft_goes_down_to_its_line(bare_table: Table) -> None:
    outcome = await one(bare_table, journal(OD, BANK, 100))
    assert balance(outcome, OD) == (-100, 0)
    refused = await one(bare_table, journal(OD, BANK, 1))
    assert refused.refusal is not None
    assert refused.refusal.detail["available_satang"] == 0


async def test_a_loan_is_repaid_to_zero_and_not_beyond(bare_table: Table) -> None:
    await one(bare_table, journal(LOAN, BANK, 100))
    assert (await one(bare_table, journal(BANK, LOAN, 101))).status is Status.REFUSED
    assert (await one(bare_table, journal(BANK, LOAN, 100))).status is Status.ACCEPTED


async def test_a_forced_journal_leaves_an_excess_that_falls_and_never_rises(
    bare_table: Table,
) -> None:
    fee = await one(bare_table, journal(SAV, BANK, 30, may_exceed_limit=True))
    assert balance(fee, SAV) == (-30, 30)
    assert (await one(bare_table, journal(SAV, BANK, 1))).status is Status.REFUSED
    some = await one(bare_table, journal(BANK, SAV, 20))
    assert balance(some, SAV) == (-10, 10)
    rest = await one(bare_table, journal(BANK, SAV, 15))
    assert balance(rest, SAV) == (5, 0)


async def test_a_limit_lowered_below_its_use_leaves_an_excess(bare_table: Table) -> None:
    await one(bare_table, journal(BANK, SAV, 100))
    (outcome,) = await bare_table.play(
        [unit(SetLimits(account=SAV, balance_min=150, balance_max=None))]
    )
    assert balance(outcome, SAV) == (100, 50)


async def test_a_limit_is_judged_only_against_the_side_that_worsens_it(bare_table: Table) -> None:
    await one(bare_table, journal(SAV, BANK, 30, may_exceed_limit=True))
    assert (await one(bare_table, journal(BANK, SAV, 10))).status is Status.ACCEPTED


async def test_a_reversal_mirrors_its_journal_at_its_value_date(bare_table: Table) -> None:
    day = OPENED_ON - 10 * ONE_DAY
    wrong = journal(BANK, SAV, 70, value_date=day)
    await one(bare_table, wrong)
    outcome = await one(bare_table, journal(SAV, BANK, 70, reverses=wrong.journal_id))
    assert balance(outcome, SAV) == (0, 0)
    assert outcome.receipts[0].value_date == day


async def test_a_reversal_obeys_limits_unless_it_is_forced(bare_table: Table) -> None:
    wrong = journal(BANK, SAV, 70)
    await one(bare_table, wrong)
    await one(bare_table, journal(SAV, BANK, 50))
    refused = await one(bare_table, journal(SAV, BANK, 70, reverses=wrong.journal_id))
    assert refused.refusal is not None
    assert refused.refusal.code == "below_balance_min"
    forced = journal(SAV, BANK, 70, reverses=wrong.journal_id, may_exceed_limit=True)
    assert balance(await one(bare_table, forced), SAV) == (-50, 50)


async def test_after_the_cut_off_journals_carry_the_new_date(bare_table: Table) -> None:
    await bare_table.play([unit(MoveBusinessDate(to=OPENED_ON + ONE_DAY))])
    outcome = await one(bare_table, journal(BANK, SAV, 1))
    assert outcome.receipts[0].business_date == OPENED_ON + ONE_DAY
    days = await bare_table.connection.fetch(
        "SELECT business_date, state, cut_seq FROM ledger.day WHERE book_id = $1 "
        "ORDER BY business_date",
        bare_table.book_id,
    )
    cut_seq = outcome.receipts[0].recorded_seq - 1
    assert [tuple(row) for row in days] == [
        (OPENED_ON, 2, cut_seq),
        (OPENED_ON + ONE_DAY, 1, None),
    ]


@pytest.mark.parametrize("amount", [1, 10**15 - 1])
async def test_the_smallest_and_the_largest_amount_are_posted(
    bare_table: Table, amount: int
) -> None:
    assert (await one(bare_table, journal(BANK, SAV, amount))).status is Status.ACCEPTED


async def test_a_unit_of_several_journals_is_all_or_nothing(bare_table: Table) -> None:
    both = Unit(operations=(journal(BANK, SAV, 50), journal(SAV, BANK, 51)), actor="test:clerk")
    (outcome,) = await bare_table.play([both])
    assert (outcome.status, outcome.failed_operation) == (Status.REFUSED, 1)
    assert not outcome.receipts
