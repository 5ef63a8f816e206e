"""Every step that a loan request can take, in one table; anything else is refused by name.

A row is (verb, from, to). Where a verb has two ends from one state (a vote that decides and one
that does not yet, the last condition and one before it) the decision takes one of the two, no
third. `products.loan_request_transition` holds the same rows and every recorded step names one of
them, so the database knows no other step either (a test compares the two tables).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from ledger.errors import CffError, ensure
from products.loans.request_values import RequestState, Verb


@dataclass(frozen=True, slots=True)
class Transition:
    """One step that there is. `from_state` is None where there was nothing before."""

    verb: Verb
    from_state: RequestState | None
    to_state: RequestState

    @property
    def name(self) -> str:
        """Such as "submit: draft to submitted"."""
        begin = "nothing" if self.from_state is None else self.from_state.code
        return f"{self.verb.code}: {begin} to {self.to_state.code}"


TRANSITIONS: tuple[Transition, ...] = (
    Transition(Verb.DRAFT, None, RequestState.DRAFT),
    Transition(Verb.AMEND, RequestState.DRAFT, RequestState.DRAFT),
    Transition(Verb.ADD_DOCUMENT, RequestState.DRAFT, RequestState.DRAFT),
    Transition(Verb.ADD_DOCUMENT, RequestState.SUBMITTED, RequestState.SUBMITTED),
    Transition(Verb.SUBMIT, RequestState.DRAFT, RequestState.SUBMITTED),
    Transition(Verb.COMPLETE_DOCUMENTS, RequestState.SUBMITTED, RequestState.DOCUMENTS_COMPLETE),
    Transition(Verb.ANALYSE, RequestState.DOCUMENTS_COMPLETE, RequestState.ANALYSED),
    Transition(Verb.PUT_TO_VOTE, RequestState.ANALYSED, RequestState.COMMITTEE),
    Transition(Verb.DECIDE, RequestState.COMMITTEE, RequestState.COMMITTEE),
    Transition(Verb.DECIDE, RequestState.COMMITTEE, RequestState.APPROVED),
    Transition(Verb.DECIDE, RequestState.COMMITTEE, RequestState.DECLINED),
    Transition(Verb.RETURN, RequestState.SUBMITTED, RequestState.DRAFT),
    Transition(Verb.RETURN, RequestState.DOCUMENTS_COMPLETE, RequestState.DRAFT),
    Transition(Verb.RETURN, RequestState.ANALYSED, RequestState.DRAFT),
    Transition(Verb.RETURN, RequestState.COMMITTEE, RequestState.DRAFT),
    Transition(Verb.WITHDRAW, RequestState.DRAFT, RequestState.WITHDRAWN),
    Transition(Verb.WITHDRAW, RequestState.SUBMITTED, RequestState.WITHDRAWN),
    Transition(Verb.WITHDRAW, RequestState.DOCUMENTS_COMPLETE, RequestState.WITHDRAWN),
    Transition(Verb.WITHDRAW, RequestState.ANALYSED, RequestState.WITHDRAWN),
    Transition(Verb.WITHDRAW, RequestState.COMMITTEE, RequestState.WITHDRAWN),
    Transition(Verb.WITHDRAW, RequestState.APPROVED, RequestState.WITHDRAWN),
    Transition(Verb.WITHDRAW, RequestState.CONTRACT_SIGNED, RequestState.WITHDRAWN),
    Transition(Verb.SIGN, RequestState.APPROVED, RequestState.CONTRACT_SIGNED),
    Transition(Verb.SIGN, RequestState.APPROVED, RequestState.CONDITIONS_MET),
    Transition(Verb.MEET_CONDITION, RequestState.CONTRACT_SIGNED, RequestState.CONTRACT_SIGNED),
    Transition(Verb.MEET_CONDITION, RequestState.CONTRACT_SIGNED, RequestState.CONDITIONS_MET),
    Transition(Verb.EXPIRE, RequestState.APPROVED, RequestState.EXPIRED),
)
"""Every step there is, in the order of a request's life."""

_ROWS = frozenset(TRANSITIONS)


class TransitionNotAllowed(CffError):  # noqa: N818 - the name is what the clerk reads
    """The request does not stand where this verb begins; `facts` say where, and what may follow."""

    code: ClassVar[str] = "transition_not_allowed"

    def __init__(self, request_id: UUID, state: RequestState, verb: Verb) -> None:
        self.facts = {
            "state": state.code,
            "verb": verb.code,
            "allowed": [allowed.code for allowed in verbs_from(state)],
        }
        may = ", ".join(allowed.code for allowed in verbs_from(state)) or "nothing more"
        super().__init__(
            f"loan request {request_id} is {state.code}: {verb.code} does not begin there; "
            f"what may be done: {may}"
        )


def verbs_from(state: RequestState | None) -> tuple[Verb, ...]:
    """The verbs that begin in a state, each once, in the order of the table."""
    return tuple(dict.fromkeys(row.verb for row in TRANSITIONS if row.from_state is state))


def require(request_id: UUID, state: RequestState, verb: Verb) -> None:
    """Raise `TransitionNotAllowed` unless the verb begins in this state."""
    if verb not in verbs_from(state):
        raise TransitionNotAllowed(request_id, state, verb)


def row_of(verb: Verb, from_state: RequestState | None, to_state: RequestState) -> Transition:
    """The row of the table that this step is. Raises `InvariantBroken` when there is none."""
    row = Transition(verb, from_state, to_state)
    ensure(row in _ROWS, f"{row.name} is no transition of a loan request")
    return row
