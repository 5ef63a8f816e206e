"""Seals and the nodes of their trees, made again from the transfers and held against the stored.

Every proven day has a seal to come: what it must say follows from the journals numbered since the
seal before it. Those that the book has are compared with these, row by row, and their signatures
with the keys of the book. Days that wait to be sealed are no difference, unless a later one is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from itertools import pairwise

from ledger.db import Connection
from ledger.proof.checks import Replayed
from ledger.proof.closings import Counters
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import Row
from ledger.proof.sealed import (
    ZEROS,
    GrowingTree,
    KeptSeal,
    seal_bytes,
    signed_by,
    trial_balance_bytes,
)
from ledger.proof.standing import Advance

PIECE = 1024
"""So many leaves have a node of their own in `ledger.seal_node`."""
_CHECK = "seals are the journals they cover"
_NODES_CHECK = "seal nodes are the journals' tree"
_SIGNED = "seals are signed by a key of the book"
_LEAF = {1: b"\x00\x00\x01", 2: b"\x00\x00\x02"}
_NODE = b"\x01"
_PLAIN = (
    "version",
    "business_date",
    "first_seq",
    "last_seq",
    "journal_count",
    "transfer_count",
    "amount_sum",
    "debits",
    "credits",
    "batch_no",
)

_ANY = "SELECT EXISTS (SELECT FROM ledger.seal WHERE book_id = $1)"
_CODE = "SELECT code FROM ledger.book WHERE book_id = $1"
_SEALS = """
SELECT h.batch_no AS head_batch, h.recorded_seq AS head_seq, s.*, k.public_key
FROM ledger.book_head AS h
LEFT JOIN ledger.seal AS s ON s.book_id = h.book_id
LEFT JOIN ledger.seal_key AS k ON k.key_id = s.key_id
WHERE h.book_id = $1 ORDER BY s.seal_no
"""
_NODES = """
SELECT h.batch_no AS head_batch, h.recorded_seq AS head_seq, n.seal_no, n.piece, n.first_seq,
    n.leaves, n.node
FROM ledger.book_head AS h LEFT JOIN ledger.seal_node AS n ON n.book_id = h.book_id
WHERE h.book_id = $1 ORDER BY n.seal_no, n.piece
"""
_KEYS = "SELECT key_id, public_key FROM ledger.seal_key ORDER BY key_id"


@dataclass(frozen=True, slots=True)
class Piece:
    """A whole part of a seal's tree."""

    first_seq: int
    leaves: int
    node: bytes


@dataclass(frozen=True, slots=True)
class Expected:
    """What the seal of a proven day must say, with its trial balance and its pieces."""

    seal: KeptSeal
    trial_balance: bytes
    pieces: tuple[Piece, ...]


