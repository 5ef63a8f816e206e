"""Numbered events applied to the model: holds, accounts, freezes, limits, dates, periods.

Its own reading of docs/refusals.md and docs/both-axes.md. Each act takes the book, the event row
and the event's body; what it finds against the rules is noted with the event's number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from uuid import UUID

from ledger.proof.book import (
    CLOSED,
    EXPIRED,
    MONTH,
    ONE_DAY,
    OPENED_AGAIN,
    RELEASED,
    YEAR,
    Account,
    Book,
    Day,
    Hold,
    Period,
    Plan,
    next_month,
)
from ledger.proof.rows import Row

PLACED, HOLD_RELEASED, HOLD_EXPIRED = 1, 3, 4
OPENED, FROZEN, LIMITS, CLOSING, PLANNED, REOPENED = 11, 12, 13, 14, 15, 16
DATE_MOVED, DAY_PROVEN, PERIOD_CLOSED, PERIOD_REOPENED = 21, 22, 23, 24
FORCED = 33

Body = dict[str, object]
Act = Callable[[Book, Row, Body, str], None]


def apply(book: Book, event: Row) -> None:
    """What the event does to the book; kinds that say nothing of the ledger do nothing."""
    where = f"ledger.event {event['recorded_seq']}"
    body = body_of(event)
    if body is None:
        book.break_rule(where, "a body that is a JSON object", event["body"][:80])
        body = {}
    if book.due:
        _was_due(book, event, body, where)
    act = ACTS.get(event["kind"])
    if act is not None:
        act(book, event, body, where)


def body_of(event: Row) -> Body | None:
    """The event's body; None when it is no JSON object."""
    try:
        body = json.loads(event["body"])
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def nothing_is_due(book: Book, where: str) -> None:
    """A cut-off's own unit brings into force all that waited for the date: nothing may be left."""
    for kind, account_id, *_ in book.due:
        what = "a thaw" if kind == FROZEN else "planned limits"
        book.break_rule(where, f"{what} of account {account_id} with the date", "none")
    book.due = []


def _was_due(book: Book, event: Row, body: Body, where: str) -> None:
    kind, account_id, *expected = book.due.pop(0)
    names = ("debits", "credits") if kind == FROZEN else ("balance_min", "balance_max")
    said = (event["kind"], event["account_id"], *(body.get(name) for name in names))
    if said != (kind, account_id, *expected):
        book.break_rule(where, f"event {(kind, account_id, *expected)} of the cut-off", str(said))


def _placed(book: Book, event: Row, body: Body, where: str) -> None:
    account = book.account(event["account_id"], where)
    amount, seq, hold_id = event["amount_satang"] or 0, event["recorded_seq"], event["hold_id"]
    until = _date(body.get("expires_on"))
    if hold_id is None or hold_id in book.holds or amount < 1:
        book.break_rule(where, "a new hold of at least one satang", f"hold {hold_id}, {amount}")
    if account.closed or account.frozen & 1:
        book.break_rule(where, "no hold on a closed or frozen account", sides(account))
    if until is not None and until < event["business_date"]:
        book.break_rule(where, "a hold that has not expired yet", str(until))
    account.held += amount
    account.changed_seq = seq
    if account.short() > 0:
        book.break_rule(where, "an available balance that suffices", f"{account.short()} too few")
    book.holds_placed += 1
    reference = str(body.get("reference", ""))
    book.holds[hold_id] = Hold(hold_id, account.account_id, amount, until, reference, seq, seq)


def _released(book: Book, event: Row, _: Body, where: str) -> None:
    hold = book.holds.pop(event["hold_id"], None)
    if hold is None or event["account_id"] != hold.account_id:
        book.break_rule(where, "an open hold of this account", f"hold {event['hold_id']}")
    if hold is None:
        return
    expired = event["kind"] == HOLD_EXPIRED
    until = hold.expires_on
    # Due once its last day is cut off, and never before the date that the event is posted on.
    due = until is not None and until <= event["business_date"] and until < book.business_date
    if (expired and not due) or event["amount_satang"] != hold.amount:
        book.break_rule(where, f"the end of {hold}", f"{event['amount_satang']} satang")
    account = book.account(hold.account_id, where)
    account.held -= hold.amount
    account.changed_seq = event["recorded_seq"]
    book.end_hold(hold, EXPIRED if expired else RELEASED, 0, event["recorded_seq"])


