"""What a sum placed today would give: term, rate, coupons, tax. Nothing is written.

It is reckoned by what the opening itself uses, so a preview and the placement that follows it on
the same business date agree to the satang. Tax is that of the table as it stands today: a row that
is made later may change what a later coupon pays.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.books import read_head
from ledger.db import Connection
from ledger.errors import NotFound
from ledger.parties import PartyKind
from pricing.quotes import Quote, quote
from products.catalogue import Product, load_products
from products.deposits.offers import load_offer, load_offers
from products.deposits.opening import CannotPlace, first_term, misfits
from products.deposits.standing import coupon_satang
from products.deposits.taxes import holder_of, load_tax_table
from products.deposits.values import Coupon, Offer, Term
from products.placements import InterestPaid
from products.withholding import Withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedCoupon:
    """A coupon with what it would pay: interest, tax and net."""

    coupon: Coupon
    interest: Withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a sum would give over one term, held to maturity."""

    product: Product
    term: Term
    coupons: tuple[PreviewedCoupon, ...]

    @property
    def interest_satang(self) -> int:
        """Interest of the whole term, before tax."""
        return sum(each.interest.interest_satang for each in self.coupons)

    @property
    def tax_satang(self) -> int:
        """Tax of the whole term."""
        return sum(each.interest.tax_satang for each in self.coupons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A product of a term with its rates of today; None = no approved sheet is in force."""

    product: Product
    offer: Offer
    quoted: Quote | None


async def preview(
    connection: Connection,
    book_id: int,
    *,
    product_code: str,
    amount_satang: int,
    paid: InterestPaid,
    holder: PartyKind,
) -> Preview:
    """What a sum placed today by a kind of holder would give.

    Raises as the opening does: `NotFound` (no such product, no rate in force), `InvalidInput` (a
    product without a term, no tax row for the holder), `CannotPlace` (not what is offered).
    """
    product, offer = await load_offer(connection, book_id, product_code)
    against = misfits(offer, amount_satang, paid)
    if against:
        raise CannotPlace(f"{product_code} does not take this: {'; '.join(against)}")
    today = (await read_head(connection, book_id)).business_date
    term = await first_term(connection, product, offer, amount_satang, paid, today)
    table = await load_tax_table(connection, book_id)
    return Preview(
        product=product,
        term=term,
        coupons=tuple(
            PreviewedCoupon(
                coupon=coupon,
                interest=table.withheld(
                    coupon_satang(product, term, coupon),
                    holder_of(holder),
                    product.family,
                    coupon.pays_on,
                ),
            )
            for coupon in term.coupons
        ),
    )


async def list_offers(connection: Connection, book_id: int) -> list[Offered]:
    """Every product of a term by its code, with the rates of the business date."""
    today = (await read_head(connection, book_id)).business_date
    products = await load_products(connection, book_id)
    found: list[Offered] = []
    for code, offer in (await load_offers(connection, book_id)).items():
        try:
            quoted = await quote(connection, book_id, code, today)
        except NotFound:
            quoted = None
        found.append(Offered(product=products[code], offer=offer, quoted=quoted))
    return found
