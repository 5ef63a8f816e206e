"""The peer that stands for SQL ledgers: one function call posts one transfer.

It locks the two balances in the order of their ids, checks the limit, updates both and writes one
row under a unique id; every call is a commit. Driven by asyncpg with 4, 8, 16 and 32 clients, the
best of which counts. A server that does fewer than `PER_SECOND_MIN` has no disk worth measuring.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from benchmarks.bench import Void, percentile
from benchmarks.made import ACCOUNTS, BALANCE_MIN

CLIENTS = (4, 8, 16, 32)
PER_SECOND_MIN = 1_500
SECONDS = 2

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS peer;
DROP TABLE IF EXISTS peer.balance, peer.transfer;
CREATE TABLE peer.balance (
    account_id integer PRIMARY KEY, debits bigint NOT NULL DEFAULT 0,
    credits bigint NOT NULL DEFAULT 0, balance_min bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE peer.transfer (
    transfer_id uuid PRIMARY KEY, debit_account integer NOT NULL, credit_account integer NOT NULL,
    amount_satang bigint NOT NULL, kind smallint NOT NULL, value_date date NOT NULL,
    actor text NOT NULL, reference text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE OR REPLACE FUNCTION peer.post(
    id uuid, debit integer, credit integer, amount bigint, kind smallint, day date, actor text,
    reference text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    room bigint;
BEGIN
    PERFORM FROM peer.balance AS b WHERE b.account_id IN (debit, credit)
    ORDER BY b.account_id FOR UPDATE;
    UPDATE peer.balance AS b SET debits = b.debits + amount WHERE b.account_id = debit
    RETURNING b.credits - b.debits - b.balance_min INTO room;
    IF room IS NULL OR room < 0 THEN
        RAISE EXCEPTION 'account % does not have %', debit, amount;
    END IF;
    UPDATE peer.balance AS b SET credits = b.credits + amount WHERE b.account_id = credit;
    INSERT INTO peer.transfer VALUES (id, debit, credit, amount, kind, day, actor, reference);
END
$$;
"""
_POST = "SELECT peer.post($1, $2, $3, $4, 2::smallint, '2026-06-01', 'bench:peer', $5)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What the peer did at its best.

    per_second: with `clients` clients; by_clients: with each number of clients.
    p50_ms, p99_ms: of one call, at the best number of clients.
    """

    per_second: int
    clients: int
    by_clients: dict[int, int]
    p50_ms: float
    p99_ms: float


async def function_peer(dsn: str, seconds: float = SECONDS) -> Peer:
    """Measure the peer; `dsn` must name a superuser. Raises `Void` below `PER_SECOND_MIN`."""
    connections = [await asyncpg.connect(dsn) for _ in range(max(CLIENTS))]
    try:
        await connections[0].execute(_SCHEMA)
        await connections[0].execute(
            "INSERT INTO peer.balance (account_id, balance_min) "
            "SELECT n, $1::bigint FROM generate_series(1, $2::int) AS n",
            BALANCE_MIN,
            ACCOUNTS,
        )
        await connections[0].execute("VACUUM (ANALYZE) peer.balance")
        await asyncio.gather(*(_client(each, seed, 0.2) for seed, each in enumerate(connections)))
        found = {clients: await _rate(connections[:clients], seconds) for clients in CLIENTS}
    finally:
        for each in connections:
            await each.close()
    clients = max(found, key=lambda each: found[each][0])
    per_second, taken = found[clients]
    if per_second < PER_SECOND_MIN:
        raise Void(
            f"the function peer posts {per_second:,} a second at its best ({clients} clients), at "
            f"least {PER_SECOND_MIN:,} are needed: this machine's disk or load hides everything"
        )
    return Peer(
        per_second=per_second,
        clients=clients,
        by_clients={each: pair[0] for each, pair in found.items()},
        p50_ms=percentile(taken, 50),
        p99_ms=percentile(taken, 99),
    )


async def _rate(connections: list[asyncpg.Connection], seconds: float) -> tuple[int, list[int]]:
    began = time.perf_counter_ns()
    taken = await asyncio.gather(
        *(_client(each, seed, seconds) for seed, each in enumerate(connections))
    )
    spent = time.perf_counter_ns() - began
    calls = [each for client in taken for each in client]
    return len(calls) * 1_000_000_000 // spent, calls


async def _client(connection: asyncpg.Connection, seed: int, seconds: float) -> list[int]:
    dice = random.Random(time.monotonic_ns() + seed)
    post = await connection.prepare(_POST)
    taken = []
    until = time.perf_counter_ns() + int(seconds * 1e9)
    at = time.perf_counter_ns()
    while at < until:
        debit, credit = dice.randrange(1, ACCOUNTS + 1), dice.randrange(1, ACCOUNTS)
        made = UUID(int=(at << 64 | dice.getrandbits(64)) & (2**128 - 1))
        credit += credit >= debit
        await post.fetchval(made, debit, credit, dice.randrange(1, 10**6), f"REF{at % 10**17:017d}")
        after = time.perf_counter_ns()
        taken.append(after - at)
        at = after
    return taken
