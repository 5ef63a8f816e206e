"""The committed seeds are whole, plausible, small, and still what their maker writes."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

from examples import make_seed, seeds
from examples.names import PROVINCES
from ledger.dates import parse_date
from products.schedules.due_dates import add_months
from tests.examples.test_generate import tree

CODES_THE_SERVICE_POSTS_TO = {
    "111100": "Cash at bank – Krungthai",
    "111200": "Cash at bank – Bangkok Bank",
    "111300": "Cash at bank – Kasikornbank",
    "119100": "Suspense payments (unexplained bank debits)",
    "211100": "Savings deposits of member co-ops",
    "211200": "Special savings deposits of member co-ops",
    "211300": "Fixed deposits of member co-ops",
    "241100": "Accrued interest payable – savings",
    "241200": "Accrued interest payable – fixed deposits",
    "251100": "Withholding tax payable",
    "261100": "Payment clearing – outgoing",
    "271100": "Suspense receipts (unmatched bank credits)",
    "311100": "Share capital",
    "321100": "Reserve",
    "341100": "Retained profit / opening balances",
    "431100": "Fee income",
    "511100": "Interest expense on savings deposits",
    "511200": "Interest expense on fixed deposits",
    "541100": "Bank fees",
}


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a seed file."""
    with (seeds.SEED / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_chart_has_every_code_that_the_service_posts_to() -> None:
    names = {row["gl_code"]: row["name_en"] for row in rows("chart.csv")}
    assert {code: names[code] for code in CODES_THE_SERVICE_POSTS_TO} == CODES_THE_SERVICE_POSTS_TO


def test_chart_codes_are_unique_have_six_digits_and_begin_with_their_class() -> None:
    chart = rows("chart.csv")
    assert len({row["gl_code"] for row in chart}) == len(chart)
    for row in chart:
        assert len(row["gl_code"]) == 6
        assert row["gl_code"].isdecimal()
        assert row["class"] == row["gl_code"][0]
        assert row["class"] in "123459"
        assert row["name_th"]
        assert row["name_en"]


def test_the_savings_rate_changes_once_in_the_month_and_longer_tenors_pay_more() -> None:
    rates = rows("rates.csv")
    found = {(row["product_code"], row["effective_from"]): row for row in rates}
    assert {key: row["annual_rate_percent"] for key, row in found.items()} == {
        ("SAVINGS", "2024-01-01"): "1.0000",
        ("SAVINGS", "2026-01-01"): "1.2500",
        ("SAVINGS", "2026-06-16"): "1.3750",
        ("FIX_3M", "2026-01-01"): "1.7500",
        ("FIX_6M", "2026-01-01"): "2.0000",
        ("FIX_12M", "2026-01-01"): "2.2500",
        ("FIX_24M", "2026-01-01"): "2.5000",
    }


def test_every_rate_was_announced_by_one_person_and_approved_by_another() -> None:
    rates = rows("rates.csv")
    for row in rates:
        parse_date(row["effective_from"])
        assert Decimal(row["annual_rate_percent"]) > 0
        assert row["announced_by"] != row["approved_by"]


def test_there_are_1100_members_with_unique_names_from_all_77_provinces() -> None:
    members = seeds.members()
    assert [m.member_code for m in members] == [f"{n:04d}" for n in range(1, 1101)]
    assert len({m.name_th for m in members}) == len({m.name_en for m in members}) == 1100
    provinces = [en for found in PROVINCES.values() for _, en in found]
    assert len(set(provinces)) == 77
    for province in provinces:
        assert any(m.name_en.startswith(f"{province} ") for m in members)


def test_a_member_is_closed_exactly_when_its_account_is_and_then_holds_nothing() -> None:
    openings = {o.member_code: o for o in seeds.openings()}
    left = [m for m in seeds.members() if m.status == "closed"]
    assert [m.member_code for m in left] == ["1096", "1097", "1098", "1099", "1100"]
    for member in seeds.members():
        account = openings[member.member_code]
        assert account.closed == (member.closed_on is not None) == (member in left)
        assert (account.opening_satang == 0) == account.closed
        assert member.closed_on is None or member.joined_on < member.closed_on < seeds.MONTH_FIRST


def test_deposits_are_40_to_60_billion_baht_and_less_than_the_money_at_the_banks() -> None:
    satang = [o.opening_satang for o in seeds.openings() if not o.closed]
    assert min(satang) >= 500_000_00
    assert max(satang) <= 900_000_000_00
    assert 40_000_000_000_00 <= sum(satang) <= 60_000_000_000_00
    assert sum(satang) < sum(bank.opening_satang for bank in seeds.banks())


def test_placements_are_of_open_members_run_on_1_june_and_leave_enough_in_savings() -> None:
    months = {"FIX_3M": 3, "FIX_6M": 6, "FIX_12M": 12, "FIX_24M": 24}
    openings = {o.account_no: o for o in seeds.openings()}
    placed = seeds.placements()
    assert [each.contract_no for each in placed] == [f"FIX-{n:04d}" for n in range(1, 241)]
    for each in placed:
        opening = openings[each.linked_no]
        assert not opening.closed
        assert 0 < each.principal_satang <= opening.opening_satang // 4
        assert each.begins_on < seeds.MONTH_FIRST
        assert each.begins_on.weekday() < 5
        assert add_months(each.begins_on, months[each.product_code]) >= seeds.MONTH_FIRST
    ends = [add_months(each.begins_on, months[each.product_code]) for each in placed]
    assert sum(day <= seeds.MONTH_LAST for day in ends) >= 40
    assert {each.instruction for each in placed} == {"pay_out", "roll_principal", "roll_all"}
    assert {each.product_code for each in placed} == set(months)


def test_each_bank_has_its_own_gl_account_in_the_chart() -> None:
    gl_codes = {bank.bank_code: bank.gl_code for bank in seeds.banks()}
    assert gl_codes == {"KTB": "111100", "BBL": "111200", "KBANK": "111300"}
    assert [bank.bank_no for bank in seeds.banks()] == ["006", "002", "004"]
    assert len({bank.account_no for bank in seeds.banks()}) == 3


def test_the_bank_holidays_of_the_month_are_weekdays() -> None:
    assert set(seeds.bank_holidays()) == {date(2026, 6, 1), date(2026, 6, 3)}
    assert all(day.weekday() < 5 for day in seeds.bank_holidays())


def test_the_drawn_seeds_in_git_are_what_their_maker_writes(tmp_path: Path) -> None:
    made = {
        "members.csv": make_seed.members_csv(),
        "opening.csv": make_seed.opening_csv(),
        "placements.csv": make_seed.placements_csv(),
    }
    for name, text in made.items():
        assert (seeds.SEED / name).read_bytes() == text.encode()
    make_seed.sample_day(tmp_path)
    assert tree(seeds.SEED / "sample_day") == tree(tmp_path)


def test_the_seeds_are_small_enough_for_git() -> None:
    files = [path for path in seeds.SEED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 400_000
