"""Which ids of a batch are on record: asked by ranges, and none that is recorded is overlooked."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.db import Pool
from ledger.posting.idranges import (
    FOUND_IN_ONE_MAX,
    FOUND_MAX,
    RANGES_MAX,
    Ranges,
    finer_ranges_of,
    known_ids,
    ranges_of,
)
from ledger.posting.lines import Lines
from ledger.posting.sets import among, repeated
from ledger.posting.values import PlaceHold
from tests.builders import journal, make_scene, post, post_units, unit
from tests.ledger.bulk.rows import Row, lines_of

V7 = 0x0198_0000_0000_7000_8000_0000_0000_0000
FAR = UUID(int=2**128 - 1)


def random_ids(dice: random.Random, count: int) -> list[UUID]:
    """As uuid4 makes them."""
    return [UUID(int=dice.getrandbits(128), version=4) for _ in range(count)]


def ordered_ids(dice: random.Random, count: int) -> list[UUID]:
    """As uuid7 makes them: a few of each millisecond, the rest of each id is random."""
    return [
        UUID(int=V7 + (n // 3 << 80) + (dice.getrandbits(12) << 64) + dice.getrandbits(62))
        for n in range(count)
    ]


def counted_ids(dice: random.Random, count: int) -> list[UUID]:
    """A name of the sender's and a counter."""
    first = dice.getrandbits(64) << 64
    return [UUID(int=first + n) for n in range(count)]


def scattered_ids(dice: random.Random, count: int) -> list[UUID]:
    """Counters of several days' files, each with a beginning of its own."""
    firsts = [dice.getrandbits(128) for _ in range(1 + count // 8)]
    return [UUID(int=(firsts[n % len(firsts)] + n) % 2**128) for n in range(count)]


WAYS = (random_ids, ordered_ids, counted_ids, scattered_ids)
_DRAWN = st.tuples(
    st.sampled_from(WAYS), st.integers(1, 120), st.integers(0, 2**32), st.booleans(), st.booleans()
)


def of_ids(ids: Sequence[UUID]) -> Lines:
    """Lines of which only the ids matter."""
    return lines_of([Row(each, 1, 2, 1) for each in ids])


def within(ranges: Ranges, each: UUID) -> bool:
    """True when an id lies in one of the ranges."""
    place = bisect_right(ranges.low, each) - 1
    return place >= 0 and each <= ranges.high[place]


@given(drawn=_DRAWN)
def test_every_id_lies_in_a_range_that_is_asked_for(
    drawn: tuple[object, int, int, bool, bool],
) -> None:
    ids = _ids(drawn)
    for ranges in (ranges_of(of_ids(ids)), finer_ranges_of(of_ids(ids))):
        assert ranges.exact or all(within(ranges, each) for each in ids)
        assert len(ranges.low) == len(ranges.high)
        assert ranges.low == sorted(ranges.low)
        assert all(low <= high for low, high in zip(ranges.low, ranges.high, strict=True))
        # They do not overlap: nothing else is found twice.
        assert ranges.exact or all(
            high <= low for high, low in zip(ranges.high, ranges.low[1:], strict=False)
        )


def _ids(drawn: tuple[object, int, int, bool, bool]) -> list[UUID]:
    way, count, seed, far, twice = drawn
    dice = random.Random(seed)
    ids: list[UUID] = way(dice, count)  # type: ignore[operator]  # one of WAYS
    if far:
        ids.insert(dice.randrange(len(ids) + 1), FAR)
    if twice:
        ids.append(dice.choice(ids))
    return ids


@pytest.mark.parametrize("way", WAYS[:3], ids=lambda way: str(way.__name__))
def test_ids_are_asked_for_one_by_one_only_when_they_are_random(way: object) -> None:
    dice = random.Random(1)
    ids: list[UUID] = way(dice, 20_000)  # type: ignore[operator]  # one of WAYS
    dice.shuffle(ids)
    ranges = ranges_of(of_ids(ids))
    assert ranges.exact is (way is random_ids)
    assert len(ranges.low) == (0 if ranges.exact else 1)


def test_one_id_far_away_costs_a_probe_more() -> None:
    ids = ordered_ids(random.Random(2), 20_000)
    ranges = ranges_of(of_ids([*ids[:700], FAR, *ids[700:]]))
    assert not ranges.exact
    assert len(ranges.low) <= RANGES_MAX
    assert within(ranges, FAR)


def test_as_many_loads_in_one_batch_as_there_are_ranges_need_no_asking_one_by_one() -> None:
    dice = random.Random(3)
    firsts = [dice.getrandbits(128) >> 1 for _ in range(RANGES_MAX - 1)]
    ids = [UUID(int=first + n) for first in firsts for n in range(4)]
    ranges = ranges_of(of_ids(ids))
    assert not ranges.exact
    assert all(within(ranges, each) for each in ids)


@given(drawn=_DRAWN, dice=st.randoms(use_true_random=False))
def test_ids_that_stand_twice_are_those_that_stand_twice(
    drawn: tuple[object, int, int, bool, bool], dice: random.Random
) -> None:
    ids = _ids(drawn)
    if len(ids) < 30:
        dice.shuffle(ids)
    lines = of_ids(ids)
    assert repeated(lines).tolist() == [ids.count(each) > 1 for each in ids]
    known = {each.bytes for each in ids[::3]} | {FAR.bytes}
    assert among(lines, known).tolist() == [each.bytes in known for each in ids]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way.__name__))
