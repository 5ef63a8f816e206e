"""The figure of one date: what a leg of interest earned on it, from its inputs. Pure.

A span tells of a date (docs/interest.md); with the product's terms everything follows from that one
row: the period's exact interest through the date and the day before, both rounded, and their
difference, which is what the date posted. Told with the spans that each night knew, the same date
also says what later nights changed.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from products.interest import EXACT_DENOMINATOR, Terms
from products.spans import Span


class Told(enum.Enum):
    """Who wrote the span that tells of a date."""

    NIGHT = "night"  # the night of the span's first date found balance and rate
    CORRECTION = "correction"  # a later night, after late postings
    CLOSING = "closing"  # the closing of the contract: nothing is earned from its date on


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSpan:
    """A span and who wrote it."""

    span: Span
    told_by: Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What one date earned; exact amounts in 1/EXACT_DENOMINATOR satang.

    period_start:   first date of the capitalisation period that the date lies in.
    since:          first date of the period that earned as this one does.
    base_exact:     what the period had earned before `since`.
    days:           dates from `since` to this one, both counted.
    before_satang:  the period's interest through the day before, rounded.
    through_satang: the same through the date; its growth is what the date posts.
    """

    on: date
    span: Span
    told_by: Told
    period_start: date
    since: date
    base_exact: int
    days: int
    before_satang: int
    through_satang: int

    @property
    def exact(self) -> int:
        """Interest of the date alone."""
        return self.span.slope_exact

    @property
    def before_exact(self) -> int:
        """Interest of the period through the day before."""
        return self.base_exact + self.exact * (self.days - 1)

    @property
    def through_exact(self) -> int:
        """Interest of the period through the date."""
        return self.base_exact + self.exact * self.days

    @property
    def posted_satang(self) -> int:
        """What the date posts, all corrections that are known included."""
        return self.through_satang - self.before_satang

    def says_the_same(self, other: Figure) -> bool:
        """True when balance, rate, exact interest and posted amount are those of another."""
        return _said(self) == _said(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A night that changed what a date before it had earned."""

    night: date
    before: Figure
    after: Figure

    @property
    def amount_satang(self) -> int:
        """What the night posted for the date; below zero where it took some back."""
        return self.after.posted_satang - self.before.posted_satang


def figure(told: ToldSpan, on: date, terms: Terms, began: date) -> Figure:
    """The figure of the date `on`, of the span that tells of it.

    began: first date of the period that the date lies in.
    """
    span = told.span
    since = max(span.from_date, began)
    # A span that an ended period began has nothing to say of what this one had earned.
    base = span.base_exact if span.from_date >= began else 0
    days = (on - since).days + 1
    through = base + span.slope_exact * days
    return Figure(
        on=on,
        span=span,
        told_by=told.told_by,
        period_start=began,
        since=since,
        base_exact=base,
        days=days,
        before_satang=terms.rounded(through - span.slope_exact),
        through_satang=terms.rounded(through),
    )


def changes(known: Sequence[Figure]) -> tuple[Change, ...]:
    """The nights that changed a date, of its figures in the order in which nights knew them.

    A correction writes its spans anew up to its own night, hence also of dates that it leaves as
    they were; those are no changes.
    """
    found: list[Change] = []
    for before, after in pairwise(known):
        if not before.says_the_same(after):
            found.append(Change(night=after.span.made_on, before=before, after=after))
    return tuple(found)


def satang_text(exact: int, places: int = 12) -> str:
    """Exact interest as satang: "2054.794520547945...", the dots where digits are left out."""
    whole, rest = divmod(abs(exact), EXACT_DENOMINATOR)
    digits, left = divmod(rest * 10**places, EXACT_DENOMINATOR)
    sign = "-" if exact < 0 else ""
    decimals = f"{digits:0{places}d}"
    if left:
        return f"{sign}{whole}.{decimals}..."
    kept = decimals.rstrip("0")
    return f"{sign}{whole}.{kept}" if kept else f"{sign}{whole}"


def _said(one: Figure) -> tuple[int, ...]:
    span = one.span
    return (span.balance_satang, span.annual_rate_e8, span.slope_exact, one.posted_satang)
