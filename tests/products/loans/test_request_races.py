"""Two people at the same request in the same moment: one of them decides again, or is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

from ledger.posting.values import Outcome, Status, Unit
from products.loans import request_making, request_voting
from products.loans.request_reads import Known, load_known
from products.loans.request_services import make
from products.loans.request_values import RequestState, VoteKind
from products.loans.request_voting import AlreadyVoted, Ballot
from products.loans.transitions import TransitionNotAllowed
from tests.builders import journal, post
from tests.products.loans.loan_scene import (
    BAHT,
    COMMITTEE,
    MAKER,
    MANAGER,
    MILLION,
    LoanScene,
    asked_of,
)

S = RequestState
_YES = Ballot(vote=VoteKind.APPROVE)


def _refused(answers: Sequence[Outcome | BaseException], error: type[Exception]) -> int:
    assert all(isinstance(each, Outcome | error) for each in answers), answers
    return sum(isinstance(each, error) for each in answers)


async def _known(scene: LoanScene, made: UUID) -> Known:
    async with scene.pool.acquire() as connection:
        return await load_known(connection, scene.book.book_id, made)


async def _submit(scene: LoanScene, unit: Unit) -> Status:
    return (await scene.collector.submit(scene.book.book_id, unit)).status


async def test_of_two_votes_that_could_settle_it_one_does_and_the_other_comes_too_late(
    scene: LoanScene,
) -> None:
    made = await scene.until(S.COMMITTEE, 9 * MILLION)
    for member in COMMITTEE[:3]:
        await scene.vote(made, member)
    votes = await asyncio.gather(
        *(scene.vote(made, member) for member in COMMITTEE[3:]), return_exceptions=True
    )
    assert _refused(votes, TransitionNotAllowed) == 1
    whole = await scene.whole(made)
    assert (whole.request.state, len(whole.votes)) == (S.APPROVED, 4)


async def test_the_same_person_voting_twice_at_once_has_voted_once(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE, 3 * MILLION)
    votes = await asyncio.gather(
        *(scene.vote(made, MANAGER) for _ in range(5)), return_exceptions=True
    )
    assert _refused(votes, AlreadyVoted) == 4
    assert len((await scene.whole(made)).votes) == 1


async def test_votes_of_a_whole_committee_at_once_are_counted_one_after_another(
    scene: LoanScene,
) -> None:
    made = await scene.until(S.COMMITTEE, 9 * MILLION)
    votes = await asyncio.gather(
        *(scene.vote(made, member) for member in COMMITTEE), return_exceptions=True
    )
    assert _refused(votes, TransitionNotAllowed) == 1
    whole = await scene.whole(made)
    assert [step.step_no for step in whole.steps] == list(range(1, whole.request.version + 1))
    assert (whole.request.state, len(whole.votes)) == (S.APPROVED, 4)


async def test_a_vote_against_withdrawal_ends_as_one_after_the_other_would(
    scene: LoanScene,
) -> None:
    for _ in range(4):
        made = await scene.until(S.COMMITTEE)
        answers = await asyncio.gather(
            scene.vote(made, vote=VoteKind.DECLINE), scene.withdraw(made), return_exceptions=True
        )
        assert _refused(answers, TransitionNotAllowed) == 1
        assert await scene.state(made) in ("declined", "withdrawn")
        approved = await scene.until(S.COMMITTEE)
        answers = await asyncio.gather(
            scene.vote(approved), scene.withdraw(approved), return_exceptions=True
        )
        steps = [step.verb.code for step in (await scene.whole(approved)).steps][7:]
        assert steps == (["decide", "withdraw"] if not _late(answers) else ["withdraw"])
        assert await scene.state(approved) == "withdrawn"


def _late(answers: Sequence[Outcome | BaseException]) -> bool:
    return _refused(answers, TransitionNotAllowed) == 1


async def test_what_was_decided_on_an_older_version_is_not_posted(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE)
    known = await _known(scene, made)
    vote = request_voting.decide(known, _YES, actor=MANAGER)
    leave = request_making.withdraw(known, actor=MAKER, remark="no need any more")
    assert await _submit(scene, leave.unit) is Status.ACCEPTED
    assert await _submit(scene, vote.unit) is Status.STALE
    assert await scene.state(made) == "withdrawn"


async def test_two_approvals_for_one_member_decided_on_the_same_exposure_do_not_both_stand(
    scene: LoanScene,
) -> None:
    pair = [await scene.until(S.COMMITTEE) for _ in range(2)]
    first, second = [
        request_voting.decide(await _known(scene, made), _YES, actor=MANAGER).unit for made in pair
    ]
    assert await _submit(scene, first) is Status.ACCEPTED
    assert await _submit(scene, second) is Status.STALE


async def test_an_approval_is_decided_again_when_a_loan_of_the_member_has_moved(
    scene: LoanScene,
) -> None:
    await scene.owes(1, 1 * MILLION)
    made = await scene.until(S.COMMITTEE)
    vote = request_voting.decide(await _known(scene, made), _YES, actor=MANAGER)
    more = journal(scene.loans[1], scene.bank, 1)
    assert (await post(scene.pool, scene.book.book_id, [more])).status is Status.ACCEPTED
    assert await _submit(scene, vote.unit) is Status.STALE


async def test_what_was_decided_yesterday_is_decided_again_today(scene: LoanScene) -> None:
    made = await scene.until(S.COMMITTEE)
    vote = request_voting.decide(await _known(scene, made), _YES, actor=MANAGER)
    await scene.next_day()
    assert await _submit(scene, vote.unit) is Status.STALE


async def test_drafts_at_once_get_numbers_without_gap_and_one_id_is_drafted_once(
    scene: LoanScene,
) -> None:
    same = uuid4()
    ids = [uuid4() for _ in range(8)]
    outcomes = await asyncio.gather(
        *(
            make(scene.desk, made, 1 + place % 2, asked_of(), actor=MAKER)
            for place, made in enumerate(ids)
        ),
        *(make(scene.desk, same, 1, asked_of(), actor=MAKER) for _ in range(4)),
    )
    assert [each.status for each in outcomes].count(Status.REPLAYED) == 3
    numbers = sorted([(await scene.request(made)).request_no for made in [*ids, same]])
    assert numbers == list(range(1, 10))


async def test_a_step_asked_for_twice_at_once_is_taken_once(scene: LoanScene) -> None:
    made = await scene.until(S.APPROVED, 500_000 * BAHT)
    answers = await asyncio.gather(scene.sign(made), scene.sign(made), return_exceptions=True)
    assert _refused(answers, TransitionNotAllowed) == 1
    assert (await scene.request(made)).contract_reference == "LN-0001"
