"""Late postings and interest: what was recorded against what a replay says, as differences. Pure.

A posting whose value date lies before its business date changes dates that a night has accrued
already. Nothing recorded is edited: the contract's days are replayed from the first one that the
posting touched, and the differences become new spans, correction journals and a new standing of the
running period, so that late equals on time, to the satang.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ledger.dates import days
from products.interest import AccrualDay, Replay, Terms, replay
from products.interest.earning import Conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the nights before have recorded of a contract, earlier corrections included.

    exact, balances:    by accrual date, from the replay's first date on.
    credits:            capitalised amounts by period end, from the replay's first date on.
    outstanding_satang: accrued and not yet credited, as it stands now.
    opening_exact:      what the period of the replay's first date had earned before it.
    """

    exact: Mapping[date, int]
    balances: Mapping[date, int]
    credits: Mapping[date, int]
    outstanding_satang: int
    opening_exact: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCorrection:
    """One accrual date that earns something else than was recorded.

    balance_satang: what the date bears from now on.
    exact_delta:    in 1/EXACT_DENOMINATOR satang.
    posted_delta:   satang by which the date's share of the posted interest changes; what a
                    rounding moved to a neighbouring date is here with a `exact_delta` of 0.
    """

    on: date
    balance_satang: int
    exact_delta: int
    posted_delta: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """All that a late posting changes for one contract; amounts are differences in satang.

    credits: by period end, what that capitalisation should have been more (or less).
    lived:   every date of the replay, as it is right now.
    cumulative_exact, cumulative_satang: the running period as it stands afterwards.
    """

    days: tuple[DayCorrection, ...]
    credits: Mapping[date, int]
    lived: tuple[AccrualDay, ...]
    cumulative_exact: int
    cumulative_satang: int

    @property
    def accrued_delta(self) -> int:
        """By how much all interest ever accrued changes, in satang."""
        return sum(day.posted_delta for day in self.days)

    @property
    def credited_delta(self) -> int:
        """By how much all interest ever credited changes, in satang."""
        return sum(self.credits.values())


def correct(
    *,
    terms: Terms,
    start: date,
    stop: date,
    opening_satang: int,
    changes: Mapping[date, int],
    rates: Mapping[date, int | Conditions],
    recorded: Recorded,
    may_credit: bool = True,
) -> Correction:
    """The differences over [start, stop); `stop` is the night's own date.

    `changes` leave capitalisations out. With `may_credit` False (the account refuses) no past
    credit changes: what is missing stays in accrued payable until the next capitalisation.
    """
    posted = _posted(terms, start, stop, recorded)
    before = (
        recorded.outstanding_satang
        - sum(posted.values())
        + sum(amount for end, amount in recorded.credits.items() if start <= end < stop)
    )
    fixed = _facts(terms, start, stop, posted, recorded.credits, before, not may_credit)
    lived = replay(
        terms=terms,
        start=start,
        stop=stop,
        changes=changes,
        rates=rates,
        opening_satang=opening_satang,
        outstanding_satang=before,
        opening_exact=recorded.opening_exact,
        fixed_credits=fixed,
    )
    return Correction(
        days=_day_corrections(lived, recorded, posted),
        credits=_credit_corrections(lived, recorded),
        lived=lived.accruals,
        cumulative_exact=lived.cumulative_exact,
        cumulative_satang=lived.cumulative_satang,
    )


def _posted(terms: Terms, start: date, stop: date, recorded: Recorded) -> dict[date, int]:
    """Satang that each date has posted: growth of the rounded recorded cumulative amount."""
    posted: dict[date, int] = {}
    cumulative = recorded.opening_exact
    rounded = int(terms.rounded(cumulative))
    for on in days(start, stop):
        cumulative += recorded.exact.get(on, 0)
        posted[on] = terms.rounded(cumulative) - rounded
        rounded += posted[on]
        if terms.ends_period(on):
            cumulative = rounded = 0
    return posted


def _facts(
    terms: Terms,
    start: date,
    stop: date,
    posted: Mapping[date, int],
    credited: Mapping[date, int],
    outstanding: int,
    all_of_them: bool,
) -> dict[date, int]:
    """Period ends whose credit stays as it is: those that left something in accrued payable.

    What was refused then (a frozen account) would have been refused for the right amount too; it
    is paid, right, at the next period end that was or will be credited.
    """
    fixed: dict[date, int] = {}
    for on in days(start, stop):
        outstanding += posted[on]
        if terms.ends_period(on):
            credit = credited.get(on, 0)
            outstanding -= credit
            if all_of_them or outstanding != 0:
                fixed[on] = credit
    return fixed


def _day_corrections(
    lived: Replay, recorded: Recorded, posted: Mapping[date, int]
) -> tuple[DayCorrection, ...]:
    found = []
    for day in lived.accruals:
        exact_delta = day.exact - recorded.exact.get(day.on, 0)
        posted_delta = day.posted_satang - posted[day.on]
        rebalanced = day.balance_satang != recorded.balances.get(day.on, 0)
        if rebalanced or exact_delta or posted_delta:
            found.append(
                DayCorrection(
                    on=day.on,
                    balance_satang=day.balance_satang,
                    exact_delta=exact_delta,
                    posted_delta=posted_delta,
                )
            )
    return tuple(found)


def _credit_corrections(lived: Replay, recorded: Recorded) -> dict[date, int]:
    deltas = {
        period.period_end: period.credited_satang - recorded.credits.get(period.period_end, 0)
        for period in lived.periods
    }
    return {end: delta for end, delta in deltas.items() if delta}
