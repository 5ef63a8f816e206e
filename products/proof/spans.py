"""Spans and legs of interest against the life that the proof lives. Pure.

Written from docs/interest.md: a span tells of every date from its first on, until one of a higher
number does. So what a night knew is told again here, span by span in the order of their numbers,
and each date is compared with the life: as the night of that date knew it, and after each
correction for every date that it could have changed. A leg stands where its newest span leaves it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from ledger.proof.report import Difference, compare, differ
from products.proof.life import Facts, Life, dates, reached, shut

CHECK = "spans are the balances by value date"
STANDING = "interest stands where its spans leave it"
_ONE_DAY = timedelta(days=1)
_TOLD = ("balance_satang", "annual_rate_e8", "year_days")
_UNTOLD: dict[str, int] = {
    "balance_satang": 0,
    "annual_rate_e8": 0,
    "year_days": 365,
    "slope_exact": 0,
}

Row = Any
"""An `asyncpg.Record`."""


class Telling:
    """What spans tell as known on one night after the other; nights only go forward."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = sorted(rows, key=lambda row: row["span_no"])
        self.read = 0
        self.good: list[Row] = []

    def know(self, night: date) -> None:
        """Take in every span that was made by that night."""
        while self.read < len(self.rows) and self.rows[self.read]["made_on"] <= night:
            row = self.rows[self.read]
            while self.good and self.good[-1]["from_date"] >= row["from_date"]:
                self.good.pop()
            self.good.append(row)
            self.read += 1

    def of(self, on: date) -> Row | None:
        """The span that tells of a date, as known by now."""
        for row in reversed(self.good):
            if row["from_date"] <= on:
                return row
        return None


def nights_of_corrections(rows: Sequence[Row]) -> set[date]:
    """Nights that wrote spans of dates before their own."""
    return {row["made_on"] for row in rows if row["from_date"] < row["made_on"]}


def check_spans(number: str, facts: Facts, life: Life, rows: Sequence[Row]) -> list[Difference]:
    """Every date that the life has lived, as each night told it; and the rows for themselves."""
    found = list(_in_order(number, facts, rows))
    telling = Telling(rows)
    corrected = nights_of_corrections(rows) | {night for _, night in life.corrections}
    exact: dict[date, int] = {}
    balance: dict[date, int] = {}
    nights = {*life.accruals, *corrected, *(end.closing.closed_on for end in life.ends)}
    for night in sorted(nights):
        telling.know(night)
        if night in corrected:
            found += _after_correction(number, facts, life, telling, night, exact, balance)
        accrued = life.accruals.get(night)
        if accrued is not None:
            found += _as_accrued(number, night, accrued, telling.of(night))
            exact[night], balance[night] = accrued["exact"], accrued["balance_satang"]
    found += _of_closings(number, facts, life, rows)
    return found


def _in_order(number: str, facts: Facts, rows: Sequence[Row]) -> Iterator[Difference]:
    """Numbers from one on without a gap; none tells of dates before the first that bears."""
    made = date.min
    for place, row in enumerate(sorted(rows, key=lambda row: row["span_no"]), start=1):
        where = f"products.interest_span {number} {row['from_date']} made on {row['made_on']}"
        yield from differ(CHECK, f"{where}, number", place, row["span_no"])
        if row["made_on"] < made:
            yield from differ(CHECK, where, f"made on {made} or later", f"made on {row['made_on']}")
        made = max(made, row["made_on"])
        if row["from_date"] < facts.interest_from:
            yield from differ(CHECK, where, f"from {facts.interest_from} on", row["from_date"])


def _as_accrued(
    number: str, on: date, accrued: dict[str, int], row: Row | None
) -> Iterator[Difference]:
    where = f"products.interest_span {number} {on}"
    if row is None:
        yield from differ(CHECK, where, "a span", "none")
        return
    days = (on - row["from_date"]).days
    through = int(row["base_exact"]) + int(row["slope_exact"]) * (days + 1)
    told: dict[str, object] = {name: row[name] for name in _TOLD}
    told |= {"exact": int(row["slope_exact"]), "cumulative_exact": through}
    expected: dict[str, object] = {name: accrued[name] for name in told}
    yield from compare(CHECK, where, expected, told)


def _after_correction(
    number: str,
    facts: Facts,
    life: Life,
    telling: Telling,
    night: date,
    exact: dict[date, int],
    balance: dict[date, int],
) -> Iterator[Difference]:
    """Every date before the night, as known after it: what the life corrected, and nothing else."""
    for (on, made_on), delta in life.corrections.items():
        if made_on == night:
            exact[on] = exact.get(on, 0) + delta["exact_delta"]
            balance[on] = delta["balance_satang"]
    first = min(
        (row["from_date"] for row in telling.good if row["made_on"] == night), default=night
    )
    changed = [on for on, made_on in life.corrections if made_on == night]
    running = _earned_before(facts, exact, min([first, *changed]))
    for on in dates(min([first, *changed]), night - _ONE_DAY):
        if on < facts.interest_from:
            continue
        if facts.terms.ends_period(on - _ONE_DAY) and on > facts.interest_from:
            running = 0
        running += exact.get(on, 0)
        row = telling.of(on)
        where = f"products.interest_span {number} {on} made on {night}"
        if row is None:
            yield from differ(CHECK, where, "a span", "none")
            continue
        expected: dict[str, object] = {
            "balance_satang": balance.get(on, 0),
            "exact": exact.get(on, 0),
        }
        told: dict[str, object] = {
            "balance_satang": row["balance_satang"],
            "exact": int(row["slope_exact"]),
        }
        if row["made_on"] == night:
            days = (on - row["from_date"]).days + 1
            told["cumulative_exact"] = int(row["base_exact"]) + int(row["slope_exact"]) * days
            expected["cumulative_exact"] = running
            for name, value in (
                ("annual_rate_e8", reached(facts.rates.get(on, ()), balance.get(on, 0))),
                ("year_days", facts.terms.year_days(on)),
            ):
                told[name], expected[name] = row[name], value
        yield from compare(CHECK, where, expected, told)


