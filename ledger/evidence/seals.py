"""Day seals: made from a proven day, kept for ever, read back with everything they say.

`seal_day` reads rows up to the number that proved the day and nothing newer, so it gives the same
seal whenever it runs. It reads in short statements, takes neither head nor number, and writes in
one short transaction; two that run at once make the same seal and one of them is told so.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg

from ledger.consumers import LONG_TAIL
from ledger.db import Pool, transaction
from ledger.errors import NotFound, ensure
from ledger.evidence import canonical, merkle
from ledger.evidence.canonical import GlTotal, SealContent
from ledger.evidence.keys import PublicKey, Signer
from ledger.evidence.reading import SQL, Source
from ledger.evidence.rows import slices_between
from ledger.evidence.sums import Sums

_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A signed day. `trial_balance` holds the bytes whose hash is in the content."""

    content: SealContent
    trial_balance: bytes
    hash: bytes
    signature: bytes
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayToSeal:
    """A proven day without a seal: its closing number and the batch that ends with it."""

    book_id: int
    book_code: str
    business_date: date
    proven_seq: int
    batch_no: int
    batch_digest: bytes


async def days_to_seal(source: Source, book_id: int) -> list[DayToSeal]:
    """Proven days without a seal, oldest first."""
    rows = await source.fetch(SQL["days_to_seal"], book_id)
    for row in rows:
        ensure(
            row["last_seq"] == row["proven_seq"],
            f"day {row['business_date']} was proven under {row['proven_seq']}, inside the batch "
            f"that ends with {row['last_seq']}: a seal must end with a batch",
        )
    return [
        DayToSeal(
            book_id=book_id,
            book_code=row["book_code"],
            business_date=row["business_date"],
            proven_seq=row["proven_seq"],
            batch_no=row["batch_no"],
            batch_digest=row["digest"],
        )
        for row in rows
    ]


async def seal_day(pool: Pool, day: DayToSeal, signer: Signer, *, actor: str) -> Seal:
    """Make and keep the seal of a proven day; the one before it must be sealed."""
    before = await last_seal(pool, day.book_id)
    first_seq = before.content.last_seq + 1 if before is not None else 1
    if day.proven_seq - first_seq > LONG_TAIL:
        await pool.execute(SQL["summarize"])
    totals = await _earlier_totals(pool, day, before)
    sums = Sums(day.business_date, await _gl_codes(pool, day.book_id), totals)
    tree = merkle.Tree()
    slices = slices_between(pool, day.book_id, first_seq - 1, day.proven_seq)
    async with aclosing(slices):
        async for piece in slices:
            sums.add(piece)
            for numbers, hashes in piece.leaves():
                tree.extend(numbers, hashes)
                # Doors of the same process must not wait for a slice.
                await asyncio.sleep(0)
    trial_balance = canonical.trial_balance_bytes(
        day.book_id, day.business_date, day.proven_seq, _rows(totals)
    )
    content = SealContent(
        book_id=day.book_id,
        book_code=day.book_code,
        seal_no=before.content.seal_no + 1 if before is not None else 1,
        business_date=day.business_date,
        first_seq=first_seq,
        last_seq=day.proven_seq,
        journal_count=sums.journals,
        transfer_count=sums.transfers,
        amount_sum=sums.amounts,
        merkle_root=tree.root(),
        trial_balance_hash=canonical.sha256(trial_balance),
        debits=sum(debits for debits, _ in totals.values()),
        credits=sum(credited for _, credited in totals.values()),
        batch_no=day.batch_no,
        batch_digest=day.batch_digest,
        previous=before.hash if before is not None else canonical.GENESIS,
    )
    signed = canonical.seal_bytes(content)
    seal = Seal(
        content=content,
        trial_balance=trial_balance,
        hash=canonical.sha256(signed),
        signature=signer.sign(signed),
        key_id=signer.public.key_id,
    )
    await _keep(pool, seal, tree.pieces(), actor)
    return seal


