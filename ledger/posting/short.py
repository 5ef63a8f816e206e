"""The short way: a small batch as one autocommit statement, judged before anything is locked.

A *plan* is a batch that is being judged on accounts that the writer holds, or that the batch before
it, still on its way, will leave: the same drafts, judge and digest as on the long way. Only plain
units fit: journals that look at nothing but their accounts and their ids. The statement
`write_batch` writes all of it, and only if the head stands where the plan has it and none of the
plan's ids and keys is on record; else nothing, and the batch goes the long way, where replays,
conflicts and stale units are told apart. So a plan may be wrong, but nothing wrong is recorded.

Idempotency keys are not locked here. Who works on one under the head is found by the head being
held; who has not come to the head yet will find the key on record when it does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import UUID

from ledger.db import Connection
from ledger.posting import state as st
from ledger.posting.dated import next_voucher_on_head
from ledger.posting.decide import Draft, decide
from ledger.posting.held import copy_of
from ledger.posting.read import SQL, HeadRow
from ledger.posting.sealing import head_after, seal, write_arguments
from ledger.posting.single import Accepted, accept, outcome_of, single
from ledger.posting.transact import committing, head_in_time
from ledger.posting.values import IdempotencyKey, Journal, Origin, Outcome, Period, Unit
from ledger.vouchers import fiscal_year_of

Lookup = Callable[[int], st.AccountState | None]
"""An account as it will stand when the plan is sent; None when that is not known."""


def plain(unit: Unit) -> bool:
    """True of a unit that the short way can take: it asks for accounts and ids alone."""
    if unit.reads or unit.writes or unit.unmoved or not unit.operations:
        return False
    return all(
        type(operation) is Journal
        and operation.hold_id is None
        and operation.reverses is None
        and operation.adjusts is None
        and not operation.forced
        for operation in unit.operations
    )


def accounts_of(unit: Unit) -> set[int]:
    """The accounts that a plain unit moves."""
    return {
        number
        for operation in unit.operations
        if isinstance(operation, Journal)
        for transfer in operation.transfers
        for number in (transfer.debit, transfer.credit)
    }


class Plan:
    """A batch of plain units, judged one after another on what `head` will have left."""

    def __init__(self, book_id: int, head: HeadRow, lookup: Lookup) -> None:
        day = head.business_date
        fiscal_year = fiscal_year_of(day, head.fiscal_year_start_month)
        self._lookup = lookup
        self._ids: list[UUID] = []
        self._taken: set[UUID] = set()
        self._keys: list[IdempotencyKey] = []
        self._leaves: HeadRow | None = None
        self._accepted: dict[int, Accepted] = {}
        self.draft = Draft(
            book_id=book_id,
            head=head,
            units=[],
            origin=Origin.DOORS,
            period=Period.ORDINARY,
            fiscal_year=fiscal_year,
            first_voucher=next_voucher_on_head(head, fiscal_year),
            busy=set(),
            versions={},
            known={},
            state=st.State(
                business_date=day,
                head_date=day,
                value_date_floor=head.value_date_floor,
                next_seq=head.recorded_seq + 1,
            ),
            first_seq=head.recorded_seq + 1,
        )

    def __len__(self) -> int:
        return len(self.draft.units)

    def take(self, unit: Unit) -> bool:
        """Judge one more plain unit; False, and nothing is changed, when it does not fit.

        It does not when an account of it is not known, when its key or one of its ids stands in the
        plan already, when it was decided for another date, or when it is dated back on a limited
        account. So every unit that is taken is recorded: accepted or refused.
        """
        journal = single(unit)
        if journal is not None and self._accept(unit, journal):
            return True
        if unit.key is not None and (unit.key.client, unit.key.key) in self.draft.named:
            return False
        if unit.on is not None and unit.on != self.draft.business_date:
            return False
        fresh: dict[int, st.AccountState] = {}
        accounts = self.draft.state.accounts
        ids: list[UUID] = []
        for operation in unit.operations:
            if not isinstance(operation, Journal) or operation.journal_id in self._taken:
                return False
            ids.append(operation.journal_id)
            for transfer in operation.transfers:
                for number in (transfer.debit, transfer.credit):
                    if number in accounts or number in fresh:
                        continue
                    account = self._lookup(number)
                    if account is None:
                        return False
                    fresh[number] = account
            if operation.value_date is not None and self._looks_back(operation, fresh):
                return False
        for number, account in fresh.items():
            accounts[number] = copy_of(account)
        self._ids += ids
        self._taken.update(ids)
        if unit.key is not None:
            self._keys.append(unit.key)
        self.draft.units.append(unit)
        decide(self.draft)
        return True

    def _accept(self, unit: Unit, journal: Journal) -> bool:
        """Take a single transfer that needs no judge; False when it does, or does not fit."""
        transfer = journal.transfers[0]
        debit, credit = self._judged_on(transfer.debit), self._judged_on(transfer.credit)
        if debit is None or credit is None or journal.journal_id in self._taken:
            return False
        accepted = accept(self.draft, unit, journal, debit, credit)
        if accepted is None:
            return False
        self._ids.append(journal.journal_id)
        self._taken.add(journal.journal_id)
        self._accepted[len(self.draft.units) - 1] = accepted
        return True

    def _judged_on(self, number: int) -> st.AccountState | None:
        """The plan's own copy of an account; None when it is not known."""
        account = self.draft.state.accounts.get(number)
        if account is None:
            known = self._lookup(number)
            if known is None:
                return None
            account = self.draft.state.accounts[number] = copy_of(known)
        return account

    def _looks_back(self, journal: Journal, fresh: dict[int, st.AccountState]) -> bool:
        """True of a journal that must be judged against balances of days past."""
        day: date | None = journal.value_date
        if day is None or day >= self.draft.head.business_date or journal.exceeds:
            return False
        numbers = (n for t in journal.transfers for n in (t.debit, t.credit))
        accounts = (fresh.get(n) or self.draft.state.accounts[n] for n in numbers)
        return any(a.balance_min is not None or a.balance_max is not None for a in accounts)

    def seal(self) -> tuple[object, ...]:
        """Complete the batch; answers the arguments of the statement that writes it."""
        seal(self.draft)
        return write_arguments(self.draft, ids=self._ids, keys=self._keys)

    def put_in_words(self) -> list[Outcome]:
        """What to answer when it was written; the batch must be sealed.

        Best called first while the batch is on its way, and again when the answer is needed.
        """
        while self._accepted:
            place, accepted = self._accepted.popitem()
            self.draft.outcomes[place] = outcome_of(accepted, self.draft)
        return self.draft.outcomes

    @property
    def head(self) -> HeadRow:
        """The head as this batch leaves it; the batch must be sealed."""
        if self._leaves is None:
            self._leaves = head_after(self.draft)
        return self._leaves

    def account(self, number: int) -> st.AccountState | None:
        """An account as this batch leaves it; None when it is not of this batch."""
        return self.draft.state.accounts.get(number)


async def send(connection: Connection, plan: Plan, arguments: tuple[object, ...]) -> bool:
    """Write a sealed plan; False when nothing was written because the book stands elsewhere.

    Raises `OutcomeUnknown` when no answer came; any other error: nothing was written.
    """
    async with committing(), head_in_time(plan.draft.book_id):
        written: bool = await connection.fetchval(SQL["write_batch"], *arguments)
    return written
