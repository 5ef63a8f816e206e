"""The tree under a seal is that of RFC 6962, and no altered byte finds a way to its root.

The definition is written out here a third time, recursively, as the RFC has it; the tree that seals
are made with and the one that checks them must both agree with it.
"""

from __future__ import annotations

import hashlib
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.evidence.merkle import (
    PIECE,
    Tree,
    audit_path,
    hashes_of,
    leads_to,
    leaf_hash,
    levels_of,
    node_hash,
    root_of,
)
from ledger.proof.sealed import GrowingTree, root_from

SIZES = range(1, 41)


def rfc_root(data: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\0" + data[0]).digest()
    split = 1
    while split * 2 < len(data):
        split *= 2
    return hashlib.sha256(b"\1" + rfc_root(data[:split]) + rfc_root(data[split:])).digest()


def rfc_path(index: int, data: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, section 2.1.1."""
    if len(data) == 1:
        return []
    split = 1
    while split * 2 < len(data):
        split *= 2
    if index < split:
        return [*rfc_path(index, data[:split]), rfc_root(data[split:])]
    return [*rfc_path(index - split, data[split:]), rfc_root(data[:split])]


def leaves(size: int) -> list[bytes]:
    """So many different leaves."""
    return [b"journal %d" % place for place in range(size)]


@pytest.mark.parametrize("size", [0, *SIZES, 1023, 1024, 1025, 2048, 2500])
def test_every_tree_has_the_root_that_the_rfc_defines(size: int) -> None:
    data = leaves(size)
    streamed, checked = Tree(), GrowingTree()
    together = b"".join(b"\0" + each for each in data)
    bounds = [0, *accumulate(len(each) + 1 for each in data)]
    hashes = hashes_of(together, bounds)
    for place in range(0, size, 700):
        streamed.extend(range(place + 1, size + 1)[:700], hashes[place : place + 700])
    for each in data:
        checked.add(leaf_hash(each))
    expected = rfc_root(data)
    assert root_of([leaf_hash(each) for each in data]) == expected
    assert streamed.root() == expected
    assert checked.root() == expected
    assert sum(piece.leaves for piece in streamed.pieces()) == checked.leaves == size


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_of_every_size_has_the_path_of_the_rfc_and_it_leads_to_the_root(
    size: int,
) -> None:
    data = leaves(size)
    hashes = [leaf_hash(each) for each in data]
    root = root_of(hashes)
    for index in range(size):
        path = audit_path(levels_of(hashes), index)
        assert path == rfc_path(index, data)
        assert leads_to(root, hashes[index], index, size, path)
        assert root_from(hashes[index], index, size, path) == root


@pytest.mark.parametrize("size", SIZES)
def test_no_leaf_passes_for_another_one_or_for_a_tree_of_another_size(size: int) -> None:
    hashes = [leaf_hash(each) for each in leaves(size)]
    root = root_of(hashes)
    for index in range(size):
        path = audit_path(levels_of(hashes), index)
        for other in range(-1, size + 2):
            if other != index:
                assert not leads_to(root, hashes[index], other, size, path)
                assert root_from(hashes[index], other, size, path) != root
        for wrong in ([*path, root], path[:-1], path[::-1]):
            if wrong != path:
                assert not leads_to(root, hashes[index], index, size, wrong)
                assert root_from(hashes[index], index, size, wrong) != root


@given(size=st.integers(1, 40), where=st.integers(0, 10**6), bit=st.integers(0, 7), data=st.data())
def test_an_altered_bit_anywhere_in_a_proof_never_verifies(
    size: int, where: int, bit: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = [leaf_hash(each) for each in leaves(size)]
    root, path = root_of(hashes), audit_path(levels_of(hashes), index)
    proof = bytearray(b"".join([root, hashes[index], *path]))
    proof[where % len(proof)] ^= 1 << bit
    parts = [bytes(proof[at : at + 32]) for at in range(0, len(proof), 32)]
    assert not leads_to(parts[0], parts[1], index, size, parts[2:])
    assert root_from(parts[1], index, size, parts[2:]) != parts[0]


def test_a_node_cannot_pass_for_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7])
def test_a_path_through_a_piece_and_over_the_pieces_is_the_path_of_the_whole_tree(
    size: int,
) -> None:
    data = leaves(size)
    hashes = [leaf_hash(each) for each in data]
    tree = Tree()
    tree.extend([10 * place + 1 for place in range(size)], hashes)
    pieces = tree.pieces()
    nodes = [piece.node for piece in pieces]
    for index in {0, 1, size // 2, size - 2, size - 1}:
        place, inside = divmod(index, PIECE)
        piece = hashes[place * PIECE : (place + 1) * PIECE]
        assert root_of(piece) == nodes[place]
        assert pieces[place].first_seq == 10 * place * PIECE + 1
        joined = [*audit_path(levels_of(piece), inside), *audit_path(levels_of(nodes), place)]
        assert joined == audit_path(levels_of(hashes), index)


def test_a_leaf_that_is_not_there_has_no_path() -> None:
    hashes = [leaf_hash(each) for each in leaves(3)]
    for index in (-1, 3):
        with pytest.raises(IndexError, match="tree of 3"):
            audit_path(levels_of(hashes), index)
        assert not leads_to(root_of(hashes), hashes[0], index, 3, audit_path(levels_of(hashes), 0))
