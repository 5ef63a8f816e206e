"""Seal files and statement files: JSON that a member keeps and checks without the database.

The form is documented in docs/evidence.md. A statement file is cut at the last sealed number, so
that every line of it has a proof; what was recorded later is in the next one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ledger.accounts import by_codes
from ledger.books import Book
from ledger.db import Connection
from ledger.errors import InvalidInput, NotFound
from ledger.evidence.canonical import SEAL_VERSION
from ledger.evidence.keys import PublicKey
from ledger.evidence.proofs import NotSealedYet, Proof, prove, sealed_until
from ledger.evidence.reading import SQL
from ledger.evidence.seals import Seal
from ledger.money import format_baht

SEALS_FORMAT = "cff-seals"
STATEMENT_FORMAT = "cff-statement"
FILE_VERSION = 1

Facts = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """What a statement covers: an account, business dates, everything known at a number."""

    code: str
    account_id: int
    first: date
    last: date
    known_at: int
    batch_no: int


def seal_facts(seal: Seal) -> Facts:
    """A seal as it stands in a seal file and at the doors."""
    content = seal.content
    return {
        "version": SEAL_VERSION,
        "book_id": content.book_id,
        "book": content.book_code,
        "seal_no": content.seal_no,
        "business_date": content.business_date.isoformat(),
        "first_seq": content.first_seq,
        "last_seq": content.last_seq,
        "journal_count": content.journal_count,
        "transfer_count": content.transfer_count,
        "amount_sum": format_baht(content.amount_sum),
        "merkle_root": content.merkle_root.hex(),
        "trial_balance_hash": content.trial_balance_hash.hex(),
        "debits": format_baht(content.debits),
        "credits": format_baht(content.credits),
        "batch_no": content.batch_no,
        "batch_digest": content.batch_digest.hex(),
        "previous": content.previous.hex(),
        "hash": seal.hash.hex(),
        "signature": seal.signature.hex(),
        "key_id": seal.key_id,
    }


def key_facts(key: PublicKey) -> Facts:
    """A public key as it stands in a seal file."""
    return {"key_id": key.key_id, "public_key": key.raw.hex()}


def seals_document(seals: Sequence[Seal], keys: Sequence[PublicKey]) -> Facts:
    """The content of a seal file: the seals, and those of the keys that signed them."""
    used = {seal.key_id for seal in seals}
    return {
        "format": SEALS_FORMAT,
        "version": FILE_VERSION,
        "keys": [key_facts(key) for key in keys if key.key_id in used],
        "seals": [seal_facts(seal) for seal in seals],
    }


def proof_facts(proof: Proof) -> Facts:
    """A proof as it stands in a statement file and at the doors."""
    return {
        "recorded_seq": proof.recorded_seq,
        "seal_no": proof.seal_no,
        "digest_version": proof.digest_version,
        "journal": proof.data.hex(),
        "leaf_index": proof.leaf_index,
        "tree_size": proof.tree_size,
        "path": [node.hex() for node in proof.path],
    }


async def statement_document(
    connection: Connection,
    book: Book,
    code: str,
    *,
    from_date: date | None = None,
    to_date: date | None = None,
    most: int | None = None,
) -> Facts:
    """The content of a statement file, both dates inclusive, known at the last sealed number.

    Raises `NotFound`, `NotSealedYet` before the first seal, and `InvalidInput` when the range has
    more than `most` journals.
    """
    found = await by_codes(connection, book.book_id, [code])
    if code not in found:
        raise NotFound("account", code)
    until = await sealed_until(connection, book.book_id)
    if until is None:
        raise NotSealedYet(1, 0)
    covered = _Range(
        code=code,
        account_id=found[code].account_id,
        first=from_date or book.opened_on,
        last=to_date or await connection.fetchval(SQL["last_sealed_date"], book.book_id),
        known_at=until[0],
        batch_no=until[1],
    )
    opening = await connection.fetchval(
        SQL["statement_opening"],
        book.book_id,
        covered.account_id,
        covered.first,
        covered.batch_no,
    )
    rows = await connection.fetch(
        SQL["statement_journals"],
        book.book_id,
        covered.account_id,
        covered.first,
        covered.last,
        covered.batch_no,
    )
    if most is not None and len(rows) > most:
        expected = f"a range with at most {most} journals"
        raise InvalidInput.one("the range of dates", f"{len(rows)} journals", expected)
    proofs = await prove(connection, book.book_id, [row["recorded_seq"] for row in rows])
    return _statement(book, covered, opening, proofs)


def _statement(book: Book, covered: _Range, opening: int, proofs: Sequence[Proof]) -> Facts:
    ordered = sorted(proofs, key=lambda proof: (proof.journal.business_date, proof.recorded_seq))
    lines: list[Facts] = []
    balance = opening
    for proof in ordered:
        for line, amount in _amounts(proof, covered.account_id):
            balance += amount
            lines.append(_line(proof, line, amount, balance))
    return {
        "format": STATEMENT_FORMAT,
        "version": FILE_VERSION,
        "book_id": book.book_id,
        "book": book.code,
        "account": covered.code,
        "account_number": covered.account_id,
        "from": covered.first.isoformat(),
        "to": covered.last.isoformat(),
        "known_at": covered.known_at,
        "opening": format_baht(opening),
        "closing": format_baht(balance),
        "seals": sorted({proof.seal_no for proof in ordered}),
        "lines": lines,
        "proofs": [proof_facts(proof) for proof in ordered],
    }


def _amounts(proof: Proof, account_id: int) -> list[tuple[int, int]]:
    """(line, amount) of the journal's transfers on the account; a debit is below zero."""
    return [
        (line, t.amount_satang if t.credit == account_id else -t.amount_satang)
        for line, t in enumerate(proof.journal.transfers)
        if account_id in (t.debit, t.credit)
    ]


def _line(proof: Proof, line: int, amount: int, balance: int) -> Facts:
    journal = proof.journal
    return {
        "recorded_seq": proof.recorded_seq,
        "line": line,
        "journal_id": str(journal.journal_id),
        "business_date": journal.business_date.isoformat(),
        "value_date": journal.value_date.isoformat(),
        "amount": format_baht(amount),
        "balance": format_baht(balance),
        "reference": journal.reference,
        "narrative": journal.narrative,
    }


def file_text(document: Facts) -> str:
    """The text of a file, for people who open it too."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
