"""The cut-over of the example book, as an accountant would check it."""

from __future__ import annotations

from examples import seeds
from examples.opening import BOOK_ID, OPENED_ON, open_book
from ledger import accounts, balances
from ledger.db import Database
from ledger.posting.collector import Collector


async def test_opening_balances_are_journals_and_the_book_balances(database: Database) -> None:
    async with Collector(database.poster) as collector:
        opened = await open_book(database, collector, code="cff")
    expected = sum(row.opening_satang for row in seeds.openings())
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
    assert by_code["341100"].credit_balance == banks - expected
    assert [(row["kind"], row["business_date"], row["value_date"]) for row in kinds] == [
        (1, OPENED_ON, OPENED_ON)
    ]
    assert closed.closed
