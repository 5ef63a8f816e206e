"""At the doors: what would move or change a placement's account by hand is refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from ledger import accounts
from ledger.kinds import JournalKind
from ledger.loading.files import Order, post_file
from ledger.loading.sources import Format
from ledger.posting.values import Status
from products.barred import barred_accounts
from products.deposits.opening import PlacementOrder, place
from tests.api.house import House, hold_of, journal_of, notice_of
from tests.api.test_bulk import HEADER, line, send, told
from tests.builders import OPENED_ON, journal, post, post_units
from tests.ledger.loading.scene import results
from tests.products.placement_scene import AT_MATURITY, FIX, PAY_OUT, sell_fixed


@pytest.fixture
async def placed(house: House) -> House:
    """SAV-0001 has placed 1,000.00 in FD-0001."""
    await sell_fixed(house.database, opened_on=OPENED_ON, rates={OPENED_ON: "2.0000"})
    order = PlacementOrder(
        contract_no="FD-0001",
        product_code=FIX,
        linked_no="SAV-0001",
        amount_satang=1_000_00,
        paid=AT_MATURITY,
        instruction=PAY_OUT,
    )
    async with house.database.poster.acquire() as connection:
        unit = await place(connection, 1, order, actor="facility:clerk")
    (outcome,) = await post_units(house.database.poster, 1, [unit])
    assert outcome.status is Status.ACCEPTED, outcome
    return house


async def test_a_journal_by_hand_names_no_placement_on_either_side(placed: House) -> None:
    for body in (journal_of("FD-0001", "SAV-0001"), journal_of("SAV-0001", "FD-0001")):
        answer = await placed.post("/journals", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "controlled_account")
        assert "the events of its placement only" in answer.json()["detail"]


async def test_a_journal_brought_forward_is_not_reversed_where_a_placement_stands_on_it(
    placed: House,
) -> None:
    # A placement that is taken over begins with an opening journal, of a kind of the ledger's.
    async with placed.database.poster.acquire() as connection:
        known = await accounts.by_codes(connection, 1, ["SAV-0001", "FD-0001"])
    made = journal(known["SAV-0001"].account_id, known["FD-0001"].account_id, 100)
    opening = replace(made, kind=JournalKind.OPENING)
    await post(placed.database.poster, 1, [opening])
    asked = {"id": str(uuid4()), "reason": "a mistake"}
    answer = await placed.post(f"/journals/{opening.journal_id}/reverse", asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "controlled_account")
    assert "FD-0001 is moved by the events of its placement only" in answer.json()["detail"]


async def test_the_journals_of_a_placement_are_not_reversed_by_hand(placed: House) -> None:
    made = await placed.database.poster.fetchval(
        "SELECT t.journal_id FROM ledger.transfer AS t WHERE t.kind = 121"
    )
    asked = {"id": str(uuid4()), "reason": "a mistake"}
    answer = await placed.post(f"/journals/{made}/reverse", asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "controlled_account")


async def test_a_line_of_a_stream_names_no_placement(placed: House) -> None:
    lines, _ = told(await send(placed, HEADER + line(debit="FD-0001") + line()))
    assert [each["outcome"] for each in lines] == ["malformed", "posted"]
    assert (lines[0]["field"], lines[0]["got"]) == ("debit", "FD-0001")


async def test_a_line_of_a_file_names_no_placement(placed: House, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(HEADER + line(debit="FD-0001") + line(), encoding="utf-8")
    order = Order(path=path, form=Format.CSV, actor="test:loader", bars=barred_accounts)
    outcomes = results(await post_file(placed.database.poster, 1, order))
    assert [each["outcome"] for each in outcomes] == ["malformed", "posted"]


@pytest.mark.parametrize("kind", ["deposit", "withdrawal"])
async def test_no_notice_is_received_for_a_placement(placed: House, kind: str) -> None:
    answer = await placed.post("/notices", notice_of(kind, "FD-0001"))
    assert (answer.status_code, answer.json()["code"]) == (422, "placement_account")
    assert answer.json()["errors"][0]["pointer"] == "#/account"


async def test_its_limits_are_neither_set_nor_planned(placed: House) -> None:
    limits = {"balance_min": "-100.00", "balance_max": None, "reason": "asked for"}
    for path, more in (("limits", {}), ("limit-plans", {"effective_on": "2026-06-05"})):
        answer = await placed.post(f"/accounts/FD-0001/{path}", limits | more)
        assert (answer.status_code, answer.json()["code"]) == (422, "placement_account")


async def test_it_is_neither_closed_nor_opened_again_by_hand(placed: House) -> None:
    closing = {"sweep_to": "SAV-0001", "reason": "asked for"}
    answer = await placed.post("/accounts/FD-0001/close", closing)
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_close_contract")
    answer = await placed.post("/accounts/FD-0001/undo-close", {"reason": "a mistake"})
    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_undo_closing")


async def test_it_may_be_pledged_and_frozen(placed: House) -> None:
    hold = await placed.place("FD-0001", "1000.00")
    more = await placed.post("/holds", hold_of("FD-0001", "0.01"))
    assert more.json()["code"] == "below_balance_min"
    assert (await placed.post(f"/holds/{hold}/release", {"reason": "paid"})).status_code == 200
    frozen = {"debits": True, "credits": False, "reason": "a court order"}
    assert (await placed.post("/accounts/FD-0001/freeze", frozen)).status_code == 200
