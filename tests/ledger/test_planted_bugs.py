"""Each invariant has a bug planted on purpose, and the same property check must find it.

A check that cannot fail proves nothing. Here one function of the posting path is replaced by a
wrong one, and then the histories of `test_stateful` (a small, fixed run of them) must turn red, by
one of the named properties or by the database's own last line. docs/invariants.md names the tests.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings

from ledger import cut_off, digest
from ledger.db import Connection
from ledger.errors import CffError
from ledger.kinds import EventKind
from ledger.posting import (
    across,
    bodies,
    columns,
    dated,
    decide,
    journal_rules,
    judge,
    movements,
    operation_rules,
    read,
    sealing,
    series,
    write,
)
from ledger.posting import state as st
from ledger.posting.records import JournalRecord
from ledger.posting.values import Journal, Outcome, Status, Unit
from ledger.refusals import Refusal
from tests.how_much import SHORT, times
from tests.ledger.play import World
from tests.ledger.recipes import UnitRecipe
from tests.ledger.test_cross_book import run_any_requests
from tests.ledger.test_stateful import run_any_history, run_known_history
from tests.ledger.test_value_axis import run_any_calendar

SMALL = settings(
    max_examples=times(150),
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FOUND_BY = (AssertionError, asyncpg.PostgresError, CffError, LookupError)
Patch = pytest.MonkeyPatch
DAY_ENDS = None
History = tuple[tuple[UnitRecipe, ...] | None, ...]
"""Batches of the doors, and ends of days between them."""


def _one(name: str, *parts: object) -> UnitRecipe:
    return UnitRecipe(((name, parts),))


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug: how to plant it and the property (or the database's constraint) that must name it.

    shown_by: a history that is known to show a rare bug. The long form does without it.
    """

    plant: Callable[[Patch], None]
    named: str
    shown_by: History = ()

    def __str__(self) -> str:
        return self.plant.__name__.strip("_")


def _limits_are_not_judged(patch: Patch) -> None:
    patch.setattr(journal_rules, "short_after", lambda account, amount: 0)


def _holds_do_not_count_in_the_limit(patch: Patch) -> None:
    def forgetful(account: st.AccountState, amount: int) -> int:
        low = account.balance_min
        return 0 if low is None else max(0, low - (account.balance - amount))

    patch.setattr(journal_rules, "short_after", forgetful)
    patch.setattr(operation_rules, "short_after", forgetful)


def _upper_limits_are_not_judged(patch: Patch) -> None:
    _forget(patch, "_transfer_guards", "above_balance_max")


def _retries_are_posted_again(patch: Patch) -> None:
    patch.setattr(judge.Judge, "known", lambda self, unit: None)


def _a_retry_with_another_body_is_a_replay(patch: Patch) -> None:
    patch.setattr(bodies, "differing_fields", lambda recorded, asked: [])


def _a_burnt_id_is_forgotten(patch: Patch) -> None:
    class Forgetful(judge.Judge):
        def __init__(self, state: st.State) -> None:
            state.remembered.clear()
            super().__init__(state)

    patch.setattr(decide, "Judge", Forgetful)


def _a_burnt_id_is_free_within_its_batch(patch: Patch) -> None:
    patch.setattr(judge.Judge, "_remember", lambda self, verdict: verdict)


def _recorded_keys_are_not_looked_up(patch: Patch) -> None:
    take = read.take_head_with

    async def without_keys(*asked: Any) -> read.Taken:
        taken = await take(*asked)
        taken.keys.clear()
        return taken

    patch.setattr(read, "take_head_with", without_keys)


def _half_of_a_refused_unit_stays(patch: Patch) -> None:
    patch.setattr(st.Undo, "restore", lambda self: None)


def _balances_change_without_movements(patch: Patch) -> None:
    patch.setattr(sealing, "movement_columns", lambda journals, state: ("{}",) * 10)


