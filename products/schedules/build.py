"""Terms to schedule, and a schedule gone on with from one of its rows. Pure.

The one entry for contracts, quotes, what-if, restructuring and tests. Rows before the one that a
change touches stay as they are, whatever the new terms say of later dates.
"""

from __future__ import annotations

from dataclasses import replace

from products.schedules.checks import check_terms
from products.schedules.values import LoanTerms, Schedule
from products.schedules.walk import Walk


def build(terms: LoanTerms) -> Schedule:
    """The schedule of the terms when everything is paid as it falls due.

    Raises `InvalidInput` naming what makes it impossible (`checks`), an instalment that does not
    cover its interest, a prepayment above the balance.
    """
    check_terms(terms)
    return finished(Walk.of(terms))


def go_on(schedule: Schedule, terms: LoanTerms, at: int, *, anew: bool = False) -> Schedule:
    """The schedule with new terms from row position `at` on; the rows before it stay.

    anew: the instalment is solved at the first period that pays principal; otherwise the rule in
          force stays until something in the terms asks for another.
    Raises as `build` does.
    """
    check_terms(terms)
    rows, kept = schedule.rows, schedule.rows[:at]
    walk = Walk.of(terms)
    walk.at, walk.rows = at, list(kept)
    if not anew:
        walk.in_force = rows[min(at, len(rows) - 1)].in_force
        # A level payment other than the agreed one was solved: the agreement has been replaced.
        level = walk.level()
        walk.agreed = level is None or level == terms.fixed_instalment_satang
    if kept:
        walk.balance, walk.deferred = kept[-1].closing_satang, kept[-1].deferred_satang
        walk.advance = kept[-1].advance_satang
    return finished(walk)


def finished(walk: Walk) -> Schedule:
    """The schedule of a walk, walked to its end; with the periods that were added on the way."""
    walk.run()
    terms = walk.terms
    if len(walk.periods) != len(terms.periods):
        terms = replace(terms, periods=tuple(walk.periods))
    return Schedule(terms=terms, rows=tuple(walk.rows))