@dataclass(slots=True)
class Seals:
    """The seals that the journals make, day by day.

    active: the book has any. before: number of the seal that the proof began after.
    """

    book_id: int
    code: str = ""
    active: bool = False
    before: int = 0
    expected: list[Expected] = field(default_factory=list)
    last_seq: int = 0
    previous: bytes = ZEROS
    open: list[bytes] = field(default_factory=list)
    open_first: int = 0
    pieces: list[Piece] = field(default_factory=list)
    transfers: int = 0
    amounts: int = 0

    async def begin(self, connection: Connection) -> None:
        """Whether there is anything to make again."""
        self.active = await connection.fetchval(_ANY, self.book_id)
        self.code = await connection.fetchval(_CODE, self.book_id) or ""

    async def take(self, replayed: Replayed) -> None:
        """Add the journals of a batch; after each piece whatever else is ready goes on."""
        batch = replayed.batch
        if not self.active or batch.row is None:
            return
        head = _LEAF.get(batch.row["digest_version"], _LEAF[1])
        place, (seqs, data, bounds) = 0, replayed.journals
        while place < len(seqs):
            if not self.open:
                self.open_first = seqs[place]
            some = pairwise(bounds[place : place + PIECE - len(self.open) + 1])
            before = len(self.open)
            self.open += [sha256(head + data[begin:end]).digest() for begin, end in some]
            place += len(self.open) - before
            if len(self.open) == PIECE:
                self._close_piece()
                await asyncio.sleep(0)
        self.transfers += batch.last_line - batch.first_line
        self.amounts += batch.amount_sum

    def _close_piece(self) -> None:
        self.pieces.append(Piece(self.open_first, len(self.open), _root(self.open)))
        self.open = []

    def prove(self, day: date, seq: int, replayed: Replayed, totals: dict[str, Counters]) -> None:
        """A day was proven by number `seq`, the last of its batch: its seal covers up to there."""
        row = replayed.batch.row
        if not self.active or row is None:
            return
        if self.open:
            self._close_piece()
        tree = GrowingTree()
        for piece in self.pieces:
            tree.add(piece.node)
        sums = [(code, debits, credits_) for code, (debits, credits_) in totals.items()]
        balance = trial_balance_bytes(self.book_id, day, seq, sums)
        seal = KeptSeal(
            version=1,
            book_id=self.book_id,
            book=self.code,
            seal_no=self.before + len(self.expected) + 1,
            business_date=day,
            first_seq=self.last_seq + 1,
            last_seq=seq,
            journal_count=sum(piece.leaves for piece in self.pieces),
            transfer_count=self.transfers,
            amount_sum=self.amounts,
            merkle_root=tree.root(),
            trial_balance_hash=sha256(balance).digest(),
            debits=sum(debits for _, debits, _ in sums),
            credits=sum(credits_ for _, _, credits_ in sums),
            batch_no=row["batch_no"],
            batch_digest=row["digest"],
            previous=self.previous,
            hash=b"",
            signature=b"",
            key_id="",
        )
        self.expected.append(Expected(seal, balance, tuple(self.pieces)))
        self.previous, self.last_seq = sha256(seal_bytes(seal)).digest(), seq
        self.pieces, self.transfers, self.amounts = [], 0, 0

    async def check(self, connection: Connection, advance: Advance) -> list[Difference]:
        """Compare the stored seals, nodes and keys."""
        if not self.active:
            return []
        rows = await connection.fetch(_SEALS, self.book_id)
        await advance(rows[0]["head_batch"], rows[0]["head_seq"])
        nodes = await connection.fetch(_NODES, self.book_id)
        await advance(nodes[0]["head_batch"], nodes[0]["head_seq"])
        stored = {row["seal_no"]: row for row in rows if (row["seal_no"] or 0) > self.before}
        pieces = {
            (row["seal_no"], row["piece"]): row
            for row in nodes
            if (row["seal_no"] or 0) > self.before
        }
        newest = max((*stored, *(seal_no for seal_no, _ in pieces)), default=0)
        found: list[Difference] = []
        for expected in self.expected:
            number = expected.seal.seal_no
            row = stored.pop(number, None)
            if row is not None:
                found += _seal(expected, row)
            elif number < newest or (number, 0) in pieces:
                found += differ(_CHECK, f"ledger.seal {number}", "a row", "none")
            if row is not None or number < newest or (number, 0) in pieces:
                found += _pieces(expected, pieces)
        for number in stored:
            found += differ(_CHECK, f"ledger.seal {number}", "no row", "a row")
        for number, piece in pieces:
            where = f"ledger.seal_node {number} piece {piece}"
            found += differ(_NODES_CHECK, where, "no row", "a row")
        for row in await connection.fetch(_KEYS):
            named = sha256(row["public_key"]).hexdigest()[:16]
            where = f"ledger.seal_key {row['key_id']}"
            found += differ("keys are named by their hash", where, named, row["key_id"])
        return found


def _seal(expected: Expected, row: Row) -> list[Difference]:
    seal, where = expected.seal, f"ledger.seal {expected.seal.seal_no}"
    wanted: dict[str, object] = {name: getattr(seal, name) for name in _PLAIN}
    there: dict[str, object] = {name: row[name] for name in wanted}
    for name in ("merkle_root", "batch_digest", "previous"):
        wanted[name], there[name] = getattr(seal, name).hex(), row[name].hex()
    data = seal_bytes(seal)
    wanted["hash"], there["hash"] = sha256(data).hexdigest(), row["hash"].hex()
    wanted["trial_balance"] = expected.trial_balance.hex()
    there["trial_balance"] = row["trial_balance"].hex()
    found = compare(_CHECK, where, wanted, there)
    if row["public_key"] is None:
        found += differ(_SIGNED, where, f"the key {row['key_id']}", "none")
    elif not signed_by(row["public_key"], row["signature"], data):
        found += differ(_SIGNED, where, f"a signature of {row['key_id']} over it", "another")
    return found


def _pieces(expected: Expected, stored: dict[tuple[int, int], Row]) -> list[Difference]:
    found: list[Difference] = []
    for number, piece in enumerate(expected.pieces):
        seal_no = expected.seal.seal_no
        where = f"ledger.seal_node {seal_no} piece {number}"
        row = stored.pop((seal_no, number), None)
        if row is None:
            found += differ(_NODES_CHECK, where, "a row", "none")
            continue
        wanted: dict[str, object] = {
            "first_seq": piece.first_seq,
            "leaves": piece.leaves,
            "node": piece.node.hex(),
        }
        there: dict[str, object] = {"first_seq": row["first_seq"], "leaves": row["leaves"]}
        found += compare(_NODES_CHECK, where, wanted, there | {"node": row["node"].hex()})
    return found


def _root(hashes: list[bytes]) -> bytes:
    """The root over leaf hashes: pair by pair, level by level; an odd one moves up as it is."""
    level = hashes
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(_NODE + left + right).digest() for left, right in pairs] + odd
    return level[0]
