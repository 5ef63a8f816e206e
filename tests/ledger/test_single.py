"""A single transfer that comparisons prove to be in order ends as the judge would have ended it.

Accounts are drawn close to their limits and to the ends of their ranges; each transfer is offered
to a plan, and, on the same accounts, to the judge.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import event, given
from hypothesis import strategies as st

from ledger import money
from ledger.posting.decide import decide
from ledger.posting.held import copy_of
from ledger.posting.journal_rules import is_clear
from ledger.posting.read import HeadRow
from ledger.posting.sealing import seal
from ledger.posting.short import Plan
from ledger.posting.state import AccountState
from ledger.posting.values import IdempotencyKey, Journal, Outcome, Status, Transfer, Unit

TODAY = date(2026, 6, 2)
HEAD = HeadRow(
    recorded_seq=40,
    batch_no=7,
    business_date=TODAY,
    value_date_floor=date(2026, 1, 1),
    digest=bytes(32),
    epoch=1,
    voucher_year=2026,
    voucher_no=39,
    fiscal_year_start_month=1,
)
EDGES = (0, 1, 99, 100, 101, money.BALANCE_MAX - 100, money.BALANCE_MAX, money.COUNTER_MAX - 100)
AMOUNTS = st.sampled_from([1, 99, 100, 101, 0, money.AMOUNT_MAX, money.AMOUNT_MAX + 1])


@st.composite
def accounts(draw: st.DrawFn, number: int) -> AccountState:
    """An account as it may stand in a book: within its ranges, its excess what it stands beyond."""
    made = AccountState(
        account=number, currency=draw(st.sampled_from(["THB", "THB", "THB", "USD"]))
    )
    made.debits = draw(st.sampled_from(EDGES))
    least = max(0, made.debits - money.BALANCE_MAX)
    most = min(money.COUNTER_MAX, made.debits + money.BALANCE_MAX)
    made.credits = draw(
        st.one_of(
            st.integers(least, most),
            st.integers(-200, 200).map(lambda net: min(most, max(least, made.debits + net))),
        )
    )
    made.held = draw(st.sampled_from([0, 0, 1, 50]))
    near = made.balance - made.held
    made.balance_min = draw(st.sampled_from([None, near - 100, near - 99, near, near + 5]))
    made.balance_max = draw(
        st.sampled_from([None, made.balance + 100, made.balance + 99, made.balance - 5])
    )
    made.settle_excess()
    made.frozen = draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
    made.closed = draw(st.sampled_from([False, False, False, True]))
    return made


def _plan(*held: AccountState) -> Plan:
    return Plan(1, HEAD, {account.account: account for account in held}.get)


def _asked(amount: int, **other: Any) -> Unit:
    journal = Journal(
        journal_id=UUID(int=5),
        kind=2,
        transfers=(Transfer(debit=1, credit=2, amount_satang=amount),),
        reference="ใบสำคัญ 7",
    )
    return Unit(operations=(replace(journal, **other),), actor="door:a")


def _judged(unit: Unit, *held: AccountState) -> tuple[Plan, Outcome]:
    """The same unit, decided by the judge on copies of the same accounts."""
    plan = _plan(*held)
    plan.draft.state.accounts |= {account.account: copy_of(account) for account in held}
    plan.draft.units.append(unit)
    decide(plan.draft)
    seal(plan.draft)
    return plan, plan.draft.outcomes[0]


@given(debit=accounts(1), credit=accounts(2), amount=AMOUNTS)
def test_whatever_is_proven_clear_is_accepted_by_the_judge_with_the_same_answer(
    debit: AccountState, credit: AccountState, amount: int
) -> None:
    unit, was = _asked(amount), (copy_of(debit), copy_of(credit))
    judged, answer = _judged(unit, debit, credit)
    plan = _plan(debit, credit)
    assert plan.take(unit)
    plan.seal()
    clear = is_clear(amount, debit, credit)
    event("clear" if clear else f"judged: {answer.status.value}")
    assert plan.put_in_words() == [answer]
    assert plan.draft.records == judged.draft.records
    assert plan.draft.refusals == judged.draft.refusals
    assert plan.draft.digest == judged.draft.digest
    assert plan.draft.state.changed_accounts == judged.draft.state.changed_accounts
    assert plan.head == judged.head
    assert not clear or answer.status is Status.ACCEPTED
    # What is held is never changed in place.
    assert (debit, credit) == was


@given(debit=accounts(1), credit=accounts(2), amount=AMOUNTS)
def test_nothing_goes_to_the_judge_that_comparisons_could_have_accepted(
    debit: AccountState, credit: AccountState, amount: int
) -> None:
    plain = not (debit.excess or credit.excess or debit.frozen or credit.frozen)
    _, answer = _judged(_asked(amount), debit, credit)
    if plain and answer.status is Status.ACCEPTED:
        assert is_clear(amount, debit, credit)


def test_a_transfer_from_an_account_to_itself_is_refused_by_the_judge() -> None:
    account = AccountState(account=1, currency="THB", credits=500)
    plan = _plan(account)
    journal = Journal(
        journal_id=UUID(int=5),
        kind=2,
        transfers=(Transfer(debit=1, credit=1, amount_satang=5),),
    )
    assert plan.take(Unit(operations=(journal,), actor="door:a"))
    plan.seal()
    (outcome,) = plan.put_in_words()
    assert outcome.refusal is not None
    assert outcome.refusal.code == "accounts_must_differ"


def test_dated_forced_and_keyed_units_are_the_judges() -> None:
    """Each would be accepted, so each is in the plan; none of them without the judge."""
    rich = AccountState(account=1, currency="THB", credits=500)
    poor = AccountState(account=2, currency="THB")
    key = IdempotencyKey(client="a", key="b", request_hash=bytes(32))
    for unit in (
        _asked(5, value_date=TODAY - timedelta(days=1)),
        _asked(5, may_exceed_limit=True),
        replace(_asked(5), key=key),
        replace(_asked(5), on=TODAY),
    ):
        plan = _plan(rich, poor)
        assert plan.take(unit)
        assert plan.draft.outcomes[0].receipts


def test_an_id_stands_once_in_a_plan() -> None:
    rich = AccountState(account=1, currency="THB", credits=500)
    plan = _plan(rich, AccountState(account=2, currency="THB"))
    assert plan.take(_asked(5))
    assert not plan.take(_asked(5))
    assert len(plan) == 1