def _opened(book: Book, event: Row, body: Body, where: str) -> None:
    account_id, seq = event["account_id"], event["recorded_seq"]
    if account_id in book.accounts:
        book.break_rule(where, "an account opened once", f"account {account_id} again")
        return
    account = book.accounts[account_id] = Account(
        account_id,
        lowest=_int(body.get("balance_min")),
        highest=_int(body.get("balance_max")),
        changed_seq=seq,
        opened_seq=seq,
        opened_on=event["business_date"],
        nets={} if account_id in book.back_dated else None,
        facts={name: body.get(name) for name in ("code", "gl_code", "currency", "party_id")},
    )
    account.watch()


def _open_account(book: Book, event: Row, where: str) -> Account:
    account = book.account(event["account_id"], where)
    account.changed_seq = event["recorded_seq"]
    if account.closed:
        book.break_rule(where, "no change of a closed account", f"account {account.account_id}")
    return account


def _frozen(book: Book, event: Row, body: Body, where: str) -> None:
    account = _open_account(book, event, where)
    account.frozen = (1 if body.get("debits") else 0) + (2 if body.get("credits") else 0)
    until = _date(body.get("until"))
    if until is not None and until < event["business_date"]:
        book.break_rule(where, f"a freeze until {event['business_date']} or later", str(until))
    account.frozen_until = until
    if until is None:
        book.thawing.discard(account.account_id)
    else:
        book.thawing.add(account.account_id)
    account.watch()


def _limits(book: Book, event: Row, body: Body, where: str) -> None:
    account = _open_account(book, event, where)
    account.lowest = _int(body.get("balance_min"))
    account.highest = _int(body.get("balance_max"))
    account.watch()


def _closing(book: Book, event: Row, body: Body, where: str) -> None:
    account = _open_account(book, event, where)
    if account.debits != account.credits or account.held:
        book.break_rule(where, "an empty account to close", f"account {account.account_id}")
    account.closed = True
    account.settled_by = _ids(body.get("settled_by"))
    if account.settled_by:
        book.heard.settled[event["recorded_seq"]] = account.settled_by
    account.watch()


def _reopened(book: Book, event: Row, body: Body, where: str) -> None:
    account = book.account(event["account_id"], where)
    account.changed_seq = event["recorded_seq"]
    undone = _ids(body.get("undoes"))
    if not account.closed:
        book.break_rule(where, "a closed account", f"account {account.account_id} open")
    if undone != account.settled_by:
        expected = f"the undoing of {_listed(account.settled_by)}"
        book.break_rule(where, expected, f"of {_listed(undone)}")
    account.closed = False
    if undone:
        book.heard.reopened[event["recorded_seq"]] = undone
    account.settled_by = frozenset()
    account.watch()


def _planned(book: Book, event: Row, body: Body, where: str) -> None:
    account_id, seq = event["account_id"], event["recorded_seq"]
    cancels = _int(body.get("cancels"))
    if cancels is not None:
        plan = book.plans.get((account_id, cancels))
        if plan is None or not plan.waits:
            book.break_rule(where, "a plan that waits", f"plan {cancels} of account {account_id}")
        if plan is not None:
            plan.cancelled_seq = seq
        return
    on = _date(body.get("effective_on"))
    if on is None or on <= book.business_date:
        book.break_rule(where, f"limits planned for after {book.business_date}", str(on))
    if book.account(account_id, where).closed:
        book.break_rule(where, "no plan for a closed account", f"account {account_id}")
    low, high = _int(body.get("balance_min")), _int(body.get("balance_max"))
    book.plans[account_id, seq] = Plan(on or event["business_date"], low, high)


def _date_moved(book: Book, event: Row, body: Body, where: str) -> None:
    to = _date(body.get("to"))
    if to is None or to != book.business_date + ONE_DAY:
        book.break_rule(where, f"a move to the day after {book.business_date}", str(to))
    if to is None:
        return
    book.days.setdefault(book.business_date, Day()).cut_seq = event["recorded_seq"]
    book.business_date = to
    book.days.setdefault(to, Day())
    thaws = [book.accounts[account_id] for account_id in sorted(book.thawing)]
    book.due = [
        (FROZEN, account.account_id, False, False)
        for account in thaws
        if account.frozen_until is not None and account.frozen_until < to and not account.closed
    ]
    waiting = sorted(
        (plan.effective_on, seq, account_id)
        for (account_id, seq), plan in book.plans.items()
        if plan.waits and plan.effective_on <= to and not book.accounts[account_id].closed
    )
    for _, seq, account_id in waiting:
        plan = book.plans[account_id, seq]
        plan.applied_seq = event["recorded_seq"]
        book.due.append((LIMITS, account_id, plan.lowest, plan.highest))


