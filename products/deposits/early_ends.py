"""An early withdrawal: one person proposes it with its figures, another one does or rejects it.

Whoever does it sends the payout that he saw; should the figures have changed since, he is refused
and looks again. It is an event of its own date: what nights have accrued stays accrued, and one set
of journals takes back what was too much, pays what is owed, and returns the principal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from ledger.db import Connection, statements
from ledger.errors import CffError, Forbidden, InvalidInput, NotFound
from ledger.money import format_baht
from ledger.posting.ids import attempts, event_id, journal_id
from ledger.posting.values import (
    CloseAccount,
    Journal,
    Note,
    RowRead,
    RowTable,
    RowWrite,
    Unit,
)
from products.contracts import touched
from products.deposits import placement_postings
from products.deposits.early_figures import EarlyFigures, figures_of
from products.deposits.ending import Payer
from products.deposits.offers import load_offers
from products.deposits.standing import (
    EarlyEnd,
    PlacementState,
    Standing,
    early_end_id_of,
    standing,
)
from products.kinds import EventKind

_SQL = statements(Path(__file__).parent / "sql" / "early_ends.sql")
_DONE, _REJECTED = 2, 3

EARLY_ENDS = RowTable(name="products.early_end", select=_SQL["lock_early_ends"])
"""The rows that decisions about early withdrawals are made on."""


class CannotEndEarly(CffError):  # noqa: N818
    """The placement cannot be ended early now; the message names everything against it."""

    code: ClassVar[str] = "cannot_end_placement_early"


class PayoutDiffers(CffError):  # noqa: N818
    """The payout is not the one that was seen: look at the figures again."""

    code: ClassVar[str] = "early_payout_differs"


async def early_figures(connection: Connection, book_id: int, contract_no: str) -> EarlyFigures:
    """What ending a placement today would come to. Raises as `propose_early_end`."""
    found = await standing(connection, book_id, contract_no)
    _require_endable(found)
    return await figures_of(connection, found)


async def propose_early_end(
    connection: Connection, book_id: int, contract_no: str, *, actor: str, reason: str
) -> Unit:
    """The unit that proposes an early withdrawal with today's figures.

    Raises `NotFound`, `InvalidInput` (no reason; no rate of savings, no row of tax) and
    `CannotEndEarly`.
    """
    if not reason.strip():
        raise InvalidInput.one("reason", reason, "why it is withdrawn early")
    found = await standing(connection, book_id, contract_no)
    if found.proposal is not None:
        raise CannotEndEarly(
            f"an early withdrawal of {contract_no} is proposed already, by "
            f"{found.proposal.proposed_by} on {found.proposal.proposed_on}: do or reject it first"
        )
    _require_endable(found)
    figures = await figures_of(connection, found)
    contract_id = found.contract.contract_id
    early_end_id = early_end_id_of(found.contract, len(found.early_ends) + 1)
    row = (book_id, early_end_id, contract_id, found.term_no, reason, actor, found.business_date)
    return Unit(
        operations=(
            _note(EventKind.EARLY_END_PROPOSED, found, early_end_id, figures.facts, figures),
        ),
        actor=actor,
        reason=reason,
        reads=found.reads,
        on=found.business_date,
        # Of two proposals at once one decides again, and finds the other.
        writes=(RowWrite(statement=_SQL["propose"], arguments=row), touched(found.contract)),
    )


async def reject_early_end(
    connection: Connection, book_id: int, contract_no: str, *, actor: str, remark: str
) -> Unit:
    """The unit that rejects the open proposal, whatever has become of its placement.

    Raises `NotFound`, `Forbidden` for its proposer, `InvalidInput` without a remark.
    """
    if not remark.strip():
        raise InvalidInput.one("remark", remark, "why the early withdrawal is rejected")
    found = await standing(connection, book_id, contract_no)
    proposal = _proposal(found, actor, "reject")
    note = _note(EventKind.EARLY_END_REJECTED, found, proposal.early_end_id, {"remark": remark})
    decided = _Decided(
        proposal=proposal, by=actor, on=found.business_date, remark=remark, book_id=book_id
    )
    return Unit(
        operations=(note,),
        actor=actor,
        reason=remark,
        reads=(decided.read,),
        on=found.business_date,
        writes=(decided.row(_REJECTED, None),),
    )


async def do_early_end(
    connection: Connection,
    book_id: int,
    contract_no: str,
    *,
    payout_satang: int,
    actor: str,
    remark: str = "",
) -> Unit:
    """The unit that ends the placement by the open proposal.

    payout_satang: what reaches the linked account, as the second person saw it.
    Raises `NotFound`, `Forbidden` for its proposer, `CannotEndEarly`, `PayoutDiffers`.
    """
    found = await standing(connection, book_id, contract_no)
    proposal = _proposal(found, actor, "do")
    _require_endable(found)
    if proposal.term_no != found.term_no:
        raise CannotEndEarly(
            f"the early withdrawal of {contract_no} was proposed for its term {proposal.term_no}, "
            f"now term {found.term_no} runs: reject it and propose it anew"
        )
    figures = await figures_of(connection, found)
    if figures.payout_satang != payout_satang:
        raise PayoutDiffers(
            f"ending {contract_no} today pays out {format_baht(figures.payout_satang, True)}, you "
            f"saw {format_baht(payout_satang, True)}: look at its figures again"
        )
    decided = _Decided(
        proposal=proposal, by=actor, on=found.business_date, remark=remark, book_id=book_id
    )
    return await _ending(connection, found, figures, decided)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """A decision about a proposal: by whom, when."""

    book_id: int
    proposal: EarlyEnd
    by: str
    on: date
    remark: str

    @property
    def read(self) -> RowRead:
        """The proposal as it was read."""
        key = self.proposal.early_end_id
        return RowRead(table=EARLY_ENDS, row_id=key, version=self.proposal.version)

    def row(self, state: int, figures: EarlyFigures | None) -> RowWrite:
        """The proposal's row: its new state, and what it came to."""
        came_to: tuple[int | None, ...] = (None, None, None)
        if figures is not None:
            came_to = (figures.rule.from_months, figures.earned_satang, figures.paid_satang)
        key = (self.book_id, self.proposal.early_end_id, self.proposal.version)
        arguments = (*key, state, self.by, self.on, self.remark or None, *came_to)
        return RowWrite(statement=_SQL["decide"], arguments=arguments)


