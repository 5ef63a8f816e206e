"""The cut-over of the example book, as an accountant would check it."""

from __future__ import annotations

from fractions import Fraction

from examples import seeds
from examples.opening import BOOK_ID, OPENED_ON, open_book
from ledger import accounts, balances
from ledger.db import Database
from ledger.posting.collector import Collector
from products.kinds import EventKind


async def test_opening_balances_are_journals_and_the_book_balances(database: Database) -> None:
    async with Collector(database.poster) as collector:
        opened = await open_book(database, collector, code="cff")
    expected = sum(row.opening_satang for row in seeds.openings())
    placed = sum(row.principal_satang for row in seeds.placements())
    banks = sum(bank.opening_satang for bank in seeds.banks())
    async with database.poster.acquire() as connection:
        trial = await balances.trial_balance(connection, BOOK_ID, OPENED_ON)
        kinds = await connection.fetch(
            "SELECT DISTINCT kind, business_date, value_date FROM ledger.transfer"
        )
        closed = await accounts.position(connection, BOOK_ID, "SAV-1100")
    by_code = {row.gl_code: row for row in trial.rows}
    assert trial.debit_total == trial.credit_total == banks
    assert by_code["211100"].credit_balance == expected == opened.deposits_satang
    accrued = by_code["241200"].credit_balance
    assert by_code["211300"].credit_balance == placed == opened.fixed.principal_satang
    assert by_code["341100"].credit_balance == banks - expected - placed - accrued
    assert [(row["kind"], row["business_date"], row["value_date"]) for row in kinds] == [
        (1, OPENED_ON, OPENED_ON)
    ]
    assert closed.closed


async def test_a_placement_brought_along_begins_with_the_interest_of_its_running_coupon(
    database: Database,
) -> None:
    async with Collector(database.poster) as collector:
        await open_book(database, collector, code="cff")
    number = "FIX-0003"
    placed = next(row for row in seeds.placements() if row.contract_no == number)
    assert placed.interest_paid == "at_maturity"
    days = (OPENED_ON - placed.begins_on).days + 1
    earned = Fraction(placed.principal_satang * placed.annual_rate_e8 * days, 365 * 10**8)
    async with database.poster.acquire() as connection:
        position = await accounts.position(connection, BOOK_ID, number)
        brought = await connection.fetchval(
            "SELECT e.amount_satang FROM ledger.event AS e WHERE e.kind = $2 "
            "AND e.account_id = (SELECT account_id FROM ledger.account WHERE code = $1)",
            number,
            EventKind.INTEREST_BROUGHT,
        )
    assert position.balance_satang == placed.principal_satang
    assert brought == int(earned + Fraction(1, 2))
