"""The file of lending rules: loaded whole or not at all, each problem by its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.errors import InvalidInput
from products.loans.lending_file import LendingFile, parse_lending_file
from tests.house.sources import ROOT
from tests.products.loans.loan_scene import RULES, LoanScene, add_rules, more_rules

COMMITTEE = {
    "effective_from": "2027-01-01",
    "amount_up_to": "1.00",
    "way": "committee",
    "levels": [4],
    "valid_days": 9,
}


def _parsed(**rows: Any) -> LendingFile:
    return parse_lending_file(json.dumps(more_rules(**rows)))


def _places(**rows: Any) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        _parsed(**rows)
    return [problem.where for problem in refused.value.problems]


def test_a_file_says_how_many_rows_of_each_sort_it_has() -> None:
    assert parse_lending_file(json.dumps(RULES)).counts == {
        "loan_kinds": 2,
        "papers": 4,
        "authorities": 3,
        "approvers": 8,
        "ceilings": 2,
        "single_borrower": 1,
    }


def test_the_example_file_is_one() -> None:
    example = parse_lending_file((ROOT / "examples" / "lending_rules.json").read_bytes())
    assert all(example.counts.values())
    assert example.entered_by != example.approved_by


def test_every_problem_is_named_by_its_place() -> None:
    ceiling = RULES["ceilings"][0]
    assert _places(
        ceilings=[ceiling | {"amount": "1.5"}, ceiling | {"valid_from": "2569-01-01"}]
    ) == [
        "ceilings/0/amount",
        "ceilings/1/valid_from",
    ]
    assert _places(wishes=[]) == ["wishes"]
    single = RULES["single_borrower"][0]
    assert _places(single_borrower=[single | {"share_percent": "100.5000001"}]) == [
        "single_borrower/0/share_percent"
    ]
    with pytest.raises(InvalidInput):
        parse_lending_file("{")


def test_a_committee_says_how_it_counts_and_a_sequence_counts_its_levels() -> None:
    counts = {"approvals": 3, "quorum": 4, "seats": 5}
    assert _places(authorities=[COMMITTEE]) == ["authorities/0"]
    assert _places(authorities=[COMMITTEE | {"seats": 5}]) == ["authorities/0"]
    assert _places(authorities=[COMMITTEE | counts | {"way": "sequence"}]) == ["authorities/0"]
    assert _parsed(authorities=[COMMITTEE | counts]).counts["authorities"] == 1


def test_a_share_is_exact_to_the_sixth_place() -> None:
    single = RULES["single_borrower"][0]
    for text, share_e8 in (("10", 10_000_000), ("12.345678", 12_345_678), ("0.000001", 1)):
        rows = _parsed(single_borrower=[single | {"share_percent": text}]).single_borrower
        assert rows[0].share_e8 == share_e8


async def test_a_file_with_one_bad_row_adds_nothing(scene: LoanScene) -> None:
    document = {
        "party_id": 3,
        "document_no": "กส 1/3",
        "document_date": "2026-01-15",
        "valid_from": "2026-01-01",
        "valid_to": "2026-12-31",
        "amount": "1.00",
    }
    for bad, constraint in (
        (RULES["ceilings"][0], "borrowing_ceiling_pkey"),
        (document | {"party_id": 77}, "fkey"),
        (document | {"document_no": "x", "valid_to": "2028-01-01"}, "of_one_year"),
    ):
        with pytest.raises(InvalidInput, match=constraint) as refused:
            await scene.rules(ceilings=[document, bad])
        assert refused.value.problems[0].fix == "Nothing of the file was added."
        rows = "SELECT count(*) FROM products.borrowing_ceiling WHERE party_id = 3"
        assert await scene.pool.fetchval(rows) == 0


async def test_votes_that_cannot_be_had_are_no_authority(scene: LoanScene) -> None:
    for counts in (
        {"approvals": 6, "quorum": 6, "seats": 5},
        {"approvals": 3, "quorum": 2, "seats": 5},
        {"approvals": 3, "quorum": 6, "seats": 5},
    ):
        with pytest.raises(InvalidInput, match="votes_can_be_had"):
            await scene.rules(authorities=[COMMITTEE | counts])


async def test_one_person_does_not_set_a_rule(scene: LoanScene) -> None:
    alone = {"entered_by": "facility:a", "approved_by": "Facility:A"}
    kind = RULES["loan_kinds"][0] | {"loan_kind": "OTHER"}
    with pytest.raises(InvalidInput, match="set_by_two_people"):
        await add_rules(scene.pool, scene.book.book_id, more_rules(loan_kinds=[kind]) | alone)
