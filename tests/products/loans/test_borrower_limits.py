"""Limits and authorities, by the satang: who approves how much, and what a member may owe."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from products.loans.borrower_limits import LimitExceeded, SingleBorrowerLimit
from products.loans.request_values import RequestState
from tests.builders import OPENED_ON
from tests.products.loans.loan_scene import (
    BAHT,
    CEILING,
    COMMITTEE,
    MILLION,
    SINGLE,
    LoanScene,
)

S = RequestState


async def _way(scene: LoanScene, made: UUID) -> tuple[str, int]:
    row = await scene.pool.fetchrow(
        "SELECT a.way, a.amount_up_to_satang FROM products.loan_request AS r "
        "INNER JOIN products.approval_authority AS a USING (book_id, authority_id) "
        "WHERE r.request_id = $1",
        made,
    )
    assert row is not None
    return ("sequence", "committee")[row["way"] - 1], row["amount_up_to_satang"]


@pytest.mark.parametrize(
    ("amount", "authority"),
    [
        (1, ("sequence", 1 * MILLION)),
        (1 * MILLION, ("sequence", 1 * MILLION)),
        (1 * MILLION + 1, ("sequence", 5 * MILLION)),
        (5 * MILLION, ("sequence", 5 * MILLION)),
        (5 * MILLION + 1, ("committee", 15 * MILLION)),
        (15 * MILLION, ("committee", 15 * MILLION)),
    ],
)
async def test_the_smallest_authority_that_suffices_decides(
    scene: LoanScene, amount: int, authority: tuple[str, int]
) -> None:
    made = await scene.until(S.DOCUMENTS_COMPLETE, amount)
    await scene.analyse(made, recommended=0)
    await scene.put_to_vote(made)
    assert await _way(scene, made) == authority


async def test_one_satang_above_the_highest_authority_is_put_to_nobody(scene: LoanScene) -> None:
    made = await scene.until(S.ANALYSED, 15 * MILLION + 1)
    with pytest.raises(LimitExceeded) as refused:
        await scene.put_to_vote(made)
    (failure,) = refused.value.failures
    assert (failure.rule, failure.limit, failure.value) == (
        "approval_authority",
        15 * MILLION,
        15 * MILLION + 1,
    )


async def test_a_new_table_of_authorities_decides_what_is_put_to_the_vote_from_its_date(
    scene: LoanScene,
) -> None:
    before = await scene.until(S.COMMITTEE, 900_000 * BAHT)
    tomorrow = {
        "effective_from": "2026-06-02",
        "amount_up_to": "20000000.00",
        "way": "sequence",
        "levels": [3],
        "valid_days": 10,
    }
    await scene.rules(authorities=[tomorrow])
    await scene.next_day()
    after = await scene.until(S.COMMITTEE, 900_000 * BAHT)
    assert await _way(scene, before) == ("sequence", 1 * MILLION)
    assert await _way(scene, after) == ("sequence", 20 * MILLION)
    await scene.vote(before)
    assert await scene.state(before) == "approved"


async def test_an_approver_who_is_none_any_more_may_not_vote(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE)
    gone = {"actor": "Facility:Manager", "effective_from": "2026-06-01", "level": 0}
    await scene.rules(approvers=[gone])
    with pytest.raises(Exception, match="of level 0 today"):
        await scene.vote(made)


async def test_a_request_may_use_the_ceiling_to_the_last_satang(scene: LoanScene) -> None:
    rule, most = "borrowing_ceiling", CEILING
    await scene.owes(1, 12 * MILLION)
    fits, above = await scene.draft(most - 12 * MILLION), await scene.draft(most - 12 * MILLION + 1)
    await scene.submit(fits)
    with pytest.raises(LimitExceeded) as refused:
        await scene.submit(above)
    (failure,) = refused.value.failures
    assert (failure.rule, failure.limit, failure.value) == (rule, most, most + 1)
    assert failure.basis == "กส 1/1"
    await scene.repays(1, 1)
    await scene.submit(above)
    assert await scene.state(above) == "submitted"


async def test_the_single_borrower_limit_holds_where_the_ceiling_is_wider(
    scene: LoanScene,
) -> None:
    wider = {
        "party_id": 1,
        "document_no": "กส 9/1",
        "document_date": "2026-02-01",
        "valid_from": "2026-01-01",
        "valid_to": "2026-12-31",
        "amount": "90000000.00",
    }
    await scene.rules(ceilings=[wider])
    await scene.submit(await scene.draft(SINGLE))
    with pytest.raises(LimitExceeded) as refused:
        await scene.submit(await scene.draft(SINGLE + 1))
    (failure,) = refused.value.failures
    assert (failure.rule, failure.limit, failure.value) == ("single_borrower", SINGLE, SINGLE + 1)
    assert failure.basis == "มติ 4/2569"


async def test_without_a_ceiling_on_record_nothing_may_be_borrowed(scene: LoanScene) -> None:
    with pytest.raises(LimitExceeded, match="no ceiling is on record") as refused:
        await scene.submit(await scene.draft(1, party_id=3, actor="coop-3:maker"))
    assert [failure.limit for failure in refused.value.failures] == [0]


async def test_all_rules_that_are_broken_are_named_at_once(scene: LoanScene) -> None:
    made = await scene.draft(40 * MILLION, loan_kind="SHORT", term_months=13)
    with pytest.raises(LimitExceeded) as refused:
        await scene.submit(made)
    assert [(each.rule, each.limit, each.value) for each in refused.value.failures] == [
        ("loan_kind_amount", 12 * MILLION, 40 * MILLION),
        ("loan_kind_term", 12, 13),
        ("borrowing_ceiling", CEILING, 40 * MILLION),
        ("single_borrower", SINGLE, 40 * MILLION),
    ]
    assert "loan_kind_term: limit 12 months (SHORT), value 13 months" in str(refused.value)
    listed = refused.value.facts["failures"]
    assert isinstance(listed, list)
    assert listed[0]["limit_satang"] == 12 * MILLION
    assert listed[1]["value_months"] == 13


async def test_nobody_recommends_or_grants_more_than_was_asked_for(scene: LoanScene) -> None:
    made = await scene.until(S.DOCUMENTS_COMPLETE, 500_000 * BAHT)
    with pytest.raises(LimitExceeded, match="amount_asked"):
        await scene.analyse(made, recommended=500_000 * BAHT + 1)
    await scene.analyse(made, recommended=500_000 * BAHT)
    await scene.put_to_vote(made)
    with pytest.raises(LimitExceeded, match="amount_asked"):
        await scene.vote(made, granted_satang=500_000 * BAHT + 1)
    with pytest.raises(LimitExceeded, match="term_asked"):
        await scene.vote(made, granted_term_months=37)


async def test_a_vote_is_held_against_the_limits_of_its_own_day(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE, 500_000 * BAHT)
    await scene.owes(1, CEILING - 400_000 * BAHT)
    with pytest.raises(LimitExceeded, match="borrowing_ceiling"):
        await scene.vote(made)
    await scene.vote(made, granted_satang=400_000 * BAHT)
    assert await scene.state(made) == "approved"


async def test_an_approval_counts_until_it_is_withdrawn_expired_or_can_be_signed_no_more(
    scene: LoanScene,
) -> None:
    approved = await scene.until(S.COMMITTEE, 11 * MILLION)
    for member in COMMITTEE[:4]:
        await scene.vote(approved, member)
    other = await scene.draft(CEILING - 11 * MILLION + 1)
    with pytest.raises(LimitExceeded, match="borrowing_ceiling"):
        await scene.submit(other)
    for _ in range(90):
        await scene.next_day()
    with pytest.raises(LimitExceeded, match="borrowing_ceiling"):
        await scene.submit(other)
    await scene.next_day()
    await scene.submit(other)
    assert await scene.state(other) == "submitted"


async def test_a_withdrawn_approval_counts_no_more(scene: LoanScene) -> None:
    approved = await scene.until(S.APPROVED, 1 * MILLION)
    other = await scene.draft(CEILING)
    with pytest.raises(LimitExceeded):
        await scene.submit(other)
    await scene.withdraw(approved)
    await scene.submit(other)
    assert await scene.state(other) == "submitted"


async def test_of_two_approvals_at_once_for_one_member_the_second_counts_the_first(
    scene: LoanScene,
) -> None:
    await scene.owes(1, CEILING - 1 * MILLION)
    pair = [await scene.until(S.COMMITTEE, 600_000 * BAHT) for _ in range(2)]
    votes = await asyncio.gather(*(scene.vote(each) for each in pair), return_exceptions=True)
    refused = [vote for vote in votes if isinstance(vote, LimitExceeded)]
    assert len(refused) == 1, votes
    assert refused[0].failures[0].value == CEILING + 200_000 * BAHT
    assert sorted([await scene.state(each) for each in pair]) == ["approved", "committee"]


async def test_an_overpaid_loan_lends_no_room_to_another(scene: LoanScene) -> None:
    await scene.owes(1, 5 * MILLION)
    await scene.repays(1, 9 * MILLION)
    with pytest.raises(LimitExceeded):
        await scene.submit(await scene.draft(CEILING + 1))


async def test_a_fraction_of_a_satang_of_own_capital_is_not_lent(scene: LoanScene) -> None:
    tight = SingleBorrowerLimit(
        effective_from=OPENED_ON, share_e8=33_333_333, own_capital_satang=100, document="x"
    )
    assert tight.limit_satang == 33
