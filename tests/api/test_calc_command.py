"""`cff calc` as an officer meets it: cases in, results out, and nonsense that is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.output import Exit
from products.calc.reading import DOCUMENT_BYTES_MAX
from products.calc.run import CASES_MAX
from tests.house.sources import ROOT

RUNNER = CliRunner()
GOOD: dict[str, Any] = {
    "id": "กู้ 63 วัน",
    "kind": "simple_daily_interest",
    "inputs": {
        "movements": [{"date": "2026-01-01", "amount": "26345.00"}],
        "end_date": "2026-03-05",
        "annual_rate_pct": "4.5",
        "days_in_year": "365",
        "rounding_mode": "HALF_UP",
    },
}
EARNED = {"interest": "204.62", "total": "26549.62"}  # 26,345 x 4.5% x 63 / 365 = 204.6249


def calc(document: object, *options: str) -> Result:
    """`cff calc -` with this on standard input; text and bytes are handed over as they are."""
    given = document if isinstance(document, str | bytes) else json.dumps(document)
    return RUNNER.invoke(app, ["calc", "-", *options], input=given)


def results(document: object, *options: str) -> list[dict[str, Any]]:
    """The results of a document that can be read."""
    told = calc(document, *options)
    assert told.exit_code == 0, told.output
    found: list[dict[str, Any]] = json.loads(told.stdout)["results"]
    return found


def changed(**fields: object) -> dict[str, Any]:
    """A document of the good case with these inputs set; None takes one away."""
    inputs = {**GOOD["inputs"], **fields}
    kept = {name: value for name, value in inputs.items() if value is not None}
    return {"cases": [GOOD | {"inputs": kept}]}


def places(document: object) -> list[str]:
    """Where the one case of a document is wrong."""
    (told,) = results(document)
    assert set(told) == {"id", "error"}
    assert told["error"]["code"] == "invalid_input"
    assert all(problem["expected"] for problem in told["error"]["problems"])
    return [problem["where"] for problem in told["error"]["problems"]]


def test_a_case_is_answered_on_standard_output_in_json() -> None:
    told = calc({"cases": [GOOD]})
    assert told.exit_code == 0
    assert json.loads(told.stdout) == {"results": [{"id": "กู้ 63 วัน", "result": EARNED}]}
    assert "กู้ 63 วัน" in told.stdout
    assert told.stderr == ""


def test_a_file_is_read_like_standard_input_a_byte_order_mark_and_all(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": [GOOD]}), encoding="utf-8-sig")
    told = RUNNER.invoke(app, ["calc", str(path)])
    assert told.exit_code == 0
    assert told.stdout == calc({"cases": [GOOD]}).stdout


def test_the_program_writes_utf_8_whatever_the_terminal_speaks(tmp_path: Path) -> None:
    program = "from api.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "calc", "-"],
        input=json.dumps({"cases": [GOOD]}).encode(),
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout.decode("utf-8"))["results"][0]["id"] == GOOD["id"]


def test_an_explanation_is_given_on_request_and_changes_no_number() -> None:
    (told,) = results({"cases": [GOOD]}, "--explain")
    assert told["result"] == EARNED
    said = " ".join(told["explanation"])
    for part in ("26345.00", "4.5", "63", "365", "204.62", "HALF_UP"):
        assert part in said


def test_one_bad_case_does_not_stop_the_rest_and_the_order_stays() -> None:
    bad = {**GOOD, "id": "bad", "inputs": {}}
    told = calc({"cases": [bad, GOOD, 7, None, {}]})
    assert told.exit_code == 0
    found = json.loads(told.stdout)["results"]
    assert [one["id"] for one in found] == ["bad", GOOD["id"], None, None, None]
    assert ["result" in one for one in found] == [False, True, False, False, False]
    assert found[2]["error"]["problems"][0]["where"] == "cases[2]"
    assert {problem["where"] for problem in found[4]["error"]["problems"]} == {
        "cases[4].id",
        "cases[4].kind",
        "cases[4].inputs",
    }
    assert "4 of 5 cases were refused" in told.stderr


def test_no_cases_give_no_results() -> None:
    assert results({"cases": []}) == []


@pytest.mark.parametrize(
    "document",
    [
        "",
        "not json",
        b"\xff\xfe",
        "{",
        "7",
        "null",
        "[]",
        "{}",
        '{"cases": {}}',
        '{"cases": null}',
        '{"cases": 5}',
        '{"cases": [], "more": 1}',
        '{"cases": [], "cases": []}',
        '{"cases": []} {"cases": []}',
        "[" * 200_000,
        '{"cases": [' + '{"a":' * 100_000,
        '{"cases": [' + "9" * 5_000 + "]}",
        json.dumps({"cases": [1] * (CASES_MAX + 1)}),
        " " * (DOCUMENT_BYTES_MAX + 1),
    ],
    ids=range(19),
)
def test_a_document_that_is_none_is_bad_input_and_nothing_is_printed(document: str | bytes) -> None:
    told = calc(document)
    assert told.exit_code == Exit.BAD_INPUT
    assert told.stdout == ""
    assert "standard input" in told.stderr
    assert "expected" in told.stderr
    assert "Traceback" not in told.stderr


def test_with_json_a_document_that_cannot_be_read_is_an_error_in_json() -> None:
    told = calc("{", "--json")
    assert told.exit_code == Exit.BAD_INPUT
    assert json.loads(told.stderr)["problems"][0]["where"] == "standard input"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        told = RUNNER.invoke(app, ["calc", str(path)])
        assert told.exit_code == Exit.BAD_INPUT
        assert "a file that can be read" in " ".join(told.stderr.split())


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("annual_rate_pct", 4.5, "inputs.annual_rate_pct"),
        ("annual_rate_pct", 4, "inputs.annual_rate_pct"),
        ("annual_rate_pct", "4.5%", "inputs.annual_rate_pct"),
        ("annual_rate_pct", None, "inputs.annual_rate_pct"),
        ("annual_rate_pct", "-1", "inputs.annual_rate_pct"),
        ("end_date", "2569-03-05", "inputs.end_date"),
        ("end_date", "2026-02-30", "inputs.end_date"),
        ("end_date", "2399-01-01", "inputs"),
        ("rounding_mode", "UPWARDS", "inputs.rounding_mode"),
        ("currency_decimals", 400, "inputs.currency_decimals"),
        ("currency_decimals", True, "inputs.currency_decimals"),
        ("movements", "all", "inputs.movements"),
        ("movements", [{"date": "2026-01-01", "amount": 100.0}], "inputs.movements[0].amount"),
        ("movements", [{"date": "2026-01-01", "amount": "๑๐๐.๐๐"}], "inputs.movements[0].amount"),
        ("movements", [{"amount": "100.00"}], "inputs.movements[0].date"),
        ("movements", [[]], "inputs.movements[0]"),
        ("movements", [{}] * 10_001, "inputs.movements"),
        ("anual_rate_pct", "4.5", "inputs.anual_rate_pct"),
        ("x" * 5_000, "\ud800", "inputs." + "x" * 60 + "…"),
    ],
    ids=range(19),
)
def test_a_field_that_is_wrong_is_named_with_its_place(
    field: str, value: object, where: str
) -> None:
    assert places(changed(**{field: value})) == [where]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e5", "1E400", "26345.00"])
def test_a_json_number_never_becomes_an_amount(number: str) -> None:
    text = json.dumps({"cases": [GOOD]}).replace('"26345.00"', number)
    assert places(text) == ["inputs.movements[0].amount"]


def test_a_name_that_stands_twice_is_refused_in_its_case_alone() -> None:
    text = json.dumps({"cases": [GOOD, {**GOOD, "id": "good"}]})
    twice = text.replace('"end_date":', '"end_date": "2026-02-01", "end_date":', 1)
    first, second = results(twice)
    assert first["error"]["problems"][0]["where"] == "inputs.end_date"
    assert second["result"] == EARNED


@pytest.mark.parametrize(
    ("case", "where"),
    [
        (GOOD | {"kind": "tea_leaves"}, "cases[0].kind"),
        (GOOD | {"kind": 7}, "cases[0].kind"),
        (GOOD | {"engine": "steam"}, "cases[0].engine"),
        (GOOD | {"engine": "progressive"}, "cases[0].engine"),
        (GOOD | {"inputs": []}, "cases[0].inputs"),
        (GOOD | {"expected": {}}, "cases[0].expected"),
    ],
)
def test_what_stands_beside_the_inputs_is_read_as_strictly(
    case: dict[str, object], where: str
) -> None:
    assert places({"cases": [case]}) == [where]


@pytest.mark.parametrize("name", ["", 7, None, ["a"], "x" * 501, "\ud800"])
def test_an_id_that_cannot_be_read_is_null_and_its_position_is_told(name: object) -> None:
    (told,) = results({"cases": [GOOD | {"id": name}]})
    assert told["id"] is None
    assert [problem["where"] for problem in told["error"]["problems"]] == ["cases[0].id"]


def test_cases_with_the_same_id_are_all_refused_for_nobody_could_tell_them_apart() -> None:
    first, other, second = results({"cases": [GOOD, GOOD | {"id": "other"}, GOOD]})
    assert first["error"]["problems"][0]["where"] == "cases[0].id"
    assert second["error"]["problems"][0]["where"] == "cases[2].id"
    assert "result" in other
