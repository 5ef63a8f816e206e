"""`cff explain`: what a contract earned on a date, from balance and rate to the journal.

A record that is not what its inputs give is said in red, and the command exits 1.
"""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.context import reading_book
from api.cli.explaining_placed import placed_lines
from api.cli.output import Facts, Json, money, out, run
from api.cli.reading import BookOption, date_or_none, show_pairs
from api.settings import Settings
from api.v1.interest_views import (
    CarryingView,
    DifferenceView,
    ExactView,
    ExplanationView,
    FigureView,
    InterestChangeView,
    LegView,
    PartView,
    SheetView,
    explanation_view,
)
from ledger.dates import parse_date
from products import contracts
from products.explaining import explain as explained


def explain(
    contract: Annotated[str, typer.Argument(metavar="CONTRACT", help="Number of the contract.")],
    on: Annotated[str, typer.Argument(metavar="DATE", help="The date, YYYY-MM-DD.")],
    known_on: Annotated[
        str | None,
        typer.Option("--known-on", help="As known on this night, YYYY-MM-DD; default: now."),
    ] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Any night's interest of any contract: balance, rates, days, rounding, journal, corrections.

    Worked out from movements and rate sheets, and compared with what the nights recorded.
    """
    told: list[ExplanationView] = []

    async def work() -> Facts:
        day, night = parse_date(on, "DATE"), date_or_none(known_on, "--known-on")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            known = await contracts.by_no(connection, found.book_id, contract)
            view = explanation_view(
                await explained(connection, known, day, known_on=night), whole_book=True
            )
        told.append(view)
        return view.model_dump()

    run(
        work(),
        json,
        lambda _: _show(told[0]),
        failed=lambda _: any(leg.differences for leg in told[0].legs),
    )


def _show(found: ExplanationView) -> None:
    known = f", as known on the night of {found.known_on}" if found.known_on else ""
    product = f"{found.product}, {found.product_name_th}"
    out.print(f"{found.contract} ({product}) on {found.date}{known}", markup=False)
    for leg in found.legs:
        if len(found.legs) > 1:
            out.print(f"leg {leg.leg}")
        show_pairs(_lines(leg))
        for change in leg.changes:
            out.print(_changed(change), markup=False)
        for difference in leg.differences:
            out.print(_differs(difference), markup=False, style="bold red")


def _lines(leg: LegView) -> dict[str, object]:
    """A leg in plain words, a line a number; a line of None is not shown."""
    figure, period = leg.figure, leg.figure.period
    return {
        "closed": _closed(leg),
        "balance": f"{_baht(figure.balance)} by value date, at the close of the date",
        **({} if leg.placement is None else placed_lines(leg.placement)),
        "rate sheet": None if leg.rate_sheet is None else _sheet(leg.rate_sheet),
        **_priced(figure),
        "day": f"1 of {figure.year_days} ({figure.day_count})",
        "exact": _exact(figure.exact),
        "period": f"from {period.start}; {_exact(period.base)} before {period.since}, "
        f"then {_days(period.days)} like this one",
        "through before": f"{_exact(period.exact_through_day_before)}, rounded "
        f"{_baht(period.rounded_through_day_before)}",
        "through date": f"{_exact(period.exact_through_date)}, rounded "
        f"{_baht(period.rounded_through_date)}",
        "rounding": f"{figure.rounding.mode.replace('_', ' ')} to {figure.rounding.step}",
        "posted": f"{_baht(figure.posted)}, the difference",
        "recorded": _span(figure),
        "by its night": _baht(leg.first_posted) if leg.changes else None,
        "journal": _journal(leg.journal),
    }


def _closed(leg: LegView) -> str | None:
    if leg.closed_on is None:
        return None
    return f"on {leg.closed_on}, opened again on {leg.reopened_on}: nothing came late of this date"


def _sheet(sheet: SheetView) -> str:
    """The sheet and all of its lines, the first without its bound of 0.00."""
    first, *above = sheet.lines
    told = [f"from {_baht(line.slab_from)} {line.annual_rate_percent} %" for line in above]
    rates = "; ".join([f"{first.annual_rate_percent} %", *told])
    return (
        f"{sheet.id}, in force from {sheet.effective_from}, approved by {sheet.approved_by} "
        f"on {sheet.approved_on}: {rates}"
    )


def _priced(figure: FigureView) -> dict[str, object]:
    """The rates that the balance earns by, a line a slice; or why it earns nothing."""
    if figure.earns_nothing == "below_zero":
        return {"earns nothing": f"balance {_baht(figure.balance)} < 0.00"}
    if figure.earns_nothing == "below_minimum":
        minimum = _baht(figure.minimum_balance)
        return {"earns nothing": f"balance {_baht(figure.balance)} < minimum {minimum}"}
    if figure.slab_rule == "slice":
        return {
            f"slice {number}": f"{_baht(part.amount)} {_slab(part)} at {part.annual_rate_percent} "
            f"% a year: {_exact(part.exact)}"
            for number, part in enumerate(figure.parts, start=1)
        }
    (part,) = figure.parts
    only = part.slab_to is None and part.slab_from == "0.00"
    reached = "" if only else f", the slab {_slab(part)}"
    return {"rate": f"{part.annual_rate_percent} % a year on the whole balance{reached}"}


def _slab(part: PartView) -> str:
    begins = f"from {_baht(part.slab_from)}"
    return begins if part.slab_to is None else f"{begins} to below {_baht(part.slab_to)}"


def _span(figure: FigureView) -> str:
    span = figure.span
    who = {
        "night": "found by the night of",
        "correction": "corrected by the night of",
        "closing": "ended by the closing of",
    }
    return f"span {span.number}, from {span.from_date} on, {who[span.told_by]} {span.made_on}"


def _differs(difference: DifferenceView) -> str:
    return (
        f"DIFFERENCE in {difference.what.replace('_', ' ')}, as known on the night of "
        f"{difference.known_on}: recorded {_baht(difference.recorded)}, worked out "
        f"{_baht(difference.worked_out)}; run cff verify"
    )


def _exact(amount: ExactView) -> str:
    return f"{amount.satang} satang"


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def _baht(amount: str) -> str:
    return money(amount) or amount


def _journal(journal: CarryingView | None) -> str | None:
    if journal is None:
        return None
    return f"{journal.id}, number {journal.recorded_seq}, {_baht(journal.amount)} in all"


def _changed(change: InterestChangeView) -> str:
    before, after = change.before, change.after
    text = (
        f"the night of {change.night} posted {_baht(change.amount)} for it: "
        f"balance {_baht(before.balance)} to {_baht(after.balance)}, "
        f"rate {before.annual_rate_percent} to {after.annual_rate_percent}, "
        f"interest {_baht(before.posted)} to {_baht(after.posted)}"
    )
    journal = _journal(change.journal)
    return text if journal is None else f"{text}; journal {journal}"
