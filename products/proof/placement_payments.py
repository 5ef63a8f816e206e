"""Payments and ends of placements, compared: what was paid, withheld, returned, against the life.

A payment is a row of `products.capitalisation`, its certificate one of `products.tax_withheld`, and
both name the journal that moved it. The principal goes back by a journal that the closing names. An
early end comes to what the rules say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from ledger.proof.report import Difference, differ
from products.proof.contract_rows import Piece
from products.proof.keyed import Fields, compare_rows, picked
from products.proof.placed import (
    ENDED_EARLY,
    PAID_OUT,
    PROPOSED,
    REJECTED,
    REPRICED,
    Facts,
    Life,
    Posting,
)
from products.proof.placement_facts import read_body
from products.proof.placement_rows import PlacedPiece, Row

PAYMENTS = "coupons pay what was accrued"
TAXES = "tax withheld is the table's"
JOURNALS = "placements are their journals"
EARLY = "early ends are by the rules"
_AT_CLOSING = (PAID_OUT, REPRICED)
_PROPOSED, _DONE, _REJECTED = 1, 2, 3
_END = (
    "term_no",
    "state",
    "reason",
    "proposed_by",
    "proposed_on",
    "decided_by",
    "decided_on",
    "remark",
    "rule_from_months",
    "earned_satang",
    "paid_satang",
)


def check_payments(row: Row, facts: Facts, life: Life, piece: Piece) -> Iterator[Difference]:
    """Payments, their certificates, and the journals that both name."""
    number, contract_id = row["contract_no"], row["contract_id"]
    journals: dict[UUID, list[Row]] = defaultdict(list)
    for line in piece.placed.lines.get(contract_id, ()):
        journals[line["journal_id"]].append(line)
    credited = piece.credits.get(contract_id, ())
    paid: Fields = {
        (each.through, "made on", each.on): {"amount_satang": each.interest}
        for each in life.payments
    }
    there: Fields = {
        (each["period_end"], "made on", each["made_on"]): {"amount_satang": each["amount_satang"]}
        for each in credited
    }
    yield from compare_rows(PAYMENTS, f"products.capitalisation {number}", paid, there)
    by_night = {(each["period_end"], each["made_on"]): each["journal_id"] for each in credited}
    taxes: Fields = {}
    for each in life.payments:
        journal_id = by_night.get((each.through, each.on))
        where = f"products.capitalisation {number} {each.through} made on {each.on}, journal"
        if journal_id is not None:
            told = _journal(journals.pop(journal_id, []))
            yield from differ(JOURNALS, f"{where} {journal_id}", _posted(each.posting), told)
        if each.interest > 0:
            taxes[(each.on,)] = {
                "journal_id": journal_id,
                "holder": facts.holder,
                "interest_satang": each.interest,
                "rate_e8": each.tax.rate if each.tax else None,
                "tax_satang": each.withheld,
                "form": each.tax.form if each.tax else None,
            }
    names = ("journal_id", "holder", "interest_satang", "rate_e8", "tax_satang", "form")
    rows = piece.placed.withheld.get(contract_id, ())
    there = picked(rows, ("paid_on",), names)
    yield from compare_rows(TAXES, f"products.tax_withheld {number}", taxes, there)
    yield from _at_closing(number, life, journals)


def _at_closing(
    number: str, life: Life, journals: Mapping[UUID, list[Row]]
) -> Iterator[Difference]:
    """What was repriced and the principal paid back are journals that the closing names."""
    expected = sorted(_posted(each) for each in life.postings if each.kind in _AT_CLOSING)
    told = (_journal(lines) for lines in journals.values())
    there = sorted(each for each in told if each[0] in _AT_CLOSING)
    yield from differ(JOURNALS, f"closing of {number}", expected, there)


Told = tuple[int, date, date, tuple[tuple[int, int, int], ...]]
"""Kind, business date, value date, lines of a journal."""


def _posted(posting: Posting) -> Told:
    return posting.kind, posting.on, posting.on, posting.lines


def _journal(lines: Sequence[Row]) -> Told:
    if not lines:
        return 0, date.max, date.max, ()
    first = lines[0]
    moved = tuple(
        (line["debit_account"], line["credit_account"], line["amount_satang"]) for line in lines
    )
    return first["kind"], first["business_date"], first["value_date"], moved


def check_early_ends(row: Row, life: Life, placed: PlacedPiece) -> Iterator[Difference]:
    """Each row is what its notes say; the one that was done comes to what the rules say."""
    told: Fields = {}
    for note in placed.notes[row["account_id"]]:
        if note["kind"] in (PROPOSED, ENDED_EARLY, REJECTED):
            key = (str(read_body(note).get("early_end")),)
            told[key] = told.get(key, dict.fromkeys(_END)) | _decided(note, life)
    rows = placed.early_ends.get(row["contract_id"], ())
    there: Fields = {
        (str(end["early_end_id"]),): {name: end[name] for name in _END} for end in rows
    }
    for fields in there.values():
        # An end that is done without a remark goes by the reason of its proposal.
        if fields["state"] == _DONE and fields["remark"] is None:
            fields["remark"] = fields["reason"]
    yield from compare_rows(EARLY, "products.early_end", told, there)
    done = [key for key, fields in told.items() if fields.get("state") == _DONE]
    where = f"early ends of {row['contract_no']}"
    yield from differ(EARLY, where, int(life.early is not None), len(done))


def _decided(note: Row, life: Life) -> dict[str, object]:
    """The columns of an early end that a note decides."""
    by, on, reason = note["actor"], note["business_date"], note["reason"]
    if note["kind"] == PROPOSED:
        holds = (term.term_no for term in life.terms if term.begins_on <= on < term.matures_on)
        fields: dict[str, object] = dict.fromkeys(_END)
        fields |= {"state": _PROPOSED, "term_no": next(holds, None), "reason": reason}
        return fields | {"proposed_by": by, "proposed_on": on}
    decided = {"decided_by": by, "decided_on": on, "remark": reason}
    if note["kind"] == REJECTED or life.early is None:
        return {"state": _REJECTED, **decided}
    early = life.early
    return {
        "state": _DONE,
        **decided,
        "term_no": early.term_no,
        "rule_from_months": early.from_months,
        "earned_satang": early.earned,
        "paid_satang": early.paid,
    }
