"""The generated month keeps what `examples/README.md` promises about its files."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from examples import seeds
from examples.generate import GeneratedMonth, generate, main
from examples.mistakes import Malformed, Mistake
from ledger.dates import parse_date
from ledger.errors import InvalidInput
from ledger.money import parse_baht
from products.payments.bank_statement import BankStatement, LineKind, check
from products.payments.iso20022 import camt053

FIELDS = ("id", "kind", "account", "amount", "bank", "value_date", "reference", "made_by")
Notice = dict[str, str]


def tree(folder: Path) -> str:
    """A digest of every file below a folder: its name and its bytes."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def readable(line: str) -> Notice | None:
    """The notice on a line as a strict reader takes it, or None."""
    try:
        fields = json.loads(line)
        if tuple(fields) != FIELDS:
            return None
        parse_baht(fields["amount"])
        parse_date(fields["value_date"])
    except (json.JSONDecodeError, InvalidInput):
        return None
    return {name: str(fields[name]) for name in FIELDS}


def lines_of(month: GeneratedMonth) -> list[tuple[date, str]]:
    """Every line of every notices file with the day of its file."""
    return [
        (date.fromisoformat(path.stem), line)
        for path in month.notice_files
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def notices_of(month: GeneratedMonth) -> list[tuple[date, Notice]]:
    """Every readable notice with the day of its file."""
    read = ((on, readable(line)) for on, line in lines_of(month))
    return [(on, notice) for on, notice in read if notice is not None]


def statement(path: Path) -> BankStatement:
    """The one statement of a file."""
    (only,) = camt053.parse(path.read_bytes())
    return only


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> GeneratedMonth:
    """The whole month at scale 1."""
    return generate(tmp_path_factory.mktemp("month"))


@pytest.fixture(scope="module")
def facts(month: GeneratedMonth) -> dict[str, dict[str, int]]:
    """What the generator says of the whole month."""
    found: dict[str, dict[str, int]] = json.loads(month.expected.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> GeneratedMonth:
    """Four banking days at scale 1, where every bank line is read."""
    return generate(tmp_path_factory.mktemp("week"), days=4)


@pytest.fixture(scope="module")
def statements(week: GeneratedMonth) -> list[BankStatement]:
    """The statements of those four days in the order of the days, read back from their files."""
    return [statement(path) for path in week.statement_files]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one", days=2)
    generate(tmp_path / "two", days=2)
    generate(tmp_path / "other", days=2, seed=2570)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert tree(tmp_path / "one") != tree(tmp_path / "other")


def test_files_of_an_earlier_run_do_not_mix_with_the_new_ones(tmp_path: Path) -> None:
    generate(tmp_path / "again", days=3)
    generate(tmp_path / "again", days=1)
    generate(tmp_path / "fresh", days=1)
    assert tree(tmp_path / "again") == tree(tmp_path / "fresh")


def test_the_month_has_more_than_twenty_thousand_notices_on_twenty_banking_days(
    month: GeneratedMonth, facts: dict[str, int]
) -> None:
    assert len(month.days) == 20
    assert len(month.notice_files) == 20
    assert len(month.statement_files) == 60
    assert month.notice_lines == len(lines_of(month)) == facts["notice_lines"]
    assert month.notice_lines >= 20_000


def test_twice_the_scale_is_about_twice_the_notices(tmp_path: Path) -> None:
    single = generate(tmp_path / "single", days=1).notice_lines
    double = generate(tmp_path / "double", days=1, scale=2).notice_lines
    assert 1.9 * single < double < 2.1 * single


def test_no_file_is_of_a_weekend_or_a_bank_holiday(month: GeneratedMonth) -> None:
    assert date(2026, 6, 1) not in month.days
    assert date(2026, 6, 3) not in month.days
    assert all(day.weekday() < 5 for day in month.days)


def test_progress_is_told_after_each_day(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    generate(tmp_path, days=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_every_mistake_is_planted_often_enough_to_be_seen(
    month: GeneratedMonth, facts: dict[str, dict[str, int]]
) -> None:
    planted = facts["mistakes"]
    assert set(planted) == {mistake.value for mistake in Mistake}
    for name, count in planted.items():
        assert 0.003 * month.notice_lines < count < 0.01 * month.notice_lines, name
    assert set(facts["malformed"]) == {how.value for how in Malformed}
    assert set(facts["malformed"].values()) == {5}


def test_exactly_the_spoiled_lines_cannot_be_read(
    month: GeneratedMonth, facts: dict[str, int]
) -> None:
    unread = len(lines_of(month)) - len(notices_of(month))
    assert unread == facts["malformed_lines"] == 60


def test_a_reference_and_an_id_come_twice_only_where_that_was_planted(
    month: GeneratedMonth, facts: dict[str, dict[str, int]]
) -> None:
    planted = facts["mistakes"]["duplicate_line"] + facts["mistakes"]["id_conflict"]
    notices = [notice for _, notice in notices_of(month)]
    for field in ("reference", "id"):
        seen = Counter(notice[field] for notice in notices)
        assert set(seen.values()) == {1, 2}
        assert sum(1 for times in seen.values() if times == 2) == planted
    assert all(notice["reference"].isalnum() for notice in notices)
    assert all(notice["reference"].isascii() for notice in notices)
    assert all(len(notice["reference"]) <= 35 for notice in notices)


def test_a_duplicate_is_the_same_line_and_a_conflict_differs_in_the_amount_alone(
    month: GeneratedMonth, facts: dict[str, dict[str, int]]
) -> None:
    lines = Counter(line for _, line in lines_of(month))
    twice = sum(1 for times in lines.values() if times == 2)
    assert twice == facts["mistakes"]["duplicate_line"]
    first: dict[str, Notice] = {}
    conflicts = 0
    for _, notice in notices_of(month):
        earlier = first.setdefault(notice["id"], notice)
        differing = {field for field in FIELDS if earlier[field] != notice[field]}
        assert differing <= {"amount"}
        conflicts += bool(differing)
    assert conflicts == facts["mistakes"]["id_conflict"]


def test_ids_are_uuids_that_sort_by_the_time_of_their_notice(week: GeneratedMonth) -> None:
    notices = notices_of(week)
    ids = [UUID(notice["id"]) for _, notice in notices]
    assert {(found.version, found.variant) for found in ids} == {
        (7, "specified in RFC 4122"),
    }
    by_id = sorted(notices, key=lambda entry: entry[1]["id"])
    assert [on for on, _ in by_id] == sorted(on for on, _ in notices)


def test_all_ordinary_withdrawals_of_an_account_leave_three_quarters_of_its_opening_balance(
    month: GeneratedMonth, facts: dict[str, dict[str, int]]
) -> None:
    opening = {o.account_no: o.opening_satang for o in seeds.openings() if not o.closed}
    asked: Counter[str] = Counter()
    oversized = 0
    for _, notice in notices_of(month):
        satang = parse_baht(notice["amount"])
        if notice["kind"] != "withdrawal" or notice["account"] not in opening:
            continue
        if satang == 10 * opening[notice["account"]]:
            oversized += 1
        else:
            asked[notice["account"]] += satang
    assert oversized == facts["mistakes"]["insufficient_funds"]
    assert all(4 * asked[account] <= opening[account] for account in asked)


def test_even_with_all_deposits_of_the_month_ten_times_the_balance_is_not_there(
    month: GeneratedMonth,
) -> None:
    received: Counter[str] = Counter()
    for _, notice in notices_of(month):
        if notice["kind"] == "deposit":
            received[notice["account"]] += parse_baht(notice["amount"])
    for account in seeds.openings():
        if not account.closed:
            assert received[account.account_no] < 9 * account.opening_satang


def test_closed_and_unknown_accounts_are_as_many_as_planted(
    month: GeneratedMonth, facts: dict[str, dict[str, int]]
) -> None:
    known = {o.account_no: o.closed for o in seeds.openings()}
    told = Counter(known.get(notice["account"]) for _, notice in notices_of(month))
    assert told[True] == facts["mistakes"]["closed_account"]
    assert told[None] == facts["mistakes"]["unknown_account"]


def test_a_value_date_before_the_day_of_its_file_is_a_late_or_a_back_dated_notice(
    month: GeneratedMonth, facts: dict[str, dict[str, int]]
) -> None:
    days = [(on, parse_date(notice["value_date"])) for on, notice in notices_of(month)]
    earlier = sum(1 for on, value_date in days if value_date < on)
    planted = facts["mistakes"]["late_notice"] + facts["mistakes"]["back_dated"]
    assert earlier == planted
    assert all(seeds.MONTH_FIRST <= value_date <= on for on, value_date in days)


def test_every_statement_reads_back_and_adds_up(
    statements: list[BankStatement], week: GeneratedMonth
) -> None:
    for read in statements:
        check(read)
    assert sum(len(read.lines) for read in statements) == week.bank_lines


def test_statements_of_a_bank_follow_each_other_without_a_gap(
    statements: list[BankStatement], week: GeneratedMonth
) -> None:
    for bank in seeds.banks():
        balance, number = bank.opening_satang, bank.last_sequence_no
        own = [read for read in statements if read.account_no == bank.account_no]
        assert [read.booking_date_to for read in own] == list(week.days)
        for read in own:
            assert read.opening_satang == balance
            assert read.sequence_no == number + 1
            balance, number = read.closing_satang, read.sequence_no


def test_bank_lines_are_as_many_of_each_kind_as_the_facts_say(
    statements: list[BankStatement], week: GeneratedMonth
) -> None:
    facts = json.loads(week.expected.read_text(encoding="utf-8"))
    kinds = Counter(line.kind for read in statements for line in read.lines)
    told = facts["bank_lines_by_kind"]
    assert kinds == {
        LineKind.CREDIT_TRANSFER: told["transfer_in"],
        LineKind.DEBIT_TRANSFER: told["transfer_out"],
        LineKind.RETURN: facts["mistakes"]["returned_payment"],
        LineKind.FEE: 3 * len(week.days),
    }


def test_an_accepted_withdrawal_is_paid_once_or_still_in_transit(
    statements: list[BankStatement], week: GeneratedMonth
) -> None:
    facts = json.loads(week.expected.read_text(encoding="utf-8"))
    opening = {o.account_no: o.opening_satang for o in seeds.openings() if not o.closed}
    accepted = {
        (notice["reference"], parse_baht(notice["amount"]))
        for _, notice in notices_of(week)
        if notice["kind"] == "withdrawal"
        and parse_baht(notice["amount"]) < opening.get(notice["account"], 0)
    }
    paid = [
        (line.reference, line.amount_satang)
        for read in statements
        for line in read.lines
        if line.kind is LineKind.DEBIT_TRANSFER
    ]
    assert len(paid) == len(set(paid))
    assert set(paid) <= accepted
    assert len(accepted) - len(paid) == facts["withdrawals_in_transit_at_end"]


def test_a_returned_payment_names_a_payment_of_an_earlier_day(
    statements: list[BankStatement],
) -> None:
    paid: dict[str, tuple[date, int]] = {}
    returned = 0
    for read in statements:
        for line in read.lines:
            if line.kind is LineKind.DEBIT_TRANSFER:
                paid[line.reference] = (line.booking_date, line.amount_satang)
    for line in (line for read in statements for line in read.lines):
        if line.kind is LineKind.RETURN:
            on, satang = paid[line.original_reference]
            assert on < line.booking_date
            assert satang == line.amount_satang
            assert line.is_credit
            returned += 1
    assert returned > 0


def test_credits_that_fit_no_notice_are_exactly_the_planted_ones(
    statements: list[BankStatement], week: GeneratedMonth
) -> None:
    planted = json.loads(week.expected.read_text(encoding="utf-8"))["mistakes"]
    announced = {
        (notice["reference"], parse_baht(notice["amount"]), notice["value_date"])
        for _, notice in notices_of(week)
        if notice["kind"] == "deposit"
    }
    unfit = 0
    for line in (line for read in statements for line in read.lines):
        key = (line.reference, line.amount_satang, line.value_date.isoformat())
        unfit += line.kind is LineKind.CREDIT_TRANSFER and key not in announced
    assert unfit == (
        planted["wrong_reference"]
        + planted["missing_reference"]
        + planted["amount_differs"]
        + planted["combined_line"]
        + planted["unannounced_credit"]
        + 2 * planted["ambiguous_pair"]
    )


def test_a_combined_line_is_the_sum_of_the_notices_it_lists(
    statements: list[BankStatement], week: GeneratedMonth
) -> None:
    planted = json.loads(week.expected.read_text(encoding="utf-8"))["mistakes"]
    amounts = {n["reference"]: parse_baht(n["amount"]) for _, n in notices_of(week)}
    accounts = {n["reference"]: n["account"] for _, n in notices_of(week)}
    lines = [line for read in statements for line in read.lines if " + " in line.remittance]
    assert len(lines) == planted["combined_line"]
    for line in lines:
        references = line.remittance.split(" + ")
        assert sum(amounts[reference] for reference in references) == line.amount_satang
        assert len({accounts[reference] for reference in references}) == 1


def test_the_command_writes_the_month_and_says_how_much(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path), "--days", "1"]) == 0
    written = len((tmp_path / "notices" / "2026-06-02.jsonl").read_text("utf-8").splitlines())
    assert f"{written:,} notices in 1 files" in capsys.readouterr().out


def test_the_command_refuses_a_scale_that_is_no_whole_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--out", str(tmp_path), "--scale", "0"])
    assert refused.value.code == 2
    assert "expected a whole number of at least 1" in capsys.readouterr().err


def test_no_month_is_written_for_a_scale_or_a_number_of_days_below_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="scale: got 0"):
        generate(tmp_path / "never", scale=0)
    with pytest.raises(InvalidInput, match="days: got 0"):
        generate(tmp_path / "never", days=0)
    assert not (tmp_path / "never").exists()
