"""Where a placement stands: one question, read for every door, and the list of what matures when.

The contract, its newest term with every coupon, what was paid and withheld, who asked for an early
end, and what would keep its principal from leaving now. Doors decide on it; nothing here decides.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from ledger.db import Connection, statements
from ledger.errors import InvariantBroken, NotFound
from ledger.money import format_baht
from ledger.parties import PartyKind
from ledger.posting.ids import event_id
from ledger.posting.values import RowRead, RowTable
from products.catalogue import Product, load_product
from products.contracts import ACTIVE, INTEREST_LEGS, Contract, by_ids, by_no
from products.deposits.values import Coupon, Instruction, Term
from products.interest import span_exact
from products.placements import InterestPaid

_SQL = statements(Path(__file__).parent / "sql" / "placements.sql")

PLEDGED = "pledged"
"""A hold stands on the placement: its principal may not leave."""
PLACEMENT_ROWS = RowTable(name="products.placement", select=_SQL["lock_placements"])
"""Linked account and instruction of placements, by the contract's id."""
_DEBITS_FROZEN, _CREDITS_FROZEN = 1, 2
_ONE_DAY = timedelta(days=1)


class PlacementState(enum.Enum):
    """What has become of a placement."""

    RUNNING = "running"
    WAITING = "waiting"
    PAID_OUT = "paid_out"
    ENDED_EARLY = "ended_early"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Interest that was paid, before tax; below zero: clawed back at an early end.

    period_end: the last date that it is for; made_on: the business date of its journal.
    """

    period_end: date
    made_on: date
    amount_satang: int
    journal_id: UUID
    tax_satang: int
    tax_form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponStanding:
    """A coupon of the newest term, what it comes to by itself, and the payment that was for it.

    payment: None while it is not due, and where a freeze left it for the next payment.
    """

    coupon: Coupon
    amount_satang: int
    payment: Payment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyEnd:
    """An early withdrawal that was asked for; `state` is "proposed", "done" or "rejected".

    earned_satang: what the term's days have earned after all; paid_satang: paid of it before.
    """

    early_end_id: UUID
    contract_id: UUID
    term_no: int
    state: str
    reason: str
    proposed_by: str
    proposed_on: date
    decided_by: str | None
    decided_on: date | None
    remark: str | None
    rule_from_months: int | None
    earned_satang: int | None
    paid_satang: int | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A placement as it stands on the business date; amounts are of its whole life, in satang.

    term:       the newest; a placement that is closed or waits had it last.
    accrued_to: the last date that `accrued_satang` counts.
    unproven:   the oldest date before today that no night has proven.
    in_the_way: what would keep the principal from leaving now: "pledged", "account_frozen_debit"
                (its own), "account_frozen_credit" (the linked one).
    """

    contract: Contract
    linked: Contract
    product: Product
    holder: PartyKind
    paid: InterestPaid
    instruction: Instruction
    version: int
    leg_version: int
    business_date: date
    unproven: date | None
    balance_satang: int
    held_satang: int
    changed_seq: int
    in_the_way: tuple[str, ...]
    term_no: int
    term: Term
    accrued_before_satang: int
    accrued_satang: int
    accrued_to: date
    credited_satang: int
    payments: tuple[Payment, ...]
    coupons: tuple[CouponStanding, ...]
    early_ends: tuple[EarlyEnd, ...]

    @property
    def state(self) -> PlacementState:
        """What has become of it."""
        ended = any(each.state == "done" for each in self.early_ends)
        return _state(self.contract.state, self.contract.matured_on, ended_early=ended)

    @property
    def owed_satang(self) -> int:
        """Interest accrued and not paid; below zero never happens to a placement."""
        return self.accrued_satang - self.credited_satang

    @property
    def tax_satang(self) -> int:
        """Tax withheld so far, by all payments."""
        return sum(each.tax_satang for each in self.payments)

    @property
    def proposal(self) -> EarlyEnd | None:
        """The early end that waits to be decided."""
        return next((each for each in self.early_ends if each.state == "proposed"), None)

    @property
    def reads(self) -> tuple[RowRead, ...]:
        """The contract, its interest and its placement as they were read."""
        key = self.contract.contract_id
        return (
            self.contract.read,
            RowRead(table=INTEREST_LEGS, row_id=key, version=self.leg_version),
            RowRead(table=PLACEMENT_ROWS, row_id=key, version=self.version),
        )

    def against_moving(self) -> list[str]:
        """Everything that keeps the principal from leaving now, in words."""
        found = self.against_deciding()
        number, linked = self.contract.contract_no, self.linked.contract_no
        held = format_baht(self.held_satang, True)
        words = {
            PLEDGED: f"holds of {held} stand on it: release them first",
            "account_frozen_debit": f"{number} is frozen: thaw it first",
            "account_frozen_credit": f"{linked} is frozen: thaw it, or name another account",
        }
        return found + [words[each] for each in self.in_the_way]

    def against_deciding(self) -> list[str]:
        """What keeps every door from deciding on it: a date that no night has proven."""
        if self.unproven is None:
            return []
        return [f"no night has proven {self.unproven}; run end-of-day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A placement in a list: its newest term and what has become of it."""

    contract_no: str
    product_code: str
    party_id: int
    linked_no: str
    principal_satang: int
    annual_rate_e8: int
    term_no: int
    begins_on: date
    matures_on: date
    instruction: Instruction
    paid: InterestPaid
    state: PlacementState
    matured_on: date | None


async def standing(connection: Connection, book_id: int, contract_no: str) -> Standing:
    """A placement by its number. Raises `NotFound`: no such contract, or it is no placement."""
    contract = await by_no(connection, book_id, contract_no)
    key = (book_id, contract.contract_id)
    row = await connection.fetchrow(_SQL["standing"], *key)
    if row is None:
        raise NotFound("placement", contract_no)
    linked = (await by_ids(connection, book_id, [row["linked_contract"]])).get(
        row["linked_contract"]
    )
    if linked is None:
        raise InvariantBroken(f"placement {contract_no} is linked to no contract")
    product = await load_product(connection, book_id, contract.product_code)
    term = _term(row, await connection.fetch(_SQL["coupons"], *key, row["term_no"]))
    paid = tuple(Payment(**dict(p)) for p in await connection.fetch(_SQL["payments"], *key))
    ends = [EarlyEnd(**dict(each)) for each in await connection.fetch(_SQL["early_ends"], *key)]
    same = {name: row[name] for name in _AS_READ}
    return Standing(
        contract=contract,
        linked=linked,
        product=product,
        holder=PartyKind(row["holder"]),
        paid=InterestPaid(row["coupon_months"]),
        instruction=Instruction(row["instruction"]),
        in_the_way=_in_the_way(row),
        term=term,
        payments=paid,
        coupons=_coupons(product, term, paid),
        early_ends=_in_order(contract, ends),
        **same,
    )


def early_end_id_of(contract: Contract, number: int) -> UUID:
    """The id of a contract's n-th proposal of an early withdrawal, 1 is the first."""
    return event_id(contract.book_id, "early_end", contract.contract_id, number)


async def list_placements(
    connection: Connection,
    book_id: int,
    *,
    party_id: int | None = None,
    product_code: str | None = None,
    matures_from: date | None = None,
    matures_through: date | None = None,
    is_open: bool | None = None,
    after: tuple[date, str] | None = None,
    limit: int = 100,
) -> list[Listed]:
    """Placements by the maturity of their newest term, then by number.

    after: maturity and number of the last one seen. is_open: None = closed ones too.
    """
    rows = await connection.fetch(
        _SQL["list"],
        book_id,
        party_id,
        product_code,
        matures_from,
        matures_through,
        is_open,
        *(after or (date.min, "")),
        limit,
    )
    return [_listed(row) for row in rows]


async def linked_placements(connection: Connection, linked: Contract) -> list[str]:
    """Numbers of the open placements that pay to a savings contract."""
    rows = await connection.fetch(_SQL["linked_to"], linked.book_id, linked.contract_id)
    return [row["contract_no"] for row in rows]


_AS_READ = (
    "version",
    "leg_version",
    "business_date",
    "unproven",
    "balance_satang",
    "held_satang",
    "changed_seq",
    "term_no",
    "accrued_before_satang",
    "accrued_satang",
    "accrued_to",
    "credited_satang",
)


def _in_order(contract: Contract, ends: Sequence[EarlyEnd]) -> tuple[EarlyEnd, ...]:
    found = {each.early_end_id: each for each in ends}
    return tuple(found[early_end_id_of(contract, n)] for n in range(1, len(ends) + 1))


def _in_the_way(row: asyncpg.Record) -> tuple[str, ...]:
    found = [PLEDGED] if row["held_satang"] else []
    if row["frozen"] & _DEBITS_FROZEN:
        found.append("account_frozen_debit")
    if row["linked_frozen"] & _CREDITS_FROZEN:
        found.append("account_frozen_credit")
    return tuple(found)


def _term(row: asyncpg.Record, coupons: Sequence[asyncpg.Record]) -> Term:
    return Term(
        begins_on=row["begins_on"],
        nominal_on=row["nominal_on"],
        matures_on=row["matures_on"],
        principal_satang=row["principal_satang"],
        annual_rate_e8=row["annual_rate_e8"],
        sheet_id=row["sheet_id"],
        coupons=tuple(
            Coupon(
                no=each["coupon_no"],
                from_date=each["from_date"],
                pays_on=each["pays_on"],
                is_last=each["is_last"],
            )
            for each in coupons
        ),
    )


def _coupons(
    product: Product, term: Term, payments: Sequence[Payment]
) -> tuple[CouponStanding, ...]:
    paid = {each.period_end: each for each in payments if each.amount_satang > 0}
    return tuple(
        CouponStanding(
            coupon=coupon,
            amount_satang=coupon_satang(product, term, coupon),
            payment=paid.get(coupon.pays_on - _ONE_DAY),
        )
        for coupon in term.coupons
    )


def coupon_satang(product: Product, term: Term, coupon: Coupon) -> int:
    """What a coupon of a term comes to by itself, rounded as its product rounds."""
    exact = span_exact(
        term.principal_satang,
        term.annual_rate_e8,
        coupon.from_date,
        coupon.pays_on,
        product.terms.day_count,
    )
    return int(product.terms.rounded(exact))


def _state(state: int, matured_on: date | None, *, ended_early: bool) -> PlacementState:
    if state == ACTIVE:
        return PlacementState.RUNNING if matured_on is None else PlacementState.WAITING
    return PlacementState.ENDED_EARLY if ended_early else PlacementState.PAID_OUT


def _listed(row: asyncpg.Record) -> Listed:
    facts = dict(row)
    state, ended_early = facts.pop("state"), facts.pop("ended_early")
    return Listed(
        instruction=Instruction(facts.pop("instruction")),
        paid=InterestPaid(facts.pop("coupon_months")),
        state=_state(state, facts["matured_on"], ended_early=ended_early),
        **facts,
    )
