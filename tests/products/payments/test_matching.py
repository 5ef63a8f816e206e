"""The matcher settles what is unique both ways, and proposes the rest with the reason."""

from __future__ import annotations

import time
from datetime import date, timedelta
from itertools import product
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from products.payments import matching
from products.payments.matching import Matches, OpenLine, OpenNotice, propose, references_of

DAY = date(2026, 6, 2)


def a_line(number: int, amount: int = 1000, *references: str, **fields: object) -> OpenLine:
    facts: dict[str, object] = {
        "line_id": UUID(int=number),
        "bank_code": "KTB",
        "amount_satang": amount,
        "value_date": DAY,
        "references": references,
    }
    return OpenLine(**(facts | fields))  # type: ignore[arg-type]  # fields of the line by name


def a_notice(
    number: int, amount: int = 1000, reference: str = "R1", **fields: object
) -> OpenNotice:
    facts: dict[str, object] = {
        "notice_id": UUID(int=1000 + number),
        "bank_code": "KTB",
        "amount_satang": amount,
        "value_date": DAY,
        "reference": reference,
        "party_id": 1,
    }
    return OpenNotice(**(facts | fields))  # type: ignore[arg-type]  # fields of the notice by name


def pairs(found: Matches) -> list[tuple[int, list[int]]]:
    return [(m.line_id.int, [n.int - 1000 for n in m.notice_ids]) for m in found.automatic]


def reasons(found: Matches) -> list[tuple[int, int, str]]:
    return [(p.line_id.int, p.notice_id.int - 1000, p.reason) for p in found.proposals]


def test_a_line_and_a_notice_that_agree_are_settled_by_themselves() -> None:
    found = propose([a_line(1, 1000, "R1")], [a_notice(1)])
    assert pairs(found) == [(1, [1])]
    assert reasons(found) == []


def test_a_reference_is_compared_without_its_noise() -> None:
    assert references_of("d-2606 02/00016") == ("D26060200016",)
    assert references_of("D1", "D1 + D2") == ("D1", "D2")
    assert references_of("D1 + D2") == ("D1", "D2")
    assert references_of("", "nothing joined") == ()
    assert references_of("D1 + D1") == ("D1D1",)


def test_two_lines_for_one_notice_are_both_proposed_and_neither_settled() -> None:
    found = propose([a_line(1, 1000, "R1"), a_line(2, 1000, "R1")], [a_notice(1)])
    assert pairs(found) == []
    assert reasons(found) == [(1, 1, "several_candidates"), (2, 1, "several_candidates")]


def test_two_notices_for_one_line_are_both_proposed_and_neither_settled() -> None:
    found = propose([a_line(1, 1000, "R1")], [a_notice(1), a_notice(2)])
    assert pairs(found) == []
    assert reasons(found) == [(1, 1, "several_candidates"), (1, 2, "several_candidates")]


def test_another_amount_reference_bank_or_week_is_never_settled() -> None:
    late = DAY + timedelta(days=8)
    line = a_line(1, 1000, "R1")
    for notice, reason in (
        (a_notice(1, 1001), "amount_differs"),
        (a_notice(1, reference="R2"), "reference_differs"),
        (a_notice(1, value_date=late), "value_date_differs"),
    ):
        found = propose([line], [notice])
        assert pairs(found) == []
        assert reasons(found) == [(1, 1, reason)]
    assert propose([line], [a_notice(1, bank_code="BBL")]) == Matches(automatic=(), proposals=())
    assert reasons(propose([a_line(1)], [a_notice(1)])) == [(1, 1, "reference_missing")]


def test_value_dates_a_week_apart_still_agree_and_without_a_window_any_do() -> None:
    week = a_notice(1, value_date=DAY - timedelta(days=7))
    year = a_notice(1, value_date=DAY - timedelta(days=365))
    assert pairs(propose([a_line(1, 1000, "R1")], [week])) == [(1, [1])]
    assert pairs(propose([a_line(1, 1000, "R1")], [year], window_days=None)) == [(1, [1])]


def test_one_line_settles_several_notices_of_one_member_when_each_is_unique() -> None:
    notices = [a_notice(1, 600, "R1"), a_notice(2, 400, "R2")]
    line = a_line(1, 1000, "R1", "R2")
    assert pairs(propose([line], notices)) == [(1, [1, 2])]
    two_members = [notices[0], a_notice(2, 400, "R2", party_id=2)]
    assert {r for *_, r in reasons(propose([line], two_members))} == {"several_members"}
    short = [notices[0], a_notice(2, 399, "R2")]
    assert {r for *_, r in reasons(propose([line], short))} == {"amount_differs"}
    twice = [*notices, a_notice(3, 400, "R2")]
    assert pairs(propose([line], twice)) == []
    missing = propose([line], notices[:1])
    assert pairs(missing) == []
    assert reasons(missing) == [(1, 1, "amount_differs")]


