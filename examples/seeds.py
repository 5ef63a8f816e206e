"""The committed seeds, read: member co-ops, opening balances, banks and bank holidays.

One function a file of `examples/seed/`, each giving frozen rows with money already in satang and
dates already dates. The files are ours, so a bad value is a broken invariant of the example and is
reported with file and line by the ledger's own parsers. `chart.csv`, `rates.csv` and
`tax_rates.csv` are loaded by those who need them; the generator does not.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ledger.dates import days, parse_date
from ledger.money import parse_baht, parse_signed_baht
from pricing.rates import parse_rate_percent
from products.deposits.offers import Holiday

SEED = Path(__file__).parent / "seed"
"""The folder of the committed seeds."""

MONTH_FIRST = date(2026, 6, 1)
MONTH_LAST = date(2026, 6, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member co-op: a party of the book. `closed_on` is None while it is active."""

    member_code: str
    name_th: str
    name_en: str
    region: str
    joined_on: date
    status: str
    closed_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One savings account and its balance at the start of 1 June 2026, in satang."""

    account_no: str
    opening_satang: int
    closed: bool

    @property
    def member_code(self) -> str:
        """Account SAV-0042 belongs to member 0042."""
        return self.account_no.removeprefix("SAV-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """One bank account of the Facility; `last_sequence_no` is that of May's last statement."""

    bank_code: str
    bank_no: str
    account_no: str
    name_th: str
    name_en: str
    gl_code: str
    opening_satang: int
    last_sequence_no: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A fixed deposit that runs at the start of 1 June 2026, as it was agreed. Money in satang."""

    contract_no: str
    linked_no: str
    product_code: str
    principal_satang: int
    begins_on: date
    annual_rate_e8: int
    interest_paid: str
    instruction: str


def members() -> list[Member]:
    """The member co-ops of members.csv, in the order of their codes."""
    return [
        Member(
            member_code=row["member_code"],
            name_th=row["name_th"],
            name_en=row["name_en"],
            region=row["region"],
            joined_on=parse_date(row["joined_on"], f"{where}, joined_on"),
            status=row["status"],
            closed_on=parse_date(row["closed_on"], f"{where}, closed_on")
            if row["closed_on"]
            else None,
        )
        for where, row in rows("members.csv")
    ]


def openings() -> list[Opening]:
    """The savings accounts of opening.csv, in the order of their numbers."""
    return [
        Opening(
            account_no=row["account_no"],
            opening_satang=parse_signed_baht(row["opening_balance"], f"{where}, opening_balance"),
            closed=row["closed"] == "true",
        )
        for where, row in rows("opening.csv")
    ]


def placements() -> list[Placed]:
    """The fixed deposits of placements.csv, in the order of their numbers."""
    return [
        Placed(
            contract_no=row["contract_no"],
            linked_no=row["linked_no"],
            product_code=row["product_code"],
            principal_satang=parse_baht(row["principal"], f"{where}, principal"),
            begins_on=parse_date(row["begins_on"], f"{where}, begins_on"),
            annual_rate_e8=parse_rate_percent(row["annual_rate_percent"], f"{where}, rate"),
            interest_paid=row["interest_paid"],
            instruction=row["instruction"],
        )
        for where, row in rows("placements.csv")
    ]


def banks() -> list[Bank]:
    """The Facility's bank accounts of banks.csv."""
    return [
        Bank(
            bank_code=row["bank_code"],
            bank_no=row["bank_no"],
            account_no=row["account_no"],
            name_th=row["name_th"],
            name_en=row["name_en"],
            gl_code=row["gl_code"],
            opening_satang=parse_signed_baht(row["opening_balance"], f"{where}, opening_balance"),
            last_sequence_no=int(row["last_sequence_no"]),
        )
        for where, row in rows("banks.csv")
    ]


def bank_holidays() -> dict[date, Holiday]:
    """The bank holidays of calendar.csv by their dates."""
    found = [
        Holiday(
            on=parse_date(row["date"], f"{where}, date"),
            name_th=row["name_th"],
            name_en=row["name_en"],
        )
        for where, row in rows("calendar.csv")
    ]
    return {holiday.on: holiday for holiday in found}


def banking_days() -> tuple[date, ...]:
    """The days of June 2026 on which Thai banks work: Monday to Friday, no bank holiday."""
    closed = bank_holidays()
    after = date.fromordinal(MONTH_LAST.toordinal() + 1)
    return tuple(d for d in days(MONTH_FIRST, after) if d.weekday() < 5 and d not in closed)


def rows(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row of a seed file, with its file and line for messages."""
    with (SEED / name).open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            yield f"{name} line {number}", row
