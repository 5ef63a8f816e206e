"""Any sequence of steps at all is answered as a sheet of paper would answer it, and is proven."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.db import Pool
from ledger.errors import CffError
from products.loans import request_making
from products.loans.request_values import VoteKind
from products.proof.verify import verify_products
from tests.products.loans.loan_scene import RULES, LoanScene, asked_of, loan_scene
from tests.products.loans.request_model import LEVELS, MILLION, Sheet

MAKERS = ("coop-1:maker", "coop-1:second", "facility:manager")
ANALYSTS = ("facility:analyst", "facility:director", "coop-1:maker", "board:1")
VOTERS = (*LEVELS, "facility:analyst", "coop-1:maker", "facility:nobody")
SAYS = {"aye": VoteKind.APPROVE, "no": VoteKind.DECLINE, "abstain": VoteKind.ABSTAIN}
AMOUNTS = st.sampled_from(
    [1, MILLION, MILLION + 1, 5 * MILLION, 5 * MILLION + 1, 15 * MILLION, 15 * MILLION + 1]
)
WIDE = "9000000000000.00"

Step = tuple[str, tuple[object, ...]]

_FORWARD: list[Step] = [
    ("paper", ("board_minutes",)),
    ("paper", ("financial_statements",)),
    ("submit", (MAKERS[0],)),
    ("complete", ()),
    ("analyse", (ANALYSTS[0],)),
    ("put_to_vote", ()),
    ("vote", ("facility:manager", "aye", 1, ("pledge", "insure"))),
    ("vote", ("facility:director", "aye", 1, ("pledge",))),
    ("vote", ("facility:chair", "aye", 1, ())),
    ("sign", ()),
]
"""What brings a small request far, so that drawn steps begin anywhere."""


def _steps() -> st.SearchStrategy[Step]:
    def step(name: str, *parts: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
        return st.tuples(st.just(name), st.tuples(*parts))

    conditions = st.lists(st.sampled_from(["pledge", "insure", "report"]), max_size=2, unique=True)
    vote = step(
        "vote",
        st.sampled_from(VOTERS),
        st.sampled_from(["aye", "aye", "aye", "no", "abstain"]),
        AMOUNTS,
        conditions.map(tuple),
    )
    return st.one_of(
        vote,
        vote,
        step("amend", st.sampled_from(MAKERS), AMOUNTS),
        step("paper", st.sampled_from(["board_minutes", "financial_statements", "map"])),
        step("submit", st.sampled_from(MAKERS)),
        step("complete"),
        step("analyse", st.sampled_from(ANALYSTS)),
        step("put_to_vote"),
        step("give_back"),
        st.one_of(step("sign"), st.one_of(step("expire"), step("withdraw"))),
        step("sign"),
        step("sign"),
        step("meet", st.integers(1, 3)),
        step("meet", st.integers(1, 3)),
        step("expire"),
        step("a_day_passes"),
    )


LIVES = st.tuples(
    AMOUNTS,
    st.sampled_from([0, 3, 5, 6, 6, 6, 7, 9, 10, 10]),
    st.lists(_steps(), min_size=8, max_size=25),
).map(lambda drawn: (drawn[0], [*_FORWARD[: drawn[1]], *drawn[2]]))


@pytest.fixture
async def wide(pool: Pool) -> AsyncIterator[LoanScene]:
    """The loan desk with limits that are never reached; approvals last two days."""
    ceilings = [
        each
        | {
            "amount": WIDE,
            "document_no": f"{each['document_no']}/{year}",
            "valid_from": f"{year}-01-01",
            "valid_to": f"{year}-12-31",
        }
        for each in RULES["ceilings"]
        for year in range(2026, 2032)
    ]
    authorities = [each | {"valid_days": 2} for each in RULES["authorities"]]
    single = [RULES["single_borrower"][0] | {"own_capital": WIDE, "share_percent": "100"}]
    rules = RULES | {"ceilings": ceilings, "authorities": authorities, "single_borrower": single}
    async with loan_scene(pool, rules=rules) as made:
        yield made


async def _taken(scene: LoanScene, made: UUID, name: str, said: tuple[object, ...]) -> str:
    """The step on the real thing: "ok", or the code of the refusal."""
    first = str(said[0]) if said else ""
    try:
        match name, said:
            case "amend", (_, int(amount)):
                asked = asked_of(amount)
                await scene.take(
                    made, lambda known: request_making.amend(known, asked, actor=first)
                )
            case "paper", _:
                await scene.paper(made, first)
            case "submit", _:
                await scene.submit(made, first)
            case "analyse", _:
                await scene.analyse(made, first, recommended=0)
            case "vote", (_, str(says), int(amount), tuple(conditions)):
                aye = says == "aye"
                await scene.vote(
                    made,
                    first,
                    SAYS[says],
                    granted_satang=amount if aye else None,
                    conditions=conditions if aye else (),
                )
            case "meet", (int(number),):
                await scene.meet(made, number)
            case _:
                await getattr(scene, name)(made)
    except CffError as refused:
        return refused.code
    return "ok"


@settings(max_examples=max(30, settings().max_examples // 5))
@given(drawn=LIVES)
async def test_any_sequence_of_steps_is_answered_as_a_sheet_of_paper_would(
    wide: LoanScene, drawn: tuple[int, list[Step]]
) -> None:
    amount, steps = drawn
    made = await wide.draft(amount, actor=MAKERS[0])
    sheet = Sheet(amount=amount, maker=MAKERS[0])
    for name, said in steps:
        if name == "a_day_passes":
            await wide.next_day()
            sheet.a_day_passes()
            continue
        before = copy.deepcopy(sheet)
        expected = getattr(sheet, name)(*said)
        assert await _taken(wide, made, name, said) == expected, (name, said, before)
        whole = await wide.whole(made)
        request = whole.request
        assert (request.state.code, request.version) == (sheet.at, sheet.steps), (name, said)
        assert request.approved_satang == sheet.granted
        assert [each.wording for each in whole.conditions] == sheet.conditions
        still_open = {each.condition_no for each in whole.conditions if each.met_on is None}
        assert still_open == sheet.still_open
        if expected != "ok":
            assert sheet == before
    async with wide.pool.acquire() as connection:
        report = await verify_products(connection, wide.book.book_id)
    assert report.ok, report.differences
