"""The what-if cases that come along are answered, to the satang of the domain notes' examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from products.calc.reading import read_document
from products.calc.run import calculate, cases_of

CASES = Path(__file__).resolve().parents[2] / "examples" / "what_if.json"


def test_every_what_if_case_of_the_examples_is_answered_with_its_known_amounts() -> None:
    answers = list(
        calculate(cases_of(read_document(CASES.read_bytes(), "what_if.json"), "what_if.json"), True)
    )

    assert all("result" in answer and answer["explanation"] for answer in answers)
    told: list[Any] = [answer["result"] for answer in answers]
    level, principal, note, late = told
    assert level["rows"][0]["total"] == "1024600.00"
    assert level["rows"][-1]["total"] == "1022666.61"
    assert level["totals"]["interest"] == "293266.61"
    assert principal["rows"][0]["total"] == "1045863.01"
    assert principal["totals"]["interest"] == "291328.76"
    assert note["interest"] == "292945.21"
    assert late["default_interest"] == "1746.58"
