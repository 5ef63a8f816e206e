"""A placement that runs already, brought along from an old system when the book is opened.

Its term keeps its dates and its rate; coupons that were paid there stay paid. What the running
coupon has earned through the opening date begins its first period here, exactly, so that the coupon
pays what the member was promised, to the satang.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ledger.db import Connection, statements
from ledger.errors import InvalidInput
from ledger.kinds import JournalKind
from ledger.parties import PartyKind
from ledger.posting.ids import event_id
from ledger.posting.values import Journal, Note, OpenAccount, RowWrite, Transfer, Unit
from pricing.quotes import quotes_between
from products.catalogue import Product
from products.contracts import Contract, contract_id_of, contract_writes, touched
from products.deposits.offers import load_calendar, load_offer
from products.deposits.opening import PlacementOrder, opened_note, placement_writes
from products.deposits.taxes import holder_of, load_tax_table
from products.deposits.values import Offer, Term, term_from
from products.early_withdrawal import RateSource
from products.interest import span_exact
from products.kinds import EventKind
from products.schedules.due_dates import Calendar
from products.withholding import TaxTable

_SQL = statements(Path(__file__).parent / "sql" / "placements.sql")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPlacement:
    """A placement as the old system had it: what was ordered, since when, at which rate."""

    order: PlacementOrder
    begins_on: date
    annual_rate_e8: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """What takes placements over on the date `on`, which the old system has accrued.

    opening_account: the account that balances everything brought forward.
    savings_from:    first date with a rate of the savings product that the early rules pay; None =
                     they pay none.
    """

    product: Product
    offer: Offer
    calendar: Calendar
    taxes: TaxTable
    savings_from: date | None
    opening_account: int
    on: date
    actor: str


async def taker_of(
    connection: Connection,
    book_id: int,
    product_code: str,
    *,
    opening_account: int,
    on: date,
    actor: str,
) -> Taker:
    """What takes over placements of a product on the date. Raises `NotFound`, `InvalidInput`."""
    product, offer = await load_offer(connection, book_id, product_code)
    priced = None
    if any(rule.source is RateSource.SAVINGS for rule in offer.early_rules.rules):
        code = offer.savings_product or ""
        sheets = await quotes_between(connection, book_id, code, date.min, on + _ONE_DAY)
        priced = min((each.effective_from for each in sheets), default=date.max)
    return Taker(
        product=product,
        offer=offer,
        calendar=await load_calendar(connection, book_id, on),
        taxes=await load_tax_table(connection, book_id),
        savings_from=priced,
        opening_account=opening_account,
        on=on,
        actor=actor,
    )


def bring(
    taker: Taker,
    running: RunningPlacement,
    linked: Contract,
    account: OpenAccount,
    holder: PartyKind,
) -> Unit:
    """The unit that takes one placement over; `account` is what it opens, `linked` its savings.

    Raises `InvalidInput` when its term had not begun or had ended by the date, and for what could
    not be mended once the book is open: no row of tax for its holder, no savings rate for a date
    that an early withdrawal may have to pay.
    """
    book_id, order = linked.book_id, running.order
    taker.taxes.withheld(0, holder_of(holder), taker.product.family, taker.on)
    if taker.savings_from is not None and running.begins_on < taker.savings_from:
        raise InvalidInput.one(
            f"placement {order.contract_no}",
            f"begun on {running.begins_on.isoformat()}",
            f"a rate of {taker.offer.savings_product} from that date on",
            "Its early rules pay that rate: approve a sheet of then before it is taken over.",
        )
    contract_id = contract_id_of(book_id, order.contract_no)
    term = term_from(
        taker.offer,
        begins_on=running.begins_on,
        principal_satang=order.amount_satang,
        annual_rate_e8=running.annual_rate_e8,
        sheet_id=None,
        paid=order.paid,
        calendar=taker.calendar,
    )
    exact = _earned(taker, running, term)
    satang = int(taker.product.terms.rounded(exact))
    brought = Note(
        kind=EventKind.INTEREST_BROUGHT,
        subject=contract_id,
        account=account.account,
        amount_satang=satang,
        body={"accrued_to": taker.on.isoformat(), "exact": str(exact)},
    )
    contract, _ = contract_writes(taker.product, account, taker.on + _ONE_DAY)
    leg = RowWrite(statement=_SQL["bring_leg"], arguments=(book_id, contract_id, taker.on, exact))
    return Unit(
        operations=(
            account,
            _forward(taker, order, account, satang),
            opened_note(book_id, order, account, term),
            brought,
        ),
        actor=taker.actor,
        reason="cut-over",
        reads=(linked.read,),
        on=taker.on,
        writes=(contract, leg, touched(linked), *placement_writes(order, linked, term)),
    )


def _earned(taker: Taker, running: RunningPlacement, term: Term) -> int:
    """Exact interest of the running coupon through the date."""
    for coupon in term.coupons:
        if coupon.from_date <= taker.on < coupon.pays_on:
            return span_exact(
                term.principal_satang,
                term.annual_rate_e8,
                coupon.from_date,
                taker.on + _ONE_DAY,
                taker.product.terms.day_count,
            )
    raise InvalidInput.one(
        f"placement {running.order.contract_no}",
        f"{term.begins_on.isoformat()} to {term.matures_on.isoformat()}",
        f"a term that runs on {taker.on.isoformat()}",
    )


def _forward(taker: Taker, order: PlacementOrder, account: OpenAccount, satang: int) -> Journal:
    """Principal and accrued interest brought forward."""
    parts = ((account.account, order.amount_satang), (taker.product.payable_account, satang))
    return Journal(
        journal_id=event_id(taker.product.book_id, "opening", order.contract_no),
        kind=JournalKind.OPENING,
        transfers=tuple(
            Transfer(debit=taker.opening_account, credit=number, amount_satang=amount)
            for number, amount in parts
            if amount
        ),
        reference=order.contract_no,
        narrative=f"{order.contract_no} brought forward",
    )