async def test_what_is_on_record_is_found_be_it_a_journal_a_hold_or_a_remembered_refusal(
    pool: Pool, way: object
) -> None:
    """Noise between the ids asked for does no harm."""
    dice = random.Random(4)
    pool_of_ids: list[UUID] = way(dice, 60)  # type: ignore[operator]  # one of WAYS
    scene = await make_scene(pool, members=1, opening=1_000)
    member = scene.members[0]
    recorded, held, refused, noise, new = (pool_of_ids[place::5] for place in range(5))
    for name in (*recorded, *noise):
        await post(pool, 1, [journal(scene.bank, member, 5, journal_id=name)])
    for name in held:
        await post(pool, 1, [PlaceHold(hold_id=name, account=member, amount_satang=1)])
    asked = [unit(journal(member, scene.bank, 10**12, journal_id=name)) for name in refused]
    outcomes = await post_units(pool, 1, asked)
    assert {outcome.refusal and outcome.refusal.code for outcome in outcomes} == {
        "below_balance_min"
    }
    malformed = new[0]
    await post(pool, 1, [journal(member, member, 1, journal_id=malformed)])
    lines = of_ids([*recorded, *held, *refused, *new])
    on_record = {name.bytes for name in (*recorded, *held, *refused)}
    async with pool.acquire() as connection:
        found = await known_ids(connection, 1, lines, ranges_of(lines))
        exact = Ranges(low=[], high=[], exact=True)
        assert on_record <= await known_ids(connection, 1, lines, exact)
    assert on_record <= found
    assert found.isdisjoint(name.bytes for name in new), "refused for its form: it is free"


async def _record_even_ids(connection: asyncpg.Connection, count: int) -> None:
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        "INSERT INTO ledger.transfer SELECT 1, "
        "('00000000-0000-7000-8000-' || lpad(to_hex(2 * n), 12, '0'))::uuid, 0, n, 1, 2, 1, "
        "1, false, false, '2026-06-01', '2026-06-01', 'a', '', '' "
        "FROM generate_series(1, $1::int) AS n",
        count,
    )


async def test_replays_of_what_came_right_before_are_found_in_a_few_more_ranges(
    database_url: str,
) -> None:
    """One range over all of it holds the whole load before; cut up it holds the replays."""
    connection = await asyncpg.connect(database_url)
    try:
        await _record_even_ids(connection, FOUND_MAX + 5)
        base = 0x7000_8000_0000_0000_0000
        replays = [UUID(int=base + 2 * n) for n in range(7, FOUND_MAX, 40)]
        later = base + 4 * FOUND_MAX
        lines = of_ids([*(UUID(int=later + n) for n in range(20_000)), *replays])
        assert len(ranges_of(lines).low) == 1
        assert FOUND_IN_ONE_MAX <= FOUND_MAX < len(lines)
        finer = finer_ranges_of(lines)
        assert len(finer.low) == RANGES_MAX
        assert not finer.exact
        found = await known_ids(connection, 1, lines, ranges_of(lines))
        assert found == {each.bytes for each in replays}
    finally:
        await connection.close()


def test_one_id_alone_is_one_range_however_fine() -> None:
    only = of_ids([FAR])
    assert finer_ranges_of(only) == ranges_of(only)


async def test_a_range_full_of_another_load_is_given_up_for_asking_id_by_id(
    database_url: str,
) -> None:
    """Two halves of one file, line by line, loaded one after the other."""
    connection = await asyncpg.connect(database_url)
    try:
        await _record_even_ids(connection, 2 * FOUND_MAX)
        base = 0x7000_8000_0000_0000_0000
        others = [UUID(int=base + 2 * n + 1) for n in range(2 * FOUND_MAX)]
        again = UUID(int=base + 40)
        lines = of_ids([*others, again])
        ranges = ranges_of(lines)
        assert not ranges.exact
        assert await known_ids(connection, 1, lines, ranges) == {again.bytes}
    finally:
        await connection.close()
