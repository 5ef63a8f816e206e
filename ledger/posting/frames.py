"""Columns as bytes, without a Python object a row: COPY frames, and the digest's input. Pure.

A record is packed as a numpy structure of big-endian fields. Texts of different lengths are padded
to the widest of a stretch and the padding is cut out again, so the row's bytes are exact.
Format: PostgreSQL's documentation, COPY, "Binary Format"; docs/digest.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledger.posting.lines import Bytes, Ints, Lines, Texts
from ledger.posting.marks import Marks

STRETCH = 16_384
"""Rows packed at once: bounds what padding can cost."""

COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TAIL = b"\xff\xff"
_TO_2000 = 10_957
"""Days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts dates."""
_UUID_OID = 2950
_INT4_OID, _INT8_OID = 23, 20

TRANSFER_COLUMNS = (
    "book_id",
    "journal_id",
    "line",
    "recorded_seq",
    "debit_account",
    "credit_account",
    "amount_satang",
    "kind",
    "may_exceed_limit",
    "forced",
    "business_date",
    "value_date",
    "actor",
    "reference",
    "narrative",
    "hold_id",
    "reverses",
    "adjusts",
)
MOVEMENT_COLUMNS = (
    "book_id",
    "account_id",
    "business_date",
    "batch_no",
    "value_date",
    "debits",
    "credits",
    "debits_after",
    "credits_after",
    "transfers",
    "journals",
)

MARK_COLUMNS = (
    "book_id",
    "account_id",
    "batch_no",
    "value_date",
    "transfers",
    "debits",
    "credits",
)

Field = tuple[str, object]
"""A dtype and its value: a scalar for every row, or an array; `Texts` come with their length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Accepted lines with what the batch gave them; what the tables and the digest are made of.

    value_date: days since 1970-01-01, settled. business_date likewise.
    """

    book_id: int
    actor: str
    business_date: int
    lines: Lines
    recorded_seq: Ints
    value_date: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Movement rows of a batch as columns, in order of account and value date.

    first: where each row's journals begin in `ids`, one more than there are rows.
    named: False for a row with too many journals to name.
    """

    account: Ints
    value_date: Ints
    debits: Ints
    credits: Ints
    debits_after: Ints
    credits_after: Ints
    first: Ints
    ids: Bytes
    named: NDArray[np.bool_]


def transfer_frames(posted: Posted) -> Iterator[bytes]:
    """The COPY of `ledger.transfer`, `TRANSFER_COLUMNS`; one stretch after another."""
    yield COPY_HEAD
    for part in _stretches(posted):
        yield pack(len(part.lines), _transfer(part)).tobytes()
    yield COPY_TAIL


def journal_frames(posted: Posted) -> Iterator[bytes]:
    """The canonical bytes of every journal in order of its number, as the digest takes them."""
    for part in _stretches(posted):
        yield pack(len(part.lines), _journal(part)).tobytes()


def movement_frames(book_id: int, batch_no: int, business_date: int, moved: Moved) -> bytes:
    """The COPY of `ledger.movement`, `MOVEMENT_COLUMNS`."""
    count = len(moved.account)
    transfers = np.diff(moved.first)
    size = np.where(moved.named, 20 + 20 * transfers, -1)
    fixed = _rows(
        count,
        [
            (">i2", len(MOVEMENT_COLUMNS)),
            *_sized(">i4", book_id),
            *_sized(">i4", moved.account),
            *_sized(">i4", business_date - _TO_2000),
            *_sized(">i8", batch_no),
            *_sized(">i4", moved.value_date - _TO_2000),
            *_sized(">i8", moved.debits),
            *_sized(">i8", moved.credits),
            *_sized(">i8", moved.debits_after),
            *_sized(">i8", moved.credits_after),
            *_sized(">i4", transfers),
            (">i4", size),
            # One dimension, no NULL, of uuid, so many, numbered from 1.
            (">i4", 1),
            (">i4", 0),
            (">i4", _UUID_OID),
            (">i4", transfers),
            (">i4", 1),
        ],
    )
    elements = _rows(len(moved.ids), [(">i4", 16), ("V16", _ids(moved.ids))])
    rows = np.repeat(moved.named, transfers)
    return _woven(fixed, moved.named, np.where(moved.named, transfers, 0), elements[rows])


def mark_frames(book_id: int, batch_no: int, moved: Moved, marks: Marks) -> bytes:
    """The COPY of `ledger.movement_mark`, `MARK_COLUMNS`; empty when nothing is marked."""
    if not len(marks.rows):
        return b""
    rows = _rows(
        len(marks.rows),
        [
            (">i2", len(MARK_COLUMNS)),
            *_sized(">i4", book_id),
            *_sized(">i4", moved.account[marks.rows]),
            *_sized(">i8", batch_no),
            *_sized(">i4", moved.value_date[marks.rows] - _TO_2000),
            *_array(_INT4_OID, ">i4", marks.transfers),
            *_array(_INT8_OID, ">i8", marks.debits),
            *_array(_INT8_OID, ">i8", marks.credits),
        ],
    )
    return COPY_HEAD + rows.tobytes() + COPY_TAIL


def _array(oid: int, dtype: str, values: Ints) -> list[Field]:
    """An array of one dimension a row, all of the same length, without NULLs, numbered from 1."""
    count, length = values.shape
    width = np.dtype(dtype).itemsize
    elements = _rows(values.size, [(">i4", width), (dtype, values.ravel())])
    size = length * elements.shape[1]
    head = [(">i4", each) for each in (20 + size, 1, 0, oid, length, 1)]
    return [*head, (f"V{size}", elements.reshape(count, size).view(f"V{size}").ravel())]


