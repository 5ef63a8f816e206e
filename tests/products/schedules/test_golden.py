"""Schedules as an accountant reads them: every file is what the engine says, and is sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.products.schedules.day_by_day import wrong_with
from tests.products.schedules.golden import GOLDEN, path_of, text_of
from tests.products.schedules.loans import instalments
from tests.products.schedules.scenes import (
    SCENES,
    Scene,
    equal_instalments,
    equal_principal,
    tranches,
)

every_scene = pytest.mark.parametrize(("name", "scene"), SCENES.items(), ids=SCENES)


@every_scene
def test_a_golden_schedule_is_what_the_engine_says(name: str, scene: Callable[[], Scene]) -> None:
    assert path_of(name).read_text(encoding="utf-8") == text_of(scene())


@every_scene
def test_a_golden_schedule_is_what_the_nights_earn(name: str, scene: Callable[[], Scene]) -> None:
    assert not wrong_with(scene().schedule)


def test_every_golden_file_has_its_scene() -> None:
    assert {path.stem for path in GOLDEN.glob("*.csv")} == set(SCENES)


def test_equal_principal_is_the_worked_example_of_the_facility() -> None:
    schedule = equal_principal().schedule
    first, second, *_, last = instalments(schedule)
    assert (first, second, last) == (1_045_863_01, 1_037_972_60, 1_003_821_92)
    assert schedule.interest_satang == 291_328_76


def test_equal_instalments_are_the_worked_example_of_the_facility() -> None:
    schedule = equal_instalments().schedule
    assert set(instalments(schedule)[:-1]) == {1_024_600_00}
    first, last = schedule.rows[0], schedule.rows[-1]
    assert (first.interest_satang, first.principal_satang) == (45_863_01, 978_736_99)
    assert last.total_satang == 1_022_666_61
    assert schedule.interest_satang == 293_266_61
    assert first.in_force is not None
    assert 1_024_542_25 < first.in_force.exact_satang < 1_024_542_26


@pytest.mark.parametrize(
    ("at", "field", "wrong"),
    [
        (0, "principal_satang", 1),
        (1, "opening_satang", 1),
        (2, "earned_satang", 1),
        (3, "interest_satang", 1),
        (4, "prepaid_satang", 1),
        (5, "closing_satang", 1),
    ],
)
def test_the_clerk_finds_a_satang_that_is_wrong(at: int, field: str, wrong: int) -> None:
    schedule = tranches().schedule
    row = schedule.rows[at]
    bent = replace(row, **{field: getattr(row, field) + wrong})
    rows = (*schedule.rows[:at], bent, *schedule.rows[at + 1 :])
    assert wrong_with(replace(schedule, rows=rows))
