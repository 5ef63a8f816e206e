"""Loan requests over HTTP: from a co-op's draft to the last condition, and everything refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.house import House
from tests.products.loans.loan_scene import PAPERS, RULES, add_rules

ROOT = "/loan-requests"
MAKER, OTHER = "coop-1:maker", "coop-2:maker"
OFFICER, ANALYST, MANAGER = "facility:officer", "facility:analyst", "facility:manager"
HASH = "ab" * 32


def wish_of(amount: str = "500000.00", **more: object) -> dict[str, object]:
    """The body of a request with a new id."""
    ordinary: dict[str, object] = {
        "id": str(uuid4()),
        "loan_kind": "LONG",
        "purpose": "on-lending to members",
        "amount": amount,
        "term_months": 36,
        "repayment": "equal_instalment",
        "rate_mode": "floating",
    }
    return ordinary | more


@pytest.fixture
async def lender(house: House) -> House:
    """The doors, with the lending rules of the loan scene in force."""
    await add_rules(house.database.poster, 1, RULES)
    return house


async def _do(
    house: House, path: str, body: object, actor: str, status: int = 200
) -> dict[str, Any]:
    answer = await house.post(path, body, actor=actor)
    assert answer.status_code == status, answer.text
    facts: dict[str, Any] = answer.json()
    return facts


async def _refused(house: House, path: str, body: object, actor: str) -> tuple[int, str]:
    answer = await house.post(path, body, actor=actor)
    return answer.status_code, answer.json()["code"]


async def _drafted(house: House, amount: str = "500000.00", **more: object) -> str:
    made = await _do(house, ROOT, wish_of(amount, **more), MAKER, 201)
    return f"{ROOT}/{made['id']}"


async def _submitted(house: House, amount: str = "500000.00") -> str:
    path = await _drafted(house, amount)
    for kind in PAPERS:
        paper = {"document_kind": kind, "file_name": f"{kind}.pdf", "sha256": HASH}
        await _do(house, f"{path}/documents", paper, MAKER)
    await _do(house, f"{path}/submit", {}, MAKER)
    return path


async def _before_its_approvers(house: House, amount: str = "500000.00") -> str:
    path = await _submitted(house, amount)
    await _do(house, f"{path}/complete-documents", {"remark": "all there"}, OFFICER)
    analysis = {
        "memo": "repays from instalments of its members",
        "recommended_amount": "400000.00",
        "grade": "A",
        "figures": {"dscr": "1.42", "debt_to_capital_percent": "120"},
    }
    await _do(house, f"{path}/analyse", analysis, ANALYST)
    await _do(house, f"{path}/put-to-vote", {}, OFFICER)
    return path


async def test_a_co_op_asks_and_the_facility_lends(lender: House) -> None:
    path = await _before_its_approvers(lender)
    vote = {"vote": "approve", "amount": "450000.00", "conditions": ["pledge a deposit"]}
    approved = await _do(lender, f"{path}/vote", vote, MANAGER)
    assert (approved["state"], approved["state_th"]) == ("approved", "อนุมัติ รอลงนามสัญญา")
    assert (approved["approved_amount"], approved["sign_by"]) == ("450000.00", "2026-07-01")
    assert approved["allowed"] == ["withdraw", "sign", "expire"]
    signing = {"contract_reference": "LN-2569/0001", "remark": "at head office"}
    signed = await _do(lender, f"{path}/sign", signing, OFFICER)
    assert (signed["state"], signed["signed_on"]) == ("contract_signed", "2026-06-01")
    met = await _do(lender, f"{path}/conditions/1/meet", {"remark": "seen the book"}, OFFICER)
    assert (met["state"], met["allowed"]) == ("conditions_met", [])
    seen = (await lender.get(path, actor=OFFICER)).json()
    assert seen["number"] == "2026/1"
    assert [step["to_state"] for step in seen["history"]] == [
        *("draft", "draft", "draft", "submitted", "documents_complete", "analysed"),
        *("committee", "approved", "contract_signed", "conditions_met"),
    ]
    assert seen["version"] == len(seen["history"]) == 10
    assert seen["changed_seq"] == seen["history"][-1]["recorded_seq"]
    assert seen["history"][4]["remark"] == "all there"
    assert seen["history"][5]["facts"]["figures"] == {
        "dscr": "1.42",
        "debt_to_capital_percent": "120",
    }
    assert seen["history"][7]["facts"]["checks"][1] == {
        "rule": "borrowing_ceiling",
        "limit_amount": "20000000.00",
        "value_amount": "450000.00",
        "basis": "กส 1/1",
    }
    assert seen["votes"][0]["granted_amount"] == "450000.00"
    assert [each["met_by"] for each in seen["conditions"]] == [OFFICER]
    assert [each["document_kind"] for each in seen["documents"]] == list(PAPERS)


async def test_every_answer_to_a_step_says_what_a_reader_sees_after_it(lender: House) -> None:
    wish = wish_of()
    path = f"{ROOT}/{wish['id']}"
    for place, body, actor, status in (
        (ROOT, wish, MAKER, 201),
        (f"{path}/amend", {k: v for k, v in wish.items() if k != "id"}, MAKER, 200),
        (f"{path}/submit", {"remark": "by our board"}, MAKER, 200),
        (f"{path}/return", {"remark": "which members?"}, OFFICER, 200),
        (f"{path}/withdraw", {"remark": "no need"}, MAKER, 200),
    ):
        told = await _do(lender, place, body, actor, status)
        receipt = told.pop("receipt")
        assert receipt["recorded_seq"] == told["changed_seq"]
        seen = (await lender.get(path, actor=MAKER)).json()
        assert {name: seen[name] for name in told} == told


async def test_a_co_op_sees_and_moves_its_own_requests_only(lender: House) -> None:
    path = await _drafted(lender)
    assert (await lender.get(path, actor=OTHER)).status_code == 404
    for step, body in (("submit", {}), ("withdraw", {"remark": "not yours"})):
        assert await _refused(lender, f"{path}/{step}", body, OTHER) == (404, "not_found")
    own = (await lender.get(ROOT, actor=OTHER)).json()
    assert own["data"] == []
    assert (await lender.get(f"{ROOT}?party_id=1", actor=OTHER)).status_code == 404
    assert len((await lender.get(ROOT, actor=MAKER)).json()["data"]) == 1
    theirs = wish_of(party_id=1)
    assert await _refused(lender, ROOT, theirs, OTHER) == (422, "invalid_input")
    taken = wish_of(id=path.rpartition("/")[2])
    assert await _refused(lender, ROOT, taken, OTHER) == (409, "id_conflict")


async def test_a_co_op_reads_steps_and_remarks_but_not_figures_and_single_votes(
    lender: House,
) -> None:
    path = await _before_its_approvers(lender)
    await _do(lender, f"{path}/vote", {"vote": "decline", "reason": "too late a year"}, MANAGER)
    seen = (await lender.get(path, actor=MAKER)).json()
    assert (seen["state"], seen["votes"]) == ("declined", [])
    last = seen["history"][-1]
    assert (last["person"], last["remark"], last["facts"]) == (MANAGER, "too late a year", {})
    assert last["recorded_at"].startswith("20")


async def test_an_officer_drafts_for_a_member_and_must_say_for_which(lender: House) -> None:
    assert await _refused(lender, ROOT, wish_of(), OFFICER) == (422, "invalid_input")
    made = await _do(lender, ROOT, wish_of(party_id=2), OFFICER, 201)
    assert (made["party_id"], made["made_by"]) == (2, OFFICER)
    assert (await lender.get(f"{ROOT}/{made['id']}", actor=OTHER)).status_code == 200


async def test_maker_analyst_and_approver_are_three_people_whatever_their_keys_may_do(
    lender: House,
) -> None:
    path = await _submitted(lender)
    await _do(lender, f"{path}/complete-documents", {}, OFFICER)
    key = await lender.key("coop-1:maker")
    lender.keys["facility:two-hats"] = key
    analysis = {"memo": "all is well"}
    assert await _refused(lender, f"{path}/analyse", analysis, "facility:two-hats") == (
        403,
        "forbidden",
    )
    await _do(lender, f"{path}/analyse", analysis, MANAGER)
    await _do(lender, f"{path}/put-to-vote", {}, OFFICER)
    vote = {"vote": "approve"}
    assert await _refused(lender, f"{path}/vote", vote, MANAGER) == (403, "forbidden")
    assert await _refused(lender, f"{path}/vote", vote, OFFICER) == (403, "not_an_approver")
    lender.keys["facility:reader"] = await lender.key(
        "facility:reader", scopes=["loan-requests:read"]
    )
    refused = await _refused(lender, f"{path}/vote", vote, "facility:reader")
    assert refused == (403, "scope_missing")


async def test_a_step_that_does_not_begin_here_is_refused_with_what_may_be_done(
    lender: House,
) -> None:
    path = await _drafted(lender)
    answer = await lender.post(f"{path}/sign", {"contract_reference": "LN-1"}, actor=OFFICER)
    assert (answer.status_code, answer.json()["code"]) == (409, "transition_not_allowed")
    assert answer.json()["facts"] == {
        "state": "draft",
        "verb": "sign",
        "allowed": ["amend", "add_document", "submit", "withdraw"],
    }


async def test_limits_are_refused_with_rule_limit_value_and_document(lender: House) -> None:
    path = await _drafted(lender, "30000000.01", term_months=73)
    answer = await lender.post(f"{path}/submit", {}, actor=MAKER)
    assert (answer.status_code, answer.json()["code"]) == (422, "limit_exceeded")
    assert answer.json()["facts"]["failures"] == [
        {"rule": "loan_kind_term", "limit_months": 72, "value_months": 73, "basis": "LONG"},
        {
            "rule": "borrowing_ceiling",
            "limit_amount": "20000000.00",
            "value_amount": "30000000.01",
            "basis": "กส 1/1",
        },
        {
            "rule": "single_borrower",
            "limit_amount": "30000000.00",
            "value_amount": "30000000.01",
            "basis": "มติ 4/2569",
        },
    ]


@pytest.mark.parametrize(
    ("step", "body", "code"),
    [
        ("complete-documents", {}, "documents_missing"),
        ("return", {}, "invalid_input"),
        ("withdraw", {"remark": " "}, "invalid_input"),
        ("analyse", {"memo": "x"}, "invalid_input"),
        ("analyse", {"memo": "fine", "figures": {"dscr": "1,4"}}, "invalid_input"),
        ("vote", {"vote": "perhaps"}, "invalid_input"),
        ("vote", {"vote": "approve", "amount": "0.00"}, "invalid_input"),
        ("sign", {"contract_reference": "no spaces"}, "invalid_input"),
        ("conditions/0/meet", {"remark": "seen"}, "invalid_input"),
        ("documents", {"document_kind": "x y", "file_name": "a", "sha256": HASH}, "invalid_input"),
        (
            "documents",
            {"document_kind": "map", "file_name": "a/b", "sha256": HASH},
            "invalid_input",
        ),
        ("documents", {"document_kind": "map", "file_name": "a", "sha256": "00"}, "invalid_input"),
        ("submit", {"version": 0}, "invalid_input"),
        ("submit", {"nonsense": 1}, "invalid_input"),
    ],
)
async def test_bad_input_is_refused_by_name_and_changes_nothing(
    lender: House, step: str, body: dict[str, object], code: str
) -> None:
    path = await _drafted(lender)
    await _do(lender, f"{path}/submit", {}, MAKER)
    before = (await lender.get(path)).json()
    answer = await lender.post(f"{path}/{step}", body)
    assert answer.json()["code"] == code, answer.text
    assert (await lender.get(path)).json() == before


async def test_a_vote_that_does_not_say_why_is_refused(lender: House) -> None:
    path = await _before_its_approvers(lender)
    answer = await lender.post(f"{path}/vote", {"vote": "decline"}, actor=MANAGER)
    assert answer.json()["errors"][0]["pointer"] == "#/reason"


async def test_a_step_on_a_version_that_has_passed_is_refused(lender: House) -> None:
    path = await _drafted(lender)
    paper = {"document_kind": "map", "file_name": "map.pdf", "sha256": HASH}
    await _do(lender, f"{path}/documents", paper | {"version": 1}, MAKER)
    stale = await _refused(lender, f"{path}/submit", {"version": 1}, MAKER)
    assert stale == (409, "version_differs")
    await _do(lender, f"{path}/submit", {"version": 2}, MAKER)


async def test_the_same_key_gets_the_same_answer_and_the_same_id_is_a_replay(
    lender: House,
) -> None:
    wish = wish_of()
    first = await lender.post(ROOT, wish, actor=MAKER, key="k1")
    again = await lender.post(ROOT, wish, actor=MAKER, key="k1")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await lender.post(ROOT, wish, actor=MAKER, key="k2")
    assert (other.status_code, other.headers["Idempotent-Replayed"]) == (201, "true")
    changed = await lender.post(ROOT, wish | {"amount": "1.00"}, actor=MAKER, key="k3")
    assert (changed.status_code, changed.json()["code"]) == (409, "id_conflict")
    path = f"{ROOT}/{wish['id']}"
    once = await lender.post(f"{path}/submit", {}, actor=MAKER, key="s1")
    twice = await lender.post(f"{path}/submit", {}, actor=MAKER, key="s1")
    assert twice.content == once.content
    assert (await lender.get(path)).json()["version"] == 2
    reused = await lender.post(f"{path}/submit", {"remark": "x"}, actor=MAKER, key="s1")
    assert reused.json()["code"] == "idempotency_key_reused"


async def test_a_dry_run_says_what_would_become_of_it_and_records_nothing(lender: House) -> None:
    path = await _drafted(lender)
    answer = await lender.post(f"{path}/submit?dry_run=true", {}, actor=MAKER)
    assert (answer.json()["state"], answer.headers["Dry-Run"]) == ("submitted", "true")
    assert (await lender.get(path)).json()["state"] == "draft"


async def test_a_list_goes_by_pages_and_filters(lender: House) -> None:
    paths = [await _drafted(lender) for _ in range(3)]
    short = await _drafted(lender, loan_kind="SHORT", term_months=6)
    await _do(lender, f"{paths[1]}/submit", {}, MAKER)

    async def ids(query: str) -> list[str]:
        found = (await lender.get(f"{ROOT}?{query}")).json()
        return [f"{ROOT}/{each['id']}" for each in found["data"]]

    first = (await lender.get(f"{ROOT}?limit=3")).json()
    assert [f"{ROOT}/{each['id']}" for each in first["data"]] == paths
    assert await ids(f"limit=3&after={first['next_cursor']}") == [short]
    assert await ids("state=submitted") == [paths[1]]
    assert await ids("loan_kind=SHORT") == [short]
    assert await ids("party_id=2") == []
    assert await ids("at_least_days=0") == [*paths, short]
    assert await ids("at_least_days=1") == []


async def test_what_there_is_not_is_not_found(lender: House) -> None:
    missing = f"{ROOT}/{uuid4()}"
    assert (await lender.get(missing)).status_code == 404
    assert await _refused(lender, f"{missing}/submit", {}, MAKER) == (404, "not_found")
    path = await _before_its_approvers(lender)
    await _do(lender, f"{path}/vote", {"vote": "approve", "conditions": ["insure"]}, MANAGER)
    await _do(lender, f"{path}/sign", {"contract_reference": "LN-1"}, OFFICER)
    meet = {"remark": "seen the policy"}
    assert await _refused(lender, f"{path}/conditions/9/meet", meet, OFFICER) == (404, "not_found")
    expire = await _refused(lender, f"{path}/expire", {"remark": "too late"}, OFFICER)
    assert expire == (409, "transition_not_allowed")