def _day_proven(book: Book, event: Row, body: Body, where: str) -> None:
    day = _date(body.get("business_date")) or event["business_date"]
    known = book.days.get(day)
    earlier = day - ONE_DAY in book.days and book.days[day - ONE_DAY].proven_seq is None
    if known is None or known.cut_seq is None or known.proven_seq is not None or earlier:
        book.break_rule(where, "a day that is cut off, days before it proven", str(day))
    if known is not None:
        known.proven_seq = event["recorded_seq"]
        book.heard.proven.append(day)


def _period_closed(book: Book, event: Row, body: Body, where: str) -> None:
    kind, first, last = _period(body)
    if first is None or last is None or last != _period_end(book, kind, first):
        book.break_rule(where, "a whole month or fiscal year", f"{first} to {last}")
        return
    before = book.periods.get((kind, first))
    why = _may_not_close(book, kind, first, last)
    closing = 1 if before is None else before.closings + 1
    if why or _int(body.get("closing")) != closing:
        book.break_rule(where, f"closing {closing} of a period that may close", why or "another")
    book.periods[kind, first] = Period(last, CLOSED, closing, event["recorded_seq"])
    book.heard.closed.append((kind, first))
    if kind == YEAR:
        book.floor = last + ONE_DAY


def _may_not_close(book: Book, kind: int, first: date, last: date) -> str:
    start = max(first, book.opened_on)
    if book.is_closed(kind, first):
        return f"{first} is closed already"
    if kind == MONTH:
        day = start
        while day <= last:
            if day not in book.days or book.days[day].proven_seq is None:
                return f"{day} is not proven"
            day += ONE_DAY
        if first > book.opened_on and not book.months_closed(book.opened_on, first - ONE_DAY):
            return "an earlier month is open"
        return "the fiscal year is closed" if book.is_closed(YEAR, book.year_start(first)) else ""
    if not book.months_closed(start, last):
        return "a month of the year is open"
    before = book.year_start(first - ONE_DAY)
    if first > book.opened_on and not book.is_closed(YEAR, before):
        return "the year before is open"
    return ""


def _period_reopened(book: Book, event: Row, body: Body, where: str) -> None:
    kind, first, _ = _period(body)
    period = book.periods.get((kind, first)) if first is not None else None
    if first is None or period is None or period.state != CLOSED:
        book.break_rule(where, "a closed period to open again", str(first))
        return
    later = [s for k, s in book.periods if k == kind and s > first and book.is_closed(k, s)]
    held = kind == MONTH and book.is_closed(YEAR, book.year_start(first))
    if later or held or not event["reason"]:
        book.break_rule(where, "the newest closed period, with a reason", str(first))
    period.state = OPENED_AGAIN
    if kind == YEAR:
        book.floor = first


def reopened_year(book: Book, event: Row) -> date | None:
    """The first day of the fiscal year that an event opens again, if it does."""
    body = body_of(event) if event["kind"] == PERIOD_REOPENED else None
    kind, first, _ = _period(body or {})
    return first if kind == YEAR and first is not None and (YEAR, first) in book.periods else None


def _period(body: Body) -> tuple[int, date | None, date | None]:
    kind = YEAR if body.get("kind") == "fiscal_year" else MONTH
    return kind, _date(body.get("starts_on")), _date(body.get("ends_on"))


def _period_end(book: Book, kind: int, first: date) -> date | None:
    if kind == YEAR:
        return book.year_end(first) if first == book.year_start(first) else None
    return next_month(first) - ONE_DAY if first.day == 1 else None


def _forced(book: Book, event: Row, _: Body, __: str) -> None:
    if event["subject"] is not None:
        book.heard.forced[event["subject"]] = (event["recorded_seq"], event["reason"])


def sides(*accounts: Account) -> str:
    """Accounts in words: whether each is open and what is frozen of it."""
    return ", ".join(
        f"account {account.account_id} {'closed' if account.closed else 'open'}"
        f" frozen {account.frozen}"
        for account in accounts
    )


def _listed(ids: frozenset[UUID]) -> str:
    return ", ".join(sorted(map(str, ids))) or "no journal"


def _ids(value: object) -> frozenset[UUID]:
    named = value if isinstance(value, list) else []
    try:
        return frozenset(UUID(str(each)) for each in named)
    except ValueError:
        return frozenset()


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None


ACTS: dict[int, Act] = {
    PLACED: _placed,
    HOLD_RELEASED: _released,
    HOLD_EXPIRED: _released,
    OPENED: _opened,
    FROZEN: _frozen,
    LIMITS: _limits,
    CLOSING: _closing,
    REOPENED: _reopened,
    PLANNED: _planned,
    DATE_MOVED: _date_moved,
    DAY_PROVEN: _day_proven,
    PERIOD_CLOSED: _period_closed,
    PERIOD_REOPENED: _period_reopened,
    FORCED: _forced,
}
"""What each kind of event does."""
