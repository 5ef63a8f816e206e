"""Lines of a history: each bad one is named, and a good one does what its legs say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.history.checking import check_history
from ledger.history.records import Leg, netted, paired
from ledger.history.texts import buddhist, parse_buddhist_date
from tests.ledger.history_files import GOOD, Record, header, write_history

BAD_LINES: tuple[tuple[Record, str, str], ...] = (
    ({"business_date": "10/12/2568"}, "business_date", "dates never go back"),
    ({"business_date": "2025-12-11"}, "business_date", "did you mean 2568"),
    ({"business_date": "11/12/2668"}, "business_date", "at most 20,000 days"),
    ({"value_date": "12/12/2568"}, "value_date", "to the business date"),
    ({"value_date": "31/12/2567"}, "value_date", "from 01/01/2568"),
    ({"id": "J-0"}, "id", "no line before has"),
    ({"id": ""}, "id", "1 to 64"),
    ({"id": "a\nb"}, "id", "1 to 64"),
    ({"voucher": 17}, "voucher", "at most 200"),
    ({"narrative": "a\x07b"}, "narrative", "control characters"),
    ({"lines": []}, "lines", "a list of 2"),
    ({"lines": "none"}, "lines", "a list of 2"),
    ({"lines": [{"account": "BANK", "debit": "1.00"}] * 2}, "lines", "the same sum"),
    ({"lines": [*GOOD["lines"], {"account": "BANK"}]}, "lines[3]", "either"),
    (
        {"lines": [{"account": "BANK", "debit": "1"}, {"account": "SAV-1", "credit": "1.00"}]},
        "lines[1].debit",
        "two places",
    ),
    (
        {"lines": [{"account": "NOPE", "debit": "1.00"}, {"account": "SAV-1", "credit": "1.00"}]},
        "lines[1].account",
        "an account before this line",
    ),
    (
        {"lines": [{"account": "BANK", "debit": "1.00"}, {"account": "BANK", "credit": "1.00"}]},
        "lines",
        "moves something",
    ),
    ({"record": "invoice"}, "record", "one of book"),
    ({"color": "red"}, "color", "only the fields"),
    (header()[0], "id", "only the fields"),
    ({"record": "gl_account"}, "id", "only the fields"),
)


@pytest.mark.parametrize(("cells", "field", "expected"), BAD_LINES)
def test_a_bad_line_of_a_history_is_named_with_its_field_and_what_was_expected(
    tmp_path: Path, cells: Record, field: str, expected: str
) -> None:
    first = GOOD | {"id": "J-0"}
    path = write_history(tmp_path, [*header(), first, GOOD | cells])
    problems = [str(problem) for problem in check_history(path).findings.problems]
    where = f"history.jsonl:{len(header()) + 2}:{field}: got"
    assert any(text.startswith(where) and expected in text for text in problems), problems


@pytest.mark.parametrize(
    ("record", "field", "expected"),
    [
        ({"record": "gl_account", "gl_code": "111100"}, "name_th", "1 to 200"),
        (header()[1], "gl_code", "no line before has"),
        (header()[4], "code", "no line before has"),
        (header()[4] | {"code": "NEW", "gl_code": "311100"}, "gl_code", "gl_account before"),
        (header()[4] | {"code": "NEW", "party_id": "7"}, "party_id", "a party before"),
        (header()[0], "record", "the book as the first record"),
    ],
)
def test_a_bad_chart_line_account_or_party_is_named_too(
    tmp_path: Path, record: Record, field: str, expected: str
) -> None:
    path = write_history(tmp_path, [*header(), record])
    problems = [str(problem) for problem in check_history(path).findings.problems]
    where = f"history.jsonl:{len(header()) + 1}:{field}: got"
    assert any(text.startswith(where) and expected in text for text in problems), problems


_LEGS = st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(1, 10**9)), min_size=1, max_size=6)


@given(debits=_LEGS, credited=_LEGS)
def test_legs_and_their_transfers_do_the_same_to_every_account(
    debits: list[tuple[str, int]], credited: list[tuple[str, int]]
) -> None:
    gap = sum(amount for _, amount in debits) - sum(amount for _, amount in credited)
    legs = [Leg(account=code, satang=amount) for code, amount in debits]
    legs += [Leg(account=code, satang=-amount) for code, amount in credited]
    if gap:
        legs.append(Leg(account="F", satang=-gap))
    wanted = {code: net for code, net in netted(legs).items() if net}
    if not wanted:
        return
    found: dict[str, int] = {}
    for debit, credit, amount in paired(legs):
        assert debit != credit
        assert amount > 0
        found[debit] = found.get(debit, 0) + amount
        found[credit] = found.get(credit, 0) - amount
    assert {code: net for code, net in found.items() if net} == wanted


@given(on=st.dates(date(1900, 1, 1), date(2399, 12, 31)))
def test_every_date_is_read_back_from_both_ways_of_writing_it(on: date) -> None:
    slashed = buddhist(on)
    year = on.year + 543
    assert parse_buddhist_date(slashed, "d") == on
    if year >= 2400:
        assert parse_buddhist_date(f"{year:04d}-{on.month:02d}-{on.day:02d}", "d") == on
