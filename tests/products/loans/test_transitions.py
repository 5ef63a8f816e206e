"""Every step that there is; every other one refused by name, by the code and by the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from ledger.db import Pool
from ledger.errors import InvariantBroken
from products.kinds import EventKind
from products.loans import request_making
from products.loans.request_values import RequestState, Verb
from products.loans.transitions import TRANSITIONS, TransitionNotAllowed, row_of, verbs_from
from tests.ledger.test_guards import stopped_by
from tests.products.loans.loan_scene import CHAIR, LoanScene, asked_of

S = RequestState
Act = Callable[[], Awaitable[object]]
MAY: dict[RequestState, set[str]] = {
    S.DRAFT: {"amend", "add_document", "submit", "withdraw"},
    S.SUBMITTED: {"add_document", "complete_documents", "return", "withdraw"},
    S.DOCUMENTS_COMPLETE: {"analyse", "return", "withdraw"},
    S.ANALYSED: {"put_to_vote", "return", "withdraw"},
    S.COMMITTEE: {"decide", "return", "withdraw"},
    S.APPROVED: {"sign", "expire", "withdraw"},
    S.CONTRACT_SIGNED: {"meet_condition", "withdraw"},
    S.CONDITIONS_MET: set(),
    S.DECLINED: set(),
    S.WITHDRAWN: set(),
    S.EXPIRED: set(),
}
"""What may be done where, written out by hand."""


def test_what_may_be_done_in_each_state_is_what_is_written_here() -> None:
    assert {state: {verb.code for verb in verbs_from(state)} for state in RequestState} == MAY
    assert [verb.code for verb in verbs_from(None)] == ["draft"]


async def _all_verbs(scene: LoanScene, state: RequestState) -> dict[Verb, Act]:
    """Every verb on a request in this state, each by somebody who might do it."""
    made = await scene.until(state)

    async def amend() -> object:
        asked = asked_of(400_000_00)
        return await scene.take(
            made, lambda known: request_making.amend(known, asked, actor="coop-1:maker")
        )

    return {
        Verb.AMEND: amend,
        Verb.ADD_DOCUMENT: lambda: scene.paper(made, "map"),
        Verb.SUBMIT: lambda: scene.submit(made),
        Verb.COMPLETE_DOCUMENTS: lambda: scene.complete(made),
        Verb.ANALYSE: lambda: scene.analyse(made),
        Verb.PUT_TO_VOTE: lambda: scene.put_to_vote(made),
        Verb.DECIDE: lambda: scene.vote(made, CHAIR),
        Verb.RETURN: lambda: scene.give_back(made),
        Verb.WITHDRAW: lambda: scene.withdraw(made),
        Verb.SIGN: lambda: scene.sign(made),
        Verb.MEET_CONDITION: lambda: scene.meet(made, 1),
        Verb.EXPIRE: lambda: scene.expire(made),
    }


@pytest.mark.parametrize("state", list(RequestState), ids=lambda state: state.code)
async def test_every_step_that_is_not_in_the_table_is_refused_by_name(
    scene: LoanScene, state: RequestState
) -> None:
    verbs = await _all_verbs(scene, state)
    assert verbs.keys() == set(Verb) - {Verb.DRAFT}
    for verb, act in verbs.items():
        if verb.code in MAY[state]:
            continue
        with pytest.raises(TransitionNotAllowed) as refused:
            await act()
        facts = dict(refused.value.facts)
        allowed = facts.pop("allowed")
        assert facts == {"state": state.code, "verb": verb.code}
        assert isinstance(allowed, list)
        assert set(allowed) == MAY[state]


async def test_the_database_knows_the_same_states_verbs_and_steps(pool: Pool) -> None:
    states = await pool.fetch("SELECT * FROM products.loan_request_state ORDER BY state")
    assert [tuple(row) for row in states] == [
        (int(each), each.code, each.name_th, each.name_en) for each in RequestState
    ]
    verbs = await pool.fetch("SELECT * FROM products.loan_request_verb ORDER BY verb")
    assert [tuple(row) for row in verbs] == [
        (int(each), each.code, each.name_th, each.name_en, int(each.event_kind)) for each in Verb
    ]
    steps = await pool.fetch("SELECT * FROM products.loan_request_transition")
    assert {tuple(row) for row in steps} == {
        (int(row.verb), int(row.from_state or 0), int(row.to_state)) for row in TRANSITIONS
    }
    kinds = await pool.fetch("SELECT kind, code FROM ledger.event_kind WHERE kind >= 140")
    assert {row["kind"]: row["code"] for row in kinds} == {
        int(kind): kind.name.lower() for kind in EventKind if kind >= 140
    }


async def test_the_database_refuses_to_record_a_step_that_is_not_in_its_table(
    scene: LoanScene,
) -> None:
    made = await scene.draft()
    known = {(int(row.verb), int(row.from_state or 0), int(row.to_state)) for row in TRANSITIONS}
    everything = [
        (int(verb), begin, int(end))
        for verb in Verb
        for begin in (0, *map(int, RequestState))
        for end in RequestState
    ]
    async with scene.pool.acquire() as connection:
        for step in everything:
            stopped = await stopped_by(
                connection,
                "INSERT INTO products.loan_request_step (book_id, request_id, step_no, verb, "
                "from_state, to_state, business_date, recorded_seq, person, remark) VALUES "
                "($1, $2, 99, $3, $4, $5, '2026-06-01', 1, 'somebody:else', '')",
                scene.book.book_id,
                made,
                *step,
            )
            assert stopped == ("" if step in known else "step_is_a_transition"), step


def test_a_step_that_is_not_in_the_table_cannot_be_made_by_mistake() -> None:
    with pytest.raises(InvariantBroken, match="sign: draft to approved"):
        row_of(Verb.SIGN, S.DRAFT, S.APPROVED)
