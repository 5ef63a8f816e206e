"""A loan request as a clerk would keep it on one sheet of paper: the independent model of its life.

It knows no table of transitions and no dataclass of ours: each verb says for itself when it may be
done, and answers "ok" or the code of the refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MILLION = 100_000_000
AUTHORITIES: tuple[tuple[int, str, tuple[int, ...]], ...] = (
    (1 * MILLION, "sequence", (1,)),
    (5 * MILLION, "sequence", (1, 2, 3)),
    (15 * MILLION, "committee", (4,)),
)
"""Up to, way, levels; a committee of five needs three ayes among four that are no abstentions."""

LEVELS = {"facility:manager": 1, "facility:director": 2, "facility:chair": 3} | {
    f"board:{number}": 4 for number in range(1, 6)
}
NEEDED = {"board_minutes", "financial_statements"}


@dataclass
class Sheet:
    """One request; `ballots` are those of the present round: (person, aye, granted, conditions)."""

    amount: int
    maker: str
    at: str = "draft"
    papers: set[str] = field(default_factory=set)
    hands: dict[str, str] = field(default_factory=dict)
    ballots: list[tuple[str, str, int, tuple[str, ...]]] = field(default_factory=list)
    granted: int | None = None
    still_open: set[int] = field(default_factory=set)
    conditions: list[str] = field(default_factory=list)
    days_left: int = 0
    steps: int = 1

    def __post_init__(self) -> None:
        self.hands[self.maker] = "maker"

    def _went(self, to: str) -> str:
        self.at, self.steps = to, self.steps + 1
        return "ok"

    def _hand(self, person: str, part: str) -> bool:
        """True when this person may have this part."""
        return self.hands.get(person, part) == part

    def a_day_passes(self) -> None:
        """Nothing happens by itself; an approval grows older."""
        self.days_left -= 1

    def amend(self, person: str, amount: int) -> str:
        """Another amount."""
        if self.at != "draft":
            return "transition_not_allowed"
        if not self._hand(person, "maker"):
            return "forbidden"
        self.hands[person] = "maker"
        self.amount = amount
        return self._went("draft")

    def paper(self, kind: str) -> str:
        """A paper comes in."""
        if self.at not in ("draft", "submitted"):
            return "transition_not_allowed"
        self.papers.add(kind)
        return self._went(self.at)

    def submit(self, person: str) -> str:
        """The limits of the model's members are never reached."""
        if self.at != "draft":
            return "transition_not_allowed"
        if not self._hand(person, "maker"):
            return "forbidden"
        self.hands[person] = "maker"
        self.ballots = []
        return self._went("submitted")

    def complete(self) -> str:
        """Every paper that is needed is there."""
        if self.at != "submitted":
            return "transition_not_allowed"
        return self._went("documents_complete") if self.papers >= NEEDED else "documents_missing"

    def analyse(self, person: str) -> str:
        """By somebody who neither made it nor voted."""
        if self.at != "documents_complete":
            return "transition_not_allowed"
        if not self._hand(person, "analyst"):
            return "forbidden"
        self.hands[person] = "analyst"
        return self._went("analysed")

    def put_to_vote(self) -> str:
        """Somebody's authority must suffice."""
        if self.at != "analysed":
            return "transition_not_allowed"
        return self._went("committee") if self.amount <= 15 * MILLION else "limit_exceeded"

    def vote(self, person: str, says: str, amount: int, conditions: tuple[str, ...]) -> str:
        """`says` is aye, no or abstain."""
        if self.at != "committee":
            return "transition_not_allowed"
        if not self._hand(person, "approver"):
            return "forbidden"
        if any(ballot[0] == person for ballot in self.ballots):
            return "already_voted"
        way, levels = next(row[1:] for row in AUTHORITIES if self.amount <= row[0])
        ayes = [ballot for ballot in self.ballots if ballot[1] == "aye"]
        needed = levels[0] if way == "committee" else levels[len(ayes)]
        if LEVELS.get(person, 0) < needed:
            return "not_an_approver"
        if says == "aye" and amount > self.amount:
            return "limit_exceeded"
        self.hands[person] = "approver"
        self.ballots.append((person, says, amount, conditions))
        return self._went(self._count(way, levels))

    def _count(self, way: str, levels: tuple[int, ...]) -> str:
        ayes = [ballot for ballot in self.ballots if ballot[1] == "aye"]
        noes = [ballot for ballot in self.ballots if ballot[1] == "no"]
        if way == "sequence":
            won, lost = len(ayes) == len(levels), bool(noes)
        else:
            enough = len(ayes) + len(noes) >= 4
            still_to_come = 5 - len(self.ballots)
            won = enough and len(ayes) >= 3
            lost = enough and len(ayes) + still_to_come < 3
        if won:
            self.granted = min(ballot[2] for ballot in ayes)
            for ballot in ayes:
                for condition in ballot[3]:
                    if condition not in self.conditions:
                        self.conditions.append(condition)
            self.still_open = set(range(1, len(self.conditions) + 1))
            self.days_left = 2
        return "approved" if won else "declined" if lost else "committee"

    def give_back(self) -> str:
        """While it is judged."""
        if self.at not in ("submitted", "documents_complete", "analysed", "committee"):
            return "transition_not_allowed"
        return self._went("draft")

    def withdraw(self) -> str:
        """Until its conditions are met or it has ended otherwise."""
        if self.at in ("conditions_met", "declined", "withdrawn", "expired"):
            return "transition_not_allowed"
        return self._went("withdrawn")

    def sign(self) -> str:
        """Within two days."""
        if self.at != "approved":
            return "transition_not_allowed"
        if self.days_left < 0:
            return "approval_expired"
        return self._went("contract_signed" if self.still_open else "conditions_met")

    def meet(self, number: int) -> str:
        """One of its conditions."""
        if self.at != "contract_signed":
            return "transition_not_allowed"
        if not 1 <= number <= len(self.conditions):
            return "not_found"
        if number not in self.still_open:
            return "condition_not_open"
        self.still_open.remove(number)
        return self._went("contract_signed" if self.still_open else "conditions_met")

    def expire(self) -> str:
        """Not before its last day has passed."""
        if self.at != "approved":
            return "transition_not_allowed"
        return self._went("expired") if self.days_left < 0 else "not_yet_due"
