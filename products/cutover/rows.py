"""One line of a cut-over's file as the value that it stands for, exactly; else named by its field.

Each function takes a line whose fields are texts and answers a value of `values`, or raises
`InvalidInput` with file, line and field. What a line says is not yet judged against others.
"""

from __future__ import annotations

import re
from uuid import UUID

from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.history.control import side_balance
from ledger.history.records import PARTY_ID_MAX
from ledger.history.texts import (
    ACCOUNT_CODE,
    GL_CODE,
    NAME,
    NOTHING_OR_TEXT,
    PERSON,
    Row,
)
from ledger.money import Rounding
from pricing.rate_lines import RateLine
from pricing.rates import parse_rate_percent
from pricing.slabs import SlabBasis
from products.catalogue import NIGHT_DAY_COUNTS
from products.cutover.values import (
    BankIn,
    ContractIn,
    FreezeIn,
    HoldIn,
    LimitIn,
    NoticeIn,
    OwnIn,
    PaymentsIn,
    ProductIn,
    RateIn,
    SlabIn,
    SpecialIn,
)
from products.interest import EXACT_DENOMINATOR, Terms
from products.payments.notice_values import NoticeKind, NoticeStatus

PRODUCT_CODE = (r"[A-Z][A-Z0-9_]{1,31}", "2 to 32 of A-Z, 0-9 and _, a letter first")
BANK_CODE = (r"[A-Z0-9]{2,12}", 'a bank code such as "KTB"')
NUMBER = (r"[0-9A-Za-z-]{1,34}", "1 to 34 of 0-9, A-Z, a-z and -")
REFERENCE = (r"[A-Z0-9]{1,35}", "1 to 35 characters A-Z and 0-9")
UUID_TEXT = (r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a UUID")
_DAYS = (r"[0-9]{2}-[0-9]{2}( [0-9]{2}-[0-9]{2})*", 'days MM-DD with spaces between: "06-30 12-31"')
_ACCRUED = re.compile(r"^(0|[1-9][0-9]{0,12})\.([0-9]{2,10})$", re.ASCII)
_EXACT_MAX = 10**15 * EXACT_DENOMINATOR
PAYMENT_ACCOUNTS = ("suspense_receipts", "suspense_payments", "outgoing_clearing", "bank_fees")
"""The accounts that payments post on, by the names of their fields."""

_YES_NO = {"yes": True, "no": False}


def _at(row: Row) -> str:
    return f"{row.file}:{row.line}"


def own_of(row: Row) -> OwnIn:
    """An account of the house with its balance."""
    return OwnIn(
        place=_at(row),
        code=row.text("code", ACCOUNT_CODE),
        gl_code=row.text("gl_code", GL_CODE),
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
        balance_satang=side_balance(row),
    )


def product_of(row: Row) -> ProductIn:
    """A product's terms and accounts."""
    days = row.text("capitalisation_days", _DAYS).split(" ")
    for day in days:
        # 29 February is refused: interest credited only in leap years is nobody's product.
        parse_date(f"2001-{day}", row.place("capitalisation_days"))
    return ProductIn(
        place=_at(row),
        product_code=row.text("product_code", PRODUCT_CODE),
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
        terms=Terms(
            day_count=row.one_of("day_count", {each.value: each for each in NIGHT_DAY_COUNTS}),
            rounding=row.one_of("rounding", {each.name: each for each in Rounding}),
            capitalisation_days=frozenset(days),
        ),
        gl_deposits=row.text("gl_deposits", GL_CODE),
        expense_account=row.text("expense_account", ACCOUNT_CODE),
        payable_account=row.text("payable_account", ACCOUNT_CODE),
    )


def rate_of(row: Row) -> RateIn:
    """A rate sheet with its one rate, or that of its lowest slab."""
    place = row.place("annual_rate_percent")
    return RateIn(
        place=_at(row),
        product_code=row.text("product_code", PRODUCT_CODE),
        effective_from=row.day("effective_from"),
        annual_rate_e8=parse_rate_percent(row.cells.get("annual_rate_percent"), place),
        made_by=row.text("made_by", PERSON),
        approved_by=row.text("approved_by", PERSON),
        approved_on=row.day("approved_on"),
    )


def slab_of(row: Row) -> SlabIn:
    """A further line of a rate sheet."""
    place = row.place("annual_rate_percent")
    return SlabIn(
        place=_at(row),
        product_code=row.text("product_code", PRODUCT_CODE),
        effective_from=row.day("effective_from"),
        line=RateLine(
            slab_from_satang=row.amount("slab_from"),
            annual_rate_e8=parse_rate_percent(row.cells.get("annual_rate_percent"), place),
        ),
    )


def special_of(row: Row) -> SpecialIn:
    """What makes a product special savings: slab rule and minimum balance."""
    minimum = row.balance("minimum")
    if minimum < 0:
        shown = row.cells.get("minimum")
        raise InvalidInput.one(row.place("minimum"), shown, "0.00 or more")
    return SpecialIn(
        place=_at(row),
        product_code=row.text("product_code", PRODUCT_CODE),
        slab_rule=row.one_of("slab_rule", {each.value: each for each in SlabBasis}),
        minimum_satang=minimum,
    )


def bank_of(row: Row) -> BankIn:
    """A bank account and where its statements stand."""
    return BankIn(
        place=_at(row),
        bank_code=row.text("bank_code", BANK_CODE),
        bank_no=row.text("bank_no", NUMBER),
        account_no=row.text("account_no", NUMBER),
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
        account=row.text("account", ACCOUNT_CODE),
        last_statement_no=row.whole("last_statement_no", 2**31 - 1),
        last_balance_satang=row.balance("last_statement_balance"),
    )


def payments_of(row: Row) -> PaymentsIn:
    """The accounts that payments post on."""
    codes = {name: row.text(name, ACCOUNT_CODE) for name in PAYMENT_ACCOUNTS}
    return PaymentsIn(place=_at(row), **codes)


def contract_of(row: Row) -> ContractIn:
    """A contract with its balance and accrued interest."""
    return ContractIn(
        place=_at(row),
        contract_no=row.text("contract_no", ACCOUNT_CODE),
        product_code=row.text("product_code", PRODUCT_CODE),
        party_id=row.whole("party_id", PARTY_ID_MAX),
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
        balance_satang=row.balance("balance"),
        accrued_exact=_accrued(row),
        accrued_to=row.day("accrued_to"),
    )


def _accrued(row: Row) -> int:
    """Exact interest: a decimal of baht, or the engine's own units; one of the two."""
    decimal, exact = row.cells.get("accrued", ""), row.cells.get("accrued_exact", "")
    if exact != "":
        if decimal != "":
            expected = 'one of "accrued" and "accrued_exact", the other one empty'
            raise InvalidInput.one(row.place("accrued"), decimal, expected)
        return row.whole("accrued_exact", _EXACT_MAX)
    match = _ACCRUED.match(decimal) if isinstance(decimal, str) else None
    if match is None or (isinstance(decimal, str) and decimal.endswith("\n")):
        expected = 'baht with two to ten places, "0.00" or more, such as "1234.5678"'
        raise InvalidInput.one(row.place("accrued"), decimal, expected)
    # Ten places of baht are eight of a satang, and 10^8 divides the engine's unit.
    return int(match[1] + match[2].ljust(10, "0")) * (EXACT_DENOMINATOR // 10**8)


def limit_of(row: Row) -> LimitIn:
    """Limits of an account."""
    return LimitIn(
        place=_at(row),
        account=row.text("account", ACCOUNT_CODE),
        balance_min=row.balance_or_none("balance_min"),
        balance_max=row.balance_or_none("balance_max"),
    )


def hold_of(row: Row, name_space: str) -> HoldIn:
    """An open hold; an id that is no UUID gets one made of it under `name_space`."""
    return HoldIn(
        place=_at(row),
        hold_id=row.uuid("hold_id", name_space, "hold"),
        account=row.text("account", ACCOUNT_CODE),
        amount_satang=row.amount("amount"),
        expires_on=row.day_or_none("expires_on"),
        reference=row.text("reference", NOTHING_OR_TEXT, default=""),
    )


def notice_of(row: Row) -> NoticeIn:
    """A notice that waits for the bank."""
    deposit = {"received": NoticeStatus.RECEIVED}
    withdrawal = {"held": NoticeStatus.HELD, "approved": NoticeStatus.APPROVED}
    kind = row.one_of("kind", {each.code: each for each in NoticeKind})
    status = row.one_of("status", deposit if kind is NoticeKind.DEPOSIT else withdrawal)
    approved = status is NoticeStatus.APPROVED
    if not approved and row.cells.get("approved_by", "") != "":
        expected = "nothing: only an approved withdrawal has it"
        raise InvalidInput.one(row.place("approved_by"), row.cells.get("approved_by"), expected)
    holds = kind is NoticeKind.WITHDRAWAL
    if not holds and row.cells.get("expires_on", "") != "":
        expected = "nothing: a deposit holds nothing"
        raise InvalidInput.one(row.place("expires_on"), row.cells.get("expires_on"), expected)
    return NoticeIn(
        place=_at(row),
        notice_id=UUID(row.text("id", UUID_TEXT)),
        kind=kind,
        status=status,
        account=row.text("account", ACCOUNT_CODE),
        amount_satang=row.amount("amount"),
        bank=row.text("bank", BANK_CODE),
        value_date=row.day("value_date"),
        reference=row.text("reference", REFERENCE),
        made_by=row.text("made_by", PERSON),
        received_by=row.text("received_by", PERSON),
        approved_by=row.text("approved_by", PERSON) if approved else None,
        expires_on=row.day("expires_on") if holds else None,
    )


def freeze_of(row: Row) -> FreezeIn:
    """A freeze of an account."""
    return FreezeIn(
        place=_at(row),
        account=row.text("account", ACCOUNT_CODE),
        debits=row.one_of("debits", _YES_NO),
        credits=row.one_of("credits", _YES_NO),
        until=row.day_or_none("until"),
    )