def test_a_notice_named_by_a_combined_line_and_by_one_of_its_own_is_settled_by_neither() -> None:
    notices = [a_notice(1, 600, "R1"), a_notice(2, 400, "R2")]
    found = propose([a_line(1, 1000, "R1", "R2"), a_line(2, 600, "R1")], notices)
    assert pairs(found) == []
    assert {line for line, *_ in reasons(found)} == {1, 2}


def test_what_was_refused_or_taken_apart_is_proposed_with_that_reason_and_not_settled_again() -> (
    None
):
    barred = a_line(1, 1000, "R1", barred="account_frozen_credit")
    assert reasons(propose([barred], [a_notice(1)])) == [(1, 1, "account_frozen_credit")]
    apart = frozenset({(UUID(int=1), UUID(int=1001))})
    found = propose([a_line(1, 1000, "R1")], [a_notice(1)], pairs_barred=apart)
    assert (pairs(found), reasons(found)) == ([], [(1, 1, "undone_before")])


def test_a_notice_that_was_settled_is_not_proposed_to_other_lines() -> None:
    found = propose([a_line(1, 1000, "R1"), a_line(2)], [a_notice(1)])
    assert pairs(found) == [(1, [1])]
    assert reasons(found) == []


FACTS = st.tuples(
    st.sampled_from(["KTB", "BBL"]),
    st.sampled_from([100, 200, 300]),
    st.sampled_from(["R1", "R2", "R3"]),
    st.sampled_from([0, 1, 9]),
    st.integers(1, 2),
)
REFERENCES = st.one_of(
    st.just(()),
    st.tuples(st.sampled_from(["R1", "R2", "R3"])),
    st.sampled_from([("R1", "R2"), ("R2", "R3"), ("R1", "R2", "R3")]),
)


@st.composite
def desks(draw: st.DrawFn) -> tuple[list[OpenLine], list[OpenNotice]]:
    notices = [
        a_notice(
            number,
            amount,
            reference,
            bank_code=bank,
            value_date=DAY + timedelta(days=late),
            party_id=party,
        )
        for number, (bank, amount, reference, late, party) in enumerate(
            draw(st.lists(FACTS, max_size=6))
        )
    ]
    lines = [
        a_line(number, amount, *references, bank_code=bank)
        for number, (bank, amount, references) in enumerate(
            draw(
                st.lists(
                    st.tuples(
                        st.sampled_from(["KTB", "BBL"]),
                        st.sampled_from([100, 200, 300, 400, 500]),
                        REFERENCES,
                    ),
                    max_size=5,
                )
            )
        )
    ]
    return lines, notices


def _agree(line: OpenLine, notice: OpenNotice, reference: str) -> bool:
    near = abs((line.value_date - notice.value_date).days) <= matching.WINDOW_DAYS
    return near and line.bank_code == notice.bank_code and notice.reference == reference


def _ways(line: OpenLine, notices: list[OpenNotice]) -> list[tuple[OpenNotice, ...]]:
    """Every way to explain a line, by trying all of them."""
    named = [[n for n in notices if _agree(line, n, r)] for r in line.references]
    if len(named) == 1:
        return [(n,) for n in named[0] if n.amount_satang == line.amount_satang]
    return [tuple(way) for way in product(*named)] if named else []


def _brute_force(lines: list[OpenLine], notices: list[OpenNotice]) -> list[tuple[int, list[int]]]:
    found = []
    for line in lines:
        ways = _ways(line, notices)
        if len(ways) != 1:
            continue
        way = ways[0]
        total = sum(notice.amount_satang for notice in way)
        if total != line.amount_satang or len({notice.party_id for notice in way}) != 1:
            continue
        rivals = [
            other
            for other in lines
            if other is not line
            and any(
                _agree(other, notice, reference)
                and (len(other.references) > 1 or other.amount_satang == notice.amount_satang)
                for notice in way
                for reference in other.references
            )
        ]
        if not rivals:
            found.append((line.line_id.int, [notice.notice_id.int - 1000 for notice in way]))
    return found


@given(desks())
def test_what_is_settled_is_exactly_what_trying_every_combination_finds_unique_both_ways(
    desk: tuple[list[OpenLine], list[OpenNotice]],
) -> None:
    lines, notices = desk
    found = propose(lines, notices)
    assert pairs(found) == _brute_force(lines, notices)
    settled = [notice_id for match in found.automatic for notice_id in match.notice_ids]
    assert len(settled) == len(set(settled))
    for proposal in found.proposals:
        assert proposal.reason in matching.REASONS
        assert proposal.notice_id not in settled


def test_a_thousand_lines_against_a_thousand_notices_of_one_amount_take_no_time() -> None:
    notices = [a_notice(number, 1000, f"R{number}") for number in range(1000)]
    named = [a_line(number, 1000, f"R{number}") for number in range(0, 1000, 2)]
    unnamed = [a_line(number, 1000) for number in range(1, 1000, 2)]
    started = time.monotonic()
    found = propose(named + unnamed, notices)
    elapsed = time.monotonic() - started
    assert len(found.automatic) == 500
    assert len(found.proposals) == 500 * matching.PROPOSALS_MAX
    assert elapsed < 1
