"""Reads: positions, statements, trial balance, feed; pages that join, queries that are few."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import httpx2
import pytest

from tests.api.house import House
from tests.builders import journal


async def _pages(house: House, path: str, limit: int = 2) -> tuple[list[dict[str, object]], int]:
    """Everything behind a list, followed by the Link header, and the number of pages."""
    rows: list[dict[str, object]] = []
    mark = "&" if "?" in path else "?"
    answer = await house.get(f"{path}{mark}limit={limit}")
    pages = 1
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        rows += page["data"]
        assert len(page["data"]) <= limit
        if not page["has_more"]:
            assert "Link" not in answer.headers
            return rows, pages
        target = answer.headers["Link"]
        assert target.endswith('>; rel="next"')
        answer = await house.get(target[1:].partition(">")[0].removeprefix("/v1/books/book-1"))
        pages += 1


async def test_a_position_is_exact_and_says_at_which_number(house: House) -> None:
    position = (await house.get("/accounts/SAV-0001")).json()
    assert position["balance"] == "10000.00"
    assert position["available"] == "10000.00"
    assert position["balance_min"] == "0.00"
    assert position["balance_max"] is None
    book = (await house.get("")).json()
    assert position["recorded_seq"] == book["recorded_seq"]
    assert book["business_date"] == "2026-06-01"
    assert len(book["digest"]) == 64


async def test_pages_of_accounts_join_without_a_gap_or_a_repetition(house: House) -> None:
    rows, pages = await _pages(house, "/accounts")
    codes = [str(row["account"]) for row in rows]
    assert codes == sorted(set(codes))
    assert len(codes) == 12
    assert pages == 6
    savings, _ = await _pages(house, "/accounts?gl_code=211100")
    assert [row["account"] for row in savings] == ["SAV-0001", "SAV-0002", "SAV-0003"]


async def test_a_statement_runs_on_over_its_pages(house: House) -> None:
    desk = house.desk
    for amount in (100, 200, 300, 400):
        await desk.do(journal(desk.names["KTB"], desk.names["SAV-0001"], amount))
    await desk.next_day()
    await desk.do(journal(desk.names["SAV-0001"], desk.names["KTB"], 50))
    rows, pages = await _pages(house, "/accounts/SAV-0001/statement")
    assert pages == 3
    assert [row["amount"] for row in rows] == ["10000.00", "1.00", "2.00", "3.00", "4.00", "-0.50"]
    assert rows[-1]["balance"] == "10009.50"
    later = (await house.get("/accounts/SAV-0001/statement?from_date=2026-06-02")).json()
    assert later["opening_balance"] == "10010.00"
    assert later["closing_balance"] == "10009.50"
    backwards = "/accounts/SAV-0001/statement?from_date=2026-06-02&to_date=2026-06-01"
    assert (await house.get(backwards)).status_code == 422


async def test_balances_of_several_accounts_stand_at_one_number(house: House) -> None:
    answer = await house.get("/balances?account=SAV-0002&account=SAV-0001&account=SAV-0002")
    found = answer.json()
    assert [row["account"] for row in found["data"]] == ["SAV-0001", "SAV-0002"]
    assert {row["balance"] for row in found["data"]} == {"10000.00"}
    assert (await house.get("/balances")).status_code == 422
    missing = await house.get("/balances?account=SAV-0001&account=SAV-9999")
    assert missing.status_code == 404
    assert "SAV-9999" in missing.json()["detail"]


async def test_the_trial_balance_agrees_on_both_sides(house: House) -> None:
    found = (await house.get("/trial-balance?on=2026-06-01")).json()
    assert found["debit_total"] == found["credit_total"] == "2000000.00"
    by_code = {row["gl_code"]: row for row in found["data"]}
    assert by_code["211100"]["credit_balance"] == "30000.00"
    assert by_code["111100"]["debit_balance"] == "2000000.00"
    assert (await house.get("/trial-balance?on=2026-06-02")).status_code == 422


async def test_the_feed_has_every_number_once_and_in_order(house: House) -> None:
    await house.place()
    head = (await house.get("")).json()["recorded_seq"]
    seen: list[int] = []
    kinds: set[str] = set()
    after, more = 0, True
    while more:
        page = (await house.get(f"/feed?after={after}&limit=3")).json()
        seen += [item["recorded_seq"] for item in page["data"]]
        kinds |= {item["kind"] for item in page["data"]}
        after, more = page["next_after"], page["has_more"]
    assert seen == list(range(1, head + 1))
    assert {"hold_placed", "manual", "account_opened"} <= kinds
    assert (await house.get(f"/feed?after={head}")).json()["data"] == []
    opening = (await house.get("/feed?limit=200")).json()["data"]
    assert "_satang" not in str(opening)
    transfers = [item["transfers"] for item in opening if item["kind"] == "manual"]
    assert {"credit": "SAV-0001", "amount": "10000.00"}.items() <= transfers[0][0].items()


@pytest.mark.parametrize(
    "path",
    [
        "/accounts?after=!!",
        "/accounts?after=AAAA",
        "/accounts?limit=0",
        "/accounts?limit=201",
        "/notices?after=YWJj",
        "/accounts/SAV-0001/statement?after=MTIz",
        "/feed?after=-1",
        "/journals?after=MTIz",
        "/end-of-day?after=MTIz",
    ],
)
async def test_a_cursor_or_a_limit_that_is_not_ours_is_refused(house: House, path: str) -> None:
    assert (await house.get(path)).status_code == 422


class _Counting:
    """Counts the statements that a request sends; not the driver's own, which it sends at times."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, sent: asyncpg.connection.LoggedQuery) -> None:
        own = ("pg_advisory_unlock_all", "typeinfo", "jit")
        self.count += not any(word in sent.query for word in own)


async def _queries(house: House, request: Callable[[], Awaitable[httpx2.Response]]) -> int:
    """Statements that one GET sends; every connection of the pool is watched."""
    pool = house.database.poster
    counting = _Counting()
    held = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in held:
        connection.add_query_logger(counting)
    for connection in held:
        await pool.release(connection)
    answer = await request()
    assert answer.status_code == 200, answer.text
    return counting.count


async def test_a_longer_list_asks_the_database_no_more_often(house: House) -> None:
    for _ in range(6):
        await house.place("SAV-0001")
        await house.desk.deposit("SAV-0001", 100)
    await house.desk.load(*(house.desk.line(100 + n) for n in range(6)))
    paths = ["/accounts", "/notices", "/feed", "/journals", "/accounts/SAV-0001/statement"]
    paths += ["/statements", "/suspense", "/holds?account=SAV-0001", "/end-of-day"]
    for path in paths:
        mark = "&" if "?" in path else "?"
        limited = "suspense" in path or "holds" in path
        short = path if limited else f"{path}{mark}limit=1"
        many = await _queries(house, lambda path=path: house.get(path))  # type: ignore[misc]  # bound now
        few = await _queries(house, lambda path=short: house.get(path))  # type: ignore[misc]  # bound now
        assert few == many, (path, few, many)
        assert many <= 8, (path, many)


async def test_ids_in_a_path_have_one_form_only(house: House) -> None:
    hold_id = await house.place()
    assert (await house.get(f"/holds/{hold_id}")).status_code == 200
    assert (await house.get(f"/holds/{UUID(hold_id).hex}")).status_code == 422
    assert (await house.get(f"/holds/urn:uuid:{hold_id}")).status_code == 422
