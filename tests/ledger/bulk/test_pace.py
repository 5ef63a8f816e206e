"""How long a bulk writer keeps the head: as long as it may, 50 ms when somebody waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.posting.pace import AIM_NS, CALM_NS, LINES_MIN, YIELD_NS, Pace

MOST = 131_072
_BATCH = st.tuples(st.integers(1, 200), st.booleans())
"""Nanoseconds a line, in hundreds, and whether somebody waited."""


def test_while_nobody_waits_a_batch_is_as_long_as_it_may_be() -> None:
    pace = Pace(MOST)
    for _ in range(5):
        assert pace.lines == MOST
        pace.held(pace.lines, 400_000_000, waited_for=False)


@given(rate=st.integers(100, 700_000), lines=st.integers(1, MOST))
def test_after_somebody_waited_the_next_batch_takes_fifty_milliseconds_at_most(
    rate: int, lines: int
) -> None:
    """By the measured rate; but a batch never has fewer lines than the least there are."""
    pace = Pace(MOST)
    pace.held(lines, lines * rate, waited_for=True)
    assert pace.lines * rate <= AIM_NS or pace.lines == LINES_MIN
    assert AIM_NS * 3 <= YIELD_NS
    assert pace.lines >= LINES_MIN


@given(most=st.integers(1, MOST), batches=st.lists(_BATCH, max_size=60))
def test_a_batch_is_never_longer_than_it_may_be_nor_shorter_than_the_least(
    most: int, batches: list[tuple[int, bool]]
) -> None:
    pace = Pace(most)
    for hundreds, waited_for in batches:
        pace.held(pace.lines, pace.lines * hundreds * 100, waited_for=waited_for)
        assert min(most, LINES_MIN) <= pace.lines <= most


def test_a_writer_that_was_waited_for_stays_short_until_nobody_has_waited_for_a_while() -> None:
    pace = Pace(MOST)
    pace.held(MOST, 400_000_000, waited_for=True)
    held = 0
    while held + YIELD_NS < CALM_NS:
        assert pace.lines < MOST // 4
        pace.held(pace.lines, pace.lines * 3_000, waited_for=False)
        held += pace.lines * 3_000
    for _ in range(8):
        pace.held(pace.lines, YIELD_NS, waited_for=False)
    assert pace.lines == MOST


def test_one_slow_batch_is_not_held_against_the_ones_after_it_for_ever() -> None:
    pace = Pace(MOST)
    pace.held(MOST, 400_000_000, waited_for=True)
    pace.held(pace.lines, 100 * YIELD_NS, waited_for=True)
    short = pace.lines
    for _ in range(6):
        pace.held(pace.lines, pace.lines * 3_000, waited_for=True)
    assert pace.lines > 4 * short
