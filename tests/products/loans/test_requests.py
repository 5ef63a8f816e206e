"""A loan request lives: from draft to conditions met, returned, declined, withdrawn, expired."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from ledger.errors import Forbidden, InvalidInput, NotFound
from ledger.posting.values import Status
from products.loans import request_lists, request_making
from products.loans.request_judging import (
    ApprovalExpired,
    ConditionMet,
    DocumentsMissing,
    StillValid,
)
from products.loans.request_lists import Wanted
from products.loans.request_making import RequestIdTaken
from products.loans.request_services import make
from products.loans.request_values import RequestState, VoteKind
from products.loans.request_voting import AlreadyVoted, NotAnApprover
from tests.products.loans.loan_scene import (
    ANALYST,
    BAHT,
    CHAIR,
    COMMITTEE,
    DIRECTOR,
    MAKER,
    MANAGER,
    MILLION,
    OFFICER,
    PAPERS,
    LoanScene,
    asked_of,
)

S = RequestState


async def test_a_request_comes_from_its_draft_to_its_last_condition(scene: LoanScene) -> None:
    made = await scene.until(S.CONDITIONS_MET)
    whole = await scene.whole(made)
    assert [(step.verb.code, step.to_state.code, step.person) for step in whole.steps] == [
        ("draft", "draft", MAKER),
        ("add_document", "draft", MAKER),
        ("add_document", "draft", MAKER),
        ("submit", "submitted", MAKER),
        ("complete_documents", "documents_complete", OFFICER),
        ("analyse", "analysed", ANALYST),
        ("put_to_vote", "committee", OFFICER),
        ("decide", "approved", MANAGER),
        ("sign", "contract_signed", OFFICER),
        ("meet_condition", "contract_signed", OFFICER),
        ("meet_condition", "conditions_met", OFFICER),
    ]
    assert [step.step_no for step in whole.steps] == list(range(1, 12))
    numbers = [step.recorded_seq for step in whole.steps]
    assert numbers == sorted(set(numbers))
    request = whole.request
    assert (request.version, request.changed_seq) == (11, numbers[-1])
    assert request.approved_satang == request.asked.amount_satang == 500_000 * BAHT
    assert request.sign_by == scene.today + timedelta(days=30)
    assert [each.wording for each in whole.conditions] == ["pledge a deposit", "insure the board"]


async def test_every_step_is_told_with_its_instant_and_what_was_checked(scene: LoanScene) -> None:
    made = await scene.until(S.APPROVED)
    async with scene.pool.acquire() as connection:
        history = await request_lists.history(connection, scene.book.book_id, made)
    told = {each.step.verb.code: each for each in history}
    assert all(each.recorded_at is not None for each in history)
    assert told["analyse"].step.remark == "repays from instalments"
    rules = ["loan_kind_term", "borrowing_ceiling", "single_borrower"]
    for verb in ("submit", "decide"):
        checks = told[verb].facts["checks"]
        assert isinstance(checks, list)
        assert [check["rule"] for check in checks] == rules
        assert checks[1]["value_satang"] == 500_000 * BAHT
    assert told["decide"].facts["approved_satang"] == 500_000 * BAHT


async def test_requests_are_numbered_without_a_gap_in_the_fiscal_year(scene: LoanScene) -> None:
    made = [await scene.draft() for _ in range(3)]
    found = [(await scene.request(each)).number for each in made]
    assert found == ["2026/1", "2026/2", "2026/3"]


async def test_the_same_draft_again_is_a_replay_and_another_one_a_conflict(
    scene: LoanScene,
) -> None:
    made = await scene.draft()
    again = await make(scene.desk, made, 1, asked_of(), actor=MAKER)
    assert again.status is Status.REPLAYED
    with pytest.raises(RequestIdTaken):
        await make(scene.desk, made, 2, asked_of(), actor=MAKER)
    with pytest.raises(RequestIdTaken):
        await make(scene.desk, made, 1, asked_of(500_001 * BAHT), actor=MAKER)


async def test_a_draft_names_a_member_and_a_kind_of_loan_that_there_are(scene: LoanScene) -> None:
    with pytest.raises(InvalidInput, match="a member of this book"):
        await make(scene.desk, uuid4(), 99, asked_of(), actor=MAKER)
    with pytest.raises(InvalidInput, match="one of LONG, SHORT"):
        await make(scene.desk, uuid4(), 1, asked_of(loan_kind="HOUSE"), actor=MAKER)
    made = await scene.draft()
    with pytest.raises(InvalidInput, match="one of LONG, SHORT"):
        await scene.take(
            made,
            lambda known: request_making.amend(known, asked_of(loan_kind="HOUSE"), actor=MAKER),
        )


async def test_an_amendment_changes_what_is_asked_for_and_who_made_it(scene: LoanScene) -> None:
    made = await scene.draft()
    wish = replace(asked_of(), amount_satang=300_000 * BAHT, loan_kind="SHORT", term_months=12)
    await scene.take(
        made, lambda known: request_making.amend(known, wish, actor="coop-1:treasurer")
    )
    request = await scene.request(made)
    assert (request.asked, request.made_by) == (wish, "coop-1:treasurer")


async def test_papers_that_are_missing_are_named(scene: LoanScene) -> None:
    made = await scene.draft()
    await scene.paper(made, PAPERS[1])
    await scene.submit(made)
    with pytest.raises(DocumentsMissing) as missing:
        await scene.complete(made)
    assert missing.value.facts == {"missing": [PAPERS[0]]}
    await scene.paper(made, PAPERS[0])
    await scene.complete(made)
    assert await scene.state(made) == "documents_complete"


async def test_a_paper_that_is_needed_no_more_is_not_missed(scene: LoanScene) -> None:
    await scene.rules(
        papers=[
            {
                "loan_kind": "LONG",
                "document_kind": PAPERS[0],
                "effective_from": scene.today.isoformat(),
                "required": False,
                "name_th": "-",
                "name_en": "-",
            }
        ]
    )
    made = await scene.draft()
    await scene.paper(made, PAPERS[1])
    await scene.submit(made)
    await scene.complete(made)
    assert await scene.state(made) == "documents_complete"


async def test_a_returned_request_is_a_draft_whose_judgement_is_undone(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE, 3 * MILLION)
    await scene.vote(made, MANAGER)
    await scene.give_back(made)
    request = await scene.request(made)
    assert (request.state, request.round) == (S.DRAFT, 1)
    assert (request.analysed_by, request.recommended_satang, request.authority_id) == (None,) * 3
    await scene.submit(made)
    await scene.complete(made)
    await scene.analyse(made)
    await scene.put_to_vote(made)
    await scene.vote(made, MANAGER)
    assert await scene.state(made) == "committee", "the vote of the first round counts no more"
    await scene.vote(made, DIRECTOR)
    await scene.vote(made, CHAIR)
    assert await scene.state(made) == "approved"
    assert [vote.round for vote in (await scene.whole(made)).votes] == [1, 2, 2, 2]


# Four eyes, and six


async def test_who_made_a_request_neither_analyses_nor_approves_it(scene: LoanScene) -> None:
    made = await scene.until(S.DOCUMENTS_COMPLETE, actor=MANAGER)
    with pytest.raises(Forbidden, match="is maker"):
        await scene.analyse(made, MANAGER.upper())
    await scene.analyse(made)
    await scene.put_to_vote(made)
    with pytest.raises(Forbidden, match="is maker"):
        await scene.vote(made, MANAGER)


async def test_who_analysed_a_request_does_not_approve_it(scene: LoanScene) -> None:
    made = await scene.until(S.DOCUMENTS_COMPLETE)
    await scene.analyse(made, DIRECTOR)
    await scene.put_to_vote(made)
    with pytest.raises(Forbidden, match="is analyst"):
        await scene.vote(made, DIRECTOR)


async def test_a_part_in_an_earlier_round_is_a_part_for_ever(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE, 3 * MILLION)
    await scene.vote(made, MANAGER)
    await scene.give_back(made)
    wish = asked_of(2 * MILLION)

    async def amended(actor: str) -> object:
        return await scene.take(made, lambda known: request_making.amend(known, wish, actor=actor))

    for actor, part in ((ANALYST, "analyst"), (MANAGER, "approver")):
        with pytest.raises(Forbidden, match=f"is {part}"):
            await amended(actor)
        with pytest.raises(Forbidden, match=f"is {part}"):
            await scene.submit(made, actor)
    await scene.submit(made)
    await scene.complete(made)
    with pytest.raises(Forbidden, match="is approver"):
        await scene.analyse(made, MANAGER)


async def test_a_hand_that_only_amended_made_the_request_as_well(scene: LoanScene) -> None:
    made = await scene.draft()
    for paper in PAPERS:
        await scene.paper(made, paper)
    wish = asked_of(400_000 * BAHT)
    await scene.take(made, lambda known: request_making.amend(known, wish, actor=ANALYST))
    await scene.submit(made)
    await scene.complete(made)
    with pytest.raises(Forbidden, match="is maker"):
        await scene.analyse(made, ANALYST)


# Votes


async def test_three_approvers_follow_one_another_by_level(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE, 3 * MILLION)
    with pytest.raises(NotAnApprover, match="level 1"):
        await scene.vote(made, OFFICER)
    await scene.vote(made, MANAGER)
    with pytest.raises(AlreadyVoted):
        await scene.vote(made, MANAGER)
    await scene.vote(made, DIRECTOR)
    assert await scene.state(made) == "committee"
    await scene.vote(made, CHAIR)
    assert await scene.state(made) == "approved"


async def test_the_second_approver_must_be_of_the_second_level(scene: LoanScene) -> None:
    level_one = {"actor": "facility:deputy", "effective_from": "2020-01-01", "level": 1}
    await scene.rules(approvers=[level_one])
    made = await scene.until(S.COMMITTEE, 3 * MILLION)
    await scene.vote(made, MANAGER)
    with pytest.raises(NotAnApprover, match="level 2"):
        await scene.vote(made, "facility:deputy")


async def test_the_first_no_of_approvers_in_sequence_ends_it(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE, 3 * MILLION)
    await scene.vote(made, MANAGER)
    await scene.vote(made, DIRECTOR, VoteKind.DECLINE)
    assert await scene.state(made) == "declined"


async def test_a_committee_needs_its_quorum_and_its_majority(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE, 9 * MILLION)
    with pytest.raises(InvalidInput, match="minutes"):
        await scene.vote(made, COMMITTEE[0], minutes_reference="")
    for member in COMMITTEE[:3]:
        await scene.vote(made, member)
        assert await scene.state(made) == "committee"
    await scene.vote(made, COMMITTEE[3], VoteKind.DECLINE)
    assert await scene.state(made) == "approved"


async def test_an_abstention_is_recorded_and_counts_neither_way(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE, 9 * MILLION)
    for member in COMMITTEE[:3]:
        await scene.vote(made, member)
    await scene.vote(made, COMMITTEE[3], VoteKind.ABSTAIN)
    assert await scene.state(made) == "committee"
    await scene.vote(made, COMMITTEE[4])
    assert await scene.state(made) == "approved"


async def test_only_the_committees_own_members_vote_in_it(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE, 9 * MILLION)
    with pytest.raises(NotAnApprover, match="level 4"):
        await scene.vote(made, CHAIR)
    extra = {"actor": "board:6", "effective_from": "2020-01-01", "level": 4}
    await scene.rules(approvers=[extra])
    for member in COMMITTEE:
        await scene.vote(made, member, VoteKind.ABSTAIN)
    with pytest.raises(NotAnApprover, match="all 5 members"):
        await scene.vote(made, "board:6")


async def test_a_committee_has_declined_once_the_majority_is_out_of_reach(
    scene: LoanScene,
) -> None:
    made = await scene.until(S.COMMITTEE, 9 * MILLION)
    await scene.vote(made, COMMITTEE[0])
    for member in COMMITTEE[1:4]:
        await scene.vote(made, member, VoteKind.DECLINE)
    assert await scene.state(made) == "declined"


async def test_who_votes_against_or_abstains_says_why_and_grants_nothing(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE)
    for vote in (VoteKind.DECLINE, VoteKind.ABSTAIN):
        with pytest.raises(InvalidInput, match="why"):
            await scene.vote(made, MANAGER, vote, reason=" ")
        with pytest.raises(InvalidInput, match="only with a vote to approve"):
            await scene.vote(made, MANAGER, vote, granted_satang=1)


async def test_the_least_that_any_approver_grants_is_granted_under_all_conditions(
    scene: LoanScene,
) -> None:
    made = await scene.until(S.COMMITTEE, 3 * MILLION)
    await scene.vote(made, MANAGER, granted_satang=2 * MILLION, conditions=("insure",))
    await scene.vote(made, DIRECTOR, granted_term_months=24, conditions=("pledge", "insure"))
    await scene.vote(made, CHAIR)
    whole = await scene.whole(made)
    granted = (whole.request.approved_satang, whole.request.approved_term_months)
    assert granted == (2 * MILLION, 24)
    assert [each.wording for each in whole.conditions] == ["insure", "pledge"]


# Signing, conditions, ends


async def test_an_approval_without_conditions_is_ready_when_it_is_signed(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE)
    await scene.vote(made)
    await scene.sign(made)
    assert await scene.state(made) == "conditions_met"


async def test_an_approval_may_be_signed_on_its_last_day_and_not_after_it(
    scene: LoanScene,
) -> None:
    first, second = await scene.until(S.APPROVED), await scene.until(S.APPROVED)
    for _ in range(30):
        await scene.next_day()
    with pytest.raises(StillValid):
        await scene.expire(second)
    await scene.sign(first)
    await scene.next_day()
    with pytest.raises(ApprovalExpired):
        await scene.sign(second)
    await scene.expire(second)
    assert [await scene.state(each) for each in (first, second)] == ["contract_signed", "expired"]


async def test_a_condition_is_met_once(scene: LoanScene) -> None:
    made = await scene.until(S.CONTRACT_SIGNED)
    await scene.meet(made, 2)
    with pytest.raises(ConditionMet):
        await scene.meet(made, 2)
    with pytest.raises(NotFound):
        await scene.meet(made, 3)
    assert await scene.state(made) == "contract_signed"


async def test_what_was_approved_is_remembered_when_it_is_withdrawn(scene: LoanScene) -> None:
    made = await scene.until(S.CONTRACT_SIGNED)
    await scene.withdraw(made)
    request = await scene.request(made)
    assert (request.state, request.approved_satang) == (S.WITHDRAWN, 500_000 * BAHT)
    assert (request.contract_reference, request.signed_on) == ("LN-0001", scene.today)


# Lists


async def test_a_page_goes_on_where_the_last_one_ended_under_every_filter(
    scene: LoanScene,
) -> None:
    mine = [await scene.draft() for _ in range(3)]
    other = await scene.draft(party_id=2, loan_kind="SHORT", term_months=6)
    await scene.next_day()
    young = await scene.draft()
    await scene.submit(young)
    book_id = scene.book.book_id
    async with scene.pool.acquire() as connection:

        async def ids(wanted: Wanted, after: int = 0, limit: int = 100) -> list[object]:
            rows = await request_lists.page(
                connection, book_id, wanted, after_seq=after, limit=limit
            )
            return [row.request_id for row in rows]

        everything = [*mine, other, young]
        assert await ids(Wanted()) == everything
        seq = (await scene.request(mine[1])).drafted_seq
        assert await ids(Wanted(), after=seq, limit=2) == everything[2:4]
        assert await ids(Wanted(party_id=2)) == [other]
        assert await ids(Wanted(loan_kind="SHORT")) == [other]
        assert await ids(Wanted(state=S.SUBMITTED)) == [young]
        yesterday = request_lists.drafted_until(scene.today, 1)
        assert await ids(Wanted(drafted_until=yesterday)) == everything[:4]
        assert request_lists.drafted_until(scene.today, None) is None
