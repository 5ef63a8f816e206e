"""Placements, compared: notes, instruction, terms and coupons against the life lived again.

The life says every row that there must be; a row that is missing, that says something else or that
nothing asks for is a difference, named by contract and key. Interest (spans and leg) is in
`placement_interest`, payments and ends in `placement_payments`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import pairwise, zip_longest

from ledger.proof.report import Difference, compare, differ
from products.proof.contract_rows import SAVINGS, Piece, Shelf, Totals
from products.proof.keyed import Fields, compare_rows, picked
from products.proof.placed import OPENED, WAITS, Facts, Life, Note
from products.proof.placement_facts import facts_of, read_body
from products.proof.placement_interest import check_leg, check_spans
from products.proof.placement_payments import check_early_ends, check_payments
from products.proof.placement_rows import PlacedPiece, Row
from products.proof.placements import live

TOLD = "placements are told by their notes"
BROUGHT = "interest brought is its note"
TERMS = "terms follow each other as instructed"
COUPONS = "coupons are the calendar's"
ENDS = "placements end as instructed"
MOVED = "only its own events move a placement"
INSTRUCTIONS = {"pay_out": 1, "roll_principal": 2, "roll_all": 3}
_TERM = ("term", "begins_on", "matures_on", "principal_satang", "annual_rate_e8", "sheet")


def check_placement(row: Row, piece: Piece, shelf: Shelf, totals: Totals) -> Iterator[Difference]:
    """One placement against the life that its notes tell; adds what it comes to."""
    number, facts = row["contract_no"], facts_of(row, piece, shelf)
    totals.contracts += 1
    totals.spans += len(piece.spans[row["contract_id"]])
    if facts is None:
        where = f"products.placement {number}"
        yield from differ(TOLD, where, "an offer and an opening note", "none that can be read")
        return
    life = live(facts)
    spans = [span for span in piece.spans[row["contract_id"]] if span["leg"] == 1]
    yield from _notes(row, life, piece.placed)
    yield from _brought(row, facts)
    yield from _instruction(row, facts, piece.placed)
    yield from _terms(row, life, piece.placed)
    yield from _contract(row, facts, life)
    yield from check_spans(number, life, spans)
    yield from check_leg(row, facts, life)
    yield from check_payments(row, facts, life, piece)
    yield from check_early_ends(row, life, piece.placed)
    yield from _moved(row, life, piece)
    _add(facts, life, totals)


def _add(facts: Facts, life: Life, totals: Totals) -> None:
    accounts = (facts.offer.expense_account, facts.offer.payable_account)
    for on, amount in life.posted.items():
        totals.posted[(*accounts, on, on)] += amount
    for on, amount in life.repriced.items():
        totals.repriced[(*accounts, on)] += amount
    for on, amount in life.at_night.items():
        totals.matured[on] += amount
    if life.leg.ended_on is None:
        totals.reach(facts.accrued_to)


def _notes(row: Row, life: Life, placed: PlacedPiece) -> Iterator[Difference]:
    """Every note that the life asks for, in order, with the term that it tells of."""
    told = [note for note in placed.notes[row["account_id"]] if OPENED <= note["kind"] <= WAITS]
    for expected, note in zip_longest(life.notes, told):
        number = f" {note['recorded_seq']}" if note else ""
        where = f"ledger.event{number}, {row['contract_no']}"
        if expected is None or note is None:
            kind = expected.kind if expected else note["kind"]
            wanted, there = f"a note of kind {kind}", "none"
            pair = (wanted, there) if expected else (there, wanted)
            yield from differ(TOLD, where, *pair)
            continue
        fields: dict[str, object] = {
            "kind": expected.kind,
            "subject": row["contract_id"],
            "business_date": expected.on,
            "amount_satang": expected.amount,
        }
        found: dict[str, object] = {name: note[name] for name in fields}
        if expected.term is not None:
            fields["term"], found["term"] = _term_told(expected), _term_said(note)
        yield from compare(TOLD, where, fields, found)


def _term_told(note: Note) -> tuple[object, ...]:
    term = note.term
    if term is None:
        return ()
    days = (term.begins_on.isoformat(), term.matures_on.isoformat())
    sheet = None if term.sheet_id is None else str(term.sheet_id)
    return (term.term_no, *days, term.principal, term.rate, sheet)


def _term_said(note: Row) -> tuple[object, ...]:
    body = read_body(note)
    return tuple(body.get(name) for name in _TERM)


def _brought(row: Row, facts: Facts) -> Iterator[Difference]:
    if facts.brought is not None:
        where = f"interest brought by {row['contract_no']}"
        expected = facts.offer.terms.satang(facts.brought.exact)
        yield from differ(BROUGHT, where, expected, row["brought_satang"])


def _instruction(row: Row, facts: Facts, placed: PlacedPiece) -> Iterator[Difference]:
    """The placement's own row, and the account that it is linked to: savings of the same member."""
    told = facts.instructed[-1] if facts.instructed else facts.opened
    linked = placed.linked.get(told.linked_no)
    expected: dict[str, object] = {
        "linked_contract": linked["contract_id"] if linked else told.linked_no,
        "coupon_months": facts.every,
        "instruction": INSTRUCTIONS.get(told.instruction),
    }
    there = picked(placed.placements.get(row["contract_id"], ()), (), [*expected])
    wanted: Fields = {(): expected}
    yield from compare_rows(TOLD, f"products.placement {row['contract_no']}", wanted, there)
    if linked is not None:
        member: dict[str, object] = {"party_id": row["party_id"], "is_savings": True}
        named = {"party_id": linked["party_id"], "is_savings": linked["family"] in SAVINGS}
        where = f"products.placement {row['contract_no']}, linked to {told.linked_no}"
        yield from compare(TOLD, where, member, named)


