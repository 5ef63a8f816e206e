"""What explanations say of a savings book, and the same worked out from the ledger alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction

from ledger.money import Rounding
from pricing.quotes import ApprovedSheet
from products.contracts import by_no
from products.deposits.telling import Placed
from products.explaining import ExplainedLeg, explain
from products.interest import EXACT_DENOMINATOR, DayCount
from tests.products.night_by_night import nights, of_a_night, rounded
from tests.products.savings_scene import Savings, balances_by_value_date


async def told(scene: Savings, number: str, on: date, known_on: date | None = None) -> ExplainedLeg:
    """The one leg of a savings contract on a date."""
    async with scene.pool.acquire() as connection:
        contract = await by_no(connection, scene.book.book_id, number)
        found = await explain(connection, contract, on, known_on=known_on)
    (leg,) = found.legs
    return leg


def sheet_of(leg: ExplainedLeg) -> ApprovedSheet:
    """The sheet that a date's rates are of: no old system brought them along."""
    assert leg.sheet is not None
    return leg.sheet


def placed_in(leg: ExplainedLeg) -> Placed:
    """The term of a placement's date."""
    assert leg.placed is not None
    return leg.placed


def fraction(exact: int) -> Fraction:
    """Exact interest as satang."""
    return Fraction(exact, EXACT_DENOMINATOR)


def posted_in(leg: ExplainedLeg) -> int:
    """What an explanation says was posted for its date, in satang; it adds up within itself."""
    assert leg.differences == ()
    later = sum(each.change.amount_satang for each in leg.changes)
    assert leg.first.posted_satang + later == leg.figure.posted_satang
    assert leg.working.posted_satang == leg.figure.posted_satang
    return leg.working.posted_satang


async def posted(scene: Savings, number: str, on: date) -> int:
    """What was posted for a date, as known now."""
    return posted_in(await told(scene, number, on))


async def expense_by_date(scene: Savings, known_on: date) -> dict[date, int]:
    """Interest expense by value date, of journals up to a business date."""
    rows = await scene.pool.fetch(
        "SELECT m.value_date, sum(m.debits - m.credits)::bigint AS net FROM ledger.movement AS m "
        "WHERE m.book_id = $1 AND m.account_id = $2 AND m.business_date <= $3 GROUP BY 1",
        scene.book.book_id,
        scene.product.expense_account,
        known_on,
    )
    return {row["value_date"]: row["net"] for row in rows if row["net"]}


async def credits_of(scene: Savings, number: str) -> dict[date, int]:
    """Capitalised interest by period end, corrections of it included."""
    rows = await scene.pool.fetch(
        "SELECT period_end, sum(amount_satang)::bigint AS amount FROM products.capitalisation "
        "WHERE book_id = $1 AND contract_id = $2 GROUP BY 1",
        scene.book.book_id,
        scene.contract_id(number),
    )
    return {row["period_end"]: row["amount"] for row in rows}


async def worked_out(
    scene: Savings, number: str, rates: Mapping[date, int], day_count: DayCount
) -> dict[date, tuple[int, Fraction, int]]:
    """Balance, satang earned exactly and satang posted of each date, from value-dated movements.

    rates: `annual_rate_e8` of every date to be worked out, the first being the contract's first.
    """
    net = await balances_by_value_date(scene, number)
    credited = await credits_of(scene, number)
    found: dict[date, tuple[int, Fraction, int]] = {}
    before = Fraction(0)
    first, last = min(rates), max(rates)
    for on in nights(first, last + timedelta(days=1)):
        movements = sum(amount for day, amount in net.items() if day <= on)
        balance = movements - credited.get(on, 0)
        earned = of_a_night(max(balance, 0), rates[on], on, day_count)
        growth = rounded(before + earned, Rounding.HALF_UP) - rounded(before, Rounding.HALF_UP)
        found[on] = (balance, earned, growth)
        ends = f"{on:%m-%d}" in scene.product.terms.capitalisation_days
        before = Fraction(0) if ends else before + earned
    return found
