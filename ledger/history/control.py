"""Control totals of an old system: its trial balances as files, and what differs from them.

A line is a GL code with its balance on the debit or on the credit side. Inside, a balance is
credits less debits in satang. Codes that a trial balance does not name must stand at zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ledger.errors import InvalidInput
from ledger.history.texts import GL_CODE, Findings, Row, buddhist, rows_of
from ledger.money import format_baht

COLUMNS = ("gl_code", "debit", "credit")
DATED_COLUMNS = ("as_of", *COLUMNS)

Balances = Mapping[str, int]
"""GL code -> credits less debits, in satang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A GL code on which the books disagree; satang, credits less debits."""

    as_of: date
    gl_code: str
    expected_satang: int
    found_satang: int

    def __str__(self) -> str:
        expected, found = (
            format_baht(self.expected_satang, True),
            format_baht(self.found_satang, True),
        )
        gap = format_baht(self.found_satang - self.expected_satang, True)
        return (
            f"GL code {self.gl_code} at {buddhist(self.as_of)}: expected {expected}, found {found} "
            f"(off by {gap}; credits less debits)"
        )


def read_trial_balances(path: Path, findings: Findings) -> dict[date, dict[str, int]]:
    """Balances by date and GL code of a file whose lines are dated."""
    before = findings.count
    found: dict[date, dict[str, int]] = {}
    for row in rows_of(path, findings, DATED_COLUMNS):
        as_of = findings.read(lambda row=row: row.day("as_of"))  # type: ignore[misc]  # default binds the loop's value
        if as_of is not None:
            _add(row, findings, found.setdefault(as_of, {}))
    if findings.count == before:
        _require_balanced(path, findings, found)
    return found


def read_trial_balance(path: Path, findings: Findings, as_of: date) -> dict[str, int]:
    """Balances by GL code of a file about one date."""
    before = findings.count
    found: dict[str, int] = {}
    for row in rows_of(path, findings, COLUMNS):
        _add(row, findings, found)
    if findings.count == before:
        _require_balanced(path, findings, {as_of: found})
    return found


def side_balance(row: Row) -> int:
    """Credits less debits of a line with a debit and a credit column, one of them empty or zero."""
    sides = [row.balance_or_none(name) or 0 for name in ("debit", "credit")]
    for name, satang in zip(("debit", "credit"), sides, strict=True):
        if satang < 0:
            expected = "zero or more; a balance on the other side goes to the other column"
            raise InvalidInput.one(row.place(name), row.cells.get(name), expected)
    if all(sides):
        raise InvalidInput.one(row.place("credit"), row.cells.get("credit"), "one side only")
    return sides[1] - sides[0]


def differences(as_of: date, expected: Balances, found: Balances) -> list[Difference]:
    """Every GL code whose balances differ, by code; a code that is missing stands at zero."""
    return [
        Difference(
            as_of=as_of,
            gl_code=code,
            expected_satang=expected.get(code, 0),
            found_satang=found.get(code, 0),
        )
        for code in sorted({*expected, *found})
        if expected.get(code, 0) != found.get(code, 0)
    ]


def _add(row: Row, findings: Findings, balances: dict[str, int]) -> None:
    code = findings.read(lambda: row.text("gl_code", GL_CODE))
    satang = findings.read(lambda: side_balance(row))
    if code is None or satang is None:
        return
    if code in balances:
        findings.add(row.place("gl_code"), code, "each GL code once a date")
        return
    balances[code] = satang


def _require_balanced(
    path: Path, findings: Findings, found: Mapping[date, Mapping[str, int]]
) -> None:
    for as_of, balances in found.items():
        net = sum(balances.values())
        if net:
            got = f"credits less debits {format_baht(net)} at {buddhist(as_of)}"
            findings.add(f"{path.name}:1:credit", got, "debits and credits of the same sum")