def _earned_before(facts: Facts, exact: dict[date, int], on: date) -> int:
    """What the period that a date lies in had earned before it."""
    earned, day = 0, on
    while day > facts.interest_from and not facts.terms.ends_period(day - _ONE_DAY):
        day -= _ONE_DAY
        earned += exact.get(day, 0)
    return earned + (facts.brought if day <= facts.interest_from else 0)


def _of_closings(
    number: str, facts: Facts, life: Life, rows: Sequence[Row]
) -> Iterator[Difference]:
    """A closing writes a span of nothing, before anything else of its day; it keeps the earnings
    of its period. A closed contract has no other."""
    made: dict[date, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["span_no"]):
        made.setdefault(row["made_on"], []).append(row)
    for end in life.ends:
        closed_on = end.closing.closed_on
        where = f"products.interest_span {number}, closing of {closed_on}"
        if not made.get(closed_on):
            yield from differ(CHECK, where, "a span of nothing", "none")
            continue
        row = made[closed_on].pop(0)
        expected = {**_UNTOLD, "base_exact": end.earned}
        told: dict[str, object] = {name: int(row[name]) for name in expected}
        expected_from = max(closed_on, facts.interest_from)
        yield from compare(
            CHECK,
            where,
            {**expected, "from_date": expected_from},
            {**told, "from_date": row["from_date"]},
        )
    for night, left in made.items():
        yield from _of_night(number, facts, night, left)


def _of_night(number: str, facts: Facts, night: date, rows: Sequence[Row]) -> Iterator[Difference]:
    """Spans of a night tell of its own date and earlier ones, each of later dates than the last."""
    told = date.min
    for row in rows:
        where = f"products.interest_span {number} {row['from_date']} made on {night}"
        if any(shut(closing, night) for closing in facts.closings):
            yield from differ(CHECK, where, "none: the contract was closed", "a span")
        elif not told < row["from_date"] <= night:
            expected = f"from a date after {told} through {night}"
            yield from differ(CHECK, where, expected, f"from {row['from_date']}")
        told = row["from_date"]


def check_standing(
    row: Row, facts: Facts, life: Life, spans: Sequence[Row], proven: date | None
) -> Iterator[Difference]:
    """The leg against the life, and against its newest span."""
    where = f"products.interest_leg {row['contract_no']}"
    if row["standing"] is None:
        yield from differ(STANDING, where, "a row", "none")
        return
    newest = max(spans, key=lambda span: span["span_no"], default=None)
    last = facts.last_accrual
    days = max(0, (last - row["since"]).days + 1)
    through = int(row["base_exact"]) + int(row["slope_exact"]) * days
    expected: dict[str, object] = {
        "bears_from": facts.interest_from,
        "ended_on": row["closed_on"],
        "product_code": row["product_code"],
        "span_no": 0 if newest is None else newest["span_no"],
        "period_start": life.period_start,
        "exact": life.cumulative_exact,
        "accrued_satang": life.accrued,
        "credited_satang": life.credited,
    }
    found: dict[str, object] = {
        "bears_from": row["bears_from"],
        "ended_on": row["ended_on"],
        "product_code": row["leg_product"],
        "span_no": row["span_no"],
        "period_start": row["period_start"],
        "exact": through,
        "accrued_satang": row["settled_satang"] + facts.terms.satang(through),
        "credited_satang": row["credited_satang"],
    }
    for name in _UNTOLD:
        expected[name] = _UNTOLD[name] if newest is None else int(newest[name])
        found[name] = int(row[name])
    if newest is None or newest["from_date"] != row["since"]:
        expected["since"], found["since"] = _begins(facts, newest), row["since"]
    being_credited = facts.terms.ends_period(last) and (proven is None or proven < last)
    if being_credited and row["period_start"] <= last:
        # Between accrue and capitalise of a period's last night.
        for name in ("period_start", "exact"):
            del expected[name], found[name]
    yield from compare(STANDING, where, expected, found)


def _begins(facts: Facts, newest: Row | None) -> date:
    """First date of the running span: the date to come where its night has still to write it."""
    following = facts.last_accrual + _ONE_DAY
    reopened = any(closing.reopened_on == following for closing in facts.closings)
    if newest is None or reopened or facts.terms.ends_period(facts.last_accrual):
        return following
    begun: date = newest["from_date"]
    return begun
