"""What the database itself refuses about loan requests, whoever asks, the owner included."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from ledger.db import Connection
from products.loans.request_values import RequestState
from tests.ledger.test_guards import stopped_by
from tests.products.loans.loan_scene import ANALYST, MAKER, MANAGER, MILLION, LoanScene

S = RequestState
BACKWARD = "LG005"
_STEP = """
INSERT INTO products.loan_request_step (book_id, request_id, step_no, verb, from_state, to_state,
    business_date, recorded_seq, person, remark)
VALUES ($1, $2, 99, $3, $4, $5, '2026-06-01', 1, $6, '')
"""


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Connection]:
    """The login that owns the schema, as an operator with psql would use it."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


HANDS = (
    (6, 3, 4, MAKER, "hands_differ"),
    (6, 3, 4, MAKER.upper(), "hands_differ"),
    (6, 3, 4, MANAGER, "hands_differ"),
    (6, 3, 4, ANALYST, ""),
    (8, 5, 6, MAKER, "hands_differ"),
    (8, 5, 6, ANALYST, "hands_differ"),
    (8, 5, 6, MANAGER, ""),
    (2, 1, 1, ANALYST, "hands_differ"),
    (4, 1, 2, MANAGER, "hands_differ"),
    (2, 1, 1, MAKER, ""),
    (9, 5, 1, MAKER, ""),
)
"""Verb, from, to, person; and what stops it when the manager has voted."""


async def test_nobody_takes_two_parts_in_one_request(scene: LoanScene, owner: Connection) -> None:
    made = await scene.until(S.COMMITTEE, 3 * MILLION)
    await scene.vote(made, MANAGER)
    for *step, stopped in HANDS:
        found = await stopped_by(owner, _STEP, scene.book.book_id, made, *step)
        assert found == stopped, step


_NEXT = "version = version + 1, changed_seq = changed_seq + 1"
CHANGES = (
    ("version = version", BACKWARD),
    ("version = version + 2", BACKWARD),
    ("version = version + 1, changed_seq = changed_seq", BACKWARD),
    (f"{_NEXT}, party_id = 2", BACKWARD),
    (f"{_NEXT}, amount_satang = 1", BACKWARD),
    (f"{_NEXT}, request_no = 9", BACKWARD),
    (
        f"{_NEXT}, approved_satang = amount_satang + 1",
        "not_more_than_asked",
    ),
    (
        f"{_NEXT}, state = 5",
        "approved_with_its_terms",
    ),
    (
        f"{_NEXT}, state = 7",
        "signed_in_time",
    ),
    (
        f"{_NEXT}, state = 7, contract_reference = 'X', signed_on = sign_by + 1",
        "signed_in_time",
    ),
    (
        f"{_NEXT}, analysed_by = upper(made_by)",
        "analyst_is_not_maker",
    ),
    (_NEXT, ""),
)
"""A change of an approved request, and what stops it."""


async def test_an_approved_request_goes_forward_only_and_within_what_was_asked(
    scene: LoanScene, owner: Connection
) -> None:
    made = await scene.until(S.APPROVED)
    for change, stopped in CHANGES:
        statement = f"UPDATE products.loan_request SET {change} WHERE request_id = $1"
        assert await stopped_by(owner, statement, made) == stopped, change


async def test_a_request_that_has_ended_never_changes(scene: LoanScene, owner: Connection) -> None:
    for state in (S.DECLINED, S.WITHDRAWN):
        made = await scene.until(state)
        statement = f"UPDATE products.loan_request SET {_NEXT} WHERE request_id = $1"
        assert await stopped_by(owner, statement, made) == BACKWARD