def _movements_forget_their_value_date(patch: Patch) -> None:
    def on_one_date(journals: list[JournalRecord], accounts: object) -> object:
        moved = [replace(journal, value_date=journal.business_date) for journal in journals]
        return movements.movements_of(moved, accounts)  # type: ignore[arg-type]  # passed through

    patch.setattr(columns, "movements_of", on_one_date)


def _a_number_is_skipped(patch: Patch) -> None:
    def skipping(self: st.State) -> int:
        seq = self.next_seq
        self.next_seq = seq + (2 if seq % 7 == 0 else 1)
        return seq

    patch.setattr(st.State, "take_seq", skipping)


def _units_are_judged_against_the_beginning(patch: Patch) -> None:
    class Together(judge.Judge):
        def unit(self, unit: Unit) -> judge.Verdict:
            began = copy.deepcopy(self.state.accounts)
            verdict = super().unit(unit)
            changed = self.state.accounts
            for number, account in began.items():
                kept = changed.setdefault(number, account)
                kept.debits, kept.credits, kept.held = (
                    account.debits,
                    account.credits,
                    account.held,
                )
            return verdict

    patch.setattr(decide, "Judge", Together)


def _a_reversal_need_not_mirror(patch: Patch) -> None:
    _forget(patch, "_reversal_guards", "reversal_not_mirror")


def _a_journal_is_reversed_twice(patch: Patch) -> None:
    _forget(patch, "_reversal_guards", "already_reversed")


def _a_capture_keeps_the_rest_held(patch: Patch) -> None:
    right = journal_rules._capture

    def keeping(state: st.State, hold: st.HoldState, journal: Journal, undo: st.Undo) -> int:
        allowance = right(state, hold, journal, undo)
        state.accounts[hold.account].held += hold.amount - hold.captured
        return allowance

    patch.setattr(journal_rules, "_capture", keeping)


def _an_expired_hold_is_captured(patch: Patch) -> None:
    _forget(patch, "_hold_guards", "hold_expired")


def _an_ended_hold_is_captured_again(patch: Patch) -> None:
    _forget(patch, "_hold_guards", "hold_not_open")


def _an_excess_is_not_settled(patch: Patch) -> None:
    patch.setattr(st.AccountState, "settle_excess", lambda self: None)


def _an_excess_never_falls(patch: Patch) -> None:
    def rising(self: st.AccountState) -> None:
        self.excess = max(self.excess, self.need_min(), self.need_max())

    patch.setattr(st.AccountState, "settle_excess", rising)


def _a_frozen_account_is_debited(patch: Patch) -> None:
    _forget(patch, "_transfer_guards", "account_frozen_debit")


def _a_closed_account_takes_money(patch: Patch) -> None:
    _forget(patch, "_transfer_guards", "account_closed")


def _a_value_date_lies_in_the_future(patch: Patch) -> None:
    _forget(patch, "_journal_guards", "value_date_after_business_date")


def _a_value_date_lies_in_a_closed_year(patch: Patch) -> None:
    _forget(patch, "_journal_guards", "value_date_before_floor")


def _a_stale_unit_is_posted(patch: Patch) -> None:
    patch.setattr(decide, "_not_now", lambda unit, draft: None)


def _refusals_are_left_out_of_the_digest(patch: Patch) -> None:
    patch.setattr(digest, "_refusal", lambda parts, refusal: None)


def _the_digest_forgets_the_one_before(patch: Patch) -> None:
    right = digest.batch_digest

    def unchained(**facts: object) -> bytes:
        return right(**facts | {"previous": digest.GENESIS})  # type: ignore[arg-type]  # as given

    patch.setattr(digest, "batch_digest", unchained)


def _later_days_are_not_judged(patch: Patch) -> None:
    patch.setattr(journal_rules, "_later_guards", lambda state, journal, line, value_date: None)


def _later_days_forget_the_batch(patch: Patch) -> None:
    patch.setattr(st.Undo, "dated", lambda self, account, value_date, net: None)


