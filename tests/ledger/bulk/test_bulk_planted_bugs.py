"""Bugs planted in the bulk way on purpose: posting both ways must find each of them.

One piece of the bulk way is replaced by a wrong one, and then loads are posted both ways as in
`test_bulk_equals_units`: first on the brink of every guard, then as dice have them. The difference
must come out, or the database's own last line refuse what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import numpy as np
import pytest

from ledger import embedded
from ledger.errors import CffError
from ledger.posting import assemble, bulk, bulk_read, in_turn, outright, sets
from ledger.posting.idranges import Ranges, ranges_of
from ledger.posting.judged import Flags
from ledger.posting.lines import Ints, Lines
from ledger.posting.outcomes import LineOutcomes
from ledger.posting.read import HeadRow
from ledger.posting.room import Room, room_of
from ledger.posting.sheet import NO_HIGH, NO_LOW, Sheet
from ledger.posting.state import AccountState
from ledger.posting.tally import tally
from tests.ledger.bulk.drawn import ordinary
from tests.ledger.bulk.scenes import AGAIN, BRINKS, STALE, TROUBLE
from tests.ledger.bulk.twins import Twins, run_any_load

FOUND_BY = (AssertionError, asyncpg.PostgresError, CffError, LookupError, ValueError)
SEEDS = 60
Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug: how to plant it and what must be said when it is found."""

    plant: Callable[[Patch], None]
    named: str

    def __str__(self) -> str:
        return self.plant.__name__.strip("_")


def _contested_on(patch: Patch, change: Callable[[Sheet], None]) -> None:
    """Let the question who is contested be asked of a sheet that is wrong."""
    right = sets._contested
    columns = ("low", "high", "held", "bars", "debits", "credits")

    def wrong(sheet: Sheet, sums: tuple[Ints, Ints] | None) -> Flags:
        kept = {name: getattr(sheet, name).copy() for name in columns}
        change(sheet)
        found = right(sheet, sums)
        for name, column in kept.items():
            setattr(sheet, name, column)
        return found

    patch.setattr(sets, "_contested", wrong)


def _one_satang_too_many_is_not_contested(patch: Patch) -> None:
    def lower(sheet: Sheet) -> None:
        sheet.low[sheet.low != NO_LOW] -= 1

    _contested_on(patch, lower)


def _one_satang_above_is_not_contested(patch: Patch) -> None:
    def higher(sheet: Sheet) -> None:
        sheet.high[sheet.high != NO_HIGH] += 1

    _contested_on(patch, higher)


def _holds_do_not_make_an_account_contested(patch: Patch) -> None:
    def unheld(sheet: Sheet) -> None:
        sheet.held[:] = 0

    _contested_on(patch, unheld)


def _a_freeze_does_not_make_an_account_contested(patch: Patch) -> None:
    def thawed(sheet: Sheet) -> None:
        sheet.bars[:] = 0

    _contested_on(patch, thawed)


def _the_end_of_the_range_does_not_make_an_account_contested(patch: Patch) -> None:
    def young(sheet: Sheet) -> None:
        sheet.debits[:] = sheet.credits[:] = 0

    _contested_on(patch, young)


def _there_is_always_room(patch: Patch) -> None:
    def boundless(accounts: Sequence[AccountState]) -> Room:
        room = room_of(accounts)
        count = len(accounts)
        return replace(room, lowest=[-(10**30)] * count, highest=[10**30] * count)

    patch.setattr(in_turn, "room_of", boundless)


def _an_excess_stays_as_it_was(patch: Patch) -> None:
    def kept(self: Sheet, slots: Ints, balance: Ints) -> Ints:
        return self.excess[slots]

    patch.setattr(Sheet, "excess_at", kept)


def _an_account_does_not_say_when_it_changed_last(patch: Patch) -> None:
    def early(posted: Any) -> Any:
        found = tally(posted)
        return replace(found, last_seq=found.last_seq - 1)

    patch.setattr(assemble, "tally", early)


def _ids_that_stand_twice_are_missed(patch: Patch) -> None:
    patch.setattr(sets, "repeated", lambda lines: np.zeros(len(lines), np.bool_))


def _an_echo_may_say_something_else(patch: Patch) -> None:
    patch.setattr(outright, "_same", lambda lines, pairs: [True] * len(pairs))


def _a_hopeless_line_is_told_what_there_was_before_the_batch(patch: Patch) -> None:
    def unmoved(lines: Lines, places: Ints, *rest: object) -> Ints:
        return np.zeros(len(places), np.int64)

    patch.setattr(outright, "_moved_before", unmoved)


def _what_is_paid_in_gives_a_hopeless_line_no_hope(patch: Patch) -> None:
    right: Callable[..., Flags] = outright.hopeless_of

    def early(*arguments: Any) -> Flags:
        return right(*arguments[:-1], np.zeros_like(arguments[-1]))

    patch.setattr(sets, "hopeless_of", early)


def _a_replay_need_not_say_the_same(patch: Patch) -> None:
    patch.setattr(in_turn, "repeats_record", lambda journal, record: True)


def _only_the_first_id_of_a_range_is_asked_for(patch: Patch) -> None:
    def narrow(lines: Lines) -> Ranges:
        found = ranges_of(lines)
        return Ranges(low=found.low, high=found.low, exact=False)

    patch.setattr(bulk, "ranges_of", narrow)


