"""Finding at the doors: over HTTP, at the command line, and the follower that a server runs."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app as cff
from api.followers import followers
from ledger import finding
from tests.api.house import House

RUNNER = CliRunner()


async def _pay(house: House, *amounts: int) -> None:
    """Deposits that the bank confirms, a journal each."""
    sent = [await house.desk.deposit("SAV-0001", amount) for amount in amounts]
    lines = [
        house.desk.line(amount, notice.reference)
        for amount, notice in zip(amounts, sent, strict=True)
    ]
    await house.desk.load(*lines)


async def test_journals_are_found_by_each_thing_known_of_them(house: House) -> None:
    await _pay(house, 12_345)
    (paid,) = (await house.get("/find?amount=123.45&kind=deposit")).json()["data"]
    assert paid["transfers"][0]["amount"] == "123.45"
    reference, day = paid["reference"], paid["business_date"]
    asked = (
        f"reference={reference}",
        f"reference_prefix={reference[:-1]}",
        "amount_from=123.40&amount_to=123.50",
        "account=SAV-0001&amount_to=200.00",
        f"party=0001&kind=deposit&from_date={day}&to_date={day}",
        f"kind=deposit&from_value_date={day}&to_value_date={day}",
        f"actor={paid['posted_by']}&kind=deposit",
    )
    for query in asked:
        answer = (await house.get(f"/find?{query}")).json()
        assert paid["id"] in [found["id"] for found in answer["data"]], query
    nothing = (await house.get(f"/find?reference={reference}&amount=123.44")).json()
    assert (nothing["data"], nothing["has_more"], nothing["next_cursor"]) == ([], False, None)
    assert (await house.get(f"/journals/{paid['id']}")).json()["reference"] == reference


async def test_pages_follow_each_other_and_say_how_far_the_index_goes(house: House) -> None:
    await _pay(house, 100, 200, 300, 400, 500)
    head = (await house.get("")).json()["recorded_seq"]
    first = (await house.get("/find?account=SAV-0001&limit=2")).json()
    assert (first["indexed_to"], first["tail"]) == (0, head)
    await finding.catch_up(house.database.poster, 1)
    seen, page = first["data"], first
    while page["has_more"]:
        answer = await house.get(f"/find?account=SAV-0001&limit=2&after={page['next_cursor']}")
        page = answer.json()
        assert (page["indexed_to"], page["tail"]) == (head, 0)
        seen += page["data"]
    numbers = [found["recorded_seq"] for found in seen]
    assert numbers == sorted(set(numbers), reverse=True)
    # Five deposits and the opening of the account's balance.
    assert len(numbers) == 6
    assert 'rel="next"' in (await house.get("/find?limit=1")).headers["Link"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("amount=1.00&amount_to=2.00", 422),
        ("amount_from=2.00&amount_to=1.00", 422),
        ("from_date=2026-06-02&to_date=2026-06-01", 422),
        ("from_value_date=2026-06-02&to_value_date=2026-06-01", 422),
        ("kind=gift", 422),
        ("amount=0.00", 422),
        ("after=!!", 422),
        ("limit=0", 422),
        ("account=SAV-9999", 404),
        ("party=9999", 404),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(
    house: House, query: str, status: int
) -> None:
    assert (await house.get(f"/find?{query}")).status_code == status


async def test_finding_is_for_those_who_see_the_whole_book(house: House) -> None:
    assert (await house.get("/find", actor="coop-1:maker")).status_code == 403


async def test_a_server_keeps_the_search_rows_also_after_a_failure(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "ledger.found_transfer"
    await _as_owner(house, f"REVOKE INSERT ON {rows} FROM cff_poster")
    async with followers(house.database.poster, pause_seconds=0):
        await _pay(house, 700)
        while True:
            page = (await house.get("/find?amount=7.00&account=SAV-0001")).json()
            assert (len(page["data"]), page["indexed_to"]) == (1, 0)
            if "follower_failed" in "".join(capsys.readouterr()):
                break
        await _as_owner(house, f"GRANT INSERT ON {rows} TO cff_poster")
        await asyncio.wait_for(_until_indexed(house), 30)


async def _as_owner(house: House, statement: str) -> None:
    async with house.database.poster.acquire() as connection:
        await connection.execute("SET ROLE postgres")
        await connection.execute(statement)
        await connection.execute("RESET ROLE")


async def _until_indexed(house: House) -> None:
    """A deposit of 7.00 is found all the while, whether or not the follower has come so far."""
    while True:
        page = (await house.get("/find?amount=7.00&account=SAV-0001")).json()
        assert len(page["data"]) == 1
        if page["tail"] == 0:
            return
        await asyncio.sleep(0.02)


async def test_the_application_starts_its_followers_and_ends_them(house: House) -> None:
    await _pay(house, 700)
    async with house.app.router.lifespan_context(house.app):
        await asyncio.wait_for(_until_indexed(house), 30)
        rows = (await house.get("/consumers")).json()["data"]
    assert [(row["name"], row["lag"]) for row in rows] == [("find", 0)]


@pytest.fixture
async def at_command_line(
    house: House, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> House:
    """The house's database and book as the command line's."""
    monkeypatch.setenv("CFF_DATABASE_URL", database_url)
    monkeypatch.setenv("CFF_BOOK", "book-1")
    return house


async def cff_run(*arguments: str) -> Result:
    """`cff` with these arguments, on a loop of its own."""
    return await asyncio.to_thread(RUNNER.invoke, cff, list(arguments))


async def facts(*arguments: str) -> dict[str, object]:
    """What a command says as JSON."""
    result = await cff_run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


async def test_the_command_line_brings_the_index_up_to_date_and_finds(
    at_command_line: House,
) -> None:
    await _pay(at_command_line, 12_300, 45_600)
    found = await facts(
        *("find", "--account", "SAV-0001", "--amount-from", "100.00", "--amount-to", "500.00"),
        *("--from", "2026-06-01", "--kind", "deposit"),
    )
    journals = found["journals"]
    assert isinstance(journals, list)
    amounts = [journal["transfers"][0]["amount"] for journal in journals]
    assert (sorted(amounts), found["tail"]) == (["123.00", "456.00"], 0)
    shown = await cff_run("find", "--account", "SAV-0001", "--limit", "1")
    assert "more may follow: --before" in shown.stdout
    prefix = await facts("find", "--prefix", str(journals[0]["reference"])[:3])
    assert prefix["journals"]
    refused = await cff_run("find", "--amount", "1.00", "--amount-to", "2.00")
    assert (refused.exit_code, "either --amount" in refused.stderr) == (2, True)


async def test_consumers_are_listed_and_set_back_with_a_reason(at_command_line: House) -> None:
    await facts("find")
    (row,) = await _consumers()
    assert (row["name"], row["lag"]) == ("find", 0)
    assert "find" in (await cff_run("consumers")).stdout
    again = await facts(
        *("consumers", "rewind", "find", "--to", "0"),
        *("--reason", "a new index", "--actor", "ops:malee"),
    )
    assert (again["cursor_seq"], again["lag"]) == (0, row["recorded_seq"])
    missing = await cff_run(
        *("consumers", "rewind", "nobody", "--to", "0", "--reason", "none", "--actor", "ops:malee")
    )
    assert missing.exit_code == 4


async def _consumers() -> list[dict[str, object]]:
    rows = (await facts("consumers"))["consumers"]
    assert isinstance(rows, list)
    return rows


async def test_the_feed_at_the_command_line_shows_resulting_balances(
    at_command_line: House,
) -> None:
    head = (await at_command_line.get("")).json()["recorded_seq"]
    await _pay(at_command_line, 5_000)
    items = (await facts("feed", "--after", str(head)))["items"]
    assert isinstance(items, list)
    balances = [item["balances"]["SAV-0001"] for item in items if "SAV-0001" in item["balances"]]
    assert balances == ["10050.00"]
    assert (await cff_run("feed", "--limit", "3")).exit_code == 0
