"""The book worked out again: what every account, hold and day must be after each number.

The model takes journals and events in the order of `recorded_seq` and applies its own reading of
the rules (docs/architecture.md, docs/refusals.md): a recorded row that the book should have
refused is a broken rule, named with its number. balance = credits - debits; an open hold counts
against the lower limit; the excess is what the limits are exceeded by. It never stops at a broken
rule: the row is applied as it stands, so that one damage is named once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from ledger.proof.report import Difference
from ledger.proof.rows import Journal, Row, Slice, seq_of

OPEN, CAPTURED, RELEASED, EXPIRED = 1, 2, 3, 4
_PLACED, _RELEASED, _EXPIRED = 1, 3, 4
_OPENED, _FROZEN, _LIMITS, _CLOSED = 11, 12, 13, 14
_DATE_MOVED, _DAY_PROVEN = 21, 22
_NIGHT = 2
RULES = "every recorded row was admissible"


@dataclass(slots=True)
class Account:
    """One account as the record makes it; all amounts in satang, `frozen` 1 debits, 2 credits."""

    account_id: int
    debits: int = 0
    credits: int = 0
    held: int = 0
    lowest: int | None = None
    highest: int | None = None
    closed: bool = False
    frozen: int = 0
    changed_seq: int = 0
    opened_seq: int = 0
    opened_on: date | None = None
    facts: dict[str, object] = field(default_factory=dict)

    def short(self) -> int:
        """By how much balance less holds stands below the lower limit."""
        if self.lowest is None:
            return 0
        return max(0, self.lowest + self.held + self.debits - self.credits)

    def over(self) -> int:
        """By how much the balance stands above the upper limit."""
        return 0 if self.highest is None else max(0, self.credits - self.debits - self.highest)


@dataclass(slots=True)
class Hold:
    """One hold as the record makes it."""

    hold_id: UUID
    account_id: int
    amount: int
    expires_on: date | None
    reference: str
    placed_seq: int
    changed_seq: int
    state: int = OPEN
    captured: int = 0


@dataclass(slots=True)
class Day:
    """A business date: the number of its cut-off and of its proof, when it has them."""

    cut_seq: int | None = None
    proven_seq: int | None = None


@dataclass(slots=True)
class Moved:
    """What one batch did to one account at one value date."""

    debits: int = 0
    credits: int = 0
    seqs: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """What replaying the numbers of one batch row gave."""

    row: Row
    records: list[Journal | Row] = field(default_factory=list)
    journals: int = 0
    transfers: int = 0
    amount_sum: int = 0
    moved: dict[tuple[int, date], Moved] = field(default_factory=dict)
    after: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Replayed:
    """What replaying a slice gave: its batches, records of no batch, broken rules, ended holds."""

    batches: list[Batch] = field(default_factory=list)
    strays: list[Journal | Row] = field(default_factory=list)
    broken: list[Difference] = field(default_factory=list)
    ended: list[Hold] = field(default_factory=list)
    proven: list[date] = field(default_factory=list)


class Model:
    """The replay of one book: feed it slices in order, read what must stand in the tables."""

    def __init__(self, opened_on: date, floor: date) -> None:
        self.accounts: dict[int, Account] = {}
        self.holds: dict[UUID, Hold] = {}
        self.business_date = opened_on
        # The book's own floor only rises from here, with each fiscal year that is closed.
        self.floor = floor
        self.days: dict[date, Day] = {opened_on: Day()}
        self.by_date: dict[date, dict[int, Moved]] = {}
        self.holds_placed = 0
        self._out = Replayed()
        self._date = opened_on

    def replay(self, piece: Slice) -> Replayed:
        """Apply one slice and return what it gave."""
        self._out = Replayed()
        records = iter(piece.records)
        record = next(records, None)
        for row in piece.batches:
            batch = Batch(row)
            self._out.batches.append(batch)
            self._begin(row)
            while record is not None and seq_of(record) <= row["last_seq"]:
                if seq_of(record) < row["first_seq"]:
                    self._out.strays.append(record)
                self._apply(record, batch)
                record = next(records, None)
            self._end(batch)
        while record is not None:
            self._out.strays.append(record)
            self._apply(record, None)
            record = next(records, None)
        return self._out

    def _begin(self, row: Row) -> None:
        self._date = row["business_date"]
        where = f"ledger.batch {row['batch_no']}"
        day = self.days.get(self._date)
        if day is None:
            self._broken(where, "a business date that has begun", f"business date {self._date}")
        elif day.proven_seq is not None:
            self._broken(where, "no posting on a proven day", f"business date {self._date}")
        elif self._date != self.business_date and row["origin"] != _NIGHT:
            self._broken(where, f"business date {self.business_date}", str(self._date))

    def _end(self, batch: Batch) -> None:
        dated = self.by_date.setdefault(self._date, {}) if batch.moved else {}
        for (account_id, _), moved in batch.moved.items():
            account = self.accounts[account_id]
            batch.after[account_id] = (account.debits, account.credits)
            total = dated.setdefault(account_id, Moved())
            total.debits += moved.debits
            total.credits += moved.credits

    def _apply(self, record: Journal | Row, batch: Batch | None) -> None:
        if batch is not None:
            batch.records.append(record)
        if isinstance(record, Journal):
            self._journal(record, batch)
        else:
            self._event(record)

    def _broken(self, where: str, expected: str, found: str) -> None:
        self._out.broken.append(
            Difference(check=RULES, where=where, expected=expected, found=found)
        )

    def _account(self, account_id: int, where: str) -> Account:
        account = self.accounts.get(account_id)
        if account is None:
            self._broken(where, "an account that was opened before", f"account {account_id}")
            account = self.accounts[account_id] = Account(account_id)
        return account

    def _journal(self, journal: Journal, batch: Batch | None) -> None:
        seq, value_date = journal.recorded_seq, journal.value_date
        where = f"ledger.transfer {seq}"
        if not self.floor <= value_date <= journal.business_date:
            expected = f"a value date from {self.floor} to {journal.business_date}"
            self._broken(where, expected, str(value_date))
        spared, allowed = 0, 0
        if journal.hold_id is not None:
            spared, allowed = self._capture(journal, where)
        for debit_id, credit_id, amount in journal.lines:
            debit = self.accounts.get(debit_id) or self._account(debit_id, where)
            credit = self.accounts.get(credit_id) or self._account(credit_id, where)
            if debit.closed or credit.closed or debit.frozen & 1 or credit.frozen & 2:
                self._broken(
                    where, "no posting on closed or frozen accounts", _sides(debit, credit)
                )
            debit.debits += amount
            credit.credits += amount
            debit.changed_seq = credit.changed_seq = seq
            if not journal.may_exceed_limit:
                self._limits(where, debit, credit, allowed if debit_id == spared else 0)
            if batch is not None:
                _move(batch, debit_id, value_date, seq, amount, 0)
                _move(batch, credit_id, value_date, seq, 0, amount)
        if batch is not None:
            batch.journals += 1
            batch.transfers += len(journal.lines)
            batch.amount_sum += sum(line[2] for line in journal.lines)

    def _limits(self, where: str, debit: Account, credit: Account, allowed: int) -> None:
        if debit.lowest is not None and debit.short() > allowed:
            found = f"account {debit.account_id} is {debit.short()} satang below its limit"
            self._broken(where, "an available balance that suffices", found)
        if credit.highest is not None and credit.over() > 0:
            found = f"account {credit.account_id} is {credit.over()} satang above its limit"
            self._broken(where, "a balance within its upper limit", found)

    def _capture(self, journal: Journal, where: str) -> tuple[int, int]:
        """End the hold; its account and the shortage that a capture may leave as it was."""
        hold = self.holds.pop(journal.hold_id) if journal.hold_id in self.holds else None
        if hold is None:
            self._broken(where, "an open hold to capture", f"hold {journal.hold_id}")
            return 0, 0
        captured = sum(line[2] for line in journal.lines if line[0] == hold.account_id)
        if not 0 < captured <= hold.amount:
            self._broken(where, f"a capture of 1 to {hold.amount} satang", str(captured))
        if hold.expires_on is not None and journal.business_date > hold.expires_on:
            self._broken(where, f"a capture up to {hold.expires_on}", str(journal.business_date))
        account = self._account(hold.account_id, where)
        allowed = account.short()
        account.held -= hold.amount
        self._end_hold(hold, CAPTURED, captured, journal.recorded_seq)
        return hold.account_id, allowed

    def _end_hold(self, hold: Hold, state: int, captured: int, seq: int) -> None:
        hold.state, hold.captured, hold.changed_seq = state, captured, seq
        self._out.ended.append(hold)

    def _event(self, event: Row) -> None:
        kind, where = event["kind"], f"ledger.event {event['recorded_seq']}"
        try:
            body = json.loads(event["body"])
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self._broken(where, "a body that is a JSON object", event["body"][:80])
            body = {}
        if kind == _PLACED:
            self._placed(event, body, where)
        elif kind in (_RELEASED, _EXPIRED):
            self._released(event, where)
        elif kind == _OPENED:
            self._opened(event, body, where)
        elif kind in (_FROZEN, _LIMITS, _CLOSED):
            self._changed(event, body, where)
        elif kind == _DATE_MOVED:
            self._date_moved(event, body, where)
        elif kind == _DAY_PROVEN:
            self._day_proven(event, body, where)

    def _placed(self, event: Row, body: dict[str, object], where: str) -> None:
        account = self._account(event["account_id"], where)
        amount = event["amount_satang"] or 0
        until = _date(body.get("expires_on"))
        hold_id = event["hold_id"]
        if hold_id is None or hold_id in self.holds or amount < 1:
            self._broken(where, "a new hold of at least one satang", f"hold {hold_id}, {amount}")
        if account.closed or account.frozen & 1:
            self._broken(where, "no hold on a closed or frozen account", _sides(account))
        if until is not None and until < event["business_date"]:
            self._broken(where, "a hold that has not expired yet", str(until))
        account.held += amount
        account.changed_seq = event["recorded_seq"]
        if account.short() > 0:
            self._broken(where, "an available balance that suffices", f"{account.short()} too few")
        self.holds_placed += 1
        seq = event["recorded_seq"]
        self.holds[hold_id] = Hold(
            hold_id, account.account_id, amount, until, str(body.get("reference", "")), seq, seq
        )

    def _released(self, event: Row, where: str) -> None:
        hold = self.holds.pop(event["hold_id"], None)
        if hold is None or event["account_id"] != hold.account_id:
            self._broken(where, "an open hold of this account", f"hold {event['hold_id']}")
        if hold is None:
            return
        expired = event["kind"] == _EXPIRED
        until = hold.expires_on
        # Due once its last day is cut off, and never before the date that the event is posted on.
        due = until is not None and until <= event["business_date"] and until < self.business_date
        if (expired and not due) or event["amount_satang"] != hold.amount:
            self._broken(where, f"the end of {hold}", f"{event['amount_satang']} satang")
        account = self._account(hold.account_id, where)
        account.held -= hold.amount
        account.changed_seq = event["recorded_seq"]
        self._end_hold(hold, EXPIRED if expired else RELEASED, 0, event["recorded_seq"])

    def _opened(self, event: Row, body: dict[str, object], where: str) -> None:
        account_id, seq = event["account_id"], event["recorded_seq"]
        if account_id in self.accounts:
            self._broken(where, "an account opened once", f"account {account_id} again")
            return
        self.accounts[account_id] = Account(
            account_id,
            lowest=_int(body.get("balance_min")),
            highest=_int(body.get("balance_max")),
            changed_seq=seq,
            opened_seq=seq,
            opened_on=event["business_date"],
            facts={name: body.get(name) for name in ("code", "gl_code", "currency", "party_id")},
        )

    def _changed(self, event: Row, body: dict[str, object], where: str) -> None:
        account = self._account(event["account_id"], where)
        account.changed_seq = event["recorded_seq"]
        if account.closed:
            self._broken(where, "no change of a closed account", f"account {account.account_id}")
        if event["kind"] == _FROZEN:
            account.frozen = (1 if body.get("debits") else 0) + (2 if body.get("credits") else 0)
        elif event["kind"] == _LIMITS:
            account.lowest = _int(body.get("balance_min"))
            account.highest = _int(body.get("balance_max"))
        else:
            if account.debits != account.credits or account.held:
                self._broken(where, "an empty account to close", f"account {account.account_id}")
            account.closed = True

    def _date_moved(self, event: Row, body: dict[str, object], where: str) -> None:
        to = _date(body.get("to"))
        if to is None or to.toordinal() != self.business_date.toordinal() + 1:
            self._broken(where, f"a move to the day after {self.business_date}", str(to))
        if to is None:
            return
        self.days.setdefault(self.business_date, Day()).cut_seq = event["recorded_seq"]
        self.business_date = to
        self.days.setdefault(to, Day())

    def _day_proven(self, event: Row, body: dict[str, object], where: str) -> None:
        day = _date(body.get("business_date")) or event["business_date"]
        known = self.days.get(day)
        earlier = [d for d, facts in self.days.items() if d < day and facts.proven_seq is None]
        if known is None or known.cut_seq is None or known.proven_seq is not None or earlier:
            self._broken(where, "a day that is cut off, days before it proven", str(day))
        if known is not None:
            known.proven_seq = event["recorded_seq"]
            self._out.proven.append(day)


def _move(
    batch: Batch, account_id: int, value_date: date, seq: int, debit: int, credit: int
) -> None:
    key = (account_id, value_date)
    moved = batch.moved.get(key)
    if moved is None:
        moved = batch.moved[key] = Moved()
    moved.debits += debit
    moved.credits += credit
    if not moved.seqs or moved.seqs[-1] != seq:
        moved.seqs.append(seq)


def _sides(*accounts: Account) -> str:
    return ", ".join(
        f"account {account.account_id} {'closed' if account.closed else 'open'}"
        f" frozen {account.frozen}"
        for account in accounts
    )


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None
