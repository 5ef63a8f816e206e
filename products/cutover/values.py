"""What the files of a cut-over say, as plain frozen values; satang and dates, with their places.

`place` of a value is where it stands, `file:line`, so that whatever is found out later can still
point at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from ledger.books import GlAccount
from ledger.history.records import BookIn
from ledger.parties import Party
from pricing.rate_lines import RateLine, one_rate
from pricing.slabs import SlabBasis
from products.interest import Terms
from products.payments.notice_values import NoticeKind, NoticeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIn:
    """An account of the Facility itself and its balance, credits less debits in satang."""

    place: str
    code: str
    gl_code: str
    name_th: str
    name_en: str
    balance_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductIn:
    """A savings product; the two accounts by their codes."""

    place: str
    product_code: str
    name_th: str
    name_en: str
    terms: Terms
    gl_deposits: str
    expense_account: str
    payable_account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialIn:
    """What makes a product one of special savings."""

    place: str
    product_code: str
    slab_rule: SlabBasis
    minimum_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlabIn:
    """One more line of a rate sheet of these files: from that balance on, that rate."""

    place: str
    product_code: str
    effective_from: date
    line: RateLine


@dataclass(frozen=True, slots=True, kw_only=True)
class RateIn:
    """A rate sheet that was approved in the old system; its rate is that from 0.00 on."""

    place: str
    product_code: str
    effective_from: date
    annual_rate_e8: int
    made_by: str
    approved_by: str
    approved_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class BankIn:
    """An account at a bank; `account` is the code of the account that mirrors it."""

    place: str
    bank_code: str
    bank_no: str
    account_no: str
    name_th: str
    name_en: str
    account: str
    last_statement_no: int
    last_balance_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsIn:
    """Codes of the accounts on which payments wait."""

    place: str
    suspense_receipts: str
    suspense_payments: str
    outgoing_clearing: str
    bank_fees: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractIn:
    """A savings contract.

    accrued_exact: interest of the running period, accrued and not credited, in
                   1/EXACT_DENOMINATOR satang, up to and with `accrued_to`.
    """

    place: str
    contract_no: str
    product_code: str
    party_id: int
    name_th: str
    name_en: str
    balance_satang: int
    accrued_exact: int
    accrued_to: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitIn:
    """Limits of an account, in satang; None = none."""

    place: str
    account: str
    balance_min: int | None
    balance_max: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldIn:
    """An open hold that belongs to no notice."""

    place: str
    hold_id: UUID
    account: str
    amount_satang: int
    expires_on: date | None
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeIn:
    """An open notice; a withdrawal holds its amount until `expires_on`."""

    place: str
    notice_id: UUID
    kind: NoticeKind
    status: NoticeStatus
    account: str
    amount_satang: int
    bank: str
    value_date: date
    reference: str
    made_by: str
    received_by: str
    approved_by: str | None
    expires_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeIn:
    """A frozen account; `until` is the last business date of the freeze."""

    place: str
    account: str
    debits: bool
    credits: bool
    until: date | None


@dataclass(slots=True, kw_only=True)
class CutOver:
    """Everything that a directory says; `trial_balance` is the control, by GL code.

    opening_account: code of the account against which balances are posted; it ends at zero.
    names:           files that were there.
    """

    sha256: bytes
    names: tuple[str, ...]
    book: BookIn | None = None
    opening_account: str = ""
    chart: list[GlAccount] = field(default_factory=list)
    members: list[Party] = field(default_factory=list)
    accounts: list[OwnIn] = field(default_factory=list)
    products: list[ProductIn] = field(default_factory=list)
    rates: list[RateIn] = field(default_factory=list)
    slabs: list[SlabIn] = field(default_factory=list)
    special: list[SpecialIn] = field(default_factory=list)
    banks: list[BankIn] = field(default_factory=list)
    payments: PaymentsIn | None = None
    contracts: list[ContractIn] = field(default_factory=list)
    limits: list[LimitIn] = field(default_factory=list)
    holds: list[HoldIn] = field(default_factory=list)
    notices: list[NoticeIn] = field(default_factory=list)
    freezes: list[FreezeIn] = field(default_factory=list)
    trial_balance: dict[str, int] = field(default_factory=dict)

    def lines_of(self, rate: RateIn) -> tuple[RateLine, ...]:
        """The lines of a sheet, in the order of the files."""
        key = (rate.product_code, rate.effective_from)
        above = (s.line for s in self.slabs if (s.product_code, s.effective_from) == key)
        return (*one_rate(rate.annual_rate_e8), *above)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a book has already: of an imported history, or nothing at all.

    balances: codes of accounts -> credits less debits; gl_codes: codes of accounts -> GL code.
    """

    book_id: int | None = None
    business_date: date | None = None
    balances: Mapping[str, int] = field(default_factory=dict)
    gl_codes: Mapping[str, str] = field(default_factory=dict)
    parties: Mapping[str, int | None] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    chart: frozenset[str] = frozenset()
    members: frozenset[int] = frozenset()

    @property
    def is_new(self) -> bool:
        """True when there is no such book yet."""
        return self.book_id is None
