"""Files that came through a door: known by the SHA-256 of their bytes, finished or not.

The same finished file again is a no-op that says so; one that was interrupted is taken up again.
The row takes no number of the book: it is an aid to the sender, what was posted is the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ledger import dates
from ledger.db import Pool, transaction
from ledger.errors import InvalidInput
from products.payments.banks import SQL

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A file as it was handed in. kind: "notices" or "statement"; size in bytes."""

    book_id: int
    sha256: bytes
    kind: str
    name: str
    size: int


def digest_of(source: Path, limit_bytes: int) -> tuple[bytes, int]:
    """SHA-256 and size of a file, read in pieces. Raises `InvalidInput` above the limit."""
    if not source.is_file():
        raise InvalidInput.one("the file", str(source), "a file that exists")
    size = source.stat().st_size
    if size > limit_bytes:
        expected = f"at most {limit_bytes // 1024**2} MiB"
        raise InvalidInput.one(
            f"the file {source.name}", f"{size:,} bytes", expected, "Send it in several files."
        )
    digest = hashlib.sha256()
    with source.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest(), size


async def begin_intake(
    pool: Pool, intake: Intake, received_by: str, *, clock: dates.Clock = dates.now
) -> dict[str, object] | None:
    """Note that a file came in; the stored result if it was finished before, else None."""
    async with transaction(pool, received_by) as connection:
        await connection.execute(
            SQL["begin_intake"],
            intake.book_id,
            intake.sha256,
            intake.kind,
            intake.name[:255],
            intake.size,
            received_by,
            clock(),
        )
        row = await connection.fetchrow(SQL["intake"], intake.book_id, intake.sha256)
    if row is None or row["finished_at"] is None:
        return None
    result: dict[str, object] = json.loads(row["result"])
    return result


async def finish_intake(
    pool: Pool, intake: Intake, result: Mapping[str, object], *, clock: dates.Clock = dates.now
) -> None:
    """Everything of the file is recorded; `result` is what a repetition is told."""
    text = json.dumps(result, sort_keys=True, ensure_ascii=False)
    async with pool.acquire() as connection:
        await connection.execute(SQL["finish_intake"], intake.book_id, intake.sha256, clock(), text)
