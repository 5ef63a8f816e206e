"""`cff verify-statement`: a statement file against seals, with no database and nobody's word.

Written from docs/evidence.md. Checked are the seals' chain and signatures, every line against the
bytes of its journal, every journal's path to the root of its seal, and the sum from opening to
closing. What a proof cannot show is in `CANNOT_SHOW`, and is said each time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from ledger.proof.report import Difference, Findings, Report, compare, differ
from ledger.proof.seal_file import (
    Fields,
    SealFile,
    check_seals,
    fingerprint,
    read_seal_file,
    require_format,
)
from ledger.proof.sealed import (
    KeptSeal,
    SealedJournal,
    Unreadable,
    leaf,
    read_journal,
    root_from,
)

READABLE = "every part of the statement can be read"
RANGE = "the statement and the seals are of the same book and numbers"
PROVEN = "every journal leads to the root of its seal"
LINES = "every line says what its journal says"
COMPLETE = "no line of a proven journal is missing"
ORDER = "lines stand in order, each once, inside the range"
SUMS = "opening, lines, balances and closing add up"

CANNOT_SHOW = (
    "that no line was left out: join it to the statement before, which closes as this one opens",
    "the opening balance, unless the account began with this statement",
    "that the account's code belongs to its number: compare the number with an earlier statement",
    "what was recorded after the last sealed number",
)
"""What holds whatever this check says; each is explained in docs/evidence.md."""

_Key = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the check found. `trusted`: a key was given from outside and it is the one that signed.

    signed_by: fingerprint of the key of the last seal; None when the file does not hold it.
    """

    report: Report
    trusted: bool
    signed_by: str | None
    account: str
    account_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    place: int
    recorded_seq: int
    line: int
    amount: int
    balance: int
    business_date: date
    said: dict[str, object]


@dataclass(slots=True)
class _Statement:
    """The head of a statement file, and what of its lines and proofs could be read."""

    book_id: int
    book: str
    account: str
    number: int
    first: date
    last: date
    known_at: int
    opening: int
    closing: int
    seals: list[object]
    lines: list[_Line] = field(default_factory=list)
    journals: dict[int, SealedJournal] = field(default_factory=dict)
    sealed_in: dict[int, int] = field(default_factory=dict)


def verify_statement(statement: object, seals: object, trusted: Sequence[str] = ()) -> Verdict:
    """Check a parsed statement file against a parsed seal file.

    trusted: fingerprints (64 hex digits) of keys known from elsewhere. Raises `Unreadable` when one
    of the two is no such file at all; everything else is a difference with its place.
    """
    kept = read_seal_file(seals)
    found = Findings()
    fields = Fields.of(statement, "statement file")
    head = _head(fields)
    found.add(check_seals(kept.seals, kept.keys, trusted))
    found.add(_same_book(head, kept))
    by_number = {seal.seal_no: seal for seal in kept.seals}
    found.add(_proofs(head, fields.items("proofs"), by_number))
    found.add(_read_lines(head, fields.items("lines")))
    found.add(_seals_needed(head))
    found.add(_lines(head))
    found.add(_complete(head))
    found.add(_order(head))
    found.add(_sums(head))
    found.counts.update(
        {"seals": len(kept.seals), "lines": len(head.lines), "journals": len(head.journals)}
    )
    last_key = kept.keys.get(kept.seals[-1].key_id)
    signer = None if last_key is None else fingerprint(last_key)
    return Verdict(
        report=found.report(head.book_id),
        trusted=signer is not None and signer in trusted,
        signed_by=signer,
        account=head.account,
        account_number=head.number,
    )


def _head(fields: Fields) -> _Statement:
    require_format(fields, "cff-statement")
    return _Statement(
        book_id=fields.number("book_id", 4),
        book=fields.text("book"),
        account=fields.text("account"),
        number=fields.number("account_number", 4),
        first=fields.day("from"),
        last=fields.day("to"),
        known_at=fields.number("known_at"),
        opening=fields.satang("opening", signed=True),
        closing=fields.satang("closing", signed=True),
        seals=fields.items("seals"),
    )


def _same_book(head: _Statement, kept: SealFile) -> Iterator[Difference]:
    last = kept.seals[-1]
    yield from differ(RANGE, "book", (last.book_id, last.book), (head.book_id, head.book))
    ends = {seal.last_seq for seal in kept.seals}
    if head.known_at not in ends:
        yield from differ(RANGE, "known_at", "the last number of a seal in the file", head.known_at)
    if head.first > head.last:
        yield from differ(RANGE, "from", f"a date up to {head.last}", head.first)


def _proofs(
    head: _Statement, entries: Iterable[object], seals: Mapping[int, KeptSeal]
) -> Iterator[Difference]:
    for place, entry in enumerate(entries, start=1):
        where = f"proof {place}"
        try:
            yield from _proof(head, Fields.of(entry, where), seals)
        except Unreadable as error:
            yield from differ(READABLE, where, "a proof as documented", error)


