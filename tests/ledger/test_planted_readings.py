"""Bugs planted where the record is read, followed, rehearsed, closed over or proven.

Each is caught by the very test that holds its invariant: the test is called with the bug in place
and must fail. docs/invariants.md says which bug belongs to which invariant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from ledger import asof, embedded, resulting, runs, statements
from ledger.db import Connection, Pool, translated
from ledger.errors import CffError
from ledger.periods import months
from ledger.posting import dated, dry_run
from ledger.proof import run
from ledger.proof.report import Difference
from tests.builders import make_scene
from tests.ledger import (
    period_scene,
    test_asof,
    test_consumers,
    test_damage_matrix,
    test_dry_run,
    test_feed,
    test_find,
    test_periods,
    test_statements_pinned,
)
from tests.ledger.damage_book import whole_book
from tests.ledger.play import next_book_id, set_table

Patch = pytest.MonkeyPatch
FOUND_BY = (AssertionError, asyncpg.PostgresError, CffError, pytest.fail.Exception)


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug: how to plant it, and the test that must fail then."""

    plant: Callable[[Patch], None]
    test: Callable[[Pool], Awaitable[None]]

    def __str__(self) -> str:
        return self.plant.__name__.strip("_")


def _a_reader_forgets_what_was_known(patch: Patch) -> None:
    right = asof.pin

    async def now(connection: Connection, book_id: int, known_at: int | None = None) -> asof.Pin:
        return await right(connection, book_id, None)

    patch.setattr(asof, "pin", now)


def _a_number_shows_its_whole_batch(patch: Patch) -> None:
    right = asof.pin

    async def whole(connection: Connection, book_id: int, known_at: int | None = None) -> asof.Pin:
        if known_at is not None:
            known_at = await connection.fetchval(
                "SELECT min(last_seq) FROM ledger.batch WHERE book_id = $1 AND last_seq >= $2",
                book_id,
                known_at,
            )
        return await right(connection, book_id, known_at)

    patch.setattr(asof, "pin", whole)


def _a_page_is_cut_where_the_book_stands_now(patch: Patch) -> None:
    patch.setattr(statements, "_cut", lambda after, known_at: known_at)


def _an_adjustment_enters_a_closed_month(patch: Patch) -> None:
    async def open_always(*_: object) -> None:
        return None

    patch.setattr(dated, "why_shut", open_always)


def _a_month_is_closed_over_what_came_meanwhile(patch: Patch) -> None:
    async def never(*_: object) -> bool:
        return False

    patch.setattr(months, "is_late", never)


def _a_cursor_moves_beyond_its_effect(patch: Patch) -> None:
    further = resulting.SQL["move_consumer"].replace("$3", "$3 + 1")
    patch.setitem(resulting.SQL, "move_consumer", further)


def _the_feed_shows_balances_after_the_batch(patch: Patch) -> None:
    patch.setattr(resulting, "_less", lambda standing, sums: standing)


def _the_tail_is_not_searched(patch: Patch) -> None:
    async def nothing(search: runs.Search) -> None:
        search.below = search.indexed_to + 1

    patch.setattr(runs, "_look_in_tail", nothing)


def _a_dry_run_is_committed(patch: Patch) -> None:
    @asynccontextmanager
    async def kept(pool: Pool) -> AsyncIterator[Connection]:
        async with translated(), pool.acquire() as connection, connection.transaction():
            yield connection

    patch.setattr(dry_run, "rolled_back", kept)


async def _closed_month(pool: Pool) -> None:
    scene = await period_scene.make_scene(pool)
    await test_periods.test_a_closed_month_takes_no_adjustment_and_the_refusal_is_remembered(scene)


async def _closing_over_one_on_its_way(pool: Pool) -> None:
    scene = await period_scene.make_scene(pool)
    on_its_way = test_periods.test_an_adjustment_on_its_way_is_closed_with_the_month
    await on_its_way(scene)


async def _keyed_dry_run(pool: Pool) -> None:
    async with pool.acquire() as connection:
        table = await set_table(connection, next_book_id(), Counter())
        await test_dry_run.test_a_dry_run_of_a_keyed_unit_leaves_the_key_free(pool, table)


async def _consumer(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        await connection.execute(
            "CREATE TABLE effect (place bigserial, recorded_seq bigint, amount_satang bigint); "
            "GRANT ALL ON effect, effect_place_seq TO cff_poster"
        )
        await connection.execute("RESET ROLE")
    scene = await make_scene(pool, members=4)
    await test_consumers.test_a_consumer_deals_with_every_number_once_and_in_order(pool, scene)


BUGS = (
    Bug(
        _a_reader_forgets_what_was_known,
        test_asof.test_an_adjustment_of_a_proven_day_changes_that_day_but_not_what_was_known,
    ),
    Bug(
        _a_number_shows_its_whole_batch,
        test_asof.test_a_number_in_the_middle_of_a_batch_shows_its_journals_up_to_it,
    ),
    Bug(
        _a_page_is_cut_where_the_book_stands_now,
        test_statements_pinned.test_pages_stay_of_one_moment_while_postings_go_on,
    ),
    Bug(_an_adjustment_enters_a_closed_month, _closed_month),
    Bug(_a_month_is_closed_over_what_came_meanwhile, _closing_over_one_on_its_way),
    Bug(_a_cursor_moves_beyond_its_effect, _consumer),
    Bug(
        _the_feed_shows_balances_after_the_batch,
        test_feed.test_a_batch_that_names_no_journals_is_read_from_either_of_its_ends,
    ),
    Bug(
        _the_tail_is_not_searched,
        test_find.test_a_follower_told_to_begin_again_writes_no_row_twice,
    ),
    Bug(_a_dry_run_is_committed, _keyed_dry_run),
)


@pytest.mark.parametrize("bug", BUGS, ids=str)
async def test_a_bug_planted_beside_the_posting_path_is_found(
    pool: Pool, monkeypatch: Patch, bug: Bug
) -> None:
    bug.plant(monkeypatch)
    with pytest.raises(FOUND_BY):
        await bug.test(pool)


def _search_rows_are_not_proven(patch: Patch) -> None:
    _believe(patch, "check_followers")


def _plans_are_not_proven(patch: Patch) -> None:
    _believe(patch, "check_plans")


def _balances_are_not_proven(patch: Patch) -> None:
    _believe(patch, "check_accounts")


def _believe(patch: Patch, check: str) -> None:
    """Leave one check out of the proof."""

    async def nothing(*_: object) -> list[Difference]:
        return []

    patch.setattr(run, check, nothing)


PROOF_BUGS: dict[str, Callable[[Patch], None]] = {
    "ledger.found_transfer": _search_rows_are_not_proven,
    "ledger.limit_plan": _plans_are_not_proven,
    "ledger.balance": _balances_are_not_proven,
}
"""Table whose damage must be missed then: what is left out of the proof."""


async def test_the_damage_matrix_names_every_table_that_the_proof_forgets(
    server: embedded.Lease, template: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    async with whole_book(server, template, tmp_path) as book:
        for table, plant in PROOF_BUGS.items():
            await test_damage_matrix.test_a_lost_row_is_found_and_named(book, table)
            with monkeypatch.context() as patch:
                plant(patch)
                with pytest.raises(AssertionError, match=table):
                    await test_damage_matrix.test_a_lost_row_is_found_and_named(book, table)
