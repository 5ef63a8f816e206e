"""Any date on either axis as known at any number, over the doors; and what every write answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from products.payments import csv_statement
from tests.api.house import House, notice_of
from tests.builders import journal

MAKER, CHECKER = "coop-1:maker", "coop-1:checker"


async def _backdated(house: House) -> int:
    """Two more days with a back-dated withdrawal; answers the number before it."""
    desk = house.desk
    await desk.do(journal(desk.names["KTB"], desk.names["SAV-0001"], 500_00))
    await desk.next_day()
    known = int((await house.get("")).json()["recorded_seq"])
    on = desk.today - timedelta(days=1)
    await desk.do(journal(desk.names["SAV-0001"], desk.names["KTB"], 70_00, value_date=on))
    return known


async def test_balances_are_read_on_either_axis_as_known_at_a_number(house: House) -> None:
    known = await _backdated(house)

    async def balance(**query: object) -> str:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        answer = await house.get(f"/balances?account=SAV-0001&{asked}")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"][0]["balance"])

    assert await balance() == "10430.00"
    assert await balance(on="2026-06-01") == "10500.00"
    assert await balance(on="2026-06-01", axis="value") == "10430.00"
    assert await balance(on="2026-06-01", axis="value", known_at=known) == "10500.00"
    assert await balance(known_at=known) == "10500.00"
    assert await balance(known_at=0) == "0.00"


async def test_an_answer_says_which_date_axis_and_number_it_is_for(house: House) -> None:
    known = await _backdated(house)
    path = "/balances?account=SAV-0002&account=SAV-0001&on=2026-06-01&axis=value"
    found = (await house.get(f"{path}&known_at={known}")).json()
    assert (found["on"], found["axis"], found["known_at_seq"]) == ("2026-06-01", "value", known)
    assert found["recorded_seq"] == known + 1
    assert [row["account"] for row in found["data"]] == ["SAV-0001", "SAV-0002"]
    assert found["data"][0]["available"] is None
    now = (await house.get("/balances?account=SAV-0001")).json()
    assert now["known_at_seq"] == now["recorded_seq"] == known + 1
    assert now["data"][0]["available"] == "10430.00"


async def test_a_member_sees_dated_balances_and_positions_of_its_own_accounts_only(
    house: House,
) -> None:
    for path in ("/balances?account=SAV-0002&known_at=1", "/accounts/SAV-0002/position"):
        assert (await house.get(path, actor=MAKER)).status_code == 404
    for path in ("/balances?account=SAV-0001&known_at=1", "/accounts/SAV-0001/position"):
        assert (await house.get(path, actor=MAKER)).status_code == 200


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/balances?account=SAV-0001&known_at=999999", "query/known_at"),
        ("/balances?account=SAV-0001&on=2026-06-02", "query/on"),
        ("/trial-balance?known_at=999999", "query/known_at"),
        ("/trial-balance?on=2026-06-02", "query/on"),
        ("/accounts/SAV-0001/statement?known_at=999999", "query/known_at"),
    ],
)
async def test_a_moment_that_has_not_been_is_refused_by_name(
    house: House, path: str, pointer: str
) -> None:
    answer = await house.get(path)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_the_trial_balance_is_read_as_known_at_a_number(house: House) -> None:
    known = await _backdated(house)
    found = (await house.get(f"/trial-balance?known_at={known}")).json()
    by_code = {row["gl_code"]: row for row in found["data"]}
    assert by_code["211100"]["credit_balance"] == "30500.00"
    assert (found["known_at_seq"], found["through"]) == (known, "year_close")
    now = (await house.get("/trial-balance?through=ordinary")).json()
    assert {row["gl_code"]: row for row in now["data"]}["211100"]["credit_balance"] == "30430.00"
    assert now["through"] == "ordinary"


async def test_a_statement_read_again_at_its_number_is_the_same_but_for_its_mark(
    house: House,
) -> None:
    desk = house.desk
    path = "/accounts/SAV-0001/statement?axis=value&to_date=2026-06-01"
    first = (await house.get(path)).json()
    assert first["changed_since"] is None
    known = await _backdated(house)
    again = (await house.get(f"{path}&known_at={first['known_at_seq']}")).json()
    assert again.pop("changed_since") == {
        "count": 2,
        "first_seq": first["known_at_seq"] + 1,
        "last_seq": known + 1,
    }
    first.pop("changed_since")
    assert again == first
    lines = (await house.get(path)).json()["data"]
    assert [(row["business_date"], row["value_date"]) for row in lines][-1] == (
        desk.today.isoformat(),
        "2026-06-01",
    )
    assert [row["voucher_no"] for row in lines] == sorted(row["voucher_no"] for row in lines)


async def test_the_pages_of_a_statement_are_of_one_moment(house: House) -> None:
    desk = house.desk
    pay_in = (desk.names["KTB"], desk.names["SAV-0001"])
    for amount in (100, 200, 300):
        await desk.do(journal(*pay_in, amount))
    page = (await house.get("/accounts/SAV-0001/statement?limit=2")).json()
    await desk.do(journal(*pay_in, 400))
    path = f"/accounts/SAV-0001/statement?limit=50&after={page['next_cursor']}"
    rest = (await house.get(path)).json()
    assert rest["known_at_seq"] == page["known_at_seq"]
    assert [row["amount"] for row in rest["data"]] == ["2.00", "3.00"]
    assert rest["changed_since"]["count"] == 1
    # The cursor of one axis is no place on the other.
    assert (await house.get(f"{path}&axis=value")).status_code == 422


async def test_a_position_answers_holds_and_limits_at_once(house: House) -> None:
    hold_id = await house.place("SAV-0001", "250.00")
    found = (await house.get("/accounts/SAV-0001/position")).json()
    assert (found["balance"], found["held"], found["available"]) == (
        "10000.00",
        "250.00",
        "9750.00",
    )
    assert [hold["id"] for hold in found["holds"]] == [hold_id]
    assert found["recorded_seq"] == found["changed_seq"]
    assert found["planned_limits"] is None
    short = (await house.get("/accounts/SAV-0001/position?holds=0")).json()
    assert (short["holds"], short["hold_count"]) == ([], 1)


async def test_every_step_of_a_withdrawal_answers_with_the_accounts_it_touched(
    house: House,
) -> None:
    notice = notice_of(amount="700.00")
    sent = (await house.post("/notices", notice, actor=MAKER)).json()
    assert [(b["account"], b["held"]) for b in sent["balances"]] == [("SAV-0001", "700.00")]
    path = f"/notices/{notice['id']}"
    await house.post(f"{path}/approve", {}, actor=CHECKER)
    paid = (await house.post(f"{path}/pay", {})).json()
    by_account = {b["account"]: b for b in paid["balances"]}
    assert by_account["SAV-0001"]["balance"] == "9300.00"
    assert by_account["SAV-0001"]["held"] == "0.00"
    assert len(by_account) == 2
    other = notice_of(amount="100.00")
    await house.post("/notices", other, actor=MAKER)
    rejected = await house.post(f"/notices/{other['id']}/reject", {"reason": "wrong"}, CHECKER)
    assert [(b["account"], b["held"]) for b in rejected.json()["balances"]] == [
        ("SAV-0001", "0.00")
    ]


async def test_matching_a_line_and_taking_it_apart_answer_with_what_moved(house: House) -> None:
    desk = house.desk
    content = csv_statement.render([desk.statement(desk.line(30_000, "TYPO"))])
    headers = {"Content-Type": "text/csv"}
    await house.client.post(
        "/v1/books/book-1/statements",
        content=content,
        headers=headers | {"Authorization": f"Bearer {await house.key()}", "Idempotency-Key": "u"},
    )
    notice = notice_of("deposit", amount="300.00")
    await house.post("/notices", notice, actor=MAKER)
    line_id = (await house.get("/suspense")).json()["data"][0]["line_id"]
    body = {"notice_ids": [notice["id"]], "reason": "the payer telephoned"}
    matched = (await house.post(f"/lines/{line_id}/match", body)).json()
    assert ("SAV-0001", "10300.00") in {(b["account"], b["balance"]) for b in matched["balances"]}
    assert len(matched["balances"]) == 2
    apart = await house.post(f"/lines/{line_id}/unmatch", {"reason": "it was another member"})
    balances = {b["account"]: b["balance"] for b in apart.json()["balances"]}
    assert balances["SAV-0001"] == "10000.00"
