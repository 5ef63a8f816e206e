"""What is offered for a term, and what a sum placed today would give; nothing is written.

A preview is reckoned by what the opening itself uses: placed on the same business date, the sum
gives these coupons on these dates.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.auth.keys import Caller
from api.dependencies import OpenDoors, in_book
from api.problems import READS, failing
from api.v1.fields import Amount, CalendarDate, ProductCode, SignedAmount, View, satang_of
from api.v1.pages import After, Limit, Page, cursor, next_page, parts_of
from api.v1.placement_views import (
    HOLDERS,
    PAID,
    PAID_WORDS,
    HolderWord,
    PaidWord,
    TaxedView,
    taxed,
)
from ledger.db import Connection
from ledger.money import format_baht
from ledger.parties import PartyKind, kind_of
from pricing.rates import format_rate_percent
from products.deposits.previewing import Offered, Preview, list_offers, preview
from products.early_withdrawal import EarlyRule

router = APIRouter(prefix="/books/{book}/placement-products", tags=["placements"])
ReadPlacements = Annotated[Caller, Depends(in_book("placements:read"))]


class SlabView(View):
    """From a sum of `slab_from` on, this rate for the whole sum."""

    slab_from: SignedAmount
    annual_rate_percent: str


class EarlyRuleView(View):
    """What is paid when whole months held lie in [from_months, to_months); null = no end.

    source: whose rate; `part_percent` of it, then `penalty_percent` points less.
    """

    from_months: int
    to_months: int | None
    source: Literal["nothing", "contract", "savings"]
    part_percent: int
    penalty_percent: str


class OfferView(View):
    """A product of a term. `slabs` are the rates of the business date; empty: none is approved.

    due_rule: a maturity on no banking day is kept (`KEEP`) or moves to the next one (`NEXT`).
    """

    product: str
    name_th: str
    name_en: str
    months: int
    paid: list[PaidWord]
    principal_min: SignedAmount
    principal_max: SignedAmount
    due_rule: Literal["KEEP", "NEXT"]
    slabs: list[SlabView]
    early_rules: list[EarlyRuleView]


class PreviewedCouponView(TaxedView):
    """A coupon of [from_date, pays_on) with the tax of the table as it stands today."""

    coupon: int
    from_date: CalendarDate
    pays_on: CalendarDate


class PreviewView(View):
    """What a sum would give over one term, held to maturity."""

    product: str
    name_th: str
    name_en: str
    holder: HolderWord
    paid: PaidWord
    principal: SignedAmount
    annual_rate_percent: str
    sheet: str
    begins_on: CalendarDate
    matures_on: CalendarDate
    interest: SignedAmount
    tax: SignedAmount
    net: SignedAmount
    coupons: list[PreviewedCouponView]


@router.get("", responses=failing(*READS), operation_id="list_placement_products")
async def list_placement_products(
    request: Request,
    response: Response,
    doors: OpenDoors,
    caller: ReadPlacements,
    limit: Limit = 50,
    after: After = None,
) -> Page[OfferView]:
    """Products of a term by their codes, with the rates of the business date."""
    parts = parts_of(after, r"[A-Z][A-Z0-9_]{1,31}")
    async with doors.read() as connection:
        found = await list_offers(connection, caller.book_id)
    if parts is not None:
        found = [each for each in found if each.product.product_code > parts[0]]
    return next_page(
        request, response, found, limit, _offer, lambda each: cursor(each.product.product_code)
    )


@router.get(
    "/{product}/preview",
    responses=failing(*READS, "cannot_place"),
    operation_id="preview_placement",
)
async def preview_placement(
    doors: OpenDoors,
    caller: ReadPlacements,
    product: Annotated[ProductCode, Path(description="Code of the product.")],
    amount: Annotated[Amount, Query()],
    paid: Annotated[PaidWord, Query(description="When interest is paid.")] = "at_maturity",
    holder: Annotated[
        HolderWord | None,
        Query(
            description="Who holds it, for the tax; the member itself, for its key, else a co-op."
        ),
    ] = None,
) -> PreviewView:
    """What this sum would give in this product if it was placed today."""
    async with doors.read() as connection:
        kind = HOLDERS[holder] if holder is not None else await _own_kind(connection, caller)
        found = await preview(
            connection,
            caller.book_id,
            product_code=product,
            amount_satang=satang_of(amount),
            paid=PAID[paid],
            holder=kind,
        )
    return _preview(found, kind, paid)


async def _own_kind(connection: Connection, caller: Caller) -> PartyKind:
    if caller.party_id is None:
        return PartyKind.COOPERATIVE
    return await kind_of(connection, caller.book_id, caller.party_id)


def _offer(found: Offered) -> OfferView:
    product, offer = found.product, found.offer
    lines = () if found.quoted is None else found.quoted.lines
    return OfferView(
        product=product.product_code,
        name_th=product.name_th,
        name_en=product.name_en,
        months=offer.months,
        paid=[PAID_WORDS[paid] for paid in sorted(offer.paid, key=lambda each: each.value)],
        principal_min=format_baht(offer.principal_min_satang),
        principal_max=format_baht(offer.principal_max_satang),
        due_rule=offer.due_rule.value,
        slabs=[
            SlabView(
                slab_from=format_baht(line.slab_from_satang),
                annual_rate_percent=format_rate_percent(line.annual_rate_e8),
            )
            for line in lines
        ],
        early_rules=[_rule(rule) for rule in offer.early_rules.rules],
    )


def _rule(rule: EarlyRule) -> EarlyRuleView:
    return EarlyRuleView(
        from_months=rule.from_months,
        to_months=rule.to_months,
        source=rule.source.value,
        part_percent=rule.part_percent,
        penalty_percent=format_rate_percent(rule.penalty_e8),
    )


def _preview(found: Preview, kind: PartyKind, paid: PaidWord) -> PreviewView:
    term, product = found.term, found.product
    return PreviewView(
        product=product.product_code,
        name_th=product.name_th,
        name_en=product.name_en,
        holder=kind.code,
        paid=paid,
        principal=format_baht(term.principal_satang),
        annual_rate_percent=format_rate_percent(term.annual_rate_e8),
        sheet=str(term.sheet_id),
        begins_on=term.begins_on,
        matures_on=term.matures_on,
        interest=format_baht(found.interest_satang),
        tax=format_baht(found.tax_satang),
        net=format_baht(found.interest_satang - found.tax_satang),
        coupons=[
            PreviewedCouponView(
                coupon=each.coupon.no,
                from_date=each.coupon.from_date,
                pays_on=each.coupon.pays_on,
                **taxed(each.interest).model_dump(),
            )
            for each in found.coupons
        ],
    )