async def last_seal(source: Source, book_id: int) -> Seal | None:
    """The newest seal of a book."""
    number = await source.fetchval(SQL["last_seal"], book_id)
    return None if number is None else await get_seal(source, book_id, number)


async def get_seal(source: Source, book_id: int, seal_no: int) -> Seal:
    """One seal. Raises `NotFound`."""
    found = await list_seals(source, book_id, after=seal_no - 1, until=seal_no, limit=1)
    if not found:
        raise NotFound("seal", seal_no)
    return found[0]


async def list_seals(
    source: Source, book_id: int, *, after: int = 0, until: int = _LAST, limit: int = 1_000_000
) -> list[Seal]:
    """Seals numbered `after` < n <= `until` in order, at most `limit`."""
    return [_seal(row) for row in await source.fetch(SQL["seals"], book_id, after, until, limit)]


async def public_keys(source: Source) -> list[PublicKey]:
    """Every key that ever sealed here, oldest first, the one in force last."""
    return [PublicKey(raw=row["public_key"]) for row in await source.fetch(SQL["keys"])]


async def _earlier_totals(
    source: Source, day: DayToSeal, before: Seal | None
) -> defaultdict[str, list[int]]:
    """What the trial balance has before the sealed range: the last one, and the journals sealed
    already whose business date lies after its day.
    """
    totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    if before is None:
        return totals
    for total in canonical.trial_balance_rows(before.trial_balance):
        totals[total.gl_code] = [total.debits, total.credits]
    rows = await source.fetch(
        SQL["earlier_movements"],
        day.book_id,
        before.content.business_date,
        day.business_date,
        before.content.batch_no,
    )
    for row in rows:
        totals[row["gl_code"]][0] += int(row["debits"])
        totals[row["gl_code"]][1] += int(row["credits"])
    return totals


async def _gl_codes(source: Source, book_id: int) -> Mapping[int, str]:
    rows = await source.fetch(SQL["gl_codes"], book_id)
    return {row["account_id"]: row["gl_code"] for row in rows}


def _rows(totals: Mapping[str, list[int]]) -> list[GlTotal]:
    return [
        GlTotal(gl_code=gl_code, debits=debits, credits=credited)
        for gl_code, (debits, credited) in totals.items()
    ]


async def _keep(pool: Pool, seal: Seal, pieces: list[merkle.Piece], actor: str) -> None:
    content = seal.content
    async with transaction(pool, actor) as connection:
        await connection.execute(
            SQL["keep_seal"],
            content.book_id,
            content.seal_no,
            canonical.SEAL_VERSION,
            content.business_date,
            content.first_seq,
            content.last_seq,
            content.journal_count,
            content.transfer_count,
            content.amount_sum,
            content.merkle_root,
            seal.trial_balance,
            content.debits,
            content.credits,
            content.batch_no,
            content.batch_digest,
            content.previous,
            seal.hash,
            seal.signature,
            seal.key_id,
        )
        await connection.execute(
            SQL["keep_nodes"],
            content.book_id,
            content.seal_no,
            list(range(len(pieces))),
            [piece.first_seq for piece in pieces],
            [piece.leaves for piece in pieces],
            [piece.node for piece in pieces],
        )


def _seal(row: asyncpg.Record) -> Seal:
    facts: dict[str, Any] = dict(row)
    trial_balance = facts["trial_balance"]
    names = SealContent.__dataclass_fields__
    facts |= {
        "trial_balance_hash": canonical.sha256(trial_balance),
        "amount_sum": int(facts["amount_sum"]),
        "debits": int(facts["debits"]),
        "credits": int(facts["credits"]),
    }
    return Seal(
        content=SealContent(**{name: facts[name] for name in names}),
        trial_balance=trial_balance,
        hash=facts["hash"],
        signature=facts["signature"],
        key_id=facts["key_id"],
    )
