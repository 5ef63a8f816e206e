"""Kinds `savings_interest`, `savings_backdated` and `savings_overdraft_interest`.

An account whose interest bears interest only once it is posted is lived by
`products.interest.running`, the pure function of our own accounts; one that compounds in between by
`products.calculators.compounding`. Interest earned and interest charged are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from products.calc.answers import Answer, day_text, money_text
from products.calc.fields import Fields
from products.calc.lines import dates_text, earning_line, fine_text, rate_text, settled_text
from products.calc.savings_case import ONE_DAY, SavingsCase, read_savings
from products.calculators.compounding import CompoundingTerms, FinePosting, grow
from products.interest.rounding import RoundingRule
from products.interest.running import Posting, Run, RunningDay, run


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lived:
    """All postings, what was earned and charged but not posted by the end, and the lines."""

    postings: tuple[Posting, ...]
    unposted_credit: int
    unposted_debit: int
    lines: tuple[str, ...]


def savings_interest(fields: Fields, _: str | None) -> Answer:
    """Interest earned and posted; what an overdraft was charged stands beside it."""
    return _answer(read_savings(fields, must_charge=False), charged=False)


def savings_overdraft_interest(fields: Fields, _: str | None) -> Answer:
    """Interest charged below zero, told as positive amounts."""
    return _answer(read_savings(fields, must_charge=True), charged=True)


def _answer(case: SavingsCase, *, charged: bool) -> Answer:
    lived = _run(case) if case.calendar.compounds is None else _grow(case)
    earned = [(each.period_end, each.credit_satang) for each in lived.postings]
    paid = [(each.period_end, each.debit_satang) for each in lived.postings]
    asked, other = (paid, earned) if charged else (earned, paid)
    unposted = lived.unposted_debit if charged else lived.unposted_credit
    balance = sum(case.changes.values()) + sum(
        each.credit_satang - each.debit_satang
        for each in lived.postings
        if each.period_end + case.calendar.posted_after <= case.calendar.balance_on
    )
    shown = _postings(case, asked)
    result: dict[str, object] = {"postings": shown}
    if len(shown) == 1:
        result["posting"] = shown[0]
    result["interest"] = money_text(sum(amount for _, amount in asked), case.decimals)
    if unposted:
        result["unposted"] = money_text(unposted, case.decimals)
    if beside := _postings(case, other):
        result["credit_postings" if charged else "overdraft_postings"] = beside
    result["balance"] = money_text(balance, case.decimals)
    told = f"balance at the close of {day_text(case.calendar.balance_on)}: {result['balance']}"
    return Answer(result=result, explanation=(*lived.lines, told))


def _postings(case: SavingsCase, amounts: list[tuple[date, int]]) -> list[dict[str, str]]:
    """Postings of one side with their own dates; a period that brought nothing posts nothing."""
    return [
        {
            "date": day_text(end + case.calendar.posted_after),
            "amount": money_text(amount, case.decimals),
        }
        for end, amount in amounts
        if amount
    ]


def _run(case: SavingsCase) -> _Lived:
    calendar = case.calendar
    lived = run(
        start=case.start,
        stop=calendar.last + ONE_DAY,
        changes=case.changes,
        conditions=case.conditions,
        day_count=case.day_count,
        rounding=RoundingRule(mode=case.mode),
        ends_period=calendar.ends,
    )
    last, is_open = lived.days[-1], not calendar.ends(calendar.last)
    return _Lived(
        postings=lived.postings,
        unposted_credit=last.credit_satang if is_open else 0,
        unposted_debit=last.debit_satang if is_open else 0,
        lines=tuple(_run_lines(case, lived)),
    )


def _run_lines(case: SavingsCase, lived: Run) -> Iterator[str]:
    """A line for each run of dates alike, and one for each posting after its period."""
    posted: Mapping[date, Posting] = {each.period_end: each for each in lived.postings}
    alike: list[RunningDay] = []
    for day, after in zip(lived.days, (*lived.days[1:], None), strict=True):
        alike.append(day)
        valid = case.conditions.on(day.on)
        if (
            after is not None
            and day.on not in posted
            and after.balance_satang == day.balance_satang
            and case.conditions.on(after.on) is valid
        ):
            continue
        yield earning_line(
            (alike[0].on, day.on + ONE_DAY),
            day.balance_satang,
            rate_text(valid, day.balance_satang),
            sum(each.earned.credit_exact + each.earned.debit_exact for each in alike),
            day_count=case.day_count,
            decimals=case.decimals,
        )
        alike = []
        if day.on in posted:
            yield _posting_line(case, posted[day.on])


def _grow(case: SavingsCase) -> _Lived:
    calendar = case.calendar
    terms = CompoundingTerms(
        conditions=case.conditions.on(case.start),
        day_count=case.day_count,
        compounds=calendar.compounds or calendar.ends,
        posts=calendar.ends,
        rounding=case.mode,
        decimals=case.decimals,
    )
    grown = grow(terms, start=case.start, stop=calendar.last + ONE_DAY, changes=case.changes)
    return _Lived(
        postings=tuple(_settled(each, terms.fine) for each in grown.postings),
        unposted_credit=terms.settled(grown.unposted_credit_fine) // terms.fine,
        unposted_debit=terms.settled(grown.unposted_debit_fine) // terms.fine,
        lines=tuple(_grown_lines(case, grown.postings, terms.fine)),
    )


def _settled(each: FinePosting, fine: int) -> Posting:
    return Posting(
        period_end=each.period_end,
        credit_satang=each.posted_credit_fine // fine,
        debit_satang=each.posted_debit_fine // fine,
    )


def _grown_lines(case: SavingsCase, postings: tuple[FinePosting, ...], fine: int) -> Iterator[str]:
    start = case.start
    for each in postings:
        dates = dates_text(start, each.period_end + ONE_DAY)
        earned, paid = fine_text(each.credit_fine), fine_text(each.debit_fine)
        yield f"{dates}: compounded, earned {earned}, charged {paid}"
        yield _posting_line(case, _settled(each, fine))
        start = each.period_end + ONE_DAY


def _posting_line(case: SavingsCase, each: Posting) -> str:
    credit = f"credited {settled_text(each.credit_satang, case.decimals, case.mode)}"
    debit = f"charged {settled_text(each.debit_satang, case.decimals, case.mode)}"
    shown = [credit] if each.credit_satang or not each.debit_satang else []
    shown += [debit] if each.debit_satang else []
    return f"posted {day_text(each.period_end + case.calendar.posted_after)}: {', '.join(shown)}"
