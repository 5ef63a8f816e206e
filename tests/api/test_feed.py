"""The feed at the door: resulting balances, waiting for the next number, consumers, their lag."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from ledger import finding
from ledger.consumers import by_items, step
from ledger.db import Connection
from ledger.events import FeedItem
from tests.api.house import House


async def test_a_journal_in_the_feed_shows_its_accounts_right_after_it(house: House) -> None:
    head = (await house.get("")).json()["recorded_seq"]
    sent = [await house.desk.deposit("SAV-0001", amount) for amount in (100, 250)]
    await house.desk.load(*(house.desk.line(n.amount_satang, n.reference) for n in sent))
    items = (await house.get(f"/feed?after={head}&limit=200")).json()["data"]
    journals = [item for item in items if item["journal_id"] is not None]
    assert len(journals) == 2
    standing = (await house.get("/balances?account=SAV-0001")).json()["data"][0]["balance"]
    after = [
        balance["balance"]
        for item in journals
        for balance in item["balances"]
        if balance["account"] == "SAV-0001"
    ]
    assert (after[0] != after[1], after[-1]) == (True, standing)
    for item in journals:
        for balance in item["balances"]:
            credited, debited = (_satang(balance[side]) for side in ("credits", "debits"))
            assert credited - debited == _satang(balance["balance"])
    events = [item for item in items if item["journal_id"] is None]
    assert events
    assert all(item["balances"] == [] for item in events)


def _satang(amount: str) -> int:
    return int(amount.replace(".", ""))


async def test_who_is_up_to_date_may_wait_for_the_next_number(house: House) -> None:
    head = (await house.get("")).json()["recorded_seq"]
    waiting = asyncio.create_task(house.get(f"/feed?after={head}&wait=20"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await house.place()
    page = (await asyncio.wait_for(waiting, 10)).json()
    assert [item["recorded_seq"] for item in page["data"]] == [head + 1]
    assert (page["has_more"], page["next_after"]) == (False, head + 1)


async def test_waiting_ends_with_an_empty_page_when_nothing_comes(house: House) -> None:
    head = (await house.get("")).json()["recorded_seq"]
    began = time.monotonic()
    page = (await house.get(f"/feed?after={head}&wait=1")).json()
    assert (page["data"], page["next_after"]) == ([], head)
    assert time.monotonic() - began >= 1
    # A number that has not been given out is nobody's cursor, and a longer wait is not taken.
    assert (await house.get(f"/feed?after={head + 1}&wait=30")).json()["data"] == []
    assert time.monotonic() - began < 20
    assert (await house.get(f"/feed?after={head}&wait=31")).status_code == 422


async def test_consumers_are_shown_with_their_lag(house: House) -> None:
    assert (await house.get("/consumers")).json()["data"] == []

    async def nothing(connection: Connection, items: Sequence[FeedItem]) -> None:
        assert items

    pool = house.database.poster
    await finding.catch_up(pool, 1)
    await step(pool, 1, "audit-copy", by_items(nothing), batch=3)
    answer = (await house.get("/consumers")).json()
    rows = {row["name"]: row for row in answer["data"]}
    assert (rows["audit-copy"]["cursor_seq"], rows["find"]["lag"]) == (3, 0)
    assert rows["audit-copy"]["lag"] == answer["recorded_seq"] - 3
    assert (await house.get("/consumers", actor="coop-1:maker")).status_code == 403
