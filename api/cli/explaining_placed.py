"""`cff explain` of a placement: its term, its coupon and what was paid, a line each."""

from __future__ import annotations

from api.cli.output import money
from api.v1.placed_views import BroughtRateView, EarlyEndView, InterestPaymentView, PlacedView


def placed_lines(found: PlacedView) -> dict[str, object]:
    """The lines of a placement's term; one of None is not shown."""
    coupon = found.coupon
    last = ", the maturity" if coupon.last else ""
    return {
        "term": f"{found.term}, {found.begins_on} to {found.matures_on}{_moved(found)}: "
        f"{_baht(found.principal)} at {found.annual_rate_percent} %, both frozen",
        "coupon": f"{coupon.number} of {coupon.of}, from {coupon.from_date} on, "
        f"paid on {coupon.pays_on}{last}",
        **{f"paid {number}": _paid(each) for number, each in enumerate(found.payments, start=1)},
        "ended early": None if found.early_end is None else _early(found.early_end),
        "brought along": None if found.brought_rate is None else _brought(found.brought_rate),
    }


def _moved(found: PlacedView) -> str:
    if found.nominal_on == found.matures_on:
        return ""
    return f" ({found.nominal_on} is no banking day)"


def _paid(each: InterestPaymentView) -> str:
    interest = f"{_baht(each.interest)} on {each.paid_on}, interest through {each.through}"
    if each.tax_percent is None:
        return f"{interest}; journal {each.journal_id}"
    form = f", {each.form}" if each.form else ""
    return (
        f"{interest}; tax {_baht(each.tax)} ({each.tax_percent} %{form}), {_baht(each.net)} to "
        f"{each.paid_to}; journal {each.journal_id}"
    )


def _early(found: EarlyEndView) -> str:
    return (
        f"on {found.ended_on}, by the rule from {found.rule_from_months} months: the term's days "
        f"have earned {_baht(found.earned)} after all; its coupons had paid "
        f"{_baht(found.paid_before)}; proposed by {found.proposed_by}, done by {found.decided_by}"
    )


def _brought(found: BroughtRateView) -> str:
    return (
        f"{found.annual_rate_percent} % from an old system, as note {found.recorded_seq} of "
        f"{found.business_date} by {found.by} says"
    )


def _baht(amount: str) -> str:
    return money(amount) or amount