async def test_a_condition_keeps_its_wording_and_is_met_once(
    scene: LoanScene, owner: Connection
) -> None:
    made = await scene.until(S.CONTRACT_SIGNED)
    await scene.meet(made, 1)
    met = "met_on = '2026-06-01', met_by = 'x', met_seq = 1"
    for number, change, stopped in (
        (1, met, BACKWARD),
        (2, "wording = 'nothing'", BACKWARD),
        (2, "met_by = 'x'", "met_as_a_whole"),
        (2, met, ""),
    ):
        statement = (
            f"UPDATE products.loan_condition SET {change} "
            "WHERE request_id = $1 AND condition_no = $2"
        )
        assert await stopped_by(owner, statement, made, number) == stopped, change


async def test_a_vote_is_cast_once_a_round_and_says_why_it_is_against(
    scene: LoanScene, owner: Connection
) -> None:
    made = await scene.until(S.COMMITTEE, 3 * MILLION)
    await scene.vote(made, MANAGER)
    columns = (
        "book_id, request_id, round, approver, level, vote, reason, minutes_reference, "
        "granted_satang, granted_term_months, conditions, decided_on, recorded_seq"
    )
    for values, stopped in (
        ("round, upper(approver), level, 1, '', '', 1, 1", "one_vote_a_person"),
        ("round, 'x', level, 2, '', '', NULL, NULL", "other_votes_say_why"),
        ("round, 'x', level, 1, '', '', NULL, NULL", "granted_by_who_approves"),
        ("round, 'x', level, 2, 'no', '', 1, 1", "granted_by_who_approves"),
        ("round, 'x', level, 2, 'no', '', NULL, NULL", ""),
    ):
        statement = (
            f"INSERT INTO products.loan_decision ({columns}) SELECT book_id, request_id, {values}, "
            "'{}', decided_on, recorded_seq FROM products.loan_decision WHERE request_id = $1"
        )
        assert await stopped_by(owner, statement, made) == stopped, values


async def test_numbers_are_given_out_one_by_one(scene: LoanScene, owner: Connection) -> None:
    await scene.draft()
    for step, stopped in ((0, BACKWARD), (2, BACKWARD), (-1, BACKWARD), (1, "")):
        statement = f"UPDATE products.loan_request_year SET last_no = last_no + {step}"
        assert await stopped_by(owner, statement) == stopped, step
    for step, stopped in ((0, BACKWARD), (2, BACKWARD), (1, "")):
        statement = f"UPDATE products.loan_borrower SET version = version + {step}"
        assert await stopped_by(owner, statement) == stopped, step


TABLES = (
    ("loan_kind", "'K2', '2026-01-01', 'x', 'x', 1, 1"),
    ("loan_document_rule", "'LONG', 'map', '2026-01-01', TRUE, 'x', 'x'"),
    (
        "approval_authority",
        "gen_random_uuid(), '2027-01-01', 1, 1::smallint, '{1}'::smallint[], 1, 1, 1, 1",
    ),
    ("loan_approver", "'a:b', '2027-01-01', 1"),
    ("borrowing_ceiling", "1, 'D9', '2026-01-01', '2026-01-01', '2026-12-31', 1"),
    ("single_borrower_limit", "'2027-01-01', 1, 1, 'D'"),
)
"""A row of each table of rules, without the two names."""


@pytest.mark.usefixtures("scene")
async def test_what_requests_are_judged_by_is_set_by_two_people(owner: Connection) -> None:
    for table, values in TABLES:
        statement = f"INSERT INTO products.{table} VALUES (1, {values}, $1, $2)"
        alone = await stopped_by(owner, statement, "Facility:A", "facility:a")
        assert alone == "set_by_two_people", table
        assert await stopped_by(owner, statement, "facility:a", "facility:b") == "", table


@pytest.mark.usefixtures("scene")
async def test_nobody_makes_himself_an_approver(owner: Connection) -> None:
    statement = (
        "INSERT INTO products.loan_approver VALUES (1, 'facility:a', '2027-01-01', 9, $1, $2)"
    )
    for pair in (("facility:A", "facility:b"), ("facility:b", "Facility:a")):
        stopped = await stopped_by(owner, statement, *pair)
        assert stopped == "nobody_makes_himself_an_approver"
