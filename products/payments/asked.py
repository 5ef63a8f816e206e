"""What a product asks of a notice (docs/withdrawals.md): amounts too small, fees. Pure.

The refusal of a first deposit or a withdrawal below the product's minimum, and what paying a
withdrawal becomes when its product charges beyond the free ones of a month.
"""

from __future__ import annotations

from dataclasses import replace

from ledger.errors import Problem
from ledger.money import format_baht
from ledger.posting.ids import event_id, journal_id
from ledger.posting.values import BUSINESS_DATE, RowWrite, Unit
from products.contracts import Contract, touched
from products.deposits.savings_terms import SQL, Charge
from products.payments import postings
from products.payments.notice_reads import Known
from products.payments.notice_values import Notice, NoticeIn


def too_small(
    body: NoticeIn, contract: Contract, known: Known, where: str
) -> tuple[str, Problem] | None:
    """The refusal, with its code, of an amount below what the contract's product asks."""
    asked = known.asked_of(contract)
    if body.kind == "withdrawal":
        code, least, what = "below_minimum_withdrawal", asked.withdrawal_min_satang, "a withdrawal"
    elif contract.contract_id in known.unfunded:
        code, least, what = "below_minimum_opening", asked.opening_min_satang, "the first deposit"
    else:
        return None
    if body.amount_satang >= least:
        return None
    expected = f"{format_baht(least, True)} or more for {what} of {contract.product_code}"
    return code, Problem(where=f"{where}, field amount", got=body.amount, expected=expected)


def charged(book_id: int, unit: Unit, notice: Notice, charge: Charge, attempt: int) -> Unit:
    """The payment with its fee, if it has one; the next of the contract is counted after it.

    unit: the payment, its journal first, under the event that `attempt` counts.
    """
    counted = replace(
        unit,
        on=charge.on,
        reads=(charge.contract.read, *unit.reads),
        writes=(touched(charge.contract), *unit.writes),
    )
    if not charge.satang:
        return counted
    fee_id = journal_id(event_id(book_id, "withdrawal_fee", notice.notice_id), attempt)
    journal = postings.withdrawal_fee(notice, charge.account, charge.satang, fee_id)
    row = RowWrite(
        statement=SQL["insert_fee"],
        arguments=(
            book_id,
            notice.notice_id,
            notice.contract_id,
            BUSINESS_DATE,
            charge.place,
            charge.satang,
            fee_id,
        ),
    )
    paid, *rest = unit.operations
    return replace(counted, operations=(paid, journal, *rest), writes=(*counted.writes, row))
