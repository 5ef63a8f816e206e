"""The files of a cut-over, read: one layout each, every bad line named by file, line and field.

A directory holds `NAME.csv` (with a header) or `NAME.jsonl` for each name of `LAYOUTS`; only the
book, the contracts' own facts and the trial balance must be there. What is read is not yet judged
against the other files: that is `judging`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.history.checking import sha256_of
from ledger.history.control import read_trial_balance, side_balance
from ledger.history.records import PARTY_ID_MAX, book_of, gl_account_of, party_of
from ledger.history.texts import (
    ACCOUNT_CODE,
    GL_CODE,
    NAME,
    NOTHING_OR_TEXT,
    PERSON,
    Findings,
    Row,
    rows_of,
)
from ledger.money import Rounding
from pricing.rate_lines import RateLine
from pricing.rates import parse_rate_percent
from pricing.slabs import SlabBasis
from products.catalogue import NIGHT_DAY_COUNTS
from products.cutover.values import (
    BankIn,
    ContractIn,
    CutOver,
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

T = TypeVar("T")

LAYOUTS: Mapping[str, tuple[str, ...]] = {
    "book": (
        "code",
        "name_th",
        "name_en",
        "opened_on",
        "fiscal_year_start_month",
        "opening_account",
    ),
    "chart": ("gl_code", "cad_code", "name_th", "name_en"),
    "members": ("party_id", "code", "name_th", "name_en", "region", "joined_on"),
    "accounts": ("code", "gl_code", "name_th", "name_en", "debit", "credit"),
    "products": (
        "product_code",
        "name_th",
        "name_en",
        "day_count",
        "rounding",
        "capitalisation_days",
        "gl_deposits",
        "expense_account",
        "payable_account",
    ),
    "rates": (
        "product_code",
        "effective_from",
        "annual_rate_percent",
        "made_by",
        "approved_by",
        "approved_on",
    ),
    "slabs": ("product_code", "effective_from", "slab_from", "annual_rate_percent"),
    "special_savings": ("product_code", "slab_rule", "minimum"),
    "banks": (
        "bank_code",
        "bank_no",
        "account_no",
        "name_th",
        "name_en",
        "account",
        "last_statement_no",
        "last_statement_balance",
    ),
    "payments": ("suspense_receipts", "suspense_payments", "outgoing_clearing", "bank_fees"),
    "contracts": (
        "contract_no",
        "product_code",
        "party_id",
        "name_th",
        "name_en",
        "balance",
        "accrued",
        "accrued_exact",
        "accrued_to",
    ),
    "limits": ("account", "balance_min", "balance_max"),
    "holds": ("hold_id", "account", "amount", "expires_on", "reference"),
    "notices": (
        "id",
        "kind",
        "status",
        "account",
        "amount",
        "bank",
        "value_date",
        "reference",
        "made_by",
        "received_by",
        "approved_by",
        "expires_on",
    ),
    "freezes": ("account", "debits", "credits", "until"),
    "trial_balance": ("gl_code", "debit", "credit"),
}
"""Fields by file name; a CSV header has all of them, in any order."""

REQUIRED = ("book", "trial_balance")

PRODUCT_CODE = (r"[A-Z][A-Z0-9_]{1,31}", "2 to 32 of A-Z, 0-9 and _, a letter first")
BANK_CODE = (r"[A-Z0-9]{2,12}", 'a bank code such as "KTB"')
NUMBER = (r"[0-9A-Za-z-]{1,34}", "1 to 34 of 0-9, A-Z, a-z and -")
REFERENCE = (r"[A-Z0-9]{1,35}", "1 to 35 characters A-Z and 0-9")
UUID_TEXT = (r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a UUID")
_DAYS = (r"[0-9]{2}-[0-9]{2}( [0-9]{2}-[0-9]{2})*", 'days MM-DD with spaces between: "06-30 12-31"')
_ACCRUED = re.compile(r"^(0|[1-9][0-9]{0,12})\.([0-9]{2,10})$", re.ASCII)
_EXACT_MAX = 10**15 * EXACT_DENOMINATOR
_YES_NO = {"yes": True, "no": False}


def read_directory(directory: Path, findings: Findings) -> CutOver:
    """Everything that the directory says; what cannot be read is in `findings`.

    Raises `InvalidInput` when there is no such directory.
    """
    if not directory.is_dir():
        raise InvalidInput.one("DIR", str(directory), "a directory that exists")
    paths = _paths(directory, findings)
    cut_over = CutOver(sha256=_sha256(paths), names=tuple(path.name for path in paths.values()))
    _read_book(paths.get("book"), findings, cut_over)
    cut_over.chart = _read(paths, "chart", findings, gl_account_of)
    cut_over.members = _read(paths, "members", findings, party_of)
    cut_over.accounts = _read(paths, "accounts", findings, _own)
    cut_over.products = _read(paths, "products", findings, _product)
    cut_over.rates = _read(paths, "rates", findings, _rate)
    cut_over.slabs = _read(paths, "slabs", findings, _slab)
    cut_over.special = _read(paths, "special_savings", findings, _special)
    cut_over.banks = _read(paths, "banks", findings, _bank)
    payments = _read(paths, "payments", findings, _payments)
    cut_over.payments = payments[0] if payments else None
    cut_over.contracts = _read(paths, "contracts", findings, _contract)
    cut_over.limits = _read(paths, "limits", findings, _limit)
    space = cut_over.book.code if cut_over.book is not None else ""
    cut_over.holds = _read(paths, "holds", findings, lambda row: _hold(row, space))
    cut_over.notices = _read(paths, "notices", findings, _notice)
    cut_over.freezes = _read(paths, "freezes", findings, _freeze)
    if "trial_balance" in paths:
        as_of = cut_over.book.opened_on if cut_over.book is not None else date.min
        path = paths["trial_balance"]
        cut_over.trial_balance = read_trial_balance(path, findings, as_of)
    return cut_over


def _paths(directory: Path, findings: Findings) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(directory.iterdir()):
        if path.name.startswith(".") or path.suffix == ".md":
            continue
        if path.stem not in LAYOUTS or path.suffix not in (".csv", ".jsonl"):
            expected = f"NAME.csv or NAME.jsonl with a NAME of {', '.join(LAYOUTS)}"
            findings.add(f"{path.name}:0:file", "another file", expected)
        elif path.stem in found:
            findings.add(f"{path.name}:0:file", "a second one", f"{found[path.stem].name} alone")
        else:
            found[path.stem] = path
    for name in REQUIRED:
        if name not in found:
            findings.add(f"{name}.csv:0:file", "no such file", "this file in the directory")
    return {name: found[name] for name in LAYOUTS if name in found}


def _sha256(paths: Mapping[str, Path]) -> bytes:
    digest = hashlib.sha256()
    for name, path in paths.items():
        digest.update(name.encode() + b"\0" + path.suffix.encode() + b"\0" + sha256_of(path))
    return digest.digest()


def _read(
    paths: Mapping[str, Path], name: str, findings: Findings, read: Callable[[Row], T]
) -> list[T]:
    if name not in paths:
        return []
    values = (
        findings.read(lambda row=row: read(row))  # type: ignore[misc]  # default binds the loop's value
        for row in rows_of(paths[name], findings, LAYOUTS[name])
    )
    return [value for value in values if value is not None]


def _read_book(path: Path | None, findings: Findings, cut_over: CutOver) -> None:
    if path is None:
        return
    rows = list(rows_of(path, findings, LAYOUTS["book"]))
    if len(rows) != 1:
        findings.add(f"{path.name}:1:line", f"{len(rows)} lines", "one line about the book")
    for row in rows[:1]:
        cut_over.book = findings.read(lambda: book_of(row))  # noqa: B023 - called at once
        code = findings.read(lambda: row.text("opening_account", ACCOUNT_CODE))  # noqa: B023 - called at once
        cut_over.opening_account = code or ""


def _at(row: Row) -> str:
    return f"{row.file}:{row.line}"


def _own(row: Row) -> OwnIn:
    return OwnIn(
        place=_at(row),
        code=row.text("code", ACCOUNT_CODE),
        gl_code=row.text("gl_code", GL_CODE),
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
        balance_satang=side_balance(row),
    )


def _product(row: Row) -> ProductIn:
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


def _rate(row: Row) -> RateIn:
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


def _slab(row: Row) -> SlabIn:
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


def _special(row: Row) -> SpecialIn:
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


def _bank(row: Row) -> BankIn:
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


def _payments(row: Row) -> PaymentsIn:
    codes = {name: row.text(name, ACCOUNT_CODE) for name in LAYOUTS["payments"]}
    return PaymentsIn(place=_at(row), **codes)


def _contract(row: Row) -> ContractIn:
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


def _limit(row: Row) -> LimitIn:
    return LimitIn(
        place=_at(row),
        account=row.text("account", ACCOUNT_CODE),
        balance_min=row.balance_or_none("balance_min"),
        balance_max=row.balance_or_none("balance_max"),
    )


def _hold(row: Row, name_space: str) -> HoldIn:
    return HoldIn(
        place=_at(row),
        hold_id=row.uuid("hold_id", name_space, "hold"),
        account=row.text("account", ACCOUNT_CODE),
        amount_satang=row.amount("amount"),
        expires_on=row.day_or_none("expires_on"),
        reference=row.text("reference", NOTHING_OR_TEXT, default=""),
    )


def _notice(row: Row) -> NoticeIn:
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


def _freeze(row: Row) -> FreezeIn:
    return FreezeIn(
        place=_at(row),
        account=row.text("account", ACCOUNT_CODE),
        debits=row.one_of("debits", _YES_NO),
        credits=row.one_of("credits", _YES_NO),
        until=row.day_or_none("until"),
    )
