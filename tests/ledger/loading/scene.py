"""Identical books, and files in which everything happens: what is posted in one is in the other."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from ledger.db import Pool
from ledger.loading.files import Order, Posted, post_file
from ledger.loading.sources import format_of
from ledger.proof.verify import verify_ledger
from tests.builders import Scene, make_scene

MEMBERS = 12
OPENING = 50_000
ACTOR = "test:loader"
HEADER = "id,debit,credit,amount,kind,value_date,reference,narrative\n"
_BROKEN = (
    "",
    "not,enough",
    '{id},SAV-0001,SAV-0002,1.00,,,"broken"quote,',
    "{id},SAV-0001,SAV-0002,1.0,,,,",
    "{id},SAV-0001,SAV-9999,1.00,,,,",
    "{id},SAV-0001,SAV-0002,1.00,interest_accrual,,,",
    "{id},SAV-0001,SAV-0002,1.00,,2569-06-01,,",
    "no-id,SAV-0001,SAV-0002,1.00,,,,",
    "{id},SAV-0001,SAV-0002,1.00,,,\x07,",
)


async def book(pool: Pool, number: int) -> Scene:
    """A book like all others made here but for its number: members with 500.00 baht each."""
    return await make_scene(pool, members=MEMBERS, opening=OPENING, book_id=number)


def csv_lines(count: int, seed: int = 2569) -> str:
    """A file in which lines are posted, replayed, refused and malformed, in a drawn order."""
    return HEADER + "".join(f"{line}\n" for line in _lines(count, random.Random(seed)))


def _lines(count: int, dice: random.Random) -> Iterator[str]:
    written: list[str] = []
    for place in range(count):
        made = str(UUID(int=(place << 64) | dice.getrandbits(64)))
        what = dice.random()
        if what < 0.1:
            yield dice.choice(_BROKEN).format(id=made)
        elif what < 0.2 and written:
            yield dice.choice(written)  # the same again: a replay, or the same refusal
        elif what < 0.25 and written:
            yield dice.choice(written).replace("PAY", "OTHER")  # the same id, another body
        else:
            debit, credit = dice.sample(range(1, MEMBERS + 1), 2)
            satang = dice.randrange(1, 20_000) if what < 0.9 else 40_000_00
            value_date = dice.choice(("", "", "2026-06-01", "2027-01-01"))
            line = (
                f"{made},SAV-{debit:04d},SAV-{credit:04d},{satang // 100}.{satang % 100:02d},"
                f'manual,{value_date},PAY-{place},"เงินเดือน, งวด {place}"'
            )
            written.append(line)
            yield line


async def load(
    pool: Pool, number: int, path: Path, *, lines_max: int | None = None, result: str = ""
) -> Posted:
    """Post a file into a book; its results go beside it, under the book's number."""
    order = Order(
        path=path,
        form=format_of(path),
        actor=ACTOR,
        result=path.with_name(result or f"{path.name}.{number}.result"),
        lines_max=lines_max,
    )
    return await post_file(pool, number, order)


def raw(posted: Posted) -> bytes:
    """A result file."""
    return Path(posted.run.result).read_bytes()


def results(posted: Posted) -> list[dict[str, object]]:
    """The lines of a result file."""
    return [json.loads(line) for line in raw(posted).splitlines()]


async def sound(pool: Pool, number: int) -> None:
    """The book is proven."""
    async with pool.acquire() as connection:
        report = await verify_ledger(connection, number)
    assert report.ok, report
