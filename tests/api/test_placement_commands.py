"""`cff placements`, `cff tax-withheld`, `cff holidays`, `cff tax-rates` and the night's report.

One book is lived up to the maturity of 4 May 2026, and every verb is tried on it.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
from collections.abc import Iterator
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from api.cli.output import Exit
from ledger import embedded
from ledger.db import open_database
from ledger.posting.values import PlaceHold, Status
from tests.products.placement_scene import (
    BAHT,
    MONTHLY,
    PAY_OUT,
    ROLL_PRINCIPAL,
    open_placements,
)

RUNNER = CliRunner()
FEB_2, MAY_4 = date(2026, 2, 2), date(2026, 5, 4)
TEN_MILLION = 10_000_000 * BAHT
BOOK = ("--book", "book-1")
LOADED = ("--made-by", "facility:tax", "--actor", "facility:chief")


async def _live(url: str) -> None:
    """FD-1 is paid out, FD-3 of the person rolls, FD-4 is pledged and waits."""
    database = await open_database(url)
    try:
        made = await open_placements(database, opened_on=FEB_2, rates={FEB_2: "2.2500"})
        await made.place("FD-1", TEN_MILLION, paid=MONTHLY, instruction=PAY_OUT)
        await made.place(
            "FD-3", TEN_MILLION, linked_no="SAV-3", paid=MONTHLY, instruction=ROLL_PRINCIPAL
        )
        await made.place("FD-4", TEN_MILLION, instruction=PAY_OUT)
        hold = PlaceHold(
            hold_id=uuid4(), account=made.savings.accounts["FD-4"], amount_satang=TEN_MILLION
        )
        assert (await made.savings.do(hold)).status is Status.ACCEPTED
        await made.savings.nights(through=date(2026, 5, 3))
    finally:
        await database.close()


@pytest.fixture(scope="module")
def lived(server: embedded.Lease, template: str) -> Iterator[None]:
    """The database that `cff` finds; its last night is run by `cff end-of-day`."""
    name = f"cli_{uuid4().hex}"
    asyncio.run(_administer(server, f"CREATE DATABASE {name} TEMPLATE {template}"))
    before = os.environ.get("CFF_DATABASE_URL")
    os.environ["CFF_DATABASE_URL"] = server.dsn(name)
    try:
        asyncio.run(_live(server.dsn(name)))
        yield
    finally:
        if before is None:
            del os.environ["CFF_DATABASE_URL"]
        else:
            os.environ["CFF_DATABASE_URL"] = before
        asyncio.run(_administer(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _administer(server: embedded.Lease, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(statement)
    await connection.close()


@pytest.fixture(scope="module")
def night(lived: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The night of 4 May, run from the command line; its facts and what people were shown."""
    os.environ["CFF_SEAL_KEY_FILE"] = str(tmp_path_factory.mktemp("keys") / "seal.pem")
    try:
        result = _run("end-of-day", "--through", "2026-05-04", "--json")
    finally:
        del os.environ["CFF_SEAL_KEY_FILE"]
    assert result.exit_code == 0, result.output
    (closed,) = json.loads(result.stdout)["closed"]
    told: dict[str, Any] = closed
    return told


def _run(*arguments: str) -> Result:
    return RUNNER.invoke(app, [*arguments, *BOOK])


def _facts(*arguments: str) -> Any:
    """What a verb says as JSON."""
    result = _run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _csv(*arguments: str) -> list[dict[str, str]]:
    """What a verb says as CSV."""
    result = _run(*arguments, "--csv")
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(StringIO(result.stdout)))


def test_the_night_says_by_product_what_accrued_matured_and_was_left(
    night: dict[str, Any],
) -> None:
    fixed, savings = night["products"]
    assert (fixed["product"], savings["product"]) == ("FIX_3M", "SAVINGS")
    assert fixed["accrued"] == {"contracts": 1, "amount": "616.44"}
    assert fixed["interest_paid"] == {"contracts": 3, "amount": "95547.95"}
    assert fixed["tax"] == "2958.90"
    for way in ("paid_out", "rolled", "waiting"):
        assert fixed[way] == {"contracts": 1, "amount": "10000000.00"}
    (listed,) = fixed["listed"]
    assert (listed["contract_no"], listed["code"]) == ("FD-4", "pledged")
    assert listed["reason"] == "a hold pledges it"


