"""What a member may owe: the rules, each with its id, its limit and the value that it judges. Pure.

Two limits look at the member: the ceiling that the Registrar approved for the year (วงเงินกู้ยืม) and
the part of own capital that a single borrower may owe. Both count what is owed today, what is
approved and not yet disbursed, and this request. Two look at the kind of loan. A missing ceiling or
single-borrower row is a limit of nothing: what nobody allowed is not allowed. All that fail are
listed, not the first alone; what was checked stands in the note of the step, kept or broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from ledger.errors import CffError
from ledger.money import format_baht
from products.loans.request_values import Asked

SHARE_ONE_E8 = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanKind:
    """A kind of loan in force and its bounds; `amount_max_satang` None = any amount."""

    loan_kind: str
    name_th: str
    name_en: str
    amount_max_satang: int | None
    term_months_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The Registrar's ceiling of a member: the document and the dates that it speaks of."""

    document_no: str
    document_date: date
    valid_from: date
    valid_to: date
    amount_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleBorrowerLimit:
    """The part of own capital that one member may owe; `share_e8` is the fraction x 10^8."""

    effective_from: date
    share_e8: int
    own_capital_satang: int
    document: str

    @property
    def limit_satang(self) -> int:
        """The most that one member may owe; a fraction of a satang is left out."""
        return self.own_capital_satang * self.share_e8 // SHARE_ONE_E8


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What a member owes and will owe, this request left out.

    outstanding_satang: sum of what its loan accounts owe today.
    committed_satang:   approved requests that may still be disbursed.
    """

    outstanding_satang: int
    committed_satang: int

    @property
    def used_satang(self) -> int:
        """Both."""
        return self.outstanding_satang + self.committed_satang


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A rule and what it was asked about; broken when the value is more than the limit.

    rule: its id. limit, value: satang, or months where `unit` says so. basis: the document or row.
    """

    rule: str
    limit: int
    value: int
    unit: str = "satang"
    basis: str = ""

    @property
    def broken(self) -> bool:
        """The value is above the limit."""
        return self.value > self.limit

    def facts(self) -> dict[str, object]:
        """For notes and answers: money under names that end in `_satang`."""
        return {
            "rule": self.rule,
            f"limit_{self.unit}": self.limit,
            f"value_{self.unit}": self.value,
            "basis": self.basis,
        }

    def __str__(self) -> str:
        money = self.unit == "satang"
        limit = f"{format_baht(self.limit)} baht" if money else f"{self.limit} {self.unit}"
        value = f"{format_baht(self.value)} baht" if money else f"{self.value} {self.unit}"
        basis = f" ({self.basis})" if self.basis else ""
        return f"{self.rule}: limit {limit}{basis}, value {value}"


class LimitExceeded(CffError):  # noqa: N818 - the name is what the clerk reads
    """One limit or more would be exceeded; `facts["failures"]` lists each rule, limit and value."""

    code: ClassVar[str] = "limit_exceeded"

    def __init__(self, failures: Sequence[Check]) -> None:
        self.failures = tuple(failures)
        self.facts = {"failures": [failure.facts() for failure in failures]}
        super().__init__("; ".join(str(failure) for failure in failures))


def checks_of_kind(kind: LoanKind, amount_satang: int, term_months: int) -> list[Check]:
    """An amount and a term against the bounds of the kind of loan."""
    found: list[Check] = []
    most, basis = kind.amount_max_satang, kind.loan_kind
    if most is not None:
        found.append(Check(rule="loan_kind_amount", limit=most, value=amount_satang, basis=basis))
    longest = kind.term_months_max
    found.append(
        Check(rule="loan_kind_term", limit=longest, value=term_months, unit="months", basis=basis)
    )
    return found


def checks_of_member(
    ceiling: Ceiling | None,
    single: SingleBorrowerLimit | None,
    exposure: Exposure,
    amount_satang: int,
) -> list[Check]:
    """The member's two limits, with this amount on top of its exposure."""
    value = exposure.used_satang + amount_satang
    return [
        Check(
            rule="borrowing_ceiling",
            limit=0 if ceiling is None else ceiling.amount_satang,
            value=value,
            basis="no ceiling is on record for this day"
            if ceiling is None
            else ceiling.document_no,
        ),
        Check(
            rule="single_borrower",
            limit=0 if single is None else single.limit_satang,
            value=value,
            basis="no single-borrower limit is in force" if single is None else single.document,
        ),
    ]


def checks_of_grant(asked: Asked, amount_satang: int, term_months: int) -> list[Check]:
    """What is granted or recommended against what was asked for: nobody is given more."""
    months = (asked.term_months, term_months)
    return [
        Check(rule="amount_asked", limit=asked.amount_satang, value=amount_satang),
        Check(rule="term_asked", limit=months[0], value=months[1], unit="months"),
    ]


def require_kept(checks: Sequence[Check]) -> None:
    """Raise `LimitExceeded` with all that are broken, if there are any."""
    broken = [check for check in checks if check.broken]
    if broken:
        raise LimitExceeded(broken)
