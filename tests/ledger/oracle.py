"""The oracle: what must become of each unit, by a sequential model of dicts and integers.

Written from docs/architecture.md and docs/refusals.md; of the posting path it knows only the values
that are asked. It is slow and plain on purpose: held amounts and excesses are worked out anew from
the holds and the limits each time, and a unit that is refused is forgotten by going back to a copy.
One oracle is one book.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from ledger.kinds import EventKind
from ledger.posting.values import (
    CloseAccount,
    Journal,
    MoveBusinessDate,
    Note,
    OpenAccount,
    Operation,
    PlaceHold,
    ReleaseHold,
    ReopenAccount,
    SetFreeze,
    SetLimits,
    Unit,
)
from tests.ledger.oracle_book import (
    AMOUNT_MAX,
    BALANCE_MAX,
    COUNTER_MAX,
    Answer,
    Aside,
    Book,
    Money,
    Recorded,
    identity,
)

ONE_DAY = timedelta(days=1)

STICKY = frozenset(
    {
        "period_closed",
        "value_date_before_floor",
        "already_reversed",
        "hold_not_open",
        "hold_expired",
        "hold_not_yet_due",
        "capture_exceeds_hold",
        "account_closed",
        "account_not_closed",
        "account_not_empty",
        "account_frozen_debit",
        "account_frozen_credit",
        "below_balance_min",
        "above_balance_max",
        "below_balance_min_later",
        "above_balance_max_later",
        "balance_out_of_range",
    }
)
"""Refusals that come from the state of the book; they burn the id of the operation at fault."""


class Oracle:
    """Judges units one after another, as a person with pencil and paper would."""

    def __init__(self, day: date, chart: Sequence[str]) -> None:
        self.book = Book(day=day, floor=date(day.year, 1, 1), chart=frozenset(chart))
        self.opened_on = day
        self._night = self._shut = False

    def end_day(self) -> None:
        """The cut-off as the book does it: the date moves, and freezes past their last day thaw."""
        self.book.day += ONE_DAY
        self.book.seq += 1
        for number in self.book.thawed_by(self.book.day):
            self.book.accounts[number] = replace(
                self.book.accounts[number], stop_debits=False, stop_credits=False, stop_until=None
            )
            self.book.seq += 1

    def batch(
        self, units: Sequence[Unit], on: date | None = None, *, adjusts: bool = False
    ) -> list[Answer]:
        """Answers in the order of the units.

        on: the night's date, or that of adjustments; None the current one.
        """
        self._night = on is not None and not adjusts
        self._shut = on is not None and on < self.opened_on
        day = on or self.book.day
        started = self.book.day
        keys_of_batch: set[tuple[str, str]] = set()
        touched: set[UUID] = set()
        answers = []
        for unit in units:
            answer = self._by_key(unit, keys_of_batch) or self._again(unit)
            if answer is None and self.book.day != started:
                answer = Answer(status="deferred")
            if answer is None and any(
                row.row_id in touched or self.book.versions[row.row_id] != row.version
                for row in unit.reads
            ):
                answer = Answer(status="stale")
            if answer is None:
                answer = self._judge(unit, day)
                if answer.status == "accepted":
                    touched |= {row.row_id for row in unit.reads}
                final = answer.status == "accepted" or answer.code in STICKY
                if unit.key is not None and final:
                    name = (unit.key.client, unit.key.key)
                    self.book.keys[name] = unit.key.request_hash
                    keys_of_batch.add(name)
            answers.append(answer)
        for row_id in touched:
            self.book.versions[row_id] += 1
        return answers

    def _by_key(self, unit: Unit, keys_of_batch: set[tuple[str, str]]) -> Answer | None:
        if unit.key is None:
            return None
        name = (unit.key.client, unit.key.key)
        if name in keys_of_batch:
            return Answer(status="in_progress")
        known = self.book.keys.get(name)
        if known is None:
            return None
        if known == unit.key.request_hash:
            return Answer(status="replayed", replay=True)
        return Answer(status="key_conflict")

    def _again(self, unit: Unit) -> Answer | None:
        """The answer to a client's retry: a replay or a remembered refusal, never a conflict."""
        if unit.event_id is not None:
            return None
        answer = self._known(unit)
        return answer if answer is not None and answer.replay else None

    def _known(self, unit: Unit) -> Answer | None:
        """What the ids of the unit say: nothing, a replay, a remembered refusal, a conflict."""
        ids = [(place, identity(operation)) for place, operation in enumerate(unit.operations)]
        named = [(place, name) for place, name in ids if name is not None]
        old = 0
        seen: set[UUID] = set()
        for place, name in named:
            operation = unit.operations[place]
            if name in seen:
                return Answer(status="refused", code="id_conflict", failed=place)
            seen.add(name)
            if name in self.book.burnt:
                asked, code = self.book.burnt[name]
                if asked != operation:
                    return Answer(status="refused", code="id_conflict", failed=place)
                return Answer(status="refused", code=code, failed=place, replay=True)
            if name in self.book.journals or name in self.book.holds:
                old += 1
                if not self._same(name, operation):
                    return Answer(status="refused", code="id_conflict", failed=place)
        if not old:
            return None
        if old < len(named):
            return Answer(status="refused", code="id_conflict", failed=0)
        found = [self.book.journals[name] for _, name in named if name in self.book.journals]
        journals = [o for o in unit.operations if isinstance(o, Journal)]
        return Answer(
            status="replayed",
            replay=True,
            seqs=tuple(recorded.seq for recorded in found),
            vouchers=tuple(recorded.voucher for recorded in found),
            balances=self._balances(journals),
        )

    def _same(self, name: UUID, operation: Operation) -> bool:
        if isinstance(operation, PlaceHold):
            return name in self.book.holds and self.book.holds[name].asked == operation
        recorded = self.book.journals.get(name)
        if recorded is None or not isinstance(operation, Journal):
            return False
        means = recorded.by_default if operation.value_date is None else operation.value_date
        return means == recorded.value_date and (
            replace(operation, value_date=None) == replace(recorded.asked, value_date=None)
        )

    def _judge(self, unit: Unit, day: date) -> Answer:
        known = self._known(unit)
        if known is not None:
            return known
        before = self.book.copy()
        first = self.book.seq + 1
        self._began_at = first
        for place, operation in enumerate(unit.operations):
            code = next(self._reasons(unit, place, day), None)
            if code is not None:
                self.book = before
                name = identity(operation)
                if name is not None and code in STICKY:
                    self.book.burnt[name] = (operation, code)
                return Answer(status="refused", code=code, failed=place)
            self.book.seq += 1
        return Answer(
            status="accepted",
            seqs=tuple(range(first, self.book.seq + 1)),
            vouchers=tuple(
                self.book.journals[o.journal_id].voucher
                for o in unit.operations
                if isinstance(o, Journal)
            ),
            balances=self._balances(unit.operations),
        )

    def _balances(self, operations: Sequence[Operation]) -> dict[int, tuple[int, int, int]]:
        numbers: set[int] = set()
        for operation in operations:
            if isinstance(operation, Journal):
                numbers |= {n for t in operation.transfers for n in (t.debit, t.credit)}
            elif isinstance(operation, ReleaseHold):
                numbers.add(self.book.holds[operation.hold_id].asked.account)
            elif not isinstance(operation, MoveBusinessDate) and operation.account is not None:
                numbers.add(operation.account)
        return {
            number: (
                self.book.accounts[number].balance,
                self.book.held(number),
                self.book.excess(number),
            )
            for number in numbers
        }

    def _reasons(self, unit: Unit, place: int, day: date) -> Iterator[str]:
        """Reasons to refuse, most telling first; when it runs out of them, it has been done."""
        operation = unit.operations[place]
        if isinstance(operation, Journal):
            if operation.forced and not _says_why(unit, place):
                yield "force_without_reason"
            yield from self._journal(operation, day)
            return
        if isinstance(operation, ReopenAccount):
            yield from self._reopen(operation, unit)
        else:
            yield from self._other(operation, day)
        if self._shut:
            yield "period_closed"

    def _other(self, operation: Operation, day: date) -> Iterator[str]:
        if isinstance(operation, Journal | ReopenAccount):
            raise TypeError(f"{operation} has its own rules")
        if isinstance(operation, PlaceHold):
            yield from self._place(operation, day)
        elif isinstance(operation, ReleaseHold):
            yield from self._release(operation, day)
        elif isinstance(operation, OpenAccount):
            yield from self._open(operation)
        elif isinstance(operation, MoveBusinessDate):
            if day != self.book.day or operation.to != self.book.day + ONE_DAY:
                yield "business_date_not_next"
            self.book.day = operation.to
        elif isinstance(operation, Note):
            if operation.account is not None and operation.account not in self.book.accounts:
                yield "unknown_account"
        else:
            yield from self._change(operation, day)

    def _journal(self, journal: Journal, day: date) -> Iterator[str]:
        target = self.book.journals.get(journal.reverses) if journal.reverses else None
        by_default = day if target is None else target.value_date
        value_date = journal.value_date or by_default
        yield from self._shape(journal)
        yield from self._other_records(journal, target)
        if value_date > day:
            yield "value_date_after_business_date"
        if self._shut:
            yield "period_closed"
        if value_date < self.book.floor:
            yield "value_date_before_floor"
        if journal.reverses in self.book.reversed_ids:
            yield "already_reversed"
        allowed = 0
        spared = None
        if journal.hold_id is not None:
            hold = self.book.holds[journal.hold_id]
            spared = hold.asked.account
            taken = sum(t.amount_satang for t in journal.transfers if t.debit == spared)
            if hold.ended != "open":
                yield "hold_not_open"
            if hold.asked.expires_on is not None and day > hold.asked.expires_on:
                yield "hold_expired"
            if taken > hold.asked.amount_satang:
                yield "capture_exceeds_hold"
            # The hold is given back first: a capture may be as short as the hold was, not more.
            allowed = self.book.short(spared)
            ended = replace(hold, ended="captured", captured=taken)
            self.book.holds[journal.hold_id] = ended
        for transfer in journal.transfers:
            debit, credit, amount = transfer.debit, transfer.credit, transfer.amount_satang
            grace = allowed if debit == spared else 0
            yield from self._stopped(debit, credit, journal.forced)
            if not journal.forced and not journal.may_exceed_limit:
                yield from self._beyond(debit, credit, amount, grace)
                if value_date < self.book.day and not self._night:
                    yield from self._beyond_then(debit, credit, amount, value_date)
            yield from self._move(debit, credit, amount, value_date)
        self.book.journals[journal.journal_id] = Recorded(
            asked=journal,
            value_date=value_date,
            by_default=by_default,
            seq=self.book.seq + 1,
            voucher=len(self.book.journals) + 1,
        )
        if journal.reverses is not None:
            self.book.reversed_ids |= {journal.reverses}

    def _shape(self, journal: Journal) -> Iterator[str]:
        if not journal.transfers:
            yield "empty_journal"
        for transfer in journal.transfers:
            if transfer.amount_satang < 1 or transfer.amount_satang > AMOUNT_MAX:
                yield "amount_out_of_range"
        for transfer in journal.transfers:
            if transfer.debit == transfer.credit:
                yield "accounts_must_differ"
        for transfer in journal.transfers:
            if not {transfer.debit, transfer.credit} <= self.book.accounts.keys():
                yield "unknown_account"
        for transfer in journal.transfers:
            sides = (self.book.accounts[transfer.debit], self.book.accounts[transfer.credit])
            if sides[0].currency != sides[1].currency:
                yield "currency_mismatch"

    def _other_records(self, journal: Journal, target: Recorded | None) -> Iterator[str]:
        if journal.adjusts is not None and journal.adjusts not in self.book.journals:
            yield "unknown_journal"
        if journal.reverses is not None:
            if target is None:
                yield "unknown_journal"
                return
            mirror = [(t.credit, t.debit, t.amount_satang) for t in target.asked.transfers]
            if mirror != [(t.debit, t.credit, t.amount_satang) for t in journal.transfers]:
                yield "reversal_not_mirror"
            if target.asked.reverses is not None:
                yield "reversal_of_reversal"
        if journal.hold_id is not None:
            hold = self.book.holds.get(journal.hold_id)
            if hold is None:
                yield "unknown_hold"
            elif all(t.debit != hold.asked.account for t in journal.transfers):
                yield "hold_account_differs"

    def _stopped(self, debit: int, credit: int, forced: bool) -> Iterator[str]:
        source, target = self.book.accounts[debit], self.book.accounts[credit]
        if source.closed or target.closed:
            yield "account_closed"
        if source.stop_debits and not forced:
            yield "account_frozen_debit"
        if target.stop_credits and not forced:
            yield "account_frozen_credit"

    def _beyond(self, debit: int, credit: int, amount: int, grace: int) -> Iterator[str]:
        target = self.book.accounts[credit]
        if self.book.short(debit, amount) > grace:
            yield "below_balance_min"
        if target.high is not None and target.balance + amount > target.high:
            yield "above_balance_max"

    def _beyond_then(self, debit: int, credit: int, amount: int, value_date: date) -> Iterator[str]:
        """A back-dated transfer changes every balance since: none may be worse than its limit."""
        source, target = self.book.accounts[debit], self.book.accounts[credit]
        low = -BALANCE_MAX * 2 if source.low is None else source.low
        high = BALANCE_MAX * 2 if target.high is None else target.high
        if any(stood - amount < low for stood in source.since(value_date)):
            yield "below_balance_min_later"
        if any(stood + amount > high for stood in target.since(value_date)):
            yield "above_balance_max_later"

    def _move(self, debit: int, credit: int, amount: int, value_date: date) -> Iterator[str]:
        source, target = self.book.accounts[debit], self.book.accounts[credit]
        low, high = source.balance - amount, target.balance + amount
        if low < -BALANCE_MAX or high > BALANCE_MAX:
            yield "balance_out_of_range"
        if max(source.debits, target.credits) + amount > COUNTER_MAX:
            yield "balance_out_of_range"
        self.book.accounts[debit] = source.moved(-amount, value_date)
        self.book.accounts[credit] = target.moved(amount, value_date)

    def _place(self, asked: PlaceHold, day: date) -> Iterator[str]:
        if not 1 <= asked.amount_satang <= AMOUNT_MAX:
            yield "amount_out_of_range"
        if asked.account not in self.book.accounts:
            yield "unknown_account"
        if asked.expires_on is not None and asked.expires_on < day:
            yield "hold_expired"
        money = self.book.accounts[asked.account]
        if money.closed:
            yield "account_closed"
        if money.stop_debits:
            yield "account_frozen_debit"
        if self.book.short(asked.account, asked.amount_satang) > 0:
            yield "below_balance_min"
        if self.book.held(asked.account) + asked.amount_satang > BALANCE_MAX:
            yield "balance_out_of_range"
        self.book.holds[asked.hold_id] = Aside(asked=asked)

    def _release(self, asked: ReleaseHold, day: date) -> Iterator[str]:
        hold = self.book.holds.get(asked.hold_id)
        if hold is None:
            yield "unknown_hold"
            return
        if hold.ended != "open":
            yield "hold_not_open"
        last = hold.asked.expires_on
        # Its last day has passed when that day is cut off; the night then still posts on it.
        if asked.expired and (last is None or last > day or last >= self.book.day):
            yield "hold_not_yet_due"
        ended = "expired" if asked.expired else "released"
        self.book.holds[asked.hold_id] = replace(hold, ended=ended)

    def _open(self, asked: OpenAccount) -> Iterator[str]:
        plain = asked.code.isascii() and asked.code.replace("-", "0").isalnum()
        if not plain or asked.code.upper() != asked.code or not 2 <= len(asked.code) <= 32:
            yield "malformed_code"
        if asked.code.startswith("-"):
            yield "malformed_code"
        if asked.gl_code not in self.book.chart:
            yield "unknown_gl_code"
        if asked.party_id is not None and asked.party_id not in self.book.parties:
            yield "unknown_party"
        if asked.code in self.book.codes or asked.account in self.book.accounts:
            yield "account_exists"
        yield from self._limits(asked)
        self.book.codes |= {asked.code}
        self.book.accounts[asked.account] = Money(
            currency=asked.currency, low=asked.balance_min, high=asked.balance_max
        )

    def _limits(self, asked: OpenAccount | SetLimits) -> Iterator[str]:
        low = -BALANCE_MAX if asked.balance_min is None else asked.balance_min
        high = BALANCE_MAX if asked.balance_max is None else asked.balance_max
        if not -BALANCE_MAX <= low <= high <= BALANCE_MAX:
            yield "limits_impossible"

    def _change(self, asked: SetFreeze | SetLimits | CloseAccount, day: date) -> Iterator[str]:
        money = self.book.accounts.get(asked.account)
        if money is None:
            yield "unknown_account"
            return
        if isinstance(asked, SetLimits):
            yield from self._limits(asked)
        if isinstance(asked, SetFreeze) and asked.until is not None and asked.until < day:
            yield "freeze_until_past"
        if isinstance(asked, CloseAccount) and any(
            name not in self.book.journals or self.book.journals[name].seq < self._began_at
            for name in asked.settled_by
        ):
            yield "unknown_journal"
        if money.closed:
            yield "account_closed"
        if isinstance(asked, SetFreeze):
            stops = asked.debits or asked.credits
            money = replace(
                money,
                stop_debits=asked.debits,
                stop_credits=asked.credits,
                stop_until=asked.until if stops else None,
            )
        elif isinstance(asked, SetLimits):
            money = replace(money, low=asked.balance_min, high=asked.balance_max)
        else:
            if money.balance != 0 or self.book.held(asked.account) != 0:
                yield "account_not_empty"
            money = replace(money, closed=True, settled_by=frozenset(asked.settled_by))
        self.book.accounts[asked.account] = money

    def _reopen(self, asked: ReopenAccount, unit: Unit) -> Iterator[str]:
        money = self.book.accounts.get(asked.account)
        if money is None:
            yield "unknown_account"
            return
        undone = {o.reverses for o in unit.operations if isinstance(o, Journal)}
        if money.closed and not money.settled_by <= undone:
            yield "reopen_does_not_undo"
        if not money.closed:
            yield "account_not_closed"
        self.book.accounts[asked.account] = replace(money, closed=False)


def _says_why(unit: Unit, place: int) -> bool:
    """True when the unit has a reason and the next operation records it beside the journal."""
    journal, after = unit.operations[place], unit.operations[place + 1 : place + 2]
    return bool(unit.reason) and any(
        isinstance(note, Note)
        and note.kind == EventKind.JOURNAL_FORCED
        and isinstance(journal, Journal)
        and note.subject == journal.journal_id
        for note in after
    )
