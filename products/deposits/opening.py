"""A placement begins: one unit opens its account, places the sum, and writes its first term.

It is decided for one business date, whose rate it bears for the whole term; on another date it is
decided again. The linked savings contract's version is raised with it, so that a closing of that
contract which was decided before cannot follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

from ledger import accounts
from ledger.books import read_head
from ledger.db import Connection, statements
from ledger.errors import CffError, InvariantBroken
from ledger.money import format_baht
from ledger.parties import PartyKind
from ledger.posting.ids import attempts, event_id, journal_id
from ledger.posting.values import FIRST_SEQ, IdempotencyKey, Note, OpenAccount, RowWrite, Unit
from pricing.quotes import quote
from products.catalogue import Product
from products.contracts import (
    ACTIVE,
    Contract,
    by_no,
    by_nos,
    contract_id_of,
    contract_writes,
    touched,
)
from products.deposits import placement_postings
from products.deposits.offers import load_calendar, load_offer
from products.deposits.taxes import holder_of, load_tax_table
from products.deposits.values import Instruction, Offer, Term, term_from
from products.kinds import EventKind
from products.placements import InterestPaid

_SQL = statements(Path(__file__).parent / "sql" / "placements.sql")


class CannotPlace(CffError):  # noqa: N818
    """The sum cannot be placed like this; the message names everything that stands against it."""

    code: ClassVar[str] = "cannot_place"


class NumberTaken(CffError):  # noqa: N818
    """The number is that of another contract, open or closed."""

    code: ClassVar[str] = "account_exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementOrder:
    """What a member asks for.

    linked_no: number of the savings contract that pays the sum and takes interest and principal.
    paid:      when interest is paid; one of those that the product offers.
    """

    contract_no: str
    product_code: str
    linked_no: str
    amount_satang: int
    paid: InterestPaid
    instruction: Instruction


async def place(
    connection: Connection,
    book_id: int,
    order: PlacementOrder,
    *,
    actor: str,
    key: IdempotencyKey | None = None,
) -> Unit:
    """The unit that places a sum today (for `decide_and_post`).

    Raises `NotFound` (no such product or contract, no rate in force), `InvalidInput` (no tax row
    for the holder), `NumberTaken` and `CannotPlace`.
    """
    taken = (await by_nos(connection, book_id, [order.contract_no])).get(order.contract_no)
    if taken is not None:
        raise NumberTaken(
            f"{order.contract_no} is a contract since {taken.opened_on}: place under another number"
        )
    product, offer = await load_offer(connection, book_id, order.product_code)
    linked = await by_no(connection, book_id, order.linked_no)
    refuse_unfit_link(linked)
    against = misfits(offer, order.amount_satang, order.paid)
    if against:
        raise CannotPlace(f"nothing is placed in {order.contract_no}: {'; '.join(against)}")
    today = (await read_head(connection, book_id)).business_date
    member = await connection.fetchrow(_SQL["member"], book_id, linked.party_id)
    if member is None:
        raise InvariantBroken(f"contract {order.linked_no} has no party {linked.party_id}")
    await _require_tax(connection, product, PartyKind(member["kind"]), today)
    term = await first_term(connection, product, offer, order.amount_satang, order.paid, today)
    (number,) = await accounts.reserve_ids(connection, 1)
    account = OpenAccount(
        account=number,
        code=order.contract_no,
        gl_code=product.gl_deposits,
        currency="THB",
        name_th=member["name_th"],
        name_en=member["name_en"],
        party_id=linked.party_id,
        balance_min=0,
    )
    return await _opening(connection, product, order, linked, account, term, actor, key)


def refuse_unfit_link(linked: Contract) -> None:
    """Raise `CannotPlace` unless the contract is active savings, which may take a placement's."""
    if linked.is_placement:
        raise CannotPlace(f"{linked.contract_no} is no savings contract: nothing is paid to it")
    if linked.state != ACTIVE:
        raise CannotPlace(f"{linked.contract_no} was closed on {linked.closed_on}")


async def _opening(
    connection: Connection,
    product: Product,
    order: PlacementOrder,
    linked: Contract,
    account: OpenAccount,
    term: Term,
    actor: str,
    key: IdempotencyKey | None,
) -> Unit:
    book_id = product.book_id
    event = event_id(book_id, "placement_opened", order.contract_no)
    attempt = (await attempts(connection, book_id, [event]))[event]
    journal = placement_postings.placed(
        journal_id(event, attempt),
        linked.account_id,
        account.account,
        order.contract_no,
        order.amount_satang,
    )
    return Unit(
        operations=(account, journal, opened_note(book_id, order, account, term)),
        actor=actor,
        event_id=event,
        reads=(linked.read,),
        on=term.begins_on,
        writes=(
            *contract_writes(product, account),
            touched(linked),
            *placement_writes(order, linked, term),
        ),
        key=key,
    )


