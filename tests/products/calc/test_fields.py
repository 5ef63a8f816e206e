"""A case's inputs are read strictly: what is wrong is named with its place, all of it at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.money import Rounding
from products.calc.fields import PROBLEMS_MAX, ROWS_MAX, Fields
from products.calc.reading import read_document


def fields(text: str) -> Fields:
    """The fields of a JSON object as it stands in a file."""
    values = read_document(text.encode(), "a test")
    assert isinstance(values, dict)
    return Fields(values)


def problems(text: str, read: Callable[[Fields], object]) -> dict[str, str]:
    """What is wrong with these inputs, by place, after `read` has read them."""
    found = fields(text)
    read(found)
    with pytest.raises(InvalidInput) as caught:
        found.finish()
    return {problem.where: f"{problem.got}; {problem}" for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("text", "decimals", "units"),
    [
        ("1234.50", 2, 123450),
        ("1234.5", 2, 123450),
        ("10000", 2, 1000000),
        ("0.01", 2, 1),
        ("10129.5818", 4, 101295818),
        ("1055", 0, 1055),
    ],
)
def test_money_may_be_written_with_fewer_places_than_its_currency(
    text: str, decimals: int, units: int
) -> None:
    read = fields(json.dumps({"currency_decimals": decimals, "a": text}))
    assert read.money("a") == units
    read.finish()


@pytest.mark.parametrize(
    "value",
    [
        '"1.005"',
        '"-1.00"',
        '"+1.00"',
        '"1e3"',
        '"1,000.00"',
        '"๑๐.๐๐"',
        '"１.00"',
        '" 1.00"',
        '"1.00\\n"',
        '"1."',
        '".50"',
        '"007"',
        '""',
        '"NaN"',
        '"0.00"',
        '"12345678901234"',
        "1000",
        "10.5",
        "1e3",
        "NaN",
        "true",
        "[]",
        "{}",
    ],
)
def test_anything_else_is_no_money(value: str) -> None:
    said = problems(f'{{"a": {value}}}', lambda read: read.money("a"))
    assert list(said) == ["inputs.a"]
    assert "money as a string" in said["inputs.a"]


def test_a_sign_and_a_zero_are_taken_only_where_they_are_asked_for() -> None:
    read = fields('{"a": "-0.50", "b": "0", "c": "-0.00"}')
    assert read.money("a", signed=True) == -50
    assert read.money("b", least=0) == 0
    assert read.money("c", signed=True) == 0
    read.finish()


@given(st.decimals(0, Decimal(10) ** 13 - 1, places=4))
def test_money_is_exact_at_every_size(amount: Decimal) -> None:
    read = fields(json.dumps({"currency_decimals": 4, "a": f"{amount:f}"}))
    assert read.money("a", least=0) == amount * 10**4
    read.finish()


@pytest.mark.parametrize(
    ("text", "rate_e8"),
    [("7", 7_000_000), ("9.4822", 9_482_200), ("0", 0), ("1000", 10**9), ("0.000001", 1)],
)
def test_a_rate_is_a_percentage(text: str, rate_e8: int) -> None:
    read = fields(json.dumps({"r": text}))
    assert read.rate_e8("r") == rate_e8
    read.finish()


@pytest.mark.parametrize("value", ['"1000.01"', '"-1"', '"0.0000001"', '"7%"', "7", "7.5", '"๗"'])
def test_a_rate_out_of_its_bounds_is_refused(value: str) -> None:
    said = problems(f'{{"r": {value}}}', lambda read: read.rate_e8("r"))
    assert "a percentage as a string" in said["inputs.r"]


@pytest.mark.parametrize("value", ['"5"', "5.0", "true", "0", "1201", "-1", "[5]"])
def test_a_count_is_a_whole_json_number_within_its_bounds(value: str) -> None:
    said = problems(f'{{"n": {value}}}', lambda read: read.whole("n"))
    assert "a whole number, 1 to 1200" in said["inputs.n"]


def test_a_buddhist_year_is_refused_with_the_common_year_that_was_meant() -> None:
    said = problems('{"d": "2569-06-30"}', lambda read: read.day("d"))
    assert "did you mean 2026-06-30" in said["inputs.d"]


@pytest.mark.parametrize("value", ['"2026-02-30"', '"30/06/2026"', "20260630", '"2026-6-30"'])
def test_a_day_that_is_none_is_refused(value: str) -> None:
    assert list(problems(f'{{"d": {value}}}', lambda read: read.day("d"))) == ["inputs.d"]


def test_a_choice_lists_what_it_takes() -> None:
    options = {"360": 360, "365": 365}
    assert fields('{"y": "360"}').choice("y", options) == 360
    assert fields('{"y": 365}').choice("y", options) == 365
    for value in ('"364"', "true", "365.0", '"365 "', "null", "[]"):
        said = problems(f'{{"y": {value}}}', lambda read: read.choice("y", options))
        assert "one of 360, 365" in said["inputs.y"]


def test_rounding_is_half_even_unless_it_is_stated() -> None:
    assert fields("{}").rounding() is Rounding.HALF_EVEN
    assert fields('{"rounding_mode": "HALF_UP"}').rounding() is Rounding.HALF_UP


def test_the_smaller_kinds_of_fields_are_read_as_strictly() -> None:
    read = fields('{"f": "4/7", "t": "remark", "b": true, "d": ["2026-01-31"], "o": {"x": 1}}')
    assert read.ratio("f") == Fraction(4, 7)
    assert read.text("t") == "remark"
    assert read.flag("b", default=False) is True
    assert read.days("d") == (date(2026, 1, 31),)
    assert read.nested("o") == {"x": 1}
    read.finish()

    def read_all(read: Fields) -> None:
        read.ratio("f")
        read.text("t")
        read.flag("b", default=False)
        read.days("d")
        read.nested("o")

    wrong = '{"f": "4/0", "t": "", "b": 1, "d": ["2026-01-31", 5], "o": []}'
    assert set(problems(wrong, read_all)) == {
        "inputs.f",
        "inputs.t",
        "inputs.b",
        "inputs.d[1]",
        "inputs.o",
    }


def test_null_means_that_a_field_is_not_given() -> None:
    read = fields('{"a": null, "b": null}')
    assert not read.has("a")
    assert read.money("a", None) is None
    assert read.whole("b", 7) == 7
    read.finish()


def test_every_mistake_is_named_with_its_place_and_none_hides_another() -> None:
    text = """{"principal": 100.5, "principle": "100.00", "starts": "2567-01-01",
      "rates": [{"from": "2026-01-01", "pct": "4"}, {"from": "2026-02-30", "pct": "4", "p": 1}, 3]}
    """

    def read_all(read: Fields) -> None:
        read.money("principal")
        read.day("starts")
        read.whole("count")
        for part in read.rows("rates"):
            part.day("from")
            part.rate_e8("pct")

    said = problems(text, read_all)
    assert set(said) == {
        "inputs.principal",
        "inputs.principle",
        "inputs.starts",
        "inputs.count",
        "inputs.rates[1].from",
        "inputs.rates[1].p",
        "inputs.rates[2]",
    }
    assert said["inputs.principal"].startswith("the number 100.5;")
    assert said["inputs.count"].startswith("nothing;")
    assert said["inputs.principle"].startswith("unknown field, '100.00'")


def test_the_currency_of_a_case_holds_inside_its_lists() -> None:
    read = fields('{"currency_decimals": 4, "payments": [{"amount": "0.0001"}]}')
    assert [part.money("amount") for part in read.rows("payments")] == [1]
    read.finish()


def test_a_wrong_currency_is_one_mistake_and_not_one_of_every_amount() -> None:
    said = problems('{"currency_decimals": "2", "a": "1.23"}', lambda read: read.money("a"))
    assert list(said) == ["inputs.currency_decimals"]


def test_a_name_that_stands_twice_is_refused_wherever_it_stands() -> None:
    text = '{"a": "1", "a": "2", "rows": [{"n": 1, "n": 1}]}'

    def read_all(read: Fields) -> None:
        read.money("a")
        for part in read.rows("rows"):
            part.whole("n")

    said = problems(text, read_all)
    assert set(said) == {"inputs.a", "inputs.rows[0].n"}
    assert said["inputs.a"].startswith("the field more than once")


def test_a_choice_that_cannot_be_read_leaves_open_which_other_fields_belong_to_it() -> None:
    said = problems('{"how": "?", "other": 1}', lambda read: read.choice("how", {"A": 1}))
    assert list(said) == ["inputs.how"]


def test_lists_and_spans_of_dates_are_bounded() -> None:
    long = json.dumps({"rows": [{}] * (ROWS_MAX + 1)})
    assert "a list of at most 10,000" in problems(long, lambda r: r.rows("rows"))["inputs.rows"]

    def read_days(read: Fields) -> None:
        read.days("d")

    said = problems('{"d": ["1926-01-01", "2026-01-02"]}', read_days)
    assert "within a hundred years" in said["inputs"]
    read = fields('{"d": ["1926-01-01", "2025-12-31"]}')
    read.days("d")
    read.finish()


def test_a_thousand_mistakes_are_counted_and_not_all_told() -> None:
    text = json.dumps({f"x{n}": n for n in range(1000)})
    said = problems(text, lambda read: None)
    assert len(said) == PROBLEMS_MAX + 1
    assert said["inputs"].startswith(f"{1000 - PROBLEMS_MAX} more problems")


def test_names_and_values_of_any_size_are_told_in_a_line() -> None:
    deep: Any = "x" * 100_000
    for _ in range(50):
        deep = [deep]
    odd = {"n" * 100_000: 1, "a": deep, "b": {"c": deep}, "line\nbreak\ud800": "\ud800"}
    said = problems(json.dumps(odd), lambda read: read.money("a"))
    assert all(len(words) < 400 for words in said.values())
    assert not any("\n" in where or "\ud800" in where for where in said)


def test_a_field_that_is_read_well_may_still_be_refused_by_its_kind() -> None:
    error = fields('{"engine_size": "2"}').wrong("engine_size", "something smaller", "Try 1.")
    assert str(error) == "inputs.engine_size: got '2'; expected something smaller. Try 1."
