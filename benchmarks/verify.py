"""The proof: `verify_ledger` over a big book, beside the promise of a million transfers a minute,
and what it does to clients that post meanwhile.

The book is written row by row with COPY, by sums of its own, so that half a million transfers take
seconds and no piece of the posting path explains away a piece of the proof; only the digests are
the ledger's (`ledger.digest`), because the proof has its own.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from benchmarks.bench import Point, percentile_99, point
from benchmarks.made import OPENED_ON, Maker, open_book
from ledger import books, digest
from ledger.db import AUDITOR, Connection, Pool, open_pool
from ledger.errors import ensure
from ledger.kinds import JournalKind
from ledger.posting.collector import Collector
from ledger.posting.records import JournalRecord
from ledger.posting.values import Transfer
from ledger.proof.verify import verify_ledger

TRANSFERS = 400_000
PROMISED_PER_SECOND = 1_000_000 // 60
BATCH = 1_000
CLIENTS = 8
QUIET_SECONDS = 6

TRANSFER = [
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
]
MOVEMENT = [
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
]
BATCH_ROW = [
    "book_id",
    "batch_no",
    "business_date",
    "first_seq",
    "last_seq",
    "journal_count",
    "event_count",
    "transfer_count",
    "amount_sum",
    "refusal_count",
    "origin",
    "digest_version",
    "digest",
    "fiscal_year",
    "first_voucher",
    "period",
]


@dataclass(slots=True)
class Standing:
    """Where the book stands: its head and the counters and last number of every account."""

    batch_no: int
    seq: int
    digest: bytes
    vouchers: int = 0
    debits: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    credits: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    changed: dict[int, int] = field(default_factory=dict)


async def fill(connection: Connection, numbers: list[int], count: int) -> None:
    """Record `count` journals of one transfer in book 1, as rows.

    Needs a superuser: the guards are off meanwhile, as money moves only through the posting path.
    """
    await connection.execute("SET session_replication_role = replica")
    head = await books.read_head(connection, 1)
    standing = Standing(head.batch_no, head.recorded_seq, head.digest)
    dice = random.Random(2570)
    for _ in range(count // BATCH):
        await _write_batch(connection, standing, _journals(standing, dice, numbers))
    await connection.executemany(
        "UPDATE ledger.balance SET debits = $2, credits = $3, changed_seq = $4 "
        "WHERE book_id = 1 AND account_id = $1",
        [(n, standing.debits[n], standing.credits[n], seq) for n, seq in standing.changed.items()],
    )
    await connection.execute(
        "UPDATE ledger.book_head SET batch_no = $1, recorded_seq = $2, digest = $3, "
        "voucher_year = $4, voucher_no = $5 WHERE book_id = 1",
        standing.batch_no,
        standing.seq,
        standing.digest,
        OPENED_ON.year,
        standing.vouchers,
    )
    await connection.execute("SET session_replication_role = origin")
    await connection.execute("ANALYZE")


def _journals(standing: Standing, dice: random.Random, numbers: list[int]) -> list[JournalRecord]:
    made = []
    for seq in range(standing.seq + 1, standing.seq + 1 + BATCH):
        debit, credit = dice.sample(numbers, 2)
        transfer = Transfer(debit=debit, credit=credit, amount_satang=dice.randrange(1, 10**6))
        made.append(
            JournalRecord(
                recorded_seq=seq,
                journal_id=UUID(int=(seq << 80) | dice.getrandbits(72)),
                kind=JournalKind.MANUAL,
                may_exceed_limit=False,
                business_date=OPENED_ON,
                value_date=OPENED_ON,
                actor="bench:loader",
                reference=f"REF{seq:017d}",
                narrative="",
                hold_id=None,
                reverses=None,
                transfers=(transfer,),
            )
        )
    return made


async def _write_batch(
    connection: Connection, standing: Standing, journals: list[JournalRecord]
) -> None:
    first, last = journals[0].recorded_seq, journals[-1].recorded_seq
    standing.batch_no += 1
    standing.digest = digest.batch_digest(
        previous=standing.digest,
        book_id=1,
        batch_no=standing.batch_no,
        business_date=OPENED_ON,
        origin=3,
        first_seq=first,
        last_seq=last,
        records=journals,
        refusals=(),
        fiscal_year=OPENED_ON.year,
        first_voucher=standing.vouchers + 1,
    )
    standing.seq = last
    amount = sum(journal.transfers[0].amount_satang for journal in journals)
    count = len(journals)
    dated = (1, standing.batch_no, OPENED_ON, first, last, count, 0, count, amount, 0, 3)
    voucher = (OPENED_ON.year, standing.vouchers + 1, 0)
    row = (*dated, digest.DIGEST_VERSION, standing.digest, *voucher)
    standing.vouchers += count
    for table, columns, rows in (
        ("batch", BATCH_ROW, [row]),
        ("transfer", TRANSFER, [_transfer(journal) for journal in journals]),
        ("movement", MOVEMENT, _movements(standing, journals)),
    ):
        await connection.copy_records_to_table(
            table, schema_name="ledger", columns=columns, records=rows
        )


def _transfer(journal: JournalRecord) -> tuple[object, ...]:
    only = journal.transfers[0]
    head = (1, journal.journal_id, 0, journal.recorded_seq)
    money = (only.debit, only.credit, only.amount_satang, int(journal.kind), False, False)
    return (*head, *money, OPENED_ON, OPENED_ON, journal.actor, journal.reference, "")


def _movements(standing: Standing, journals: list[JournalRecord]) -> list[tuple[object, ...]]:
    debits: dict[int, int] = defaultdict(int)
    credits_: dict[int, int] = defaultdict(int)
    named: dict[int, list[UUID]] = defaultdict(list)
    for journal in journals:
        only, seq = journal.transfers[0], journal.recorded_seq
        for counters, totals, number in (
            (debits, standing.debits, only.debit),
            (credits_, standing.credits, only.credit),
        ):
            counters[number] += only.amount_satang
            totals[number] += only.amount_satang
            named[number].append(journal.journal_id)
            standing.changed[number] = seq
    dated = (OPENED_ON, standing.batch_no, OPENED_ON)
    after = standing.debits, standing.credits
    return [
        (1, n, *dated, debits[n], credits_[n], *(each[n] for each in after), len(ids), ids)
        for n, ids in sorted(named.items())
    ]


async def measure(pool: Pool, dsn: str) -> list[Point]:
    """The proof alone, then clients alone, then both at once; every report must be clean.

    The proof runs in a process of its own, as `cff verify` does.
    """
    numbers = await open_book(pool)
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        await fill(connection, numbers, TRANSFERS)
        await connection.execute("RESET ROLE")
    alone = await _proof(dsn, asyncio.Event())
    quiet, quiet_p99 = await _clients(pool, numbers, asyncio.Event(), QUIET_SECONDS)
    done = asyncio.Event()
    proof = asyncio.create_task(_proof(dsn, done))
    beside, beside_p99 = await _clients(pool, numbers, done, None)
    proven = await proof
    promise = "a million transfers a minute"
    online = f"online, {CLIENTS} in flight"
    return [
        point("proof, nobody posts", alone, promise, PROMISED_PER_SECOND),
        point(f"proof, {CLIENTS} in flight beside it", proven, promise, PROMISED_PER_SECOND),
        point(f"{online}, before the proof", quiet, "itself", quiet, quiet_p99),
        point(f"{online}, beside the proof", beside, "before it", quiet, beside_p99),
    ]


async def _proof(dsn: str, done: asyncio.Event) -> int:
    """Transfers a second of one whole proof in another process."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.verify", dsn, stdout=asyncio.subprocess.PIPE
        )
        answer, _ = await process.communicate()
    finally:
        done.set()
    ensure(process.returncode == 0, "the proof failed")
    return int(answer)


