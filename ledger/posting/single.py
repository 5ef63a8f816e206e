"""A unit of one journal with one transfer and nothing else: the commonest there is. Pure.

Where comparisons prove that no guard can refuse it (`journal_rules.is_clear`), it is accepted
without the judge, as lines are on the bulk way. The state, the record and the answer are those that
the judge and `decide` would have made; what is not proven is theirs to decide.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.posting.decide import Draft
from ledger.posting.journal_rules import is_clear, record_of
from ledger.posting.records import JournalRecord
from ledger.posting.state import AccountState
from ledger.posting.values import AccountBalance, Journal, Outcome, Receipt, Status, Unit

PENDING = Outcome(status=Status.ACCEPTED)
"""Stands among a draft's outcomes until the answer is put in words."""


class Accepted(NamedTuple):
    """What is needed to answer: the record, its voucher, and each account as it was left.

    Of each account: its number, balance, holds, and what is available (None = without a limit).
    """

    record: JournalRecord
    voucher_no: int
    debit: tuple[int, int, int, int | None]
    credit: tuple[int, int, int, int | None]


def single(unit: Unit) -> Journal | None:
    """The journal of a plain unit that has one transfer, is dated today and has no key."""
    if len(unit.operations) != 1 or unit.key is not None or unit.on is not None:
        return None
    journal = unit.operations[0]
    if not isinstance(journal, Journal) or len(journal.transfers) != 1:
        return None
    return None if journal.value_date is not None or journal.exceeds else journal


def accept(
    draft: Draft, unit: Unit, journal: Journal, debit: AccountState, credit: AccountState
) -> Accepted | None:
    """Accept it if it is proven to be in order; None, and nothing is changed, if it is not."""
    amount, state = journal.transfers[0].amount_satang, draft.state
    day = state.business_date
    if state.shut is not None or not state.value_date_floor <= day == state.head_date:
        return None
    if not is_clear(amount, debit, credit):
        return None
    debit.debits += amount
    credit.credits += amount
    debit.changed_seq = credit.changed_seq = state.next_seq
    state.changed_accounts[debit.account] = debit
    state.changed_accounts[credit.account] = credit
    record = record_of(journal, unit.actor, state, day)
    voucher_no = draft.first_voucher + draft.journals
    draft.journals += 1
    draft.records.append(record)
    draft.units.append(unit)
    draft.outcomes.append(PENDING)
    return Accepted(record, voucher_no, _left(debit), _left(credit))


def _left(account: AccountState) -> tuple[int, int, int, int | None]:
    balance, held, least = account.credits - account.debits, account.held, account.balance_min
    available = None if least is None else max(0, balance - held - least)
    return account.account, balance, held, available


def outcome_of(accepted: Accepted, draft: Draft) -> Outcome:
    """The answer, when the batch is sealed."""
    record = accepted.record
    receipt = Receipt(
        recorded_seq=record.recorded_seq,
        business_date=record.business_date,
        value_date=record.value_date,
        journal_id=record.journal_id,
        fiscal_year=draft.fiscal_year,
        voucher_no=accepted.voucher_no,
    )
    return Outcome(
        status=Status.ACCEPTED,
        receipts=(receipt,),
        balances=(_balance(accepted.debit), _balance(accepted.credit)),
        batch_no=draft.batch_no,
        digest=draft.digest,
    )


def _balance(left: tuple[int, int, int, int | None]) -> AccountBalance:
    account, balance, held, available = left
    return AccountBalance(
        account=account,
        balance_satang=balance,
        held_satang=held,
        available_satang=available,
        excess_satang=0,
    )
