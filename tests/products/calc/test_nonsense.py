"""Published and golden cases with something broken in them: each is answered or refused."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from products.calc.reading import Inexact
from products.calc.run import calculate
from tests.how_much import drawn
from tests.products.calc.published import Case, asked, published_cases
from tests.products.calc.test_loan_ways import GOLDEN

CASES: list[Case] = [
    *[asked(case) for case in published_cases()],
    *[{"id": name, "kind": "loan_schedule", "inputs": loan} for name, loan in GOLDEN.items()],
]
PLAUSIBLE = (
    "0",
    "0.00",
    "0.01",
    "1",
    "999",
    "1000",
    "9999999999999",
    "0/1",
    "999999/1",
    "1900-01-01",
    "2023-12-31",
    "2024-02-29",
    "2399-12-31",
    "2567-01-01",
    "ACTUAL",
    "DAYS",
    "WEEKS",
    "MONTHS",
    "NONE",
    "DAILY",
    "NEXT",
    "STAYS",
    "DEFERRED",
    0,
    1,
    2,
    12,
    1200,
    36525,
)
NONSENSE: tuple[Any, ...] = (
    "",
    "๑๒",
    "-1",
    "NaN",
    -1,
    10**30,
    True,
    None,
    [],
    {},
    [[]],
    [{}],
    Inexact("1.5"),
)
Path = tuple[str | int, ...]


def leaves(value: Any, path: Path = ()) -> list[Path]:
    """The path of everything inside a JSON value, lists and objects themselves included."""
    inner: list[Path] = []
    if isinstance(value, dict):
        inner = [found for name in value for found in leaves(value[name], (*path, name))]
    elif isinstance(value, list):
        inner = [found for at in range(len(value)) for found in leaves(value[at], (*path, at))]
    return [path, *inner] if path else inner


PLACES = {case["id"]: leaves(case["inputs"]) for case in CASES}


@st.composite
def broken_cases(draw: st.DrawFn) -> Case:
    """A case in which up to three things were set, taken away, doubled or emptied."""
    case = copy.deepcopy(draw(st.sampled_from(CASES)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(PLACES[case["id"]]))
        kind = draw(st.sampled_from(("plausible", "plausible", "nonsense", "gone", "again")))
        _break(case["inputs"], place, kind, draw)
    if draw(st.booleans()):
        case["engine"] = draw(st.sampled_from(("cumulative", "progressive", None)))
    return case


def _break(inputs: Any, place: Path, kind: str, draw: st.DrawFn) -> None:
    for step in place[:-1]:
        try:
            inputs = inputs[step]
        except (KeyError, IndexError, TypeError):
            return  # an earlier change took this place away
    last: Any = place[-1]
    present = (isinstance(inputs, dict) and last in inputs) or (
        isinstance(inputs, list) and isinstance(last, int) and last < len(inputs)
    )
    if not present:
        return
    if kind == "gone":
        del inputs[last]
    elif kind == "again" and isinstance(inputs, list):
        inputs.append(inputs[last])
    else:
        inputs[last] = draw(st.sampled_from(PLAUSIBLE if kind == "plausible" else NONSENSE))


@settings(drawn(130), deadline=2000)
@given(broken_cases())
def test_a_broken_case_is_answered_or_refused_and_never_breaks_the_calculator(case: Case) -> None:
    (told,) = calculate([case], explain=True)
    assert told["id"] == case["id"]
    if "error" in told:
        error: Any = told["error"]
        assert error["code"] == "invalid_input", error["message"]
        assert all(problem["where"] and problem["expected"] for problem in error["problems"])
    else:
        assert set(told) == {"id", "result", "explanation"}
    assert json.loads(json.dumps(told))["id"] == case["id"]
