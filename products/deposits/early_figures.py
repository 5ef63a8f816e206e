"""What ending a placement today would come to: the figures that two people see.

The rule table says what the days of the running term have earned after all. What nights accrued
beyond it is taken back from accrued interest, what was paid beyond it from the principal; tax that
was withheld stays withheld, its certificate stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ledger.db import Connection
from ledger.errors import InvalidInput
from pricing.dated import Dated
from pricing.quotes import quotes_between
from products.deposits.offers import load_offers
from products.deposits.standing import Standing, coupon_satang
from products.deposits.taxes import holder_of, load_tax_table
from products.deposits.values import Offer
from products.early_withdrawal import EarlyPiece, EarlyRule, RateSource, withdraw_early
from products.interest.rounding import RoundingRule
from products.placements import PlacementTerms, completed_months
from products.withholding import TaxTable, Withheld

_ONE_DAY = timedelta(days=1)
SavingsRates = Mapping[RateSource, Dated[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyFigures:
    """What an early end on the date `on` comes to, in satang; `on` itself bears nothing.

    rule, pieces:     what the days held are paid, and each stretch of them at its rate.
    accrued_satang:   interest of the running term that nights have accrued.
    earned_satang:    interest of the running term by the rule.
    paid_satang:      of it paid before, tax included; below zero where interest of an earlier term
                      is still owed and is paid along.
    interest:         what is still owed, with the tax of the date; None when nothing is.
    claw_back_satang: interest paid too much, taken from the principal.
    tax_kept_satang:  tax withheld from this term's payments: it stays withheld.
    """

    on: date
    term_no: int
    held_months: int
    rule: EarlyRule
    pieces: tuple[EarlyPiece, ...]
    principal_satang: int
    accrued_satang: int
    earned_satang: int
    paid_satang: int
    interest: Withheld | None
    claw_back_satang: int
    tax_kept_satang: int

    @property
    def repriced_satang(self) -> int:
        """By how much what had accrued changes; below zero it was too much."""
        return self.earned_satang - self.accrued_satang

    @property
    def settled_satang(self) -> int:
        """Interest that changes hands now, before tax; below zero it is clawed back."""
        return self.earned_satang - self.paid_satang

    @property
    def payout_satang(self) -> int:
        """What reaches the linked account: principal less claw-back, interest less tax."""
        net = 0 if self.interest is None else self.interest.net_satang
        return self.principal_satang - self.claw_back_satang + net

    @property
    def facts(self) -> dict[str, object]:
        """The figures as a note tells them."""
        interest = self.interest
        return {
            "term": self.term_no,
            "held_months": self.held_months,
            "rule_from_months": self.rule.from_months,
            "rate_source": self.rule.source.value,
            "principal_satang": self.principal_satang,
            "accrued_satang": self.accrued_satang,
            "earned_satang": self.earned_satang,
            "paid_satang": self.paid_satang,
            "tax_satang": 0 if interest is None else interest.tax_satang,
            "claw_back_satang": self.claw_back_satang,
            "payout_satang": self.payout_satang,
        }


async def figures_of(connection: Connection, found: Standing) -> EarlyFigures:
    """The figures of a running placement today.

    Raises `InvalidInput` when the rule names a rate that a date held does not have, when the table
    of tax has no row for the holder, when more was paid than the placement holds.
    """
    book_id, product = found.contract.book_id, found.product
    offer = (await load_offers(connection, book_id))[product.product_code]
    held = completed_months(found.term.begins_on, found.business_date)
    rates: SavingsRates = {}
    if offer.early_rules.for_months(held).source is RateSource.SAVINGS:
        rates = {RateSource.SAVINGS: await _savings_rates(connection, found, offer)}
    return reckon(found, offer, await load_tax_table(connection, book_id), rates)


def reckon(found: Standing, offer: Offer, taxes: TaxTable, rates: SavingsRates) -> EarlyFigures:
    """The figures of a placement that stands like this. Raises as `figures_of`."""
    product, term, on = found.product, found.term, found.business_date
    terms = PlacementTerms(
        principal_satang=term.principal_satang,
        start=term.begins_on,
        maturity=term.matures_on,
        annual_rate_e8=term.annual_rate_e8,
        paid=found.paid,
        day_count=product.terms.day_count,
        rounding=RoundingRule(mode=product.terms.rounding, step_satang=product.terms.step_satang),
    )
    before = found.accrued_before_satang - _paid_elsewhere(found)
    ended = withdraw_early(
        terms,
        offer.early_rules,
        closed_on=on,
        rates=rates,
        paid_satang=found.credited_satang - before,
    )
    owed = ended.owed_satang
    kept = (each.tax_satang for each in found.payments if each.period_end >= term.begins_on)
    return EarlyFigures(
        on=on,
        term_no=found.term_no,
        held_months=ended.held_months,
        rule=ended.rule,
        pieces=ended.pieces,
        principal_satang=term.principal_satang,
        accrued_satang=found.accrued_satang - before,
        earned_satang=ended.earned_satang,
        paid_satang=ended.paid_satang,
        interest=taxes.withheld(owed, holder_of(found.holder), product.family, on)
        if owed
        else None,
        claw_back_satang=ended.claw_back_satang,
        tax_kept_satang=sum(kept),
    )


def _paid_elsewhere(found: Standing) -> int:
    """Coupons of the running term that an old system paid before the placement was brought here."""
    if found.term.begins_on >= found.contract.opened_on:
        return 0
    return sum(
        coupon_satang(found.product, found.term, coupon)
        for coupon in found.term.coupons
        if coupon.pays_on < found.contract.interest_from
    )


async def _savings_rates(connection: Connection, found: Standing, offer: Offer) -> Dated[int]:
    """The savings rate of each date held, of the slab that the principal reaches."""
    code, term = offer.savings_product or "", found.term
    stop = max(found.business_date, term.begins_on + _ONE_DAY)
    book_id = found.contract.book_id
    quotes = await quotes_between(connection, book_id, code, term.begins_on, stop)
    if not quotes:
        raise InvalidInput.one(
            "early rules", f"no rate of {code}", f"an approved sheet on {term.begins_on}"
        )
    rates = {each.effective_from: each.rate_e8_of(term.principal_satang) for each in quotes}
    first = min(rates)
    return Dated.of_changes(f"rate of {code}", first, rates[first], rates)
