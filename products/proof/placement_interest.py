"""Interest of a placement, compared: every span and the leg against the life. Pure.

A placement is not corrected: its spans are those of the nights on which its principal, its rate,
the year or its period changed, each made on its own first date, and a span of nothing at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ledger.proof.report import Difference, compare, differ
from products.proof.placed import Facts, Life
from products.proof.placement_rows import Row

SPANS = "spans are their terms'"
STANDING = "interest stands where its terms leave it"
_COLUMNS = (
    "from_date",
    "balance_satang",
    "annual_rate_e8",
    "year_days",
    "slope_exact",
    "base_exact",
)


def check_spans(number: str, life: Life, rows: Sequence[Row]) -> Iterator[Difference]:
    """The spans of a placement, one by one in the order of their numbers."""
    told = sorted(rows, key=lambda row: row["span_no"])
    for place, (span, row) in enumerate(zip_longest(life.spans, told), start=1):
        first = span[0] if span else row["from_date"]
        where = f"products.interest_span {number} {first}"
        if span is None or row is None:
            pair = ("a span", "none") if span else ("none", "a span")
            yield from differ(SPANS, where, *pair)
            continue
        expected: dict[str, object] = dict(zip(_COLUMNS, span, strict=True))
        is_end = life.leg.ended_on is not None and place == len(life.spans)
        expected |= {"span_no": place, "made_on": life.leg.ended_on if is_end else first}
        yield from compare(SPANS, where, expected, {name: row[name] for name in expected})


def check_leg(row: Row, facts: Facts, life: Life) -> Iterator[Difference]:
    """The leg as the life leaves it."""
    where = f"products.interest_leg {row['contract_no']}"
    if row["standing"] is None:
        yield from differ(STANDING, where, "a row", "none")
        return
    leg = life.leg
    expected: dict[str, object] = {
        "leg_product": row["product_code"],
        "bears_from": facts.bears_from,
        "period_start": leg.period_start,
        "since": leg.since,
        "balance_satang": leg.balance,
        "annual_rate_e8": leg.rate,
        "year_days": leg.year_days,
        "slope_exact": leg.slope,
        "base_exact": leg.base,
        "settled_satang": leg.settled,
        "credited_satang": leg.credited,
        "ended_on": leg.ended_on,
        "span_no": leg.span_no,
    }
    yield from compare(STANDING, where, expected, {name: row[name] for name in expected})