def pack(count: int, fields: Sequence[Field]) -> Bytes:
    """Rows of fields one after another; a text has its length as 32 bits before it."""
    flat: list[Field] = []
    masks: dict[int, NDArray[np.bool_]] = {}
    for dtype, value in fields:
        if not isinstance(value, Texts):
            flat.append((dtype, value))
            continue
        lengths = value.lengths
        width = int(lengths.max(initial=0))
        flat.append((">u4", lengths))
        if width and (lengths == width).all():
            flat.append((f"V{width}", value.data.reshape(count, width).view(f"V{width}").ravel()))
        elif width:
            kept = np.arange(width) < lengths[:, None]
            padded = np.zeros((count, width), np.uint8)
            padded[kept] = value.data
            masks[len(flat)] = kept
            flat.append((f"V{width}", padded.view(f"V{width}").ravel()))
    rows = _rows(count, flat)
    if not masks:
        return rows.reshape(-1)
    keep = np.ones(rows.shape, np.bool_)
    ends = np.cumsum([np.dtype(dtype).itemsize for dtype, _ in flat])
    for place, kept in masks.items():
        keep[:, ends[place] - kept.shape[1] : ends[place]] = kept
    return rows[keep]


def _rows(count: int, fields: Sequence[Field]) -> Bytes:
    """Fixed-width fields as (count, width) bytes."""
    names = [f"f{place}" for place in range(len(fields))]
    dtypes = list(zip(names, (dtype for dtype, _ in fields), strict=True))
    rows = np.zeros(count, np.dtype(dtypes))
    for name, (_, value) in zip(names, fields, strict=True):
        rows[name] = value
    return rows.view(np.uint8).reshape(count, rows.dtype.itemsize)


def _woven(fixed: Bytes, named: NDArray[np.bool_], elements: Ints, data: Bytes) -> bytes:
    """Each row's fixed part, without the array's head where it is NULL, then its elements."""
    width = fixed.shape[1]
    heads = np.where(named, width, width - 20)
    sizes = heads + elements * (data.shape[1] if data.ndim > 1 else 0)
    ends = np.cumsum(sizes)
    starts = ends - sizes
    total = int(ends[-1]) if len(ends) else 0
    is_head = np.zeros(total + 1, np.int8)
    np.add.at(is_head, starts, 1)
    np.add.at(is_head, starts + heads, -1)
    heads_here = np.cumsum(is_head[:-1], dtype=np.int8).astype(np.bool_)
    out = np.empty(total, np.uint8)
    kept = np.ones(fixed.shape, np.bool_)
    kept[~named, width - 20 :] = False
    out[heads_here] = fixed[kept]
    out[~heads_here] = data.reshape(-1)
    return COPY_HEAD + out.tobytes() + COPY_TAIL


def _sized(dtype: str, value: object) -> tuple[Field, Field]:
    """A field of a COPY row: its length, then itself."""
    return (">i4", np.dtype(dtype).itemsize), (dtype, value)


def _ids(ids: Bytes) -> NDArray[np.void]:
    return np.ascontiguousarray(ids).view("V16").ravel()


def _actor(actor: str) -> tuple[Field, ...]:
    encoded = actor.encode()
    if not encoded:
        return ((">u4", 0),)
    return (">u4", len(encoded)), (f"V{len(encoded)}", np.void(encoded))


def _stretches(posted: Posted) -> Iterator[Posted]:
    for first in range(0, len(posted.lines), STRETCH):
        last = min(first + STRETCH, len(posted.lines))
        yield Posted(
            book_id=posted.book_id,
            actor=posted.actor,
            business_date=posted.business_date,
            lines=posted.lines.slice(first, last),
            recorded_seq=posted.recorded_seq[first:last],
            value_date=posted.value_date[first:last],
        )


def _transfer(part: Posted) -> list[Field]:
    lines = part.lines
    return [
        (">i2", len(TRANSFER_COLUMNS)),
        *_sized(">i4", part.book_id),
        (">i4", 16),
        ("V16", _ids(lines.ids)),
        *_sized(">i4", 0),
        *_sized(">i8", part.recorded_seq),
        *_sized(">i4", lines.debit),
        *_sized(">i4", lines.credit),
        *_sized(">i8", lines.amount_satang),
        *_sized(">i2", lines.kind),
        *_sized("u1", 0),
        *_sized("u1", 0),
        *_sized(">i4", part.business_date - _TO_2000),
        *_sized(">i4", part.value_date - _TO_2000),
        *_actor(part.actor),
        ("text", lines.reference),
        ("text", lines.narrative),
        (">i4", -1),
        (">i4", -1),
        (">i4", -1),
    ]


def _journal(part: Posted) -> list[Field]:
    lines = part.lines
    return [
        ("u1", 1),
        (">u8", part.recorded_seq),
        ("V16", _ids(lines.ids)),
        (">u2", lines.kind),
        ("u1", 0),
        (">i4", part.business_date),
        (">i4", part.value_date),
        # Not forced; captures no hold, reverses and adjusts nothing.
        ("V4", np.void(bytes(4))),
        *_actor(part.actor),
        ("text", lines.reference),
        ("text", lines.narrative),
        (">u4", 1),
        (">u4", lines.debit),
        (">u4", lines.credit),
        (">u8", lines.amount_satang),
    ]