def _proof(head: _Statement, fields: Fields, seals: Mapping[int, KeptSeal]) -> Iterator[Difference]:
    seq, seal_no = fields.number("recorded_seq"), fields.number("seal_no")
    version, data = fields.number("digest_version", 2), fields.hex("journal")
    index, size = fields.number("leaf_index"), fields.number("tree_size")
    path = [
        Fields({"node": node}, f"{fields.where}, path {step}").hex("node", 32)
        for step, node in enumerate(fields.items("path"), start=1)
    ]
    where = f"journal {seq}"
    journal = read_journal(data, version)
    if seq in head.journals:
        yield from differ(PROVEN, where, "one proof", "two")
        return
    head.journals[seq], head.sealed_in[seq] = journal, seal_no
    yield from differ(PROVEN, f"{where}, its number", journal.recorded_seq, seq)
    seal = seals.get(seal_no)
    if seal is None:
        yield from differ(PROVEN, where, f"seal {seal_no} in the seal file", "no such seal")
        return
    yield from differ(PROVEN, f"{where}, tree size", seal.journal_count, size)
    if not seal.first_seq <= journal.recorded_seq <= seal.last_seq:
        covered = f"a number {seal.first_seq} to {seal.last_seq}"
        yield from differ(PROVEN, f"{where} under seal {seal_no}", covered, journal.recorded_seq)
    if root_from(leaf(data, version), index, size, path) != seal.merkle_root:
        root = f"a path to root {seal.merkle_root.hex()} of seal {seal_no}"
        yield from differ(PROVEN, where, root, "a path to another one")


def _read_lines(head: _Statement, entries: Iterable[object]) -> Iterator[Difference]:
    for place, entry in enumerate(entries, start=1):
        where = f"line {place}"
        try:
            head.lines.append(_line(place, Fields.of(entry, where)))
        except Unreadable as error:
            yield from differ(READABLE, where, "a line as documented", error)


def _line(place: int, fields: Fields) -> _Line:
    text = fields.text("journal_id")
    try:
        journal_id = UUID(text)
    except ValueError:
        raise Unreadable(f"{fields.where}, field journal_id: {text!r} is no UUID") from None
    amount, business_date = fields.satang("amount", signed=True), fields.day("business_date")
    return _Line(
        place=place,
        recorded_seq=fields.number("recorded_seq"),
        line=fields.number("line", 4),
        amount=amount,
        balance=fields.satang("balance", signed=True),
        business_date=business_date,
        said={
            "amount": amount,
            "journal_id": str(journal_id),
            "business_date": business_date.isoformat(),
            "value_date": fields.day("value_date").isoformat(),
            "reference": fields.text("reference"),
            "narrative": fields.text("narrative"),
        },
    )


def _seals_needed(head: _Statement) -> Iterator[Difference]:
    needed = sorted(set(head.sealed_in.values()))
    yield from differ(RANGE, "seals needed", needed, head.seals)


def _lines(head: _Statement) -> Iterator[Difference]:
    for line in head.lines:
        where = _named(line)
        journal = head.journals.get(line.recorded_seq)
        if journal is None:
            yield from differ(LINES, where, f"a proof of journal {line.recorded_seq}", "none")
            continue
        amount = _amounts(journal, head.number).get(line.line)
        if amount is None:
            account = f"a transfer of account {head.account} (number {head.number})"
            yield from differ(LINES, where, account, f"line {line.line} of the journal is not")
            continue
        proven: dict[str, object] = {
            "amount": amount,
            "journal_id": str(journal.journal_id),
            "business_date": journal.business_date.isoformat(),
            "value_date": journal.value_date.isoformat(),
            "reference": journal.reference,
            "narrative": journal.narrative,
        }
        yield from compare(LINES, where, proven, line.said)


def _named(line: _Line) -> str:
    return f"line {line.place} (number {line.recorded_seq}, line {line.line})"


def _amounts(journal: SealedJournal, account: int) -> dict[int, int]:
    """What a journal does to an account, by line: credits above zero, debits below."""
    return {
        place: amount if credit == account else -amount
        for place, (debit, credit, amount) in enumerate(journal.lines)
        if account in (debit, credit)
    }


def _complete(head: _Statement) -> Iterator[Difference]:
    shown: defaultdict[int, set[int]] = defaultdict(set)
    for line in head.lines:
        shown[line.recorded_seq].add(line.line)
    for seq, journal in head.journals.items():
        touched = sorted(_amounts(journal, head.number))
        where = f"journal {seq} on account {head.account}"
        if not touched:
            yield from differ(COMPLETE, where, "at least one line", "none")
        missing = [line for line in touched if line not in shown[seq]]
        yield from differ(COMPLETE, where, "no line missing", f"lines {missing}") if missing else ()


def _order(head: _Statement) -> Iterator[Difference]:
    before: tuple[date, int, int] | None = None
    for line in head.lines:
        here = (line.business_date, line.recorded_seq, line.line)
        if before is not None and here <= before:
            after = "after " + " ".join(str(part) for part in before)
            yield from differ(ORDER, _named(line), after, " ".join(str(part) for part in here))
        if not head.first <= line.business_date <= head.last:
            inside = f"a business date {head.first} to {head.last}"
            yield from differ(ORDER, _named(line), inside, line.business_date)
        if line.recorded_seq > head.known_at:
            known = f"a number up to {head.known_at}"
            yield from differ(ORDER, _named(line), known, line.recorded_seq)
        before = here


def _sums(head: _Statement) -> Iterator[Difference]:
    balance = head.opening
    for line in head.lines:
        balance += line.amount
        yield from differ(SUMS, f"{_named(line)}, balance", balance, line.balance)
        # One wrong balance is one difference: the next line is reckoned from what is shown.
        balance = line.balance
    yield from differ(SUMS, "closing", balance, head.closing)
