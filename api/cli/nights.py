"""The report of nights: what a person reads in a minute, and the same as facts.

Three tables: the dates that were closed; the products, summed over these dates; the contracts for
which less was done than was due, each with its reason. A night without such contracts says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from api.cli.output import Facts, err, money, out, table
from ledger.money import format_baht, parse_signed_baht
from ledger.refusals import REFUSALS
from products.deposits.standing import PLEDGED
from products.end_of_day import DayReport, ProductReport
from products.night_report import ListedContract, Sums

LISTED_MAX = 20
"""So many contracts are shown to people; `--json` gives all."""

_REASONS = {rule.code: rule.message_en for rule in REFUSALS} | {PLEDGED: "a hold pledges it"}


def night_facts(report: DayReport) -> dict[str, object]:
    """A night as facts; money as text with two places."""
    return {
        "business_date": report.business_date,
        "interest": format_baht(report.interest_satang),
        "steps": {
            step.step: {
                "contracts": step.contracts,
                "amount": format_baht(step.amount_satang),
                "refused": [asdict(refused) for refused in step.refused],
            }
            for step in report.steps
        },
        "products": [_product(product) for product in report.products],
    }


def _product(product: ProductReport) -> dict[str, object]:
    return {
        "product": product.product_code,
        "name_th": product.name_th,
        "name_en": product.name_en,
        "accrued": _sums(product.accrued),
        "credited": _sums(product.credited),
        "interest_paid": _sums(product.interest_paid),
        "tax": format_baht(product.tax_satang),
        "paid_out": _sums(product.paid_out),
        "rolled": _sums(product.rolled),
        "waiting": _sums(product.waiting),
        "ended_early": _sums(product.ended_early),
        "listed": [_listed(listed) for listed in product.listed],
    }


def _sums(sums: Sums) -> dict[str, object]:
    return {"contracts": sums.contracts, "amount": format_baht(sums.amount_satang)}


def _listed(listed: ListedContract) -> dict[str, object]:
    return asdict(listed) | {"reason": _REASONS.get(listed.code, listed.code.replace("_", " "))}


def show_nights(facts: Facts) -> None:
    """The report for people."""
    nights = facts["closed"]
    if not isinstance(nights, list) or not nights:
        out.print("0 dates closed and proven")
        return
    rows = [_date_row(night) for night in nights]
    dates = ("business date", "interest>", "coupons>", "tax>", "terms ended>", "listed>")
    table(f"{len(rows)} dates closed and proven", dates, rows)
    codes = sorted({each["product"] for night in nights for each in night["products"]})
    products = ("product", "contracts>", "accrued>", "credited>", "coupons>", "tax>")
    table("By product", products, [_interest_row(code, _of(code, nights)) for code in codes])
    ended = [_ended_row(code, _of(code, nights)) for code in codes]
    ended = [row for row in ended if any(row[1:])]
    if ended:
        ways = ("product", "paid out>", "rolled>", "waiting>", "withdrawn early>")
        table("Terms that ended, by principal", ways, ended)
    _show_listed(nights)


def _of(code: str, nights: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for night in nights for each in night["products"] if each["product"] == code]


def _date_row(night: dict[str, Any]) -> tuple[str, ...]:
    products = night["products"]
    ended = sum(
        p[name]["contracts"] for p in products for name in ("paid_out", "rolled", "waiting")
    )
    return (
        str(night["business_date"]),
        night["interest"],
        _total(p["interest_paid"]["amount"] for p in products),
        _total(p["tax"] for p in products),
        str(ended or ""),
        str(sum(len(p["listed"]) for p in products) or ""),
    )


def _interest_row(code: str, told: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return (
        f"{code} {told[-1]['name_th']}",
        f"{told[-1]['accrued']['contracts']:,}",
        _total(each["accrued"]["amount"] for each in told),
        _total(each["credited"]["amount"] for each in told),
        _counted("interest_paid", told),
        _total(each["tax"] for each in told),
    )


def _ended_row(code: str, told: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    names = ("paid_out", "rolled", "waiting", "ended_early")
    return (code, *(_counted(name, told) for name in names))


def _counted(name: str, told: Sequence[dict[str, Any]]) -> str:
    number = sum(each[name]["contracts"] for each in told)
    amount = money(_total(each[name]["amount"] for each in told))
    return f"{number:,}: {amount}" if number else ""


def _total(amounts: Iterable[str]) -> str:
    return format_baht(sum(parse_signed_baht(amount) for amount in amounts))


def _show_listed(nights: Sequence[dict[str, Any]]) -> None:
    listed = [
        (str(night["business_date"]), each)
        for night in nights
        for product in night["products"]
        for each in product["listed"]
    ]
    if not listed:
        out.print("nothing was left undone")
        return
    rows = [
        (day, each["contract_no"], each["step"], each["reason"])
        for day, each in listed[:LISTED_MAX]
    ]
    table("Less was done than was due", ("date", "contract", "step", "why"), rows)
    if len(listed) > LISTED_MAX:
        err.print(f"the first {LISTED_MAX} of {len(listed)}; --json gives all")