async def prove(dsn: str) -> int:
    """Transfers a second of one whole proof, here."""
    auditor = await open_pool(dsn, role=AUDITOR, max_size=1)
    async with auditor.acquire() as connection:
        began = time.perf_counter_ns()
        report = await verify_ledger(connection, 1)
        took = time.perf_counter_ns() - began
    await auditor.close()
    ensure(report.ok, f"the proof found differences: {report.differences[:3]}")
    return report.counts["transfers"] * 1_000_000_000 // took


async def _clients(
    pool: Pool, numbers: list[int], done: asyncio.Event, seconds: int | None
) -> tuple[int, str]:
    """Journals a second and the 99th percentile of an answer, until `done` or for `seconds`."""
    maker = Maker(numbers, seed=time.monotonic_ns())
    taken: list[int] = []
    began = time.perf_counter_ns()

    async def client() -> None:
        while not done.is_set():
            at = time.perf_counter_ns()
            await collector.submit(1, maker.unit())
            taken.append(time.perf_counter_ns() - at)

    async with Collector(pool) as collector, asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())
        if seconds is not None:
            await asyncio.sleep(seconds)
            done.set()
    return len(taken) * 1_000_000_000 // (time.perf_counter_ns() - began), percentile_99(taken)


if __name__ == "__main__":
    sys.stdout.write(f"{asyncio.run(prove(sys.argv[1]))}\n")