def _only_the_value_date_itself_is_judged(patch: Patch) -> None:
    right = series.ValueSeries.lowest

    def at_once(self: series.ValueSeries, balance: int, since: date) -> tuple[int, date] | None:
        if right(self, balance, since) is None:
            return None
        return balance - sum(net for day, net in self.nets.items() if day > since), since

    patch.setattr(series.ValueSeries, "lowest", at_once)


def _forcing_needs_no_reason(patch: Patch) -> None:
    patch.setattr(judge, "_without_reason", lambda unit, index, journal: None)


def _what_is_corrected_need_not_exist(patch: Patch) -> None:
    _forget(patch, "_journal_guards", "unknown_journal")


def _a_voucher_number_is_skipped(patch: Patch) -> None:
    right = dated.next_voucher

    async def skipping(*arguments: object) -> int:
        found: int = await right(*arguments)  # type: ignore[arg-type]  # as given
        return found + (found % 7 == 0)

    patch.setattr(dated, "next_voucher", skipping)


def _a_cut_off_does_not_thaw(patch: Patch) -> None:
    async def nothing(*_: object) -> cut_off.Due:
        return cut_off.NOTHING_DUE

    patch.setattr(cut_off, "what_is_due", nothing)


def _a_closing_forgets_what_settled_it(patch: Patch) -> None:
    patch.setattr(read, "_settled_by", lambda body: frozenset())


def _one_book_is_written_without_the_other(patch: Patch) -> None:
    right = write.record

    async def half(connection: Connection, draft: decide.Draft) -> list[Outcome]:
        crossing = [r for r in draft.records if r.kind == EventKind.CROSS_BOOK]
        if crossing and draft.book_id % 2:
            return draft.outcomes
        return await right(connection, draft)

    patch.setattr(write, "record", half)


def _a_refused_half_does_not_stop_the_other(patch: Patch) -> None:
    right = decide.decide

    def deaf(draft: decide.Draft) -> None:
        right(draft)
        if draft.outcomes[0].status is Status.REFUSED:
            draft.outcomes[0] = replace(draft.outcomes[0], status=Status.ACCEPTED)

    patch.setattr(across, "decide", deaf)


def _forget(patch: Patch, guards: str, code: str) -> None:
    """Make one function of guards blind to one reason."""
    right: Callable[..., Refusal | None] = getattr(journal_rules, guards)

    def blind(*arguments: object) -> Refusal | None:
        refusal = right(*arguments)
        return None if refusal is not None and refusal.code == code else refusal

    patch.setattr(journal_rules, guards, blind)


