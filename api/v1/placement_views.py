"""What the doors answer of placements, and the words that they take for them.

Words are the same in requests and answers: when interest is paid (`monthly`), what happens at
maturity (`roll_principal`), who holds (`person`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from api.v1.fields import CalendarDate, SignedAmount, View
from api.v1.posting import BalanceView, ReceiptView
from ledger.money import format_baht
from ledger.parties import PartyKind
from pricing.rates import format_rate_percent
from products.deposits.standing import CouponStanding, EarlyEnd, Listed, Payment, Standing
from products.deposits.term_lists import NumberedTerm
from products.deposits.values import Instruction
from products.placements import InterestPaid
from products.withholding import Withheld

PaidWord = Literal["at_maturity", "monthly", "quarterly", "half_yearly", "yearly"]
InstructionWord = Literal["pay_out", "roll_principal", "roll_all"]
HolderWord = Literal["cooperative", "company", "person"]
StateWord = Literal["running", "waiting", "paid_out", "ended_early"]

PAID: dict[PaidWord, InterestPaid] = {
    "at_maturity": InterestPaid.AT_MATURITY,
    "monthly": InterestPaid.MONTHLY,
    "quarterly": InterestPaid.QUARTERLY,
    "half_yearly": InterestPaid.HALF_YEARLY,
    "yearly": InterestPaid.YEARLY,
}
INSTRUCTIONS: dict[InstructionWord, Instruction] = {
    "pay_out": Instruction.PAY_OUT,
    "roll_principal": Instruction.ROLL_PRINCIPAL,
    "roll_all": Instruction.ROLL_ALL,
}
HOLDERS: dict[HolderWord, PartyKind] = {
    "cooperative": PartyKind.COOPERATIVE,
    "company": PartyKind.COMPANY,
    "person": PartyKind.PERSON,
}
PAID_WORDS: dict[InterestPaid, PaidWord] = {paid: word for word, paid in PAID.items()}
INSTRUCTION_WORDS: dict[Instruction, InstructionWord] = {
    instruction: word for word, instruction in INSTRUCTIONS.items()
}
HOLDER_WORDS: dict[PartyKind, HolderWord] = {kind: word for word, kind in HOLDERS.items()}


class TermView(View):
    """One term: [begins_on, matures_on) at one rate; `sheet` is null where the rate came along."""

    term: int
    begins_on: CalendarDate
    matures_on: CalendarDate
    principal: SignedAmount
    annual_rate_percent: str
    sheet: UUID | None


class PaymentView(View):
    """Interest paid on `paid_on` for dates through `through`; below zero it was clawed back."""

    paid_on: CalendarDate
    through: CalendarDate
    interest: SignedAmount
    tax: SignedAmount
    net: SignedAmount
    form: str
    journal_id: UUID


class CouponView(View):
    """A coupon of the newest term: interest of [from_date, pays_on).

    interest: what it comes to by itself. payment: null while it is not due, and where a freeze left
    it: the next payment brings it along.
    """

    coupon: int
    from_date: CalendarDate
    pays_on: CalendarDate
    is_last: bool
    interest: SignedAmount
    payment: PaymentView | None


class EarlyEndView(View):
    """An early withdrawal that was asked for; `earned` and `paid` are known once it is done."""

    id: UUID
    state: Literal["proposed", "done", "rejected"]
    term: int
    reason: str
    proposed_by: str
    proposed_on: CalendarDate
    decided_by: str | None
    decided_on: CalendarDate | None
    remark: str | None
    earned: SignedAmount | None
    paid: SignedAmount | None


class ListedPlacementView(View):
    """A placement in a list, by its newest term; `matured_on` is set while it waits."""

    contract: str
    product: str
    party_id: int
    linked: str
    state: StateWord
    principal: SignedAmount
    annual_rate_percent: str
    term: int
    begins_on: CalendarDate
    matures_on: CalendarDate
    matured_on: CalendarDate | None
    paid: PaidWord
    instruction: InstructionWord


class PlacementView(View):
    """A placement as it stands on `business_date`.

    owed:       interest accrued through `accrued_to` and not paid yet.
    tax:        withheld from all payments so far.
    in_the_way: what would keep the principal from leaving now: `pledged`, `account_frozen_debit`
                (its own account), `account_frozen_credit` (the linked one).
    """

    contract: str
    product: str
    product_name_th: str
    product_name_en: str
    party_id: int
    holder: HolderWord
    linked: str
    state: StateWord
    paid: PaidWord
    instruction: InstructionWord
    business_date: CalendarDate
    opened_on: CalendarDate
    matured_on: CalendarDate | None
    closed_on: CalendarDate | None
    balance: SignedAmount
    held: SignedAmount
    accrued: SignedAmount
    accrued_to: CalendarDate
    interest_paid: SignedAmount
    owed: SignedAmount
    tax: SignedAmount
    in_the_way: list[str]
    terms: list[TermView]
    coupons: list[CouponView]
    payments: list[PaymentView]
    early_withdrawals: list[EarlyEndView]


class PlacementActView(View):
    """An act on a placement, as recorded: the journals it posted, the accounts after it."""

    contract: str
    receipt: ReceiptView | None
    journals: list[UUID]
    balances: list[BalanceView]


class TaxedView(View):
    """Interest, the tax taken from it, what is left; `form` is "" where nothing is filed."""

    interest: SignedAmount
    tax_percent: str
    tax: SignedAmount
    net: SignedAmount
    form: str


def taxed(withheld: Withheld) -> TaxedView:
    """Interest with its tax."""
    return TaxedView(
        interest=format_baht(withheld.interest_satang),
        tax_percent=format_rate_percent(withheld.tax.rate_e8),
        tax=format_baht(withheld.tax_satang),
        net=format_baht(withheld.net_satang),
        form=withheld.tax.form,
    )


def listed_view(listed: Listed) -> ListedPlacementView:
    """A placement in a list."""
    return ListedPlacementView(
        contract=listed.contract_no,
        product=listed.product_code,
        party_id=listed.party_id,
        linked=listed.linked_no,
        state=listed.state.value,
        principal=format_baht(listed.principal_satang),
        annual_rate_percent=format_rate_percent(listed.annual_rate_e8),
        term=listed.term_no,
        begins_on=listed.begins_on,
        matures_on=listed.matures_on,
        matured_on=listed.matured_on,
        paid=PAID_WORDS[listed.paid],
        instruction=INSTRUCTION_WORDS[listed.instruction],
    )


def placement_view(found: Standing, terms: Sequence[NumberedTerm]) -> PlacementView:
    """A placement as it stands, with every term that it has had."""
    contract, product = found.contract, found.product
    return PlacementView(
        contract=contract.contract_no,
        product=product.product_code,
        product_name_th=product.name_th,
        product_name_en=product.name_en,
        party_id=contract.party_id,
        holder=HOLDER_WORDS[found.holder],
        linked=found.linked.contract_no,
        state=found.state.value,
        paid=PAID_WORDS[found.paid],
        instruction=INSTRUCTION_WORDS[found.instruction],
        business_date=found.business_date,
        opened_on=contract.opened_on,
        matured_on=contract.matured_on,
        closed_on=contract.closed_on,
        balance=format_baht(found.balance_satang),
        held=format_baht(found.held_satang),
        accrued=format_baht(found.accrued_satang),
        accrued_to=found.accrued_to,
        interest_paid=format_baht(found.credited_satang),
        owed=format_baht(found.owed_satang),
        tax=format_baht(found.tax_satang),
        in_the_way=list(found.in_the_way),
        terms=[_term(term) for term in terms],
        coupons=[_coupon(coupon) for coupon in found.coupons],
        payments=[_payment(payment) for payment in found.payments],
        early_withdrawals=[early_end_view(each) for each in found.early_ends],
    )


def early_end_view(found: EarlyEnd) -> EarlyEndView:
    """An early withdrawal as recorded."""
    return EarlyEndView(
        id=found.early_end_id,
        state=found.state,
        term=found.term_no,
        reason=found.reason,
        proposed_by=found.proposed_by,
        proposed_on=found.proposed_on,
        decided_by=found.decided_by,
        decided_on=found.decided_on,
        remark=found.remark,
        earned=_baht(found.earned_satang),
        paid=_baht(found.paid_satang),
    )


def _term(term: NumberedTerm) -> TermView:
    return TermView(
        term=term.term_no,
        begins_on=term.begins_on,
        matures_on=term.matures_on,
        principal=format_baht(term.principal_satang),
        annual_rate_percent=format_rate_percent(term.annual_rate_e8),
        sheet=term.sheet_id,
    )


def _coupon(found: CouponStanding) -> CouponView:
    coupon = found.coupon
    return CouponView(
        coupon=coupon.no,
        from_date=coupon.from_date,
        pays_on=coupon.pays_on,
        is_last=coupon.is_last,
        interest=format_baht(found.amount_satang),
        payment=None if found.payment is None else _payment(found.payment),
    )


def _payment(payment: Payment) -> PaymentView:
    return PaymentView(
        paid_on=payment.made_on,
        through=payment.period_end,
        interest=format_baht(payment.amount_satang),
        tax=format_baht(payment.tax_satang),
        net=format_baht(payment.amount_satang - payment.tax_satang),
        form=payment.tax_form,
        journal_id=payment.journal_id,
    )


def _baht(satang: int | None) -> str | None:
    return None if satang is None else format_baht(satang)
