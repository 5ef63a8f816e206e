"""What the days of a term have earned when it ends early, worked out day by day. Pure.

Written from docs/placements.md: whole months held name the rule; it pays nothing, the term's own
rate or the savings product's rate of each date (of the slab that the principal reaches), a part of
it and then so many points less, never below zero. A part is rounded half up to 10^-8; the interest
of all days is rounded once, as the product rounds.
"""

from __future__ import annotations

from datetime import date

from products.proof.calendars import ONE_DAY, whole_months
from products.proof.life import Terms, dates, reached
from products.proof.placed import EarlyRule, Sheet, Term, in_force

_NOTHING, _CONTRACT = "nothing", "contract"


def rule_for(rules: tuple[EarlyRule, ...], begins_on: date, ends_on: date) -> EarlyRule | None:
    """The rule for the whole months from one date to another; None = the table has none."""
    held = whole_months(begins_on, ends_on)
    return max(
        (rule for rule in rules if rule.from_months <= held),
        key=lambda rule: rule.from_months,
        default=None,
    )


def earned(
    terms: Terms, rule: EarlyRule, term: Term, savings: tuple[Sheet, ...], ends_on: date
) -> int:
    """Satang of interest that [begins_on, ends_on) has earned by a rule."""
    exact = 0
    for on in dates(term.begins_on, ends_on - ONE_DAY):
        rate = _paid(rule, _rate(rule, term, savings, on))
        exact += terms.earned(on, term.principal, ((0, rate),))
    return terms.satang(exact)


def _rate(rule: EarlyRule, term: Term, savings: tuple[Sheet, ...], on: date) -> int:
    if rule.source == _NOTHING:
        return 0
    if rule.source == _CONTRACT:
        return term.rate
    sheet = in_force(savings, on)
    return reached(sheet.lines, term.principal) if sheet else 0


def _paid(rule: EarlyRule, rate: int) -> int:
    whole, rest = divmod(rate * rule.part, 100)
    return max(whole + (rest >= 50) - rule.penalty, 0)
