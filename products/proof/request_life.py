"""One loan request lived again from its notes alone: the rows that follow, what was not allowed.

Written from docs/loan-requests.md, with a table of ways and a count of votes of its own. A note
that cannot be read gives an empty one: the rows then differ, and the digest names the note itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

Rows = dict[str, object]
"""A row by its columns, in the words of a note."""

STATES = {
    "draft": 1,
    "submitted": 2,
    "documents_complete": 3,
    "analysed": 4,
    "committee": 5,
    "approved": 6,
    "contract_signed": 7,
    "conditions_met": 8,
    "declined": 21,
    "withdrawn": 22,
    "expired": 23,
}
VERBS = {
    "draft": (1, 140),
    "amend": (2, 140),
    "add_document": (3, 142),
    "submit": (4, 141),
    "complete_documents": (5, 142),
    "analyse": (6, 143),
    "put_to_vote": (7, 144),
    "decide": (8, 145),
    "return": (9, 146),
    "withdraw": (10, 147),
    "sign": (11, 148),
    "meet_condition": (12, 149),
    "expire": (13, 147),
}
"""Verb -> its number, and the kind of its note."""

_IN_REVIEW = "submitted documents_complete analysed committee"
_WAYS = {
    "draft": ("nothing", "draft"),
    "amend": ("draft", "draft"),
    "submit": ("draft", "submitted"),
    "complete_documents": ("submitted", "documents_complete"),
    "analyse": ("documents_complete", "analysed"),
    "put_to_vote": ("analysed", "committee"),
    "decide": ("committee", "committee approved declined"),
    "return": (_IN_REVIEW, "draft"),
    "withdraw": (f"draft {_IN_REVIEW} approved contract_signed", "withdrawn"),
    "sign": ("approved", "contract_signed conditions_met"),
    "meet_condition": ("contract_signed", "contract_signed conditions_met"),
    "expire": ("approved", "expired"),
    "add_document": ("draft submitted", "the same"),
}
"""Verb -> where it begins, where it ends."""

_PARTS = {"draft": "maker", "amend": "maker", "submit": "maker", "analyse": "analyst"} | {
    "decide": "approver"
}
_REPAYMENTS = {"equal_principal": 1, "equal_instalment": 2, "bullet": 3, "seasonal": 4}
_RATE_MODES = {"fixed": 1, "floating": 2}
_VOTES = {"approve": 1, "decline": 2, "abstain": 3}
_NO_BODY: dict[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A row of `products.approval_authority`."""

    authority_id: UUID
    amount_up_to_satang: int
    way: int
    levels: list[int]
    approvals: int
    quorum: int
    seats: int
    valid_days: int


@dataclass(slots=True, kw_only=True)
class Life:
    """What the notes of one request come to.

    rows:   by table, as they must stand. broken: what should have been, and what was.
    """

    rows: dict[str, list[Rows]] = field(default_factory=dict)
    broken: list[tuple[str, str]] = field(default_factory=list)
    state: str = "nothing"
    parts: dict[str, str] = field(default_factory=dict)
    authority: Authority | None = None

    @property
    def request(self) -> Rows:
        """The row of the request itself."""
        return self.rows["loan_request"][0]

    def of(self, table: str) -> list[Rows]:
        """The rows of a table."""
        return self.rows.setdefault(table, [])


def live(notes: Sequence[Any], authorities: Mapping[UUID, Authority]) -> Life:
    """The life that these notes tell, in their order. No notes: no rows."""
    life = Life()
    for place, note in enumerate(notes, start=1):
        body = _body(note["body"])
        if place == 1:
            life.rows["loan_request"] = [_drafted(note, body)]
        _judge(life, note, body, place)
        _step(life, note, body, place)
        _follow(life, note, body, authorities)
        life.state = str(body.get("to"))
        life.request.update(
            state=STATES.get(life.state),
            version=place,
            changed_on=str(note["business_date"]),
            changed_seq=note["recorded_seq"],
        )
    return life