def test_the_report_of_a_night_is_read_again_by_people(night: dict[str, Any]) -> None:
    assert _facts("night-report")["closed"] == [night]
    assert _facts("night-report", "--on", "2026-05-04")["closed"] == [night]
    shown = _run("night-report").stdout
    for words in ("FIX_3M", "3: 95,547.95", "1: 10,000,000.00", "FD-4", "a hold pledges it"):
        assert words in shown
    quiet = _run("night-report", "--on", "2026-02-02").stdout
    assert "nothing was left undone" in quiet
    missing = _run("night-report", "--on", "2026-05-05")
    assert missing.exit_code == Exit.NOT_FOUND


def test_the_maturity_list_is_told_in_three_forms(night: dict[str, Any]) -> None:
    told = _facts("placements", "list")
    assert [(row["contract"], row["state"]) for row in told["placements"]] == [
        ("FD-4", "waiting"),
        ("FD-3", "running"),
    ]
    assert told["principal"] == "20000000.00"
    rows = _csv("placements", "list", "--on", "2026-08-04")
    assert [(row["contract"], row["principal"]) for row in rows] == [("FD-3", "10000000.00")]
    shown = _run("placements", "list", "--state", "all").stdout
    for words in ("FD-1", "paid out", "roll principal", "30,000,000.00"):
        assert words in shown
    of_person = _facts("placements", "list", "--member", "0003", "--product", "FIX_3M")
    assert [row["contract"] for row in of_person["placements"]] == ["FD-3"]
    assert _csv("placements", "list", "--from", "2026-05-05", "--to", "2026-08-03") == []


def test_a_placement_is_shown_with_its_terms_and_coupons(night: dict[str, Any]) -> None:
    told = _facts("placements", "show", "FD-3")
    assert [term["begins_on"] for term in told["terms"]] == ["2026-02-02", "2026-05-04"]
    assert [payment["tax"] for payment in told["payments"]] == ["2589.04", "2866.44", "2958.90"]
    assert (told["owed"], told["tax"]) == ("616.44", "8414.38")
    waiting = _run("placements", "show", "FD-4").stdout
    assert "pledged" in waiting
    assert "10,000,000.00" in waiting


def test_tax_withheld_is_summed_for_people_and_listed_as_csv(night: dict[str, Any]) -> None:
    year = ("tax-withheld", "2026-01-01", "2026-12-31")
    holders = _facts(*year)["holders"]
    assert [(h["holder"], h["payments"], h["tax"]) for h in holders] == [
        ("0001", 4, "0.00"),
        ("0003", 3, "8414.38"),
    ]
    payments = _csv(*year, "--member", "0003")
    assert [(p["contract"], p["paid_on"], p["tax"]) for p in payments] == [
        ("FD-3", "2026-03-02", "2589.04"),
        ("FD-3", "2026-04-02", "2866.44"),
        ("FD-3", "2026-05-04", "2958.90"),
    ]
    assert payments[0]["name_th"] == "นายทดสอบ ใจดี"
    assert "ภ.ง.ด.2" in _run(*year).stdout