BUGS = (
    Bug(_limits_are_not_judged, "outcome"),
    Bug(_holds_do_not_count_in_the_limit, "outcome|within_balance_min"),
    Bug(_upper_limits_are_not_judged, "outcome"),
    Bug(_retries_are_posted_again, "outcome|transfer_pkey|hold_pkey"),
    Bug(_a_retry_with_another_body_is_a_replay, "outcome|UUID"),
    Bug(_a_burnt_id_is_forgotten, "outcome|refused_once"),
    Bug(_a_burnt_id_is_free_within_its_batch, "outcome|refused_once"),
    Bug(_recorded_keys_are_not_looked_up, "outcome|idempotency_key_pkey"),
    Bug(_half_of_a_refused_unit_stays, "outcome|standing|holds|head|numbers_are_all_used"),
    Bug(_balances_change_without_movements, "verify"),
    Bug(
        _movements_forget_their_value_date,
        "verify",
        ((_one("move", 0, 1, 5), _one("late", 0, 1, 5, -1)),),
    ),
    Bug(_a_number_is_skipped, "outcome|numbers_are_all_used"),
    Bug(_units_are_judged_against_the_beginning, "outcome|standing|within_balance"),
    Bug(
        _a_reversal_need_not_mirror,
        "outcome|reversed_once",
        ((_one("reverse", 0, True, None, False),),),
    ),
    Bug(
        _a_journal_is_reversed_twice,
        "outcome|reversed_once",
        ((_one("move", 0, 1, 5),), (_one("reverse", 0, False, None, False),) * 2),
    ),
    Bug(
        _a_capture_keeps_the_rest_held,
        "outcome|standing|within_balance_min",
        ((_one("capture", 0, 0, 1, False),),),
    ),
    Bug(_an_expired_hold_is_captured, "outcome"),
    Bug(
        _an_ended_hold_is_captured_again,
        "outcome|forward|held_in_range",
        ((_one("capture", 1, 0, 0, False),) * 2,),
    ),
    Bug(_an_excess_is_not_settled, "outcome|within_balance"),
    Bug(_an_excess_never_falls, "outcome"),
    Bug(
        _a_frozen_account_is_debited,
        "outcome",
        ((_one("freeze", 1, True, False, None), _one("move", 1, 1, 20)),),
    ),
    Bug(_a_closed_account_takes_money, "outcome|closed_is_empty"),
    Bug(_a_value_date_lies_in_the_future, "outcome|value_date_not_later|reversed_once"),
    Bug(_a_value_date_lies_in_a_closed_year, "outcome|reversed_once"),
    Bug(_a_stale_unit_is_posted, "outcome"),
    Bug(_forcing_needs_no_reason, "outcome", ((_one("force", ((0, 1, 5),), None, False),),)),
    Bug(_what_is_corrected_need_not_exist, "outcome"),
    Bug(_a_voucher_number_is_skipped, "outcome|voucher"),
    Bug(
        _a_cut_off_does_not_thaw, "standing|head", ((_one("freeze", 1, True, False, 0),), DAY_ENDS)
    ),
    Bug(
        _a_closing_forgets_what_settled_it,
        "outcome|undoing",
        ((_one("sweep", 2, 0, True),), (_one("reopen", 0, True),)),
    ),
    Bug(_refusals_are_left_out_of_the_digest, "verify", ((_one("move", 1, 1, 150),),)),
    Bug(_the_digest_forgets_the_one_before, "verify"),
)


LATER_BUGS = (
    Bug(_later_days_are_not_judged, "since"),
    Bug(_later_days_forget_the_batch, "since"),
    Bug(_only_the_value_date_itself_is_judged, "since"),
)
CROSS_BOOK_BUGS = (
    Bug(_one_book_is_written_without_the_other, "head|standing|one book has half"),
    Bug(_a_refused_half_does_not_stop_the_other, "outcome"),
)


@pytest.fixture
def world(shared_url: str) -> Iterator[World]:
    """A connection of its own for every bug: what it breaks is thrown away with its book."""
    made = World(shared_url)
    yield made
    made.close()


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_a_planted_bug_is_found(world: World, monkeypatch: Patch, bug: Bug) -> None:
    bug.plant(monkeypatch)
    with pytest.raises(FOUND_BY, match=bug.named):
        _play(world, bug)


def _play(world: World, bug: Bug) -> None:
    """The history that is known to show the bug, and any others should it not."""
    if SHORT and bug.shown_by:
        run_known_history(world, bug.shown_by)
    run_any_history(world, SMALL)


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.shown_by], ids=str)
def test_the_history_that_shows_a_bug_is_a_good_one_without_it(world: World, bug: Bug) -> None:
    run_known_history(world, bug.shown_by)


@pytest.mark.parametrize("bug", LATER_BUGS, ids=str)
def test_a_planted_bug_of_the_value_axis_is_found(
    world: World, monkeypatch: Patch, bug: Bug
) -> None:
    bug.plant(monkeypatch)
    with pytest.raises(FOUND_BY, match=bug.named):
        run_any_calendar(world, SMALL)


@pytest.mark.parametrize("bug", CROSS_BOOK_BUGS, ids=str)
def test_a_planted_bug_of_two_books_is_found(world: World, monkeypatch: Patch, bug: Bug) -> None:
    bug.plant(monkeypatch)
    with pytest.raises(FOUND_BY, match=bug.named):
        run_any_requests(world, SMALL)


def test_the_same_small_run_finds_nothing_in_the_posting_path_as_it_is(world: World) -> None:
    run_any_history(world, settings(SMALL, max_examples=10))
    assert world.counts["accepted"] > 0
