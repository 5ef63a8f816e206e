"""Who approves how much, and what votes add up to. Pure.

An authority says up to which amount it suffices and in which *way*: one approver after another
(the first of level `levels[0]` or above, and so on; the first "no" ends it), or a committee, of
`seats` members of one level, which needs `quorum` votes for or against, `approvals` of them for. An
abstention (conflict of interest) is recorded and counts neither way: in sequence another person of
that level takes the place. A committee has declined once `approvals` can no longer be reached.
What is granted is the least that any approving vote grants; conditions are those of all of them.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from products.loans.borrower_limits import Check, LimitExceeded
from products.loans.request_values import Vote, VoteKind


class Way(enum.IntEnum):
    """How the approvers of an authority decide."""

    SEQUENCE = 1
    COMMITTEE = 2

    @property
    def code(self) -> str:
        """The word on the wire."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A row of `products.approval_authority`; in sequence the last three counts are equal.

    valid_days: an approval may be signed for so many days after its date.
    """

    authority_id: UUID
    amount_up_to_satang: int
    way: Way
    levels: tuple[int, ...]
    approvals: int
    quorum: int
    seats: int
    valid_days: int


class Standing(enum.Enum):
    """What the votes of a round amount to so far."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"


def authority_for(in_force: Sequence[Authority], amount_satang: int) -> Authority:
    """The smallest authority that suffices for the amount asked for.

    in_force: all rows of one date. Raises `LimitExceeded` (rule `approval_authority`) above them.
    """
    rows = sorted(in_force, key=lambda row: row.amount_up_to_satang)
    for row in rows:
        if amount_satang <= row.amount_up_to_satang:
            return row
    highest = rows[-1].amount_up_to_satang if rows else 0
    basis = "the highest authority in force" if rows else "no authority is in force"
    raise LimitExceeded(
        [Check(rule="approval_authority", limit=highest, value=amount_satang, basis=basis)]
    )


def level_needed(authority: Authority, votes: Sequence[VoteKind]) -> int:
    """The level that the next vote needs, after these."""
    if authority.way is Way.COMMITTEE:
        return authority.levels[0]
    given = sum(vote is VoteKind.APPROVE for vote in votes)
    return authority.levels[min(given, len(authority.levels) - 1)]


def seat_is_free(authority: Authority, votes: Sequence[VoteKind]) -> bool:
    """False when every member of the committee has voted; in sequence there is always a place."""
    return authority.way is Way.SEQUENCE or len(votes) < authority.seats


def standing(authority: Authority, votes: Sequence[VoteKind]) -> Standing:
    """What the votes of a round amount to."""
    approve = sum(vote is VoteKind.APPROVE for vote in votes)
    decline = sum(vote is VoteKind.DECLINE for vote in votes)
    if authority.way is Way.SEQUENCE:
        if decline:
            return Standing.DECLINED
        return Standing.APPROVED if approve >= authority.approvals else Standing.OPEN
    if approve + decline < authority.quorum:
        return Standing.OPEN
    if approve >= authority.approvals:
        return Standing.APPROVED
    still = authority.seats - len(votes)
    return Standing.DECLINED if approve + still < authority.approvals else Standing.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What approving votes grant together: the least amount and term, all conditions in order."""

    amount_satang: int
    term_months: int
    conditions: tuple[str, ...]


def granted(amount_satang: int, term_months: int, votes: Sequence[Vote]) -> Granted:
    """What is granted of an amount and a term that were asked for; only votes for it count."""
    found = [vote for vote in votes if vote.vote is VoteKind.APPROVE]
    amounts = [vote.granted_satang for vote in found if vote.granted_satang is not None]
    terms = [vote.granted_term_months for vote in found if vote.granted_term_months is not None]
    worded = [condition for vote in found for condition in vote.conditions]
    return Granted(
        amount_satang=min([amount_satang, *amounts]),
        term_months=min([term_months, *terms]),
        conditions=tuple(dict.fromkeys(worded)),
    )