def _body(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return _NO_BODY
    return body if isinstance(body, dict) else _NO_BODY


def _drafted(note: Any, body: dict[str, Any]) -> Rows:
    empty = ("analysed_by", "recommended_satang", "authority_id", "approved_satang")
    later = ("approved_term_months", "sign_by", "signed_on", "contract_reference")
    return {
        "request_year": body.get("request_year"),
        "request_no": body.get("request_no"),
        "party_id": body.get("party_id"),
        "round": 0,
        "drafted_on": str(note["business_date"]),
        "drafted_seq": note["recorded_seq"],
    } | dict.fromkeys((*empty, *later))


def _judge(life: Life, note: Any, body: dict[str, Any], place: int) -> None:
    """Was this step one that there is, by a person who could take it, within what it names?"""
    verb, begin, end = body.get("verb", ""), body.get("from") or "nothing", body.get("to", "")
    begins, ends = _WAYS.get(verb, ("", ""))
    said = f"{verb}: {begin} to {end}, step {body.get('step')}"
    right = begin in begins.split() and end in (begin if ends == "the same" else ends).split()
    if begin != life.state or not right or body.get("step") != place:
        life.broken.append((f"step {place} that begins in {life.state}", said))
    if VERBS.get(verb, (0, 0))[1] != note["kind"]:
        life.broken.append((f"a note of kind {VERBS.get(verb, (0, 0))[1]}", f"kind {note['kind']}"))
    part, person = _PARTS.get(verb), note["actor"].lower()
    if part is not None and life.parts.setdefault(person, part) != part:
        life.broken.append(("another person", f"{person}, {life.parts[person]} and {part}"))
    for check in body.get("checks", []):
        unit = "satang" if "limit_satang" in check else "months"
        if check[f"value_{unit}"] > check[f"limit_{unit}"]:
            limit, value = check[f"limit_{unit}"], check[f"value_{unit}"]
            life.broken.append((f"{check['rule']} at most {limit}", str(value)))


def _step(life: Life, note: Any, body: dict[str, Any], place: int) -> None:
    life.of("loan_request_step").append(
        {
            "step_no": place,
            "verb": VERBS.get(body.get("verb", ""), (None,))[0],
            "from_state": 0 if body.get("from") is None else STATES.get(body["from"]),
            "to_state": STATES.get(body.get("to", "")),
            "business_date": str(note["business_date"]),
            "recorded_seq": note["recorded_seq"],
            "person": note["actor"],
            "remark": note["reason"],
        }
    )


def _follow(
    life: Life, note: Any, body: dict[str, Any], authorities: Mapping[UUID, Authority]
) -> None:
    """What this step leaves behind beside its row of history."""
    request, verb, person = life.request, body.get("verb"), note["actor"]
    if verb in ("draft", "amend"):
        request.update(_asked(body), made_by=person)
    elif verb == "add_document":
        _document(life, note, body)
    elif verb == "submit":
        request["round"] = body.get("round")
    elif verb == "analyse":
        request.update(analysed_by=person, recommended_satang=body.get("recommended_satang"))
    elif verb == "put_to_vote":
        _put_to_vote(life, body, authorities)
    elif verb == "decide":
        _vote(life, note, body)
    elif verb == "return":
        request.update(analysed_by=None, recommended_satang=None, authority_id=None)
    elif verb == "sign":
        _signed(life, note, body)
    elif verb == "meet_condition":
        _met(life, note, body)
    elif verb == "expire" and str(note["business_date"]) <= str(request["sign_by"]):
        life.broken.append((f"expiry after {request['sign_by']}", str(note["business_date"])))
    if note["amount_satang"] != request.get("amount_satang"):
        amount = f"a note over {request.get('amount_satang')} satang"
        life.broken.append((amount, str(note["amount_satang"])))


def _asked(body: dict[str, Any]) -> Rows:
    return {
        "loan_kind": body.get("loan_kind"),
        "purpose": body.get("purpose"),
        "amount_satang": body.get("asked_satang"),
        "term_months": body.get("term_months"),
        "repayment": _REPAYMENTS.get(body.get("repayment", "")),
        "rate_mode": _RATE_MODES.get(body.get("rate_mode", "")),
    }


def _document(life: Life, note: Any, body: dict[str, Any]) -> None:
    life.of("loan_request_document").append(
        {
            "document_no": body.get("document_no"),
            "document_kind": body.get("document_kind"),
            "file_name": body.get("file_name"),
            "sha256": body.get("sha256"),
            "received_by": note["actor"],
            "received_on": str(note["business_date"]),
            "recorded_seq": note["recorded_seq"],
        }
    )


def _put_to_vote(life: Life, body: dict[str, Any], authorities: Mapping[UUID, Authority]) -> None:
    named = str(body.get("authority_id"))
    life.request["authority_id"] = named
    known = {str(each): authority for each, authority in authorities.items()}
    life.authority = known.get(named)
    amount = life.request["amount_satang"]
    most = 0 if life.authority is None else life.authority.amount_up_to_satang
    if not isinstance(amount, int) or amount > most:
        life.broken.append((f"an authority over {amount} satang", f"{named} up to {most}"))


def _vote(life: Life, note: Any, body: dict[str, Any]) -> None:
    conditions = body.get("conditions", [])
    life.of("loan_decision").append(
        {
            "round": body.get("round"),
            "approver": note["actor"],
            "level": body.get("level"),
            "vote": _VOTES.get(body.get("vote", "")),
            "reason": note["reason"],
            "minutes_reference": body.get("minutes_reference"),
            "granted_satang": body.get("granted_satang"),
            "granted_term_months": body.get("granted_term_months"),
            "conditions": conditions,
            "decided_on": str(note["business_date"]),
            "recorded_seq": note["recorded_seq"],
        }
    )
    votes = [each for each in life.of("loan_decision") if each["round"] == life.request["round"]]
    outcome = _outcome(life.authority, votes)
    if body.get("to") != outcome:
        life.broken.append((f"votes that come to {outcome}", str(body.get("to"))))
    if body.get("to") == "approved":
        _approved(life, note, votes)


def _outcome(authority: Authority | None, votes: Sequence[Rows]) -> str:
    """Where the votes of a round leave a request; votes by too low a level come to nothing."""
    if authority is None:
        return "no authority"
    given = [each["vote"] for each in votes if each["vote"] != 3]
    needed = iter(authority.levels)
    level = next(needed)
    for each in votes:
        if not isinstance(each["level"], int) or each["level"] < level:
            return "a vote below its level"
        if authority.way == 1 and each["vote"] == 1:
            level = next(needed, level)
    ayes, noes = given.count(1), given.count(2)
    if authority.way == 1:
        return (
            "declined" if noes else ("approved" if ayes == len(authority.levels) else "committee")
        )
    if len(votes) > authority.seats:
        return "more votes than seats"
    if len(given) < authority.quorum:
        return "committee"
    if ayes >= authority.approvals:
        return "approved"
    lost = noes + len(votes) - len(given)
    return "declined" if authority.seats - lost < authority.approvals else "committee"


def _approved(life: Life, note: Any, votes: Sequence[Rows]) -> None:
    """The least of what the approving votes grant, under the conditions of all of them."""
    ayes = [each for each in votes if each["vote"] == 1]
    amounts = [each["granted_satang"] for each in ayes]
    terms = [each["granted_term_months"] for each in ayes]
    days = 0 if life.authority is None else life.authority.valid_days
    made: date = note["business_date"]
    life.request.update(
        approved_satang=min((each for each in amounts if isinstance(each, int)), default=None),
        approved_term_months=min((each for each in terms if isinstance(each, int)), default=None),
        sign_by=str(made + timedelta(days=days)),
    )
    worded: list[str] = []
    for each in ayes:
        conditions = each["conditions"]
        worded += [c for c in conditions if c not in worded] if isinstance(conditions, list) else []
    life.rows["loan_condition"] = [
        {
            "condition_no": number,
            "wording": wording,
            "met_on": None,
            "met_by": None,
            "met_seq": None,
        }
        for number, wording in enumerate(worded, start=1)
    ]


def _signed(life: Life, note: Any, body: dict[str, Any]) -> None:
    signed_on = str(note["business_date"])
    life.request.update(signed_on=signed_on, contract_reference=body.get("contract_reference"))
    if signed_on > str(life.request["sign_by"]):
        life.broken.append((f"signed by {life.request['sign_by']}", signed_on))
    _open_or_met(life, body)


def _met(life: Life, note: Any, body: dict[str, Any]) -> None:
    number = body.get("condition_no")
    for condition in life.of("loan_condition"):
        if condition["condition_no"] == number and condition["met_on"] is None:
            condition.update(
                met_on=str(note["business_date"]),
                met_by=note["actor"],
                met_seq=note["recorded_seq"],
            )
            break
    else:
        life.broken.append((f"an open condition {number}", "none"))
    _open_or_met(life, body)


def _open_or_met(life: Life, body: dict[str, Any]) -> None:
    still = any(each["met_on"] is None for each in life.of("loan_condition"))
    expected = "contract_signed" if still else "conditions_met"
    if body.get("to") != expected:
        life.broken.append((expected, str(body.get("to"))))
