"""Every published result comes out of the function that `cff calc` calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from products.calc.kinds import KINDS
from products.calc.run import calculate
from tests.house.sources import ROOT
from tests.products.calc.published import Case, asked, differences, published_cases

CASES = published_cases()
PAGE = (ROOT / "docs" / "calc.md").read_text(encoding="utf-8")
MUST_BE_REFUSED = "VALIDATION_ERROR"


def answer(case: Case) -> Case:
    """The one result of a case."""
    (result,) = calculate([asked(case)], explain=True)
    return result


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_published_result_comes_out(case: Case) -> None:
    told = answer(case)
    assert told["id"] == case["id"]
    if case["expected"].get("result") == MUST_BE_REFUSED:
        assert told["error"]["code"] == "invalid_input"
    else:
        assert "error" not in told, told["error"]
        assert not differences(case, told["result"])
        assert told["explanation"], "a result without a word on how it came about"
        assert not [*badly_written(told["result"], case["inputs"])]


def places(results: list[Case]) -> set[str]:
    """Where the one case that was refused is wrong."""
    (told,) = results
    return {problem["where"] for problem in told["error"]["problems"]}


def badly_written(result: Any, inputs: Case, name: str = "") -> Iterator[str]:
    """Values that are not written as a result writes them: money with the currency's places."""
    if isinstance(result, dict):
        for inner, value in result.items():
            yield from badly_written(value, inputs, inner)
    elif isinstance(result, list | tuple):
        for value in result:
            yield from badly_written(value, inputs, name)
    elif isinstance(result, int):
        if isinstance(result, bool) or name != "n":
            yield f"{name}: {result!r} is no count"
    else:
        places = r"\.[0-9]+" if inputs.get("rounding") == "none" else _places(inputs)
        pattern = r"(0|[1-9][0-9]*)"
        if name.endswith("date"):
            pattern = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
        elif name.endswith("_pct"):
            pattern += r"(\.[0-9]+)?"
        else:
            pattern = "-?" + pattern + places
        if not isinstance(result, str) or not re.fullmatch(pattern, result, re.ASCII):
            yield f"{name}: {result!r} is not like {pattern}"


def _places(inputs: Case) -> str:
    count = inputs.get("currency_decimals", 2)
    return rf"\.[0-9]{{{count}}}" if count else ""


def test_all_ninety_cases_are_here_and_every_kind_of_the_calculator_has_one() -> None:
    assert len(CASES) == 90
    assert set(Counter(case["id"] for case in CASES).values()) == {1}
    assert {case["kind"] for case in CASES} == set(KINDS)


def test_a_case_is_refused_as_soon_as_it_carries_more_than_it_should() -> None:
    whole = CASES[0]
    beside = {f"cases[0].{name}" for name in whole if name not in asked(whole)}
    assert beside
    assert places([*calculate([whole])]) == beside


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_no_field_is_ignored(case: Case) -> None:
    planted = asked(case) | {"inputs": case["inputs"] | {"moon_phase": "full"}}
    assert "inputs.moon_phase" in places([*calculate([planted])])


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_page_names_the_kind_every_field_and_every_part_of_the_result(case: Case) -> None:
    told = answer(case).get("result", {})
    names = {case["kind"], *_names(case["inputs"]), *_names(told)}
    missing = sorted(name for name in names if f"`{name}`" not in PAGE)
    assert not missing, f"write these into docs/calc.md: {missing}"


def _names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in _names(inner)}
    if isinstance(value, list | tuple):
        return {name for inner in value for name in _names(inner)}
    return set()


@pytest.mark.parametrize(
    ("wanted", "got", "said"),
    [
        ({"a": "1.00"}, {"a": "1.01"}, ".a: published 1.00, ours '1.01'"),
        ({"a": "1.00"}, {}, ".a: published, and not in our answer"),
        ({"a": ["1"]}, {"a": []}, ".a: 1 published, ours are 0"),
        ({"a": "2024-01-01"}, {"a": "2024-01-02"}, ".a: published '2024-01-01', ours '2024-01-02'"),
        ({"n": 1}, {"n": 2}, ".n: published 1, ours 2"),
    ],
)
def test_the_comparison_finds_a_planted_difference(wanted: Case, got: Case, said: str) -> None:
    assert differences({"expected": wanted, "tolerance": "0"}, got) == [said]


def test_the_comparison_allows_what_the_case_allows_and_no_more() -> None:
    case = {"expected": {"a": "1.00", "b": None}, "tolerance": "0.01"}
    assert not differences(case, {"a": "1.01", "b": "7.00"})
    assert differences(case, {"a": "1.011"})
