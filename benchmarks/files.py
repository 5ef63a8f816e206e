"""From a CSV on disk to the last commit with the result file: what `cff post` does, in process.

Starting the process that reads, hashing the file, reading it, looking codes up, posting and writing
results are all inside the time; writing the CSV is not. Checkpoints are as for the path itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.bench import CheckFailed
from benchmarks.made import BOOK
from benchmarks.preload import ACTOR, Bench
from benchmarks.timed import checkpoint_at
from ledger.loading.files import RESULT_SUFFIX, Order, post_file
from ledger.loading.sources import Format
from ledger.money import format_baht
from ledger.posting.lines import Lines

HEADER = "id,debit,credit,amount,value_date,reference\n"


async def codes_of(made: Bench) -> dict[int, str]:
    """Account codes by number."""
    rows = await made.pool.fetch(
        "SELECT account_id, code FROM ledger.account WHERE book_id = $1", BOOK
    )
    return {row["account_id"]: row["code"] for row in rows}


def write_csv(path: Path, chunks: Iterable[Lines], codes: Mapping[int, str], day: str) -> None:
    """The lines as a file that anybody could have sent."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for chunk in chunks:
            file.writelines(_rows(chunk, codes, day))
        # Its pages are not to go to disk beside the commits that are measured.
        file.flush()
        os.fsync(file.fileno())


def _rows(lines: Lines, codes: Mapping[int, str], day: str) -> Iterator[str]:
    digits = lines.ids.tobytes().hex()
    reference = lines.reference
    texts = reference.data.tobytes().decode()
    starts = reference.starts.tolist()
    sides = zip(lines.debit.tolist(), lines.credit.tolist(), strict=True)
    for place, (debit, credit) in enumerate(sides):
        h = digits[place * 32 : place * 32 + 32]
        identity = f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
        amount = format_baht(int(lines.amount_satang[place])).replace(",", "")
        text = texts[starts[place] : starts[place + 1]]
        yield f"{identity},{codes[debit]},{codes[credit]},{amount},{day},{text}\n"


async def post_csv(made: Bench, count: int, codes: Mapping[int, str]) -> float:
    """Write a file, post it, look at its results; lines a second. Raises `CheckFailed`."""
    path = made.folder / "lines.csv"
    write_csv(path, made.stream(count).chunks(), codes, made.today.isoformat())
    result = path.with_name(path.name + RESULT_SUFFIX)
    order = Order(path=path, form=Format.CSV, actor=ACTOR, result=result)
    at_half = asyncio.Event()

    def told(done: int, total: int) -> None:
        if done * 2 >= total:
            at_half.set()

    async with checkpoint_at(made.dsn, at_half):
        began = time.perf_counter_ns()
        posted = await post_file(made.pool, BOOK, order, posting=told)
        spent = time.perf_counter_ns() - began
    made.posted(posted.run.position.posted)
    _look_at(result, count, posted.run.position.posted)
    result.unlink()
    path.unlink()
    return count * 1e9 / spent


def _look_at(result: Path, count: int, posted: int) -> None:
    """Every line has its result, and every result says that it was posted."""
    with result.open(encoding="utf-8") as file:
        told = sum('"posted"' in line for line in file)
    if (told, posted) != (count, count):
        with result.open(encoding="utf-8") as file:
            odd = next((json.loads(line) for line in file if '"posted"' not in line), None)
        raise CheckFailed(f"of {count:,} lines of a file {posted:,} were posted, such as {odd}")