def opened_note(book_id: int, order: PlacementOrder, account: OpenAccount, term: Term) -> Note:
    """The note that a placement begins, with all that was agreed."""
    return Note(
        kind=EventKind.PLACEMENT_OPENED,
        subject=contract_id_of(book_id, order.contract_no),
        account=account.account,
        amount_satang=order.amount_satang,
        body={
            "linked": order.linked_no,
            "paid_every_months": order.paid.value,
            "instruction": order.instruction.code,
            **term_facts(1, term),
        },
    )


def placement_writes(order: PlacementOrder, linked: Contract, term: Term) -> tuple[RowWrite, ...]:
    """The rows of a placement beside its contract: its instruction, first term and coupons."""
    book_id = linked.book_id
    contract_id = contract_id_of(book_id, order.contract_no)
    placement = RowWrite(
        statement=_SQL["insert_placement"],
        arguments=(
            book_id,
            contract_id,
            linked.contract_id,
            order.paid.value,
            order.instruction.value,
        ),
    )
    return placement, *term_writes(book_id, contract_id, 1, term, accrued_before_satang=0)


def term_facts(term_no: int, term: Term) -> dict[str, object]:
    """A term as a note tells it."""
    return {
        "term": term_no,
        "begins_on": term.begins_on.isoformat(),
        "matures_on": term.matures_on.isoformat(),
        "principal_satang": term.principal_satang,
        "annual_rate_e8": term.annual_rate_e8,
        "sheet": None if term.sheet_id is None else str(term.sheet_id),
    }


def term_writes(
    book_id: int, contract_id: object, term_no: int, term: Term, *, accrued_before_satang: int
) -> tuple[RowWrite, ...]:
    """The rows of a term that begins, and of its coupons."""
    begun = RowWrite(
        statement=_SQL["insert_terms"],
        arguments=(
            book_id,
            contract_id,
            term_no,
            term.begins_on,
            term.nominal_on,
            term.matures_on,
            term.principal_satang,
            term.annual_rate_e8,
            term.sheet_id,
            accrued_before_satang,
            FIRST_SEQ,
        ),
        together=True,
    )
    coupons = (
        RowWrite(
            statement=_SQL["insert_coupons"],
            arguments=(
                book_id,
                contract_id,
                term_no,
                coupon.no,
                coupon.from_date,
                coupon.pays_on,
                coupon.is_last,
            ),
            together=True,
        )
        for coupon in term.coupons
    )
    return begun, *coupons


def misfits(offer: Offer, amount_satang: int, paid: InterestPaid) -> list[str]:
    """In words, what of a sum and a way to pay its interest the offer does not take."""
    found = []
    low, high = offer.principal_min_satang, offer.principal_max_satang
    if not low <= amount_satang <= high:
        bounds = f"{format_baht(low, True)} to {format_baht(high, True)}"
        found.append(f"the sum is {format_baht(amount_satang, True)}, allowed is {bounds}")
    if paid not in offer.paid:
        offered = ", ".join(each.name for each in sorted(offer.paid, key=lambda paid: paid.value))
        found.append(f"interest is not paid {paid.name}, offered is {offered}")
    return found


async def _require_tax(
    connection: Connection, product: Product, kind: PartyKind, today: date
) -> None:
    """Rows of the table have no end: one that is in force today is so at every payment."""
    table = await load_tax_table(connection, product.book_id)
    table.withheld(0, holder_of(kind), product.family, today)


async def first_term(
    connection: Connection,
    product: Product,
    offer: Offer,
    amount_satang: int,
    paid: InterestPaid,
    today: date,
) -> Term:
    """The term that begins today at today's rate of the slab that the sum reaches.

    Raises `NotFound` when no rate of the product, or of the savings it falls back on, is in force.
    """
    if offer.savings_product is not None:
        # What an early withdrawal may have to pay has a rate from the first date on.
        await quote(connection, product.book_id, offer.savings_product, today)
    answer = await quote(connection, product.book_id, product.product_code, today)
    return term_from(
        offer,
        begins_on=today,
        principal_satang=amount_satang,
        annual_rate_e8=answer.rate_e8_of(amount_satang),
        sheet_id=answer.sheet_id,
        paid=paid,
        calendar=await load_calendar(connection, product.book_id, today),
    )
