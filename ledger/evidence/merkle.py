"""The Merkle tree of RFC 6962, streamed: its root, its pieces of 1024 leaves, its audit paths.

A tree of n leaves splits at the largest power of two below n. Pairing neighbours level by level,
where one that is left over moves up as it is, makes the same tree; so a full run of 1024 leaves
is a whole subtree, and the roots of such pieces are the leaves of the tree above them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

PIECE = 1024
"""Leaves of a piece; a power of two, so that a piece is a whole subtree."""

LEAF, NODE = b"\x00", b"\x01"
"""What the hash of a leaf and of an inner node begins with: neither passes for the other."""

NO_LEAVES = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(LEAF + data).digest()


def hashes_of(leaves: bytes, bounds: Sequence[int]) -> list[bytes]:
    """The hashes of leaves that lie one after another, each with `LEAF` before it.

    bounds: where each begins, and where the last one ends.
    """
    sha256 = hashlib.sha256
    return [sha256(leaves[first:last]).digest() for first, last in pairwise(bounds)]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(NODE + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, or over the roots of whole pieces."""
    if not hashes:
        return NO_LEAVES
    return levels_of(hashes)[-1][0]


def levels_of(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """Every level of the tree, from the leaves to the root: many paths from one reckoning."""
    levels = [list(hashes)]
    while len(levels[-1]) > 1:
        levels.append(_level_above(levels[-1]))
    return levels


def audit_path(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """Siblings of leaf `index` from the bottom up: what its proof needs. Raises `IndexError`."""
    if not 0 <= index < len(levels[0]):
        raise IndexError(f"leaf {index} of a tree of {len(levels[0])}")
    path: list[bytes] = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
    return path


def leads_to(root: bytes, leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bool:
    """True when `path` leads from the leaf hash at `index` of `size` leaves to `root`."""
    if not 0 <= index < size:
        return False
    here, rest, last = leaf, list(reversed(path)), size - 1
    while last > 0:
        # The last node of a level that has no neighbour moves up as it is.
        if index % 2 == 1 or index < last:
            if not rest:
                return False
            sibling = rest.pop()
            here = node_hash(sibling, here) if index % 2 == 1 else node_hash(here, sibling)
        index, last = index // 2, last // 2
    return not rest and here == root


def _level_above(level: list[bytes]) -> list[bytes]:
    sha256, pairs = hashlib.sha256, zip(level[::2], level[1::2], strict=False)
    above = [sha256(NODE + left + right).digest() for left, right in pairs]
    if len(level) % 2 == 1:
        above.append(level[-1])
    return above


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Up to 1024 neighbouring leaves: the first one's number in the book, how many, their root."""

    first_seq: int
    leaves: int
    node: bytes


class Tree:
    """A tree that is fed leaves in order and holds no more than one piece of them."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._open: list[bytes] = []
        self._first_seq = 0

    def extend(self, numbers: Sequence[int], hashes: Sequence[bytes]) -> None:
        """More leaves: the numbers of their journals and their hashes."""
        place = 0
        while place < len(hashes):
            if not self._open:
                self._first_seq = numbers[place]
            some = hashes[place : place + PIECE - len(self._open)]
            self._open += some
            place += len(some)
            if len(self._open) == PIECE:
                self._pieces.append(self._close())
                self._open = []

    def pieces(self) -> list[Piece]:
        """Every piece so far, the last one perhaps not full."""
        return [*self._pieces, self._close()] if self._open else list(self._pieces)

    def root(self) -> bytes:
        """The root over everything so far."""
        return root_of([piece.node for piece in self.pieces()])

    def _close(self) -> Piece:
        return Piece(first_seq=self._first_seq, leaves=len(self._open), node=root_of(self._open))