def test_holidays_are_loaded_from_a_file_which_may_be_loaded_again(
    night: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "calendar.csv"
    file.write_text(
        "date,name_th,name_en\n"
        "2026-08-12,วันเฉลิมพระชนมพรรษาสมเด็จพระบรมราชชนนีพันปีหลวง,Mother's Day\n"
        "2026-12-07,ชดเชยวันพ่อแห่งชาติ,Substitution for Father's Day\n",
        encoding="utf-8",
    )
    load = ("holidays", "load", str(file), "--actor", "facility:operator")
    assert _facts(*load)["announced"] == 2
    assert _facts(*load) == {"file": "calendar.csv", "announced": 0, "known_before": 2}
    told = _facts("holidays", "list", "--to", "2026-08-31")["holidays"]
    assert [(row["date"], row["announced_on"]) for row in told] == [("2026-08-12", "2026-05-05")]
    assert "ชดเชย" in _run("holidays", "list").stdout


def test_rates_of_tax_are_loaded_by_another_person_than_the_one_who_made_them(
    night: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "tax.csv"
    file.write_text(
        "holder,family,from_date,tax_percent,form\n"
        "person,fixed,2027-01-01,10.0000,ภ.ง.ด.2\n"
        "cooperative,fixed,2027-01-01,0.0000,\n",
        encoding="utf-8",
    )
    alone = _run("tax-rates", "load", str(file), "--made-by", "a:b", "--actor", "A:B")
    assert alone.exit_code == Exit.BAD_INPUT
    assert "another person than" in " ".join(alone.stderr.split())
    assert _facts("tax-rates", "load", str(file), *LOADED)["recorded"] == 2
    assert _facts("tax-rates", "load", str(file), *LOADED)["known_before"] == 2
    told = _facts("tax-rates", "list")["tax_rates"]
    assert {"holder": "person", "from_date": "2027-01-01", "tax_percent": "10.0000"}.items() <= (
        told[-1].items()
    )
    assert "facility:chief" in _run("tax-rates", "list").stdout


def test_every_bad_line_of_a_file_is_named_and_nothing_is_loaded(
    night: dict[str, Any], tmp_path: Path
) -> None:
    calendar, tax = tmp_path / "calendar.csv", tmp_path / "tax.csv"
    calendar.write_text(
        "date,name_th,name_en\n2026-10-13,วันนวมินทรมหาราช,Memorial Day\n"
        "2569-10-23,วันปิยมหาราช,Chulalongkorn Day\n2026-10-24,,Nameless\n",
        encoding="utf-8",
    )
    tax.write_text(
        "holder,family,from_date,tax_percent,form\ntemple,fixed,2027-06-01,10,x\n", encoding="utf-8"
    )
    bad = _run("holidays", "load", str(calendar), "--actor", "facility:operator")
    assert bad.exit_code == Exit.BAD_INPUT
    said = " ".join(bad.stderr.split())
    assert "calendar.csv:3:date" in said
    assert "did you mean 2026-10-23" in said
    assert "calendar.csv:4:name_th" in said
    assert "2026-10-13" not in str(_facts("holidays", "list"))
    bad = _run("tax-rates", "load", str(tax), *LOADED)
    assert "tax.csv:2:tax_percent" in " ".join(bad.stderr.split())
    past = tmp_path / "past.csv"
    past.write_text("date,name_th,name_en\n2026-05-04,วันฉัตรมงคล,Coronation Day\n", "utf-8")
    late = _run("holidays", "load", str(past), "--actor", "facility:operator")
    assert "announced before its date" in " ".join(late.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("placements", "show", "SAV-1"), Exit.NOT_FOUND, "no placement SAV-1"),
        (("placements", "show", "FD-9"), Exit.NOT_FOUND, "no contract FD-9"),
        (("placements", "list", "--member", "9999"), Exit.NOT_FOUND, "no party 9999"),
        (("placements", "list", "--on", "2569-05-04"), Exit.BAD_INPUT, "did you mean 2026-05-04"),
        (
            ("placements", "list", "--on", "2026-05-04", "--to", "2026-05-05"),
            Exit.BAD_INPUT,
            "either --on or --from and --to",
        ),
        (
            ("placements", "list", "--from", "2026-06-01", "--to", "2026-05-05"),
            Exit.BAD_INPUT,
            "a date up to --to",
        ),
        (("tax-withheld", "2026-12-31", "2026-01-01"), Exit.BAD_INPUT, "a date up to TO"),
        (("tax-withheld", "2026", "2026-01-01"), Exit.BAD_INPUT, "YYYY-MM-DD"),
        (("holidays", "load", "none.csv", "--actor", "a"), Exit.BAD_INPUT, "a file that exists"),
    ],
)
def test_what_is_asked_wrongly_is_refused_by_name(
    lived: None, arguments: tuple[str, ...], code: Exit, words: str
) -> None:
    result = _run(*arguments)
    assert result.exit_code == code, result.output
    assert words in " ".join(result.stderr.split())
