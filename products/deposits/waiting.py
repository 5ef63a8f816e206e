"""A placement that has matured and waits is paid out, once what kept its principal is gone.

It bears nothing since its maturity; interest that was not paid then is paid now, with the tax of
today. Who thaws the account or releases the pledge is somebody else's business.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from ledger.db import Connection
from ledger.errors import CffError, InvariantBroken
from ledger.posting.ids import attempts, event_id, journal_id
from ledger.posting.values import CloseAccount, Note, RowWrite, Unit
from products.deposits import placement_postings
from products.deposits.ending import ONE_DAY, Payer
from products.deposits.offers import load_offers
from products.deposits.standing import PlacementState, Standing, standing
from products.deposits.taxes import holder_of, load_tax_table
from products.kinds import EventKind
from products.withholding import Withheld


class CannotPayOut(CffError):  # noqa: N818
    """The placement cannot be paid out now; the message names everything against it."""

    code: ClassVar[str] = "cannot_pay_out_placement"


async def pay_out_waiting(
    connection: Connection, book_id: int, contract_no: str, *, actor: str, reason: str = ""
) -> Unit:
    """The unit that pays a waiting placement to its linked account and closes it.

    Raises `NotFound`, `CannotPayOut`, `InvalidInput` (no row of tax for the holder).
    """
    found = await standing(connection, book_id, contract_no)
    against = found.against_moving()
    if found.state is PlacementState.RUNNING:
        against = [f"it has not matured: its term runs until {found.term.matures_on}"]
    elif found.state is not PlacementState.WAITING:
        against = [f"it was closed on {found.contract.closed_on}"]
    if against:
        raise CannotPayOut(f"{contract_no} cannot be paid out: {'; '.join(against)}")
    taxes = await load_tax_table(connection, book_id)
    interest = None
    if found.owed_satang > 0:
        interest = taxes.withheld(
            found.owed_satang,
            holder_of(found.holder),
            found.product.family,
            found.business_date,
        )
    offer = (await load_offers(connection, book_id))[found.contract.product_code]
    event = event_id(book_id, "placement_paid_out", found.contract.contract_id)
    attempt = (await attempts(connection, book_id, [event]))[event]
    return _paying(found, interest, offer.tax_account, event, attempt, actor, reason)


def _paying(
    found: Standing,
    interest: Withheld | None,
    tax_account: int,
    event: UUID,
    attempt: int,
    actor: str,
    reason: str,
) -> Unit:
    contract, linked = found.contract, found.linked.account_id
    number, principal = contract.contract_no, found.balance_satang
    journals = [
        placement_postings.paid_out(
            journal_id(event_id(event, "principal"), attempt),
            contract.account_id,
            linked,
            number,
            principal,
        )
    ]
    if interest is not None:
        journals.insert(
            0,
            placement_postings.interest_paid(
                journal_id(event_id(event, "interest"), attempt),
                found.product,
                tax_account,
                linked,
                number,
                interest,
            ),
        )
    paid = 0 if interest is None else interest.interest_satang
    note = Note(
        kind=EventKind.PLACEMENT_MATURED,
        subject=contract.contract_id,
        account=contract.account_id,
        amount_satang=principal,
        body={"instruction": found.instruction.code, "interest_paid_satang": paid},
    )
    settled = tuple(journal.journal_id for journal in journals)
    return Unit(
        operations=(
            *journals,
            note,
            CloseAccount(account=contract.account_id, settled_by=settled),
        ),
        actor=actor,
        reason=reason,
        event_id=event,
        reads=found.reads,
        unmoved=((contract.account_id, found.changed_seq),),
        on=found.business_date,
        writes=_rows(found, interest, settled[0]),
    )


def _rows(found: Standing, interest: Withheld | None, journal: UUID) -> tuple[RowWrite, ...]:
    contract = found.contract
    if contract.matured_on is None:
        raise InvariantBroken(f"{contract.contract_no} waits and has not matured")
    payer = Payer(
        book_id=contract.book_id,
        product_code=contract.product_code,
        contract_id=contract.contract_id,
        holder=found.holder,
        day=found.business_date,
    )
    if interest is None:
        return (payer.closed(),)
    paid = payer.paid(journal, interest, contract.matured_on - ONE_DAY)
    return *paid, payer.leg_paid(interest.interest_satang), payer.closed()
