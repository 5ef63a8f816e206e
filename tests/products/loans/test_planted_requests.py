"""A bug planted in what judges loan requests: the test of that rule must find it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from ledger.posting.values import Unit
from products.loans import request_judging, request_units, request_voting
from products.loans.approval import Authority, Standing, authority_for, standing
from products.loans.borrower_limits import Check
from products.loans.request_units import Decided
from products.loans.request_values import VoteKind
from tests.products.loans import test_borrower_limits, test_request_races, test_requests
from tests.products.loans.loan_scene import LoanScene

Patch = pytest.MonkeyPatch


def _parts_are_forgotten(patch: Patch) -> None:
    patch.setattr(request_units, "PARTS", {})


def _approvals_are(patch: Patch, change: Callable[[Unit], Unit]) -> None:
    original = request_voting._approved

    def changed(*known: Any) -> Decided:
        decided = original(*known)
        return replace(decided, unit=change(decided.unit))

    patch.setattr(request_voting, "_approved", changed)


def _approvals_do_not_see_each_other(patch: Patch) -> None:
    _approvals_are(patch, lambda unit: replace(unit, reads=unit.reads[:1]))


def _a_loan_that_moved_is_not_seen(patch: Patch) -> None:
    _approvals_are(patch, lambda unit: replace(unit, unmoved=()))


def _one_satang_too_many_is_authorised(patch: Patch) -> None:
    def generous(in_force: Sequence[Authority], amount_satang: int) -> Authority:
        return authority_for(in_force, amount_satang - 1)

    patch.setattr(request_judging, "authority_for", generous)


def _one_satang_above_a_limit_is_lent(patch: Patch) -> None:
    patch.setattr(Check, "broken", property(lambda check: check.value > check.limit + 1))


def _an_abstention_counts_as_a_vote(patch: Patch) -> None:
    def counted(authority: Authority, votes: Sequence[VoteKind]) -> Standing:
        said = [VoteKind.APPROVE if vote is VoteKind.ABSTAIN else vote for vote in votes]
        return standing(authority, said)

    patch.setattr(request_voting, "standing", counted)


def _an_old_approval_is_signed(patch: Patch) -> None:
    original = request_judging.sign

    def late(known: Any, *said: Any, **named: Any) -> Decided:
        request = replace(known.request, sign_by=known.business_date)
        whole = replace(known.whole, request=request)
        return original(replace(known, whole=whole), *said, **named)

    patch.setattr(request_judging, "sign", late)


BUGS: dict[Callable[[Patch], None], Callable[[LoanScene], Awaitable[None]]] = {
    _parts_are_forgotten: (test_requests.test_who_made_a_request_neither_analyses_nor_approves_it),
    _approvals_do_not_see_each_other: (
        test_request_races.test_two_approvals_for_one_member_decided_on_the_same_exposure_do_not_both_stand
    ),
    _a_loan_that_moved_is_not_seen: (
        test_request_races.test_an_approval_is_decided_again_when_a_loan_of_the_member_has_moved
    ),
    _one_satang_too_many_is_authorised: (
        test_borrower_limits.test_one_satang_above_the_highest_authority_is_put_to_nobody
    ),
    _one_satang_above_a_limit_is_lent: (
        test_borrower_limits.test_a_request_may_use_the_ceiling_to_the_last_satang
    ),
    _an_abstention_counts_as_a_vote: (
        test_requests.test_an_abstention_is_recorded_and_counts_neither_way
    ),
    _an_old_approval_is_signed: (
        test_requests.test_an_approval_may_be_signed_on_its_last_day_and_not_after_it
    ),
}
"""Bug -> the test that must turn red."""

FOUND = (AssertionError, pytest.fail.Exception, asyncpg.CheckViolationError)
"""How it turns red; where the code forgets who did what, the database's own guard stops it."""


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__.strip("_"))
async def test_a_bug_planted_in_loan_requests_is_found(
    scene: LoanScene, monkeypatch: Patch, plant: Callable[[Patch], None]
) -> None:
    plant(monkeypatch)
    with pytest.raises(FOUND):
        await BUGS[plant](scene)
