"""The files of a cut-over, read: one layout each, every bad line named by file, line and field.

A directory holds `NAME.csv` (with a header) or `NAME.jsonl` for each name of `LAYOUTS`; only the
book, the contracts' own facts and the trial balance must be there. What is read is not yet judged
against the other files: that is `judging`. What one line stands for is `rows`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TypeVar

from ledger.errors import InvalidInput
from ledger.history.checking import sha256_of
from ledger.history.control import read_trial_balance
from ledger.history.records import book_of, gl_account_of, party_of
from ledger.history.texts import ACCOUNT_CODE, Findings, Row, rows_of
from products.cutover.rows import (
    PAYMENT_ACCOUNTS,
    bank_of,
    contract_of,
    freeze_of,
    hold_of,
    limit_of,
    notice_of,
    own_of,
    payments_of,
    product_of,
    rate_of,
    slab_of,
    special_of,
)
from products.cutover.values import CutOver

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
    "payments": PAYMENT_ACCOUNTS,
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
    cut_over.accounts = _read(paths, "accounts", findings, own_of)
    cut_over.products = _read(paths, "products", findings, product_of)
    cut_over.rates = _read(paths, "rates", findings, rate_of)
    cut_over.slabs = _read(paths, "slabs", findings, slab_of)
    cut_over.special = _read(paths, "special_savings", findings, special_of)
    cut_over.banks = _read(paths, "banks", findings, bank_of)
    payments = _read(paths, "payments", findings, payments_of)
    cut_over.payments = payments[0] if payments else None
    cut_over.contracts = _read(paths, "contracts", findings, contract_of)
    cut_over.limits = _read(paths, "limits", findings, limit_of)
    space = cut_over.book.code if cut_over.book is not None else ""
    cut_over.holds = _read(paths, "holds", findings, lambda row: hold_of(row, space))
    cut_over.notices = _read(paths, "notices", findings, notice_of)
    cut_over.freezes = _read(paths, "freezes", findings, freeze_of)
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
