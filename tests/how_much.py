"""How much the tests try: little in `make test`, more in `.ci/run`, most in `make soak`.

`CFF_PROFILE` chooses. What a test proves is the same in each; a longer form draws more histories,
strikes more often, or looks at every case of which the short one looks at some.

`.ci/run` draws the same histories every time, from the tests' own names: a gate that judges one
commit differently twice is no gate. The other two draw new ones each time, and look for more.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("CFF_PROFILE", "quick")
TIMES = {"quick": 1, "ci": 4, "soak": 100}
"""How many times as much as in the quick form; an unknown profile raises `KeyError` here."""
STEPS = {"quick": 30, "ci": 50, "soak": 80}
EXAMPLES = 30
SHORT = PROFILE != "soak"
"""Not the long form."""

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def times(quick: int) -> int:
    """`quick` in the quick form, and as many times more as the profile says."""
    return quick * TIMES[PROFILE]


def drawn(quick: int) -> settings:
    """Settings of a property test whose example costs more, or less, than most do."""
    return settings(max_examples=times(quick))


def load_profile() -> None:
    """Make the profile what every property test has that does not say otherwise."""
    settings.register_profile(
        PROFILE,
        max_examples=times(EXAMPLES),
        stateful_step_count=STEPS[PROFILE],
        deadline=None,
        suppress_health_check=_SLOW_IS_FINE,
        print_blob=True,
        derandomize=PROFILE == "ci",
    )
    settings.load_profile(PROFILE)
