"""Chunks between two processes: a line of JSON that tells what follows, then the columns' bytes.

8 bytes: length of the JSON · JSON {"columns": [[dtype, rows, width]...], "flaws": ...} · bytes
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ledger.errors import InvariantBroken
from ledger.loading.chunks import Chunk
from ledger.loading.fields import Flaw
from ledger.posting.lines import Lines, Texts

_LENGTH_BYTES = 8

Column = NDArray[Any]
"""Of whatever type: its message tells."""
Listed = list[Any]
"""As JSON has it; whoever sent it is the other half of this module."""
Message = tuple[dict[str, object], list[Column]]


def send(to: IO[bytes], facts: Mapping[str, object], *columns: NDArray[np.generic]) -> None:
    """Write a message."""
    shapes = [[column.dtype.str, *column.shape] for column in columns]
    told = json.dumps({**facts, "columns": shapes}).encode()
    to.write(len(told).to_bytes(_LENGTH_BYTES, "big") + told)
    for column in columns:
        to.write(np.ascontiguousarray(column).data)
    to.flush()


def receive(source: IO[bytes]) -> Message | None:
    """Read a message; None when the other side has ended."""
    length = source.read(_LENGTH_BYTES)
    if len(length) < _LENGTH_BYTES:
        return None
    facts = json.loads(_whole(source, int.from_bytes(length, "big")))
    columns: list[Column] = []
    for kind, *shape in facts.pop("columns"):
        dtype = np.dtype(kind)
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        columns.append(np.frombuffer(_whole(source, size), dtype).reshape(shape))
    return facts, columns


def _whole(source: IO[bytes], size: int) -> bytes:
    found = source.read(size)
    if len(found) < size:
        raise InvariantBroken("the process that reads the file ended in the middle of a chunk")
    return found


def listed(facts: Mapping[str, object], name: str) -> Listed:
    """A list of a message."""
    found = facts.get(name)
    return found if isinstance(found, list) else []


def send_chunk(to: IO[bytes], chunk: Chunk) -> None:
    """Write a chunk."""
    lines = chunk.lines
    facts: dict[str, object] = {
        "flaws": [[place, *astuple(flaw)] for place, flaw in chunk.flaws.items()],
        "unknown": [[place, *codes] for place, codes in chunk.unknown.items()],
    }
    send(
        to,
        facts,
        chunk.ends,
        chunk.places,
        lines.ids,
        lines.debit,
        lines.credit,
        lines.amount_satang,
        lines.kind,
        lines.value_date,
        lines.reference.data,
        lines.reference.starts,
        lines.narrative.data,
        lines.narrative.starts,
    )


def chunk_from(facts: Mapping[str, object], columns: list[Column]) -> Chunk:
    """A chunk as it was sent."""
    (ends, places, ids, debit, credit, satang, kind, value_date, *texts) = columns
    reference, reference_starts, narrative, narrative_starts = texts
    lines = Lines(
        ids=ids,
        debit=debit,
        credit=credit,
        amount_satang=satang,
        kind=kind,
        value_date=value_date,
        reference=Texts(data=reference, starts=reference_starts),
        narrative=Texts(data=narrative, starts=narrative_starts),
    )
    flaws, unknown = listed(facts, "flaws"), listed(facts, "unknown")
    return Chunk(
        ends=ends,
        places=places,
        lines=lines,
        flaws={
            place: Flaw(field=field, got=got, expected=expected, journal_id=journal_id)
            for place, field, got, expected, journal_id in flaws
        },
        unknown={place: (debit_code, credit_code) for place, debit_code, credit_code in unknown},
    )
