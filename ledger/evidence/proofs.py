"""Proofs: the way from one journal's bytes up to the root that a seal has signed.

A proof reads one piece of the seal's tree from the book (1024 journals at most) and the roots of
the other pieces from `ledger.seal_node`; a piece that does not give its kept root again is damage,
and nothing is handed out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ledger.db import Connection
from ledger.digest import journal_bytes
from ledger.errors import CffError, NotFound, ensure
from ledger.evidence import merkle
from ledger.evidence.canonical import leaf_data
from ledger.evidence.reading import SQL, journals_between
from ledger.posting.records import JournalRecord


class NotSealedYet(CffError):  # noqa: N818
    """The journal is recorded, and the night after it has not been sealed: ask again then."""

    code = "not_sealed_yet"

    def __init__(self, recorded_seq: int, sealed_seq: int) -> None:
        self.recorded_seq = recorded_seq
        self.sealed_seq = sealed_seq
        super().__init__(
            f"number {recorded_seq} is not under a seal yet; the last sealed number is "
            f"{sealed_seq}: ask again after the next end of day"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One journal under one seal. `data`: its canonical bytes; `path`: siblings, bottom up."""

    recorded_seq: int
    journal_id: UUID
    seal_no: int
    digest_version: int
    data: bytes
    leaf_index: int
    tree_size: int
    path: tuple[bytes, ...]
    journal: JournalRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nodes:
    """The kept upper part of one seal's tree."""

    seal_no: int
    last_seq: int
    size: int
    firsts: tuple[int, ...]
    pieces: tuple[merkle.Piece, ...]
    upper: list[list[bytes]]


async def prove_journal(connection: Connection, book_id: int, journal_id: UUID) -> Proof:
    """The proof of one journal. Raises `NotFound` and `NotSealedYet`."""
    rows = await connection.fetch(SQL["journal_numbers"], book_id, [journal_id])
    if not rows:
        raise NotFound("posted journal", journal_id)
    (proof,) = await prove(connection, book_id, [rows[0]["recorded_seq"]])
    return proof


async def prove(connection: Connection, book_id: int, seqs: Sequence[int]) -> list[Proof]:
    """Proofs of the journals with these numbers, in order of number; each piece is read once.

    Raises `NotSealedYet` for the first that no seal covers.
    """
    wanted: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
    seals = {
        row["recorded_seq"]: (row["seal_no"], row["last_seq"])
        for row in await connection.fetch(SQL["seals_of"], book_id, sorted(set(seqs)))
    }
    for seq in sorted(set(seqs)):
        if seq not in seals:
            until = await sealed_until(connection, book_id)
            raise NotSealedYet(seq, until[0] if until is not None else 0)
        wanted[seals[seq]].add(seq)
    found: list[Proof] = []
    for (seal_no, last_seq), numbers in wanted.items():
        nodes = await _nodes(connection, book_id, seal_no, last_seq)
        by_piece: defaultdict[int, set[int]] = defaultdict(set)
        for seq in numbers:
            by_piece[max(0, bisect_right(nodes.firsts, seq) - 1)].add(seq)
        for place, inside in sorted(by_piece.items()):
            found += await _prove_piece(connection, book_id, nodes, place, inside)
    return found


async def sealed_until(connection: Connection, book_id: int) -> tuple[int, int] | None:
    """The last sealed number and its batch; None before the first seal."""
    row = await connection.fetchrow(SQL["sealed_until"], book_id)
    return None if row is None else (row["last_seq"], row["batch_no"])


async def _nodes(connection: Connection, book_id: int, seal_no: int, last_seq: int) -> _Nodes:
    rows = await connection.fetch(SQL["nodes"], book_id, seal_no)
    pieces = tuple(
        merkle.Piece(first_seq=row["first_seq"], leaves=row["leaves"], node=row["node"])
        for row in rows
    )
    return _Nodes(
        seal_no=seal_no,
        last_seq=last_seq,
        size=sum(piece.leaves for piece in pieces),
        upper=merkle.levels_of([piece.node for piece in pieces]),
        firsts=tuple(piece.first_seq for piece in pieces),
        pieces=pieces,
    )


async def _prove_piece(
    connection: Connection, book_id: int, nodes: _Nodes, place: int, wanted: set[int]
) -> list[Proof]:
    what = f"seal {nodes.seal_no} of book {book_id}, piece {place}"
    ensure(place < len(nodes.pieces), f"{what} is missing: run cff verify")
    piece = nodes.pieces[place]
    ends = [*nodes.firsts[1:], nodes.last_seq + 1][place] - 1
    journals = [
        journal
        async for journal in journals_between(connection, book_id, piece.first_seq - 1, ends)
    ]
    levels = merkle.levels_of(
        [merkle.leaf_hash(leaf_data(journal, version)) for journal, version in journals]
    )
    ensure(
        levels[-1] == [piece.node],
        f"{what}: its journals are not those that were sealed: run cff verify",
    )
    above = merkle.audit_path(nodes.upper, place)
    return [
        Proof(
            recorded_seq=journal.recorded_seq,
            journal_id=journal.journal_id,
            seal_no=nodes.seal_no,
            digest_version=version,
            data=journal_bytes(journal, version),
            leaf_index=place * merkle.PIECE + index,
            tree_size=nodes.size,
            path=(*merkle.audit_path(levels, index), *above),
            journal=journal,
        )
        for index, (journal, version) in enumerate(journals)
        if journal.recorded_seq in wanted
    ]
