"""Voting on a loan request: one vote at a time; the one that settles it approves or declines. Pure.

Maker, analyst and approvers are different people: the whole history of the request is asked, every
round of it, and the database asks it again. A vote to approve is checked against every limit anew.
Whoever settles an approval takes the member's row, so that of two approvals for one member at the
same moment the second is decided again, with the first one's amount counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from ledger.errors import CffError, InvalidInput, InvariantBroken
from ledger.posting.values import FIRST_SEQ, RowWrite
from products.loans.approval import (
    Authority,
    Granted,
    Standing,
    Way,
    granted,
    level_needed,
    seat_is_free,
    standing,
)
from products.loans.borrower_limits import (
    Check,
    checks_of_grant,
    checks_of_kind,
    checks_of_member,
    require_kept,
)
from products.loans.request_reads import SQL, Known
from products.loans.request_units import Decided, begin, next_step
from products.loans.request_values import LoanRequest, RequestState, Verb, Vote, VoteKind


class NotAnApprover(CffError):  # noqa: N818
    """The person is no approver of the level that the next vote needs, or no seat is free."""

    code: ClassVar[str] = "not_an_approver"


class AlreadyVoted(CffError):  # noqa: N818
    """The approver has voted in this round."""

    code: ClassVar[str] = "already_voted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """What an approver says. Amount and term None = as asked; conditions go with a vote for it.

    reason: required of who declines or abstains. minutes_reference: required of a committee.
    """

    vote: VoteKind
    reason: str = ""
    minutes_reference: str = ""
    granted_satang: int | None = None
    granted_term_months: int | None = None
    conditions: tuple[str, ...] = ()


def decide(known: Known, ballot: Ballot, *, actor: str) -> Decided:
    """Cast a vote; the one that settles it approves or declines the request.

    A vote for it is checked against every limit anew, for the least amount granted so far. Raises
    `Forbidden`, `NotAnApprover`, `AlreadyVoted`, `LimitExceeded`, `InvalidInput`.
    """
    request = known.request
    begin(known, Verb.DECIDE, actor)
    authority = known.authority
    if authority is None:
        raise InvariantBroken(f"loan request {request.request_id} is voted on without an authority")
    earlier = [vote for vote in known.whole.votes if vote.round == request.round]
    _require_approver(known, authority, earlier, actor)
    vote = _vote_of(known, authority, ballot, actor)
    votes = [*earlier, vote]
    grant = granted(request.asked.amount_satang, request.asked.term_months, votes)
    checks = _checks(known, grant) if vote.vote is VoteKind.APPROVE else []
    require_kept(checks)
    stands = standing(authority, [each.vote for each in votes])
    if stands is Standing.APPROVED:
        return _approved(known, authority, vote, grant, checks)
    declined = stands is Standing.DECLINED
    state = RequestState.DECLINED if declined else RequestState.COMMITTEE
    return _voted(known, replace(request, state=state), vote, _facts(checks), ())


def _facts(checks: Sequence[Check]) -> dict[str, object]:
    return {"checks": [check.facts() for check in checks]}


def _approved(
    known: Known, authority: Authority, vote: Vote, grant: Granted, checks: Sequence[Check]
) -> Decided:
    sign_by = known.business_date + timedelta(days=authority.valid_days)
    after = replace(
        known.request,
        state=RequestState.APPROVED,
        approved_satang=grant.amount_satang,
        approved_term_months=grant.term_months,
        sign_by=sign_by,
    )
    facts = _facts(checks) | {
        "approved_satang": grant.amount_satang,
        "approved_term_months": grant.term_months,
        "sign_by": sign_by,
        "conditions_set": list(grant.conditions),
    }
    conditions = tuple(
        RowWrite(
            statement=SQL["insert_condition"],
            arguments=(known.book_id, after.request_id, number, wording),
        )
        for number, wording in enumerate(grant.conditions, start=1)
    )
    decided = _voted(known, after, vote, facts, conditions)
    # Two approvals for one member, or a payment on its loans meanwhile: the second decides again.
    borrower = known.standings.borrower
    if borrower is None:
        raise InvariantBroken(f"party {after.party_id} has requests and is no borrower")
    touch = RowWrite(statement=SQL["touch_borrower"], arguments=(known.book_id, borrower.row_id))
    unit = replace(
        decided.unit,
        reads=(*decided.unit.reads, borrower),
        unmoved=known.standings.accounts,
        writes=(*decided.unit.writes, touch),
    )
    return replace(decided, unit=unit)


def _voted(
    known: Known,
    after: LoanRequest,
    vote: Vote,
    facts: dict[str, object],
    writes: tuple[RowWrite, ...],
) -> Decided:
    said: dict[str, object] = {
        "round": vote.round,
        "vote": vote.vote.code,
        "level": vote.level,
        "minutes_reference": vote.minutes_reference,
        "granted_satang": vote.granted_satang,
        "granted_term_months": vote.granted_term_months,
        "conditions": list(vote.conditions),
    }
    write = RowWrite(
        statement=SQL["insert_vote"],
        arguments=(
            known.book_id,
            after.request_id,
            vote.round,
            vote.approver,
            vote.level,
            int(vote.vote),
            vote.reason,
            vote.minutes_reference,
            vote.granted_satang,
            vote.granted_term_months,
            list(vote.conditions),
            vote.decided_on,
            FIRST_SEQ,
        ),
    )
    return next_step(
        known,
        Verb.DECIDE,
        after,
        actor=vote.approver,
        remark=vote.reason,
        facts=said | facts,
        writes=(write, *writes),
    )


def _require_approver(
    known: Known, authority: Authority, earlier: Sequence[Vote], actor: str
) -> None:
    if any(vote.approver.lower() == actor.lower() for vote in earlier):
        raise AlreadyVoted(f"{actor} has voted on loan request {known.request.request_id}")
    kinds = [vote.vote for vote in earlier]
    needed, level = level_needed(authority, kinds), known.rules.level_of(actor)
    if level < needed:
        raise NotAnApprover(
            f"the next vote needs an approver of level {needed} or above; {actor} is of level "
            f"{level} today"
        )
    if not seat_is_free(authority, kinds):
        raise NotAnApprover(f"all {authority.seats} members of the committee have voted")


def _vote_of(known: Known, authority: Authority, ballot: Ballot, actor: str) -> Vote:
    """The ballot as a vote of this round. Raises `InvalidInput`, `LimitExceeded` above what is
    asked.
    """
    request = known.request
    approves = ballot.vote is VoteKind.APPROVE
    if not approves and not ballot.reason.strip():
        expected = f"why {actor} votes {ballot.vote.code}"
        raise InvalidInput.one("#/reason", ballot.reason, expected)
    extra = (ballot.granted_satang, ballot.granted_term_months, ballot.conditions or None)
    if not approves and extra != (None, None, None):
        expected = "amount, term and conditions only with a vote to approve"
        raise InvalidInput.one("#/vote", ballot.vote.code, expected)
    if authority.way is Way.COMMITTEE and not ballot.minutes_reference.strip():
        expected = "the minutes of the committee's meeting"
        raise InvalidInput.one("#/minutes_reference", ballot.minutes_reference, expected)
    amount = ballot.granted_satang or request.asked.amount_satang
    term = ballot.granted_term_months or request.asked.term_months
    require_kept(checks_of_grant(request.asked, amount, term))
    return Vote(
        round=request.round,
        approver=actor,
        level=known.rules.level_of(actor),
        vote=ballot.vote,
        reason=ballot.reason,
        minutes_reference=ballot.minutes_reference,
        granted_satang=amount if approves else None,
        granted_term_months=term if approves else None,
        conditions=ballot.conditions,
        decided_on=known.business_date,
        recorded_seq=0,
    )


def _checks(known: Known, grant: Granted) -> list[Check]:
    """Every limit that the grant is held against today."""
    rules, amount = known.rules, grant.amount_satang
    of_kind = [] if rules.kind is None else checks_of_kind(rules.kind, amount, grant.term_months)
    exposure = known.standings.exposure
    return [*of_kind, *checks_of_member(rules.ceiling, rules.single, exposure, amount)]
