"""What a placement does on the date of a coupon: a first way, and ways that ask for less. Pure.

The first way pays the interest and follows the instruction. Where a freeze, a hold or a limit
refuses it, the next one is tried: a roll without its interest, a pay-out as the interest alone. The
last way of each list moves no money, so that something always holds; what stays behind is told by
its `waits`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from ledger.posting.ids import event_id, journal_id
from ledger.posting.values import CloseAccount, Journal, Note, Operation, RowWrite
from products.catalogue import Product
from products.deposits import placement_postings
from products.deposits.ending import Payer
from products.deposits.opening import term_facts, term_writes
from products.deposits.values import Instruction, Offer, Term
from products.kinds import EventKind
from products.placements import InterestPaid
from products.withholding import Withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A placement on the date of a coupon.

    accrued_satang: all its interest through the day before; owed_satang: less what was credited.
    interest:       what is owed, with the tax of the date; None when nothing is.
    is_pledged:     a hold stands on it: its principal may not leave.
    """

    contract_no: str
    account_id: int
    linked_account: int
    payer: Payer
    instruction: Instruction
    paid: InterestPaid
    term_no: int
    principal_satang: int
    is_last: bool
    accrued_satang: int
    interest: Withheld | None
    is_pledged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to deal with a due placement: what is posted and written if it is accepted.

    paid_satang: interest that it pays, before tax.
    waits:       why less is done than was instructed: "pledged", or "" where a refusal says it.
    """

    operations: tuple[Operation, ...]
    writes: tuple[RowWrite, ...]
    paid_satang: int = 0
    waits: str = ""


NextTerm = Callable[[int], Term]
"""The term that a principal begins on the date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes the ways of one placement; its ids carry the attempt.

    next_term: asked on the last coupon of a placement that rolls.
    """

    product: Product
    offer: Offer
    due: Due
    event: UUID
    attempt: int
    next_term: NextTerm

    def ways(self) -> tuple[Way, ...]:
        """What to try, in order."""
        due = self.due
        if not due.is_last:
            return self._with_interest(self._period_begins)
        if due.instruction is Instruction.PAY_OUT:
            waiting = self._with_interest(self._waits)
            if due.is_pledged:
                return tuple(replace(way, waits="pledged") for way in waiting)
            return self._pays_out(), *waiting
        bare = self._with_interest(self._rolls)
        return (self._rolls_all(), bare[-1]) if due.instruction is Instruction.ROLL_ALL else bare

    def _with_interest(self, rest: Callable[[Way], Way]) -> tuple[Way, ...]:
        nothing = rest(Way(operations=(), writes=()))
        if self.due.interest is None:
            return (nothing,)
        return rest(self._interest_to(self.due.linked_account)), nothing

    def _interest_to(self, account: int) -> Way:
        due, interest = self.due, self.due.interest
        if interest is None:
            return Way(operations=(), writes=())
        journal = placement_postings.interest_paid(
            self._id("interest"),
            self.product,
            self.offer.tax_account,
            account,
            due.contract_no,
            interest,
        )
        return Way(
            operations=(journal,),
            writes=due.payer.paid(journal.journal_id, interest),
            paid_satang=interest.interest_satang,
        )

    def _period_begins(self, paid: Way) -> Way:
        begun = (*paid.writes, self.due.payer.period_begun(paid.paid_satang))
        if paid.operations:
            return replace(paid, writes=begun)
        # A coupon that pays nothing is told as well: what it was owed comes with the next payment.
        owed = 0 if self.due.interest is None else self.due.interest.interest_satang
        bare = self._note(EventKind.PLACEMENT_COUPON_BARE, owed, 0)
        return replace(paid, operations=(bare,), writes=begun)

    def _waits(self, paid: Way) -> Way:
        due = self.due
        note = self._note(EventKind.PLACEMENT_WAITS, due.principal_satang, paid.paid_satang)
        ended = (due.payer.leg_ended(paid.paid_satang), due.payer.waits())
        return replace(paid, operations=(*paid.operations, note), writes=(*paid.writes, *ended))

    def _pays_out(self) -> Way:
        due, paid = self.due, self._interest_to(self.due.linked_account)
        principal = placement_postings.paid_out(
            self._id("principal"),
            due.account_id,
            due.linked_account,
            due.contract_no,
            due.principal_satang,
        )
        settled = [op.journal_id for op in (*paid.operations, principal) if isinstance(op, Journal)]
        close = CloseAccount(account=due.account_id, settled_by=tuple(settled))
        note = self._note(EventKind.PLACEMENT_MATURED, due.principal_satang, paid.paid_satang)
        ended = (due.payer.leg_ended(paid.paid_satang), due.payer.closed())
        return replace(
            paid,
            operations=(*paid.operations, principal, note, close),
            writes=(*paid.writes, *ended),
        )

    def _rolls_all(self) -> Way:
        paid, interest = self._interest_to(self.due.account_id), self.due.interest
        return self._rolls(paid, interest.net_satang if interest is not None else 0)

    def _rolls(self, paid: Way, grown_satang: int = 0) -> Way:
        due = self.due
        term = self.next_term(due.principal_satang + grown_satang)
        number = due.term_no + 1
        note = self._note(
            EventKind.PLACEMENT_ROLLED,
            term.principal_satang,
            paid.paid_satang,
            term_facts(number, term),
        )
        begun = term_writes(
            due.payer.book_id,
            due.payer.contract_id,
            number,
            term,
            accrued_before_satang=due.accrued_satang,
        )
        period = due.payer.period_begun(paid.paid_satang)
        return replace(
            paid,
            operations=(*paid.operations, note),
            writes=(*paid.writes, period, *begun),
        )

    def _note(
        self,
        kind: EventKind,
        principal_satang: int,
        paid_satang: int,
        more: dict[str, object] | None = None,
    ) -> Note:
        facts: dict[str, object] = {
            "instruction": self.due.instruction.code,
            "interest_paid_satang": paid_satang,
        }
        return Note(
            kind=kind,
            subject=self.due.payer.contract_id,
            account=self.due.account_id,
            amount_satang=principal_satang,
            body=facts | (more or {}),
        )

    def _id(self, name: str) -> UUID:
        return journal_id(event_id(self.event, name), self.attempt)
