"""Spans: dates over which a leg of interest earns the same exact amount a day. Pure.

What a contract earns is stored where something changes (docs/interest.md): a span holds the amount
of one day (`slope_exact`) and what its capitalisation period had earned before (`base_exact`). A
span is good from its first date on, until one of a higher number says otherwise; so a correction
writes every span anew from the first date that differs, and what was known before is still there.
`products.interest.replay` is the specification: spans are its days, folded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ledger.dates import days
from products.interest import AccrualDay, Terms

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One row of `products.interest_span`; exact amounts in 1/EXACT_DENOMINATOR satang.

    made_on:      business date of the night that wrote it, or of the closing.
    slope_exact:  what each of its dates earns.
    base_exact:   what the capitalisation period had earned before `from_date`.
    """

    span_no: int
    from_date: date
    made_on: date
    balance_satang: int
    annual_rate_e8: int
    year_days: int
    slope_exact: int
    base_exact: int


def as_known(spans: Iterable[Span], known_on: date) -> tuple[Span, ...]:
    """The spans that are good as known at the night `known_on`, in order of their first dates."""
    good: list[Span] = []
    for span in sorted(spans, key=lambda span: span.span_no):
        if span.made_on <= known_on:
            good = [earlier for earlier in good if earlier.from_date < span.from_date]
            good.append(span)
    return tuple(good)


def expand(spans: Sequence[Span], start: date, stop: date) -> dict[date, Span]:
    """The span of each date of [start, stop), of good spans in order of their first dates.

    Dates before the first span are left out.
    """
    found: dict[date, Span] = {}
    for number, span in enumerate(spans):
        following = spans[number + 1].from_date if number + 1 < len(spans) else stop
        for on in days(max(span.from_date, start), min(following, stop)):
            found[on] = span
    return found


def folded(
    accruals: Sequence[AccrualDay], *, terms: Terms, first: date, made_on: date, after: int
) -> tuple[Span, ...]:
    """A correction's spans: the days of a replay from `first` on, folded; numbered from `after` on.

    A span begins where balance, rate or length of the year changes, and where a period begins.
    """
    spans: list[Span] = []
    for day in accruals:
        if day.on < first:
            continue
        span = Span(
            span_no=after + len(spans) + 1,
            from_date=day.on,
            made_on=made_on,
            balance_satang=day.balance_satang,
            annual_rate_e8=day.annual_rate_e8,
            year_days=terms.day_count.year_days(day.on),
            slope_exact=day.exact,
            base_exact=day.cumulative_exact - day.exact,
        )
        if not spans or _differs(spans[-1], span) or terms.ends_period(day.on - _ONE_DAY):
            spans.append(span)
    return tuple(spans)


def earned_before(spans: Sequence[Span], start: date, period_start: date) -> int | None:
    """What the period that `start` lies in had earned before it; None where no span tells.

    spans: good ones in order of their first dates. period_start: first date of the period.
    """
    if start == period_start:
        # Interest brought from an old system begins the first period: the caller knows of it.
        return None
    before = [span for span in spans if span.from_date < start]
    if not before:
        return None
    last = before[-1]
    since = max(last.from_date, period_start)
    base = last.base_exact if last.from_date >= period_start else 0
    return base + last.slope_exact * (start - since).days


def span_of(row: Mapping[str, Any]) -> Span:
    """A row of `products.interest_span`; numeric columns become exact integers."""
    return Span(
        span_no=row["span_no"],
        from_date=row["from_date"],
        made_on=row["made_on"],
        balance_satang=row["balance_satang"],
        annual_rate_e8=row["annual_rate_e8"],
        year_days=row["year_days"],
        slope_exact=int(row["slope_exact"]),
        base_exact=int(row["base_exact"]),
    )


def _differs(one: Span, other: Span) -> bool:
    return (one.balance_satang, one.annual_rate_e8, one.year_days, one.slope_exact) != (
        other.balance_satang,
        other.annual_rate_e8,
        other.year_days,
        other.slope_exact,
    )
