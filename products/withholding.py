"""Tax withheld from interest (ภาษีหัก ณ ที่จ่าย): a dated table by holder and product. Pure.

Who holds the contract and what it is decide the rate on the date of payment. A combination that the
table does not name is refused: no tax is a row that says zero, never a row that is missing. The tax
is a part of the interest paid at once, rounded by the table's rule (half-up to the satang unless it
says otherwise), and the certificate carries the row's form.

What the table holds is data: a registered co-op is no company under section 39 of the Revenue Code
and its row says 0%.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from ledger.errors import InvalidInput
from pricing.dated import Dated, DatedRow
from products.interest.rounding import HALF_UP_TO_A_SATANG, RoundingRule

_ALL_E8 = 10**8


class HolderType(enum.Enum):
    """Who receives the interest, as the Revenue Code tells them apart."""

    COOPERATIVE = "cooperative"
    COMPANY = "company"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """A rate of tax in 10^-8 of the interest, and the form it is filed on ("" when nothing is).

    Raises `InvalidInput` for a rate outside 0 to 100 percent.
    """

    rate_e8: int
    form: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.rate_e8 <= _ALL_E8:
            raise InvalidInput.one("tax rate", self.rate_e8, f"0 to {_ALL_E8}, in 10^-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRow:
    """One line of the table, in force on [from_date, to_date); None = until changed.

    product: the family that pays ("savings", "fixed", "note").
    """

    holder: HolderType
    product: str
    from_date: date
    to_date: date | None
    tax: TaxRate


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """Interest paid, the tax taken from it, what the holder receives."""

    interest_satang: int
    tax_satang: int
    tax: TaxRate

    @property
    def net_satang(self) -> int:
        """Interest less tax."""
        return self.interest_satang - self.tax_satang


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTable:
    """Every rate of tax by holder, product and date."""

    rates: Mapping[tuple[HolderType, str], Dated[TaxRate]]
    rounding: RoundingRule = HALF_UP_TO_A_SATANG

    @classmethod
    def of(cls, rows: Iterable[TaxRow], rounding: RoundingRule = HALF_UP_TO_A_SATANG) -> TaxTable:
        """The table of these rows. Raises `InvalidInput` for a gap or an overlap of dates."""
        found: dict[tuple[HolderType, str], list[DatedRow[TaxRate]]] = {}
        for row in rows:
            dated = DatedRow(from_date=row.from_date, to_date=row.to_date, value=row.tax)
            found.setdefault((row.holder, row.product), []).append(dated)
        rates = {
            (holder, product): Dated.of(f"tax of {holder.value}, {product}", dated)
            for (holder, product), dated in found.items()
        }
        return cls(rates=rates, rounding=rounding)

    def withheld(
        self, interest_satang: int, holder: HolderType, product: str, on: date
    ) -> Withheld:
        """The tax on interest paid on the date `on`. Raises `InvalidInput` when no row says it."""
        dated = self.rates.get((holder, product))
        if dated is None:
            raise InvalidInput.one(
                "tax table",
                f"no row of {holder.value}, {product}",
                "a row for each holder and product, 0% where nothing is withheld",
            )
        return withhold(interest_satang, dated.on(on), self.rounding)


def withhold(
    interest_satang: int, tax: TaxRate, rounding: RoundingRule = HALF_UP_TO_A_SATANG
) -> Withheld:
    """Take the tax from interest that is zero or more."""
    if interest_satang < 0:
        raise InvalidInput.one("interest", interest_satang, "0 or more")
    amount = rounding.settle(interest_satang * tax.rate_e8, _ALL_E8)
    return Withheld(interest_satang=interest_satang, tax_satang=amount, tax=tax)