def _what_was_made_beforehand_is_always_used(patch: Patch) -> None:
    class LikeAny(HeadRow):
        __hash__ = None  # type: ignore[assignment]  # nobody keeps it in a set

        def __eq__(self, other: object) -> bool:
            return True

    right = bulk.BulkWriter._make_next

    async def trusting(*arguments: Any) -> Any:
        ready = await right(*arguments)
        if ready is None:
            return None
        head = ready.assembled.before
        facts = {name: getattr(head, name) for name in HeadRow.__dataclass_fields__}
        return replace(ready, assembled=replace(ready.assembled, before=LikeAny(**facts)))

    patch.setattr(bulk.BulkWriter, "_make_next", trusting)


def _what_is_held_is_trusted_although_others_have_posted(patch: Patch) -> None:
    patch.setattr(Sheet, "unsure", lambda self: None)


def _the_batch_in_flight_is_forgotten_when_the_next_is_made(patch: Patch) -> None:
    patch.setattr(bulk, "share_ids", lambda now, lines: False)


def _what_is_in_flight_is_not_yet_on_the_sheet(patch: Patch) -> None:
    patch.setattr(Sheet, "move", lambda *_: None)


def _back_dated_lines_are_judged_on_today_alone(patch: Patch) -> None:
    async def nothing(*_: object) -> None:
        return None

    patch.setattr(bulk_read, "load_series", nothing)


def _a_repeated_line_is_answered_without_its_numbers(patch: Patch) -> None:
    patch.setattr(LineOutcomes, "copy", lambda self, first, place: None)


def _replays_are_answered_without_their_vouchers(patch: Patch) -> None:
    async def nothing(*_: object) -> None:
        return None

    patch.setattr(bulk_read, "add_vouchers", nothing)


def _every_currency_is_the_same(patch: Patch) -> None:
    def one(self: Sheet, code: str) -> int:
        self._currencies = [code]
        return 0

    patch.setattr(Sheet, "_currency", one)


def _refused_lines_take_numbers_too(patch: Patch) -> None:
    right = assemble._after

    def gaping(before: HeadRow, *more: Any) -> HeadRow:
        after = right(before, *more)
        return replace(after, recorded_seq=after.recorded_seq + (after.recorded_seq % 7 == 0))

    patch.setattr(assemble, "_after", gaping)


BUGS = (
    Bug(_one_satang_too_many_is_not_contested, "answers|within_balance_min"),
    Bug(_one_satang_above_is_not_contested, "answers|within_balance_max"),
    Bug(_holds_do_not_make_an_account_contested, "answers|within_balance_min"),
    Bug(_a_freeze_does_not_make_an_account_contested, "answers|closed_is_empty"),
    Bug(_the_end_of_the_range_does_not_make_an_account_contested, "answers|in_range"),
    Bug(_there_is_always_room, "answers|within_balance|in_range"),
    Bug(_an_excess_stays_as_it_was, "rows of balance|within_balance"),
    Bug(_an_account_does_not_say_when_it_changed_last, "rows of balance|held|forward"),
    Bug(_ids_that_stand_twice_are_missed, "transfer_pkey"),
    Bug(_an_echo_may_say_something_else, "answers"),
    Bug(_a_hopeless_line_is_told_what_there_was_before_the_batch, "answers|hopeless"),
    Bug(_what_is_paid_in_gives_a_hopeless_line_no_hope, "answers|hopeless"),
    Bug(_a_replay_need_not_say_the_same, "answers"),
    Bug(_only_the_first_id_of_a_range_is_asked_for, "answers|transfer_pkey|refused_once"),
    Bug(_what_was_made_beforehand_is_always_used, "has batch|has number|voucher"),
    Bug(_what_is_held_is_trusted_although_others_have_posted, "answers|rows of|forward"),
    Bug(_the_batch_in_flight_is_forgotten_when_the_next_is_made, "answers|transfer_pkey"),
    Bug(_what_is_in_flight_is_not_yet_on_the_sheet, "answers|rows of|forward|held"),
    Bug(_back_dated_lines_are_judged_on_today_alone, "answers"),
    Bug(_a_repeated_line_is_answered_without_its_numbers, "answers"),
    Bug(_replays_are_answered_without_their_vouchers, "answers"),
    Bug(_every_currency_is_the_same, "answers"),
    Bug(_refused_lines_take_numbers_too, "has batch|has number|numbers_are_all_used|rows of"),
)


@pytest.fixture(scope="module")
def planted_twins(server: embedded.Lease, template: str) -> Iterator[Twins]:
    """Two databases for all bugs: what each of them breaks is a book of its own."""
    made = Twins(server, template)
    yield made
    made.close()


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_a_bug_planted_in_the_bulk_way_is_found(
    planted_twins: Twins, monkeypatch: Patch, bug: Bug
) -> None:
    bug.plant(monkeypatch)
    with pytest.raises(FOUND_BY, match=bug.named):
        _all_kinds_of_loads(planted_twins)


def _all_kinds_of_loads(twins: Twins) -> None:
    for drawn in (TROUBLE, AGAIN, STALE, *BRINKS):
        run_any_load(twins, drawn)
    for seed in range(SEEDS):
        drawn = ordinary(seed)
        if seed % 2:
            drawn = replace(drawn, chunks=(3 + seed % 20,), most=3 + seed % 20, others=(1, 2, 4))
        run_any_load(twins, drawn)
