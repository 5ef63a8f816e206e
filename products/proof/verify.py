"""`cff verify` for products: interest, control accounts, notices, the bank, loan requests.

It stands on the proof of the ledger (`ledger.proof.verify`): movements, holds and balances are
taken here as the ledger keeps them. It runs beside postings and beside a night; what a night that
is not proven has still to do is no difference.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.db import Connection
from ledger.proof.report import Findings, Report
from ledger.proof.standing import check_proposals
from products.proof.contract_rows import Totals
from products.proof.contracts import check_contracts
from products.proof.control import check_control, read_shelf
from products.proof.noted import check_noted
from products.proof.payments import check_payments
from products.proof.requests import check_requests
from products.proof.withdrawals import check_withdrawals

Progress = Callable[[int, int], None]
"""Called with (parts done, parts in all)."""

PARTS = 5


async def verify_products(
    connection: Connection, book_id: int, progress: Progress | None = None
) -> Report:
    """Prove what products recorded in one book; `Report.ok` says whether it holds.

    Reads only, in short statements and snapshots. A book without products is proven.
    """
    findings = Findings()

    def done(part: int) -> None:
        if progress is not None:
            progress(part, PARTS)

    shelf, wrong_rates = await read_shelf(connection, book_id)
    findings.add(wrong_rates)
    done(1)
    totals = Totals()
    findings.add(await check_contracts(connection, book_id, shelf, totals))
    done(2)
    findings.add(await check_control(connection, book_id, shelf, totals))
    # Not part of the ledger's own proof: the row moves nothing, it says that two persons did.
    findings.add(await check_proposals(connection, book_id))
    done(3)
    findings.add(await check_payments(connection, book_id, findings.counts))
    findings.add(await check_noted(connection, book_id))
    findings.add(await check_withdrawals(connection, book_id))
    findings.counts["contracts"] = totals.contracts
    findings.counts["spans"] = totals.spans
    done(4)
    findings.add(await check_requests(connection, book_id, findings.counts))
    done(5)
    return findings.report(book_id)
