"""The plan of kills: enough of them, at every moment, the same in every run."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.strikes import CELLS, KILLS, Moment, Struck, plan


@pytest.mark.parametrize(("profile", "kills", "least"), [("ci", 60, 15), ("soak", 300, 75)])
def test_a_long_profile_strikes_every_path_and_each_moment_often_enough(
    profile: str, kills: int, least: int
) -> None:
    made = plan(profile)
    assert len(made) == kills
    moments = Counter(kill.moment for kill in made)
    assert all(moments[moment] >= least for moment in Moment)
    assert {(kill.struck, kill.moment) for kill in made} == set(CELLS)


def test_the_load_by_lines_is_struck_fifteen_times_at_least_in_a_long_profile() -> None:
    loads = (Struck.LOADER, Struck.POSTGRES_UNDER_LOADER)
    assert sum(kill.struck in loads for kill in plan("ci")) >= 15


def test_the_quick_profile_strikes_each_path_once_at_each_moment() -> None:
    assert Counter((kill.struck, kill.moment) for kill in plan("quick")) == Counter(CELLS)


def test_a_kill_can_be_run_again_by_itself() -> None:
    for profile in KILLS:
        for kill, again in zip(plan(profile), plan(profile), strict=True):
            assert kill.strike(kill.dice(), commits=9) == again.strike(again.dice(), commits=9)


def test_only_a_commit_inside_a_dying_server_waits_for_a_standby_that_never_comes() -> None:
    for kill in plan("soak"):
        blow = kill.strike(kill.dice(), commits=9)
        assert not blow.flushed or kill.struck.is_postgres
        if kill.struck.is_postgres and kill.moment is Moment.INSIDE:
            assert blow.frozen


def test_every_path_is_named_as_what_is_killed() -> None:
    assert [struck for struck in Struck if struck.is_postgres] == [
        Struck.POSTGRES_UNDER_LOADER,
        Struck.POSTGRES_UNDER_POSTER,
        Struck.POSTGRES_UNDER_NIGHT,
        Struck.POSTGRES_UNDER_DOORS,
    ]