def _terms(row: Row, life: Life, placed: PlacedPiece) -> Iterator[Difference]:
    number, contract_id = row["contract_no"], row["contract_id"]
    begun = [note for note in life.notes if note.term is not None]
    kinds = {note.kind for note in begun}
    notes = [note for note in placed.notes[row["account_id"]] if note["kind"] in kinds]
    terms: Fields = {}
    coupons: Fields = {}
    for note, told in zip_longest(begun, notes[: len(begun)]):
        terms |= _term(note, told)
        coupons |= _coupons(note)
    rows = placed.terms.get(contract_id, ())
    names = [*next(iter(terms.values()), {})]
    there = picked(rows, ("term_no",), names)
    yield from compare_rows(TERMS, f"products.term {number}", terms, there)
    rows = placed.coupons.get(contract_id, ())
    there = picked(rows, ("term_no", "coupon_no"), ("from_date", "pays_on", "is_last"))
    yield from compare_rows(COUPONS, f"products.coupon {number}", coupons, there)


def _term(note: Note, told: Row | None) -> Fields:
    """The row of the term that a note begins; it was made with the first number of that unit."""
    term = note.term
    if term is None:
        return {}
    # The account and its journal stand before the first note, interest paid before a later one.
    before = 2 if note.kind == OPENED else int(note.paid > 0)
    fields: dict[str, object] = {
        "begins_on": term.begins_on,
        "nominal_on": term.nominal_on,
        "matures_on": term.matures_on,
        "principal_satang": term.principal,
        "annual_rate_e8": term.rate,
        "sheet_id": term.sheet_id,
        "accrued_before_satang": term.accrued_before,
        "made_seq": None if told is None else told["recorded_seq"] - before,
    }
    return {(term.term_no,): fields}


def _coupons(note: Note) -> Fields:
    term = note.term
    if term is None:
        return {}
    days = pairwise((term.begins_on, *term.paydays))
    return {
        (term.term_no, place): {
            "from_date": first,
            "pays_on": pays_on,
            "is_last": pays_on == term.matures_on,
        }
        for place, (first, pays_on) in enumerate(days, start=1)
    }


def _contract(row: Row, facts: Facts, life: Life) -> Iterator[Difference]:
    expected: dict[str, object] = {
        "interest_from": facts.bears_from,
        "matured_on": life.matured_on,
        "closed_on": life.closed_on,
    }
    found = {name: row[name] for name in expected}
    yield from compare(ENDS, f"products.contract {row['contract_no']}", expected, found)


def _moved(row: Row, life: Life, piece: Piece) -> Iterator[Difference]:
    """What its own journals move, by date, and nothing else."""
    account = row["account_id"]
    expected: dict[tuple[date, date], int] = defaultdict(int)
    for posting in life.postings:
        for debit, credit, amount in posting.lines:
            expected[posting.on, posting.on] += amount * ((credit == account) - (debit == account))
    found = {
        (each["business_date"], each["value_date"]): each["net"] for each in piece.moved[account]
    }
    for key in sorted({*expected, *found}):
        where = f"ledger.account {row['account_code']} moved on {key[0]}, value date {key[1]}"
        yield from differ(MOVED, where, expected.get(key, 0), found.get(key, 0))
