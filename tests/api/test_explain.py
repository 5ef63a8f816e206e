"""`cff explain` and its door: the same document, clear refusals, nothing of others to a member."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from api.auth.scopes import SCOPES
from api.cli.main import app
from api.cli.output import Exit
from api.v1.interest_views import ExplanationView
from ledger.db import open_database
from pricing.rate_lines import RateLine
from pricing.rates import parse_rate_percent
from pricing.sheets import approve_sheet, draft_sheet
from pricing.slabs import SlabBasis
from tests.api.house import ROOT, House
from tests.builders import journal
from tests.products.closing_scene import JUNE_27, close, two_contracts
from tests.products.placement_scene import MONTHLY, open_placements
from tests.products.savings_scene import Savings, open_savings

RUNNER = CliRunner()
BOOK = ("--book", "book-1")


async def _corrected(scene: Savings) -> None:
    """27 June is corrected by the night of the 29th; SAV-2 is closed on the 30th."""
    await scene.move("SAV-1", 36_500_00, value_date=JUNE_27)
    await scene.night()
    await close(scene, "SAV-2", None)


async def _furnish(url: str) -> None:
    database = await open_database(url)
    try:
        await _corrected(await two_contracts(database))
    finally:
        await database.close()


@pytest.fixture
def book(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database that `cff` finds."""
    asyncio.run(_furnish(database_url))
    monkeypatch.setenv("CFF_DATABASE_URL", database_url)


def _run(*arguments: str) -> Result:
    return RUNNER.invoke(app, ["explain", *arguments, *BOOK])


def _facts(*arguments: str) -> Any:
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_command_line_tells_a_date_in_plain_words(book: None) -> None:
    shown = " ".join(_run("SAV-1", "2026-06-27").stdout.split())
    for words in (
        "SAV-1 (SAVINGS, ออมทรัพย์) on 2026-06-27",
        "balance 401,500.00 by value date, at the close of the date",
        "in force from 2026-06-27, approved by test:manager on 2026-06-26: 10.0000 %",
        "rate 10.0000 % a year on the whole balance day",
        "day 1 of 365 (ACT_365F)",
        "exact 11000 satang",
        "period from 2026-06-27; 0 satang before 2026-06-27, then 1 day like this one",
        "through before 0 satang, rounded 0.00",
        "through date 11000 satang, rounded 110.00",
        "rounding half up to 0.01",
        "posted 110.00, the difference",
        "recorded span 2, from 2026-06-27 on, corrected by the night of 2026-06-29",
        "by its night 100.00",
        "100.00 in all",
        "the night of 2026-06-29 posted 10.00 for it: balance 365,000.00 to 401,500.00, "
        "rate 10.0000 to 10.0000, interest 100.00 to 110.00; journal ",
    ):
        assert words in shown
    assert "DIFFERENCE" not in shown


def test_a_corrected_date_is_told_as_a_night_before_knew_it(book: None) -> None:
    then = " ".join(_run("SAV-1", "2026-06-27", "--known-on", "2026-06-28").stdout.split())
    assert "as known on the night of 2026-06-28" in then
    assert "balance 365,000.00" in then
    assert "the night of 2026-06-29 posted" not in then


def test_the_json_is_the_whole_document_with_exact_ratios_as_text(book: None) -> None:
    document = _facts("SAV-1", "2026-06-28")
    assert ExplanationView.model_validate(document).model_dump(mode="json") == document
    (leg,) = document["legs"]
    figure = leg["figure"]
    assert (document["day"], document["product_name_th"]) == ("proven", "ออมทรัพย์")
    assert (leg["differences"], leg["closed_on"]) == ([], None)
    assert (figure["balance"], figure["annual_rate_percent"]) == ("401500.00", "10.0000")
    exact = figure["exact"]
    assert Fraction(int(exact["numerator"]), int(exact["denominator"])) == 11_000
    assert figure["period"]["exact_through_date"]["satang"] == "22000"
    assert (leg["first_posted"], figure["posted"]) == ("100.00", "110.00")
    assert leg["changes"][0]["amount"] == "10.00"
    assert leg["changes"][0]["journal"]["amount"] == "10.00"
    assert leg["rate_sheet"]["approved_by"] == "test:manager"
    assert leg["rate_sheet"]["lines"] == [{"slab_from": "0.00", "annual_rate_percent": "10.0000"}]
    assert (figure["slab_rule"], figure["minimum_balance"]) == ("whole", "0.00")
    (part,) = figure["parts"]
    assert (part["amount"], part["slab_to"], part["exact"]) == ("401500.00", None, exact)