async def _ending(
    connection: Connection, found: Standing, figures: EarlyFigures, decided: _Decided
) -> Unit:
    book_id, contract = found.contract.book_id, found.contract
    early_end_id = decided.proposal.early_end_id
    event = event_id(book_id, "early_end_done", early_end_id)
    attempt = (await attempts(connection, book_id, [event]))[event]
    offer = (await load_offers(connection, book_id))[contract.product_code]
    journals = _journals(found, figures, offer.tax_account, event, attempt)
    settled = tuple(journal.journal_id for journal in journals.values())
    note = _note(EventKind.EARLY_END_DONE, found, early_end_id, figures.facts, figures)
    return Unit(
        operations=(
            *journals.values(),
            note,
            CloseAccount(account=contract.account_id, settled_by=settled),
        ),
        actor=decided.by,
        reason=decided.remark or decided.proposal.reason,
        event_id=event,
        reads=(*found.reads, decided.read),
        # A hold that comes meanwhile pledges it.
        unmoved=((contract.account_id, found.changed_seq),),
        on=found.business_date,
        writes=(*_rows(found, figures, journals), decided.row(_DONE, figures)),
    )


def _journals(
    found: Standing, figures: EarlyFigures, tax_account: int, event: UUID, attempt: int
) -> dict[str, Journal]:
    """What is posted, by name, in its order."""
    number, account = found.contract.contract_no, found.contract.account_id
    linked, product = found.linked.account_id, found.product
    made: dict[str, Journal] = {}

    def own(name: str) -> UUID:
        return journal_id(event_id(event, name), attempt)

    if figures.repriced_satang:
        made["repriced"] = placement_postings.repriced(
            own("repriced"), product, number, figures.repriced_satang
        )
    if figures.interest is not None:
        made["interest"] = placement_postings.interest_paid(
            own("interest"), product, tax_account, linked, number, figures.interest
        )
    if figures.claw_back_satang:
        made["claw_back"] = placement_postings.clawed_back(
            own("claw_back"), product, account, number, figures.claw_back_satang
        )
    principal = figures.principal_satang - figures.claw_back_satang
    if principal:
        made["principal"] = placement_postings.paid_out(
            own("principal"), account, linked, number, principal
        )
    return made


def _rows(
    found: Standing, figures: EarlyFigures, journals: dict[str, Journal]
) -> tuple[RowWrite, ...]:
    payer = Payer(
        book_id=found.contract.book_id,
        product_code=found.contract.product_code,
        contract_id=found.contract.contract_id,
        holder=found.holder,
        day=found.business_date,
    )
    paid: tuple[RowWrite, ...] = ()
    if figures.interest is not None:
        paid = payer.paid(journals["interest"].journal_id, figures.interest)
    if figures.claw_back_satang:
        journal = journals["claw_back"].journal_id
        paid = (payer.credited(journal, -figures.claw_back_satang),)
    ended = payer.leg_ended(figures.settled_satang, figures.repriced_satang)
    return *paid, ended, payer.closed()


def _require_endable(found: Standing) -> None:
    number, against = found.contract.contract_no, found.against_moving()
    if found.state is PlacementState.WAITING:
        against = [f"it has matured on {found.contract.matured_on} and waits: pay it out instead"]
    elif found.state is not PlacementState.RUNNING:
        against = [f"it was closed on {found.contract.closed_on}"]
    elif found.unproven is None and found.business_date >= found.term.matures_on:
        against.append("it matures today: tonight follows its instruction")
    if against:
        raise CannotEndEarly(f"{number} cannot be ended early: {'; '.join(against)}")


def _proposal(found: Standing, actor: str, verb: str) -> EarlyEnd:
    """The open proposal, for another person than its proposer."""
    proposal, number = found.proposal, found.contract.contract_no
    if proposal is None:
        raise NotFound("open early withdrawal of", number)
    if proposal.proposed_by.casefold() == actor.casefold():
        raise Forbidden(
            f"the early withdrawal of {number} was proposed by {proposal.proposed_by}: another "
            f"person must {verb} it"
        )
    return proposal


def _note(
    kind: EventKind,
    found: Standing,
    early_end_id: UUID,
    facts: dict[str, object],
    figures: EarlyFigures | None = None,
) -> Note:
    return Note(
        kind=kind,
        subject=found.contract.contract_id,
        account=found.contract.account_id,
        amount_satang=None if figures is None else figures.payout_satang,
        body={"early_end": str(early_end_id), **facts},
    )