async def _slabs(
    url: str, rule: SlabBasis, moves: list[int], on: Sequence[tuple[str, ...]], damage: str = ""
) -> list[Result]:
    """Special savings with a minimum of 1,000.00, and what is told of dates after moves and nights.

    A move of each date is followed by its night; then something may be damaged.
    """
    database = await open_database(url)
    try:
        scene = await open_savings(
            database,
            ["SAV-1"],
            opened_on=date(2026, 6, 1),
            rates={date(2026, 6, 1): STEPS},
            slab_rule=rule,
            minimum_satang=1_000_00,
        )
        for amount in moves:
            await scene.move("SAV-1", amount)
            await scene.night()
    finally:
        await database.close()
    if damage:
        connection = await asyncpg.connect(url)
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(damage)
        await connection.close()
    return await asyncio.to_thread(lambda: [_run(*arguments) for arguments in on])


@pytest.fixture
def home(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database that `cff` finds."""
    monkeypatch.setenv("CFF_DATABASE_URL", database_url)
    return database_url


STEPS = (
    RateLine(slab_from_satang=0, annual_rate_e8=3_650_000),
    RateLine(slab_from_satang=10_000_00, annual_rate_e8=7_300_000),
    RateLine(slab_from_satang=100_000_00, annual_rate_e8=10_950_000),
)
SHEET = "2026-05-31: 3.6500 %; from 10,000.00 7.3000 %; from 100,000.00 10.9500 %"


async def test_by_slice_each_part_of_the_balance_is_told_with_its_rate_and_what_it_earns(
    home: str,
) -> None:
    (result,) = await _slabs(home, SlabBasis.SLICE, [50_000_00], [("SAV-1", "2026-06-01")])
    shown = " ".join(result.stdout.split())
    for words in (
        SHEET,
        "slice 1 10,000.00 from 0.00 to below 10,000.00 at 3.6500 % a year: 100 satang",
        "slice 2 40,000.00 from 10,000.00 to below 100,000.00 at 7.3000 % a year: 800 satang day",
        "exact 900 satang",
        "posted 9.00, the difference",
    ):
        assert words in shown
    assert result.exit_code == 0


async def test_on_the_whole_balance_the_slab_that_it_reaches_is_named(home: str) -> None:
    told = await _slabs(
        home,
        SlabBasis.WHOLE,
        [50_000_00, 50_000_00],
        [("SAV-1", "2026-06-01"), ("SAV-1", "2026-06-02")],
    )
    first, second = (" ".join(result.stdout.split()) for result in told)
    assert SHEET in first
    assert (
        "rate 7.3000 % a year on the whole balance, the slab from 10,000.00 to below 100,000.00 day"
        in first
    )
    assert "rate 10.9500 % a year on the whole balance, the slab from 100,000.00 day" in second
    assert "exact 3000 satang" in second


async def test_a_balance_below_the_minimum_is_told_as_what_earns_nothing_and_why(
    home: str,
) -> None:
    on = ("SAV-1", "2026-06-01")
    text, document = await _slabs(home, SlabBasis.SLICE, [999_99], [on, (*on, "--json")])
    shown = " ".join(text.stdout.split())
    assert "earns nothing balance 999.99 < minimum 1,000.00" in shown
    assert "slice" not in shown
    (leg,) = json.loads(document.stdout)["legs"]
    assert (leg["figure"]["earns_nothing"], leg["figure"]["parts"]) == ("below_minimum", [])
    assert (leg["figure"]["exact"]["satang"], leg["figure"]["posted"]) == ("0", "0.00")


async def test_a_record_that_is_not_what_its_inputs_give_is_said_loudly_and_fails(
    home: str,
) -> None:
    on = ("SAV-1", "2026-06-01")
    damage = (
        "UPDATE products.interest_span SET balance_satang = balance_satang + 1, "
        "slope_exact = slope_exact + 1"
    )
    text, document = await _slabs(home, SlabBasis.SLICE, [50_000_00], [on, (*on, "--json")], damage)
    shown = " ".join(text.stdout.split())
    for words in (
        "DIFFERENCE in balance, as known on the night of 2026-06-01: recorded 50,000.01, worked "
        "out 50,000.00; run cff verify",
        "DIFFERENCE in exact, as known on the night of 2026-06-01: recorded "
        "900.0000000000000062..., worked out 900; run cff verify",
        "exact 900 satang",
    ):
        assert words in shown
    assert (text.exit_code, document.exit_code) == (Exit.CHECK_FAILED, Exit.CHECK_FAILED)
    (leg,) = json.loads(document.stdout)["legs"]
    named = [each["what"] for each in leg["differences"]]
    assert named == ["balance", "exact", "exact_through_date"]


async def _placement(url: str, on: Sequence[tuple[str, ...]]) -> list[Result]:
    """What is told of a person's fixed deposit of 10,000,000.00, paid monthly, after a month."""
    database = await open_database(url)
    try:
        begins = date(2026, 2, 2)
        made = await open_placements(database, opened_on=begins, rates={begins: "2.2500"})
        await made.place("FD-3", 10_000_000_00, linked_no="SAV-3", paid=MONTHLY)
        await made.savings.nights(through=date(2026, 3, 2))
    finally:
        await database.close()
    return await asyncio.to_thread(lambda: [_run(*arguments) for arguments in on])


async def test_of_a_fixed_deposit_term_coupon_and_payment_are_told_with_the_frozen_rate(
    home: str,
) -> None:
    on = ("FD-3", "2026-03-02")
    text, document = await _placement(home, [on, (*on, "--json")])
    shown = " ".join(text.stdout.split())
    for words in (
        "FD-3 (FIX_3M, เงินฝากประจำ) on 2026-03-02",
        "balance 10,000,000.00 by value date",
        "term 1, 2026-02-02 to 2026-05-04 (2026-05-02 is no banking day): 10,000,000.00 at 2.2500 "
        "%, both frozen",
        "coupon 2 of 3, from 2026-03-02 on, paid on 2026-04-02",
        "paid 1 17,260.27 on 2026-03-02, interest through 2026-03-01; tax 2,589.04 (15.0000 %, "
        "ภ.ง.ด.2), 14,671.23 to SAV-3; journal ",
        "in force from 2026-02-02, approved by test:manager on 2026-02-01: 2.2500 %",
        "rate 2.2500 % a year on the whole balance day 1 of 365 (ACT_365F)",
        "period from 2026-03-02; 0 satang before 2026-03-02, then 1 day like this one",
        "posted 616.44, the difference",
    ):
        assert words in shown
    told = json.loads(document.stdout)
    assert ExplanationView.model_validate(told).model_dump(mode="json") == told
    (leg,) = told["legs"]
    placement = leg["placement"]
    assert (placement["brought_rate"], placement["early_end"]) == (None, None)
    assert placement["coupon"] == {
        "number": 2,
        "of": 3,
        "from_date": "2026-03-02",
        "pays_on": "2026-04-02",
        "last": False,
    }
    (paid,) = placement["payments"]
    assert (paid["interest"], paid["tax"], paid["net"]) == ("17260.27", "2589.04", "14671.23")


def test_savings_have_no_placement(book: None) -> None:
    (leg,) = _facts("SAV-1", "2026-06-28")["legs"]
    assert leg["placement"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("SAV-9", "2026-06-27"), Exit.NOT_FOUND, "no contract SAV-9"),
        (("BANK", "2026-06-27"), Exit.NOT_FOUND, "no contract BANK"),
        (("", "2026-06-27"), Exit.NOT_FOUND, "no contract"),
        (("SAV-1", "2026-07-01"), Exit.BAD_INPUT, "a date up to the business date, 2026-06-30"),
        (("SAV-1", "2026-06-30"), Exit.BAD_INPUT, "the last that a night has accrued for SAV-1"),
        (("SAV-2", "2026-06-30"), Exit.BAD_INPUT, "a date before 2026-06-30, when SAV-2 was close"),
        (("SAV-1", "2026-06-26"), Exit.BAD_INPUT, "from 2026-06-27 on, when SAV-1 was opened"),
        (("SAV-1", "yesterday"), Exit.BAD_INPUT, "DATE: got 'yesterday'"),
        (("SAV-1", "2569-06-27"), Exit.BAD_INPUT, "did you mean 2026-06-27"),
        (("SAV-1", "2026-06-31"), Exit.BAD_INPUT, "DATE: got '2026-06-31'"),
        (("SAV-1", "2026-06-28", "--known-on", "x"), Exit.BAD_INPUT, "--known-on: got 'x'"),
        (
            ("SAV-1", "2026-06-28", "--known-on", "2026-06-27"),
            Exit.BAD_INPUT,
            "known_on: got '2026-06-27'; expected a night from 2026-06-28 to 2026-06-29",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(
    book: None, arguments: tuple[str, ...], code: Exit, words: str
) -> None:
    result = _run(*arguments)
    assert result.exit_code == code, result.output
    assert words in " ".join(result.stderr.split())
    assert words in json.loads(_run(*arguments, "--json").stderr)["message"]


async def _lived(house: House) -> None:
    """Two nights of three members with 10,000.00 each at 1.5 %."""
    engine = house.database.application
    sheet = await draft_sheet(
        engine,
        1,
        product_code="SAVINGS",
        effective_from=date(2026, 6, 1),
        annual_rate_e8=parse_rate_percent("1.5000"),
        made_by="facility:pricing",
    )
    await approve_sheet(
        engine, 1, sheet.sheet_id, approved_by="facility:treasurer", on=date(2026, 5, 31)
    )
    await house.desk.next_day()
    ran = await house.post("/end-of-day", {"through": "2026-06-02"})
    assert ran.status_code == 200, ran.text


async def test_the_door_tells_a_date_with_the_journal_of_the_night(house: House) -> None:
    await _lived(house)
    answer = await house.get("/contracts/SAV-0001/interest/2026-06-02")
    assert answer.status_code == 200, answer.text
    document = answer.json()
    (leg,) = document["legs"]
    figure = leg["figure"]
    # 10,000.00 at 1.5 % is 3000/73 satang a day: 0.41, then 82.19... satang is 0.82.
    assert figure["exact"] == {
        "satang": "41.095890410958...",
        "numerator": "3000",
        "denominator": "73",
    }
    assert (figure["period"]["rounded_through_day_before"], figure["posted"]) == ("0.41", "0.41")
    assert leg["rate_sheet"]["approved_by"] == "facility:treasurer"
    assert leg["journal"]["amount"] == "1.23"
    journal = await house.get(f"/journals/{leg['journal']['id']}")
    assert journal.json()["recorded_seq"] == leg["journal"]["recorded_seq"]


async def test_a_member_sees_its_own_contract_and_nothing_of_others(house: House) -> None:
    await _lived(house)
    path = "/contracts/SAV-0001/interest/2026-06-02"
    own = await house.get(path, actor="coop-1:maker")
    (leg,) = own.json()["legs"]
    assert leg["figure"]["posted"] == "0.41"
    assert (leg["journal"], leg["rate_sheet"]["approved_by"]) == (None, None)
    other = await house.get(path, actor="coop-2:maker")
    unknown = await house.get("/contracts/SAV-9999/interest/2026-06-02", actor="coop-2:maker")
    assert other.status_code == unknown.status_code == 404
    # Not even a date that cannot be told says that the contract is there.
    hidden = await house.get("/contracts/SAV-0001/interest/2030-01-01", actor="coop-2:maker")
    assert hidden.status_code == 404
    nothing = await house.key("facility:blind", [s for s in SCOPES if s != "accounts:read"])
    refused = await house.client.get(ROOT + path, headers={"Authorization": f"Bearer {nothing}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("path", "pointer", "words"),
    [
        ("SAV-0001/interest/2026-06-04", "path/date", "a date up to the business date"),
        ("SAV-0001/interest/2026-06-03", "path/date", "a date up to 2026-06-02, the last that a"),
        ("SAV-0001/interest/2026-05-31", "path/date", "when SAV-0001 was opened"),
        ("SAV-0001/interest/2569-06-01", "path/date", "did you mean 2026-06-01"),
        ("SAV-0001/interest/tomorrow", "path/date", "YYYY-MM-DD"),
        ("sav 1/interest/2026-06-01", "path/contract_no", "pattern"),
        ("SAV-0001/interest/2026-06-02?known_on=2026-06-01", "query/known_on", "a night from"),
        ("SAV-0001/interest/2026-06-02?known_on=2026-06-03", "query/known_on", "a night from"),
        ("SAV-0001/interest/2026-06-03?known_on=2026-06-03", "query/known_on", "no night"),
    ],
)
async def test_the_door_points_at_what_cannot_be_told(
    house: House, path: str, pointer: str, words: str
) -> None:
    await _lived(house)
    answer = await house.get(f"/contracts/{path}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    (problem,) = answer.json()["errors"]
    assert problem["pointer"] == pointer
    assert words in problem["detail"]


async def test_the_door_tells_what_a_night_knew_before_it_was_corrected(house: House) -> None:
    await _lived(house)
    names = house.desk.names
    late = journal(names["KTB"], names["SAV-0001"], 10_000_00, value_date=date(2026, 6, 2))
    await house.desk.do(late)
    ran = await house.post("/end-of-day", {"through": "2026-06-03"})
    assert ran.status_code == 200, ran.text
    path = "/contracts/SAV-0001/interest/2026-06-02"
    (now,) = (await house.get(path)).json()["legs"]
    (then,) = (await house.get(f"{path}?known_on=2026-06-02")).json()["legs"]
    (change,) = now["changes"]
    assert (change["night"], change["amount"]) == ("2026-06-03", "0.41")
    for side, found in ((change["before"], then["figure"]), (change["after"], now["figure"])):
        assert side == {name: found[name] for name in side}
    assert (then["figure"]["balance"], now["figure"]["balance"]) == ("10000.00", "20000.00")
    assert change["journal"]["amount"] == "0.41"
    (own,) = (await house.get(path, actor="coop-1:maker")).json()["legs"]
    assert [each["journal"] for each in own["changes"]] == [None]
