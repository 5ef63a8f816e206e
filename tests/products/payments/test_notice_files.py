"""The file door: every line is judged, bad ones by name, and no file counts twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.errors import InvalidInput
from ledger.posting.values import Status
from products.payments.notice_files import FileReport, load_notices
from products.payments.notice_values import FIELDS, NoticeIn
from tests.products.payments.bank_statements import refused
from tests.products.payments.payments_scene import (
    OPENING,
    DyingCollector,
    KilledError,
    Scene,
    results_of,
)


async def load(
    scene: Scene, path: Path, result: Path | None = None, window: int = 500
) -> FileReport:
    return await load_notices(
        scene.pool,
        scene.collector,
        scene.book,
        path,
        received_by="facility:file-door",
        result=result,
        window=window,
    )


def text_of(scene: Scene, **fields: object) -> str:
    body = json.loads(scene.notice_in("deposit", "SAV-0001", 1000).model_dump_json())
    body |= fields
    return json.dumps({name: value for name, value in body.items() if value is not None})


async def test_good_lines_are_received_in_their_order_and_counted(scene: Scene) -> None:
    bodies = [scene.notice_in("deposit", "SAV-0001", 100 + n) for n in range(3)]
    bodies.append(scene.notice_in("withdrawal", "SAV-0002", 700))
    result = scene.folder / "result.jsonl"
    report = await load(scene, scene.notices_file(*bodies), result)
    assert report == FileReport(lines=4, accepted=4)
    entries = results_of(result)
    assert [entry["id"] for entry in entries] == [str(body.id) for body in bodies]
    assert [entry["outcome"] for entry in entries] == ["accepted"] * 4
    seqs = [int(str(entry["recorded_seq"])) for entry in entries]
    assert seqs == sorted(seqs)
    assert [await scene.status(body) for body in bodies] == ["received"] * 3 + ["held"]


@pytest.mark.parametrize(
    ("fields", "field", "expected"),
    [
        ({"amount": "1e3"}, "amount", "exactly two places"),
        ({"amount": "1_000.50"}, "amount", "exactly two places"),
        ({"amount": "๑๒"}, "amount", "ASCII digits"),
        ({"amount": "๑๒.๐๐"}, "amount", "ASCII digits"),
        ({"amount": "NaN"}, "amount", "exactly two places"),
        ({"amount": "-0.00"}, "amount", "more than zero"),
        ({"amount": "0.00"}, "amount", "more than zero"),
        ({"amount": "0.001"}, "amount", "exactly two places"),
        ({"amount": "10000000000000.00"}, "amount", "exactly two places"),
        ({"amount": 1234}, "amount", "a string like"),
        ({"amount": " 12.00"}, "amount", "a string like"),
        ({"amount": "12.00\n"}, "amount", "a string like"),
        ({"value_date": "2569-06-01"}, "value_date", "did you mean 2026-06-01?"),
        ({"value_date": "2026-02-30"}, "value_date", "There is no such day."),
        ({"value_date": 20260601}, "value_date", "YYYY-MM-DD"),
        ({"kind": "transfer"}, "kind", '"deposit" or "withdrawal"'),
        ({"id": "7"}, "id", "a UUID"),
        ({"reference": "lower"}, "reference", "A-Z and 0-9"),
        ({"reference": "A" * 36}, "reference", "1 to 35"),
        ({"made_by": "a b"}, "made_by", "1 to 64 characters"),
        ({"made_by": None}, "made_by", "coop-0001:maker"),
        ({"urgent": "yes"}, "urgent", "only the fields id, kind"),
    ],
)
async def test_a_bad_field_is_named_with_its_line_and_the_rest_is_judged(
    scene: Scene, fields: dict[str, object], field: str, expected: str
) -> None:
    good = scene.notice_in("deposit", "SAV-0001", 1000)
    result = scene.folder / "result.jsonl"
    path = scene.notices_file(text_of(scene, **fields), good)
    report = await load(scene, path, result)
    assert report == FileReport(lines=2, accepted=1, refused={"invalid_input": 1})
    problems = results_of(result)[0]["problems"]
    assert isinstance(problems, list)
    assert [problem["where"] for problem in problems] == [f"line 1, field {field}"]
    assert expected in f"{problems[0]['expected']} {problems[0]['fix']}"
    assert await scene.status(good) == "received"


@pytest.mark.parametrize(
    "text", ['{"id": "019e', "[]", "null", "garbage", '"text"', "{}", '{"a": "' + "x" * 20_000]
)
async def test_a_line_that_is_no_notice_at_all_is_named_and_the_rest_is_judged(
    scene: Scene, text: str
) -> None:
    good = scene.notice_in("deposit", "SAV-0001", 1000)
    result = scene.folder / "result.jsonl"
    report = await load(scene, scene.notices_file("", text, "", good), result)
    assert report == FileReport(lines=2, accepted=1, refused={"invalid_input": 1})
    entries = results_of(result)
    assert [entry["line"] for entry in entries] == [2, 4]
    assert str(entries[0]["problems"]).count("line 2") >= 1


async def test_all_problems_of_a_line_are_listed_not_the_first_alone(scene: Scene) -> None:
    result = scene.folder / "result.jsonl"
    await load(scene, scene.notices_file(text_of(scene, amount="1e3", bank="?", id="x")), result)
    problems = results_of(result)[0]["problems"]
    assert isinstance(problems, list)
    assert [problem["where"].split()[-1] for problem in problems] == ["id", "amount", "bank"]


async def test_a_file_with_broken_utf8_or_a_mark_at_its_start_is_read_line_by_line(
    scene: Scene,
) -> None:
    good = scene.notice_in("deposit", "SAV-0001", 1000)
    path = scene.folder / "notices.jsonl"
    line = good.model_dump_json().encode()
    path.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n" + line[:40] + b"\xff\xfe" + line[40:])
    report = await load(scene, path)
    assert report == FileReport(lines=2, accepted=1, refused={"invalid_input": 1})


async def test_refusals_are_counted_by_their_code_and_harm_nobody_else(scene: Scene) -> None:
    bodies = [
        scene.notice_in("withdrawal", "SAV-0001", OPENING - 100),
        scene.notice_in("withdrawal", "SAV-0001", 101),
        scene.notice_in("withdrawal", "SAV-0001", 100),
        scene.notice_in("deposit", "SAV-9999", 100),
        scene.notice_in("deposit", "SAV-0001", 100, bank="XYZ"),
        scene.notice_in("deposit", "SAV-0002", 100),
    ]
    result = scene.folder / "result.jsonl"
    report = await load(scene, scene.notices_file(*bodies), result)
    codes = {"below_balance_min": 1, "unknown_account": 1, "unknown_bank": 1}
    assert report == FileReport(lines=6, accepted=3, refused=codes)
    outcomes = [str(entry.get("code", entry["outcome"])) for entry in results_of(result)]
    assert outcomes == [
        "accepted",
        "below_balance_min",
        "accepted",
        "unknown_account",
        "unknown_bank",
        "accepted",
    ]


async def test_two_lines_with_one_id_mean_what_they_would_mean_one_after_the_other(
    scene: Scene,
) -> None:
    body = scene.notice_in("deposit", "SAV-0001", 1000)
    held = scene.notice_in("withdrawal", "SAV-0001", 1000)
    unknown = scene.notice_in("deposit", "SAV-9999", 1000)
    poor = scene.notice_in("withdrawal", "SAV-0002", OPENING + 1)
    lines = [
        body,
        body,
        body.model_copy(update={"amount": "11.00"}),
        held,
        held.model_copy(update={"bank": "BBL"}),
        held,
        unknown,
        unknown.model_copy(update={"account": "SAV-0001"}),
        poor,
        poor,
    ]
    result = scene.folder / "result.jsonl"
    report = await load(scene, scene.notices_file(*lines), result)
    outcomes = [str(entry.get("code", entry["outcome"])) for entry in results_of(result)]
    assert outcomes == [
        "accepted",
        "replayed",
        "id_conflict",
        "accepted",
        "id_conflict",
        "replayed",
        "unknown_account",
        "accepted",
        "below_balance_min",
        "below_balance_min",
    ]
    assert (report.accepted, report.replayed) == (3, 2)


async def test_the_same_file_again_is_a_no_op_that_says_so(scene: Scene) -> None:
    lines: list[NoticeIn | str] = [scene.notice_in("deposit", "SAV-0001", 1000), "garbage"]
    path = scene.notices_file(*lines)
    first = await load(scene, path)
    again = await load(scene, scene.notices_file(*lines, name="renamed.jsonl"))
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.lines, again.accepted, again.refused) == (2, 1, {"invalid_input": 1})
    more = scene.notices_file(*lines, scene.notice_in("deposit", "SAV-0001", 7))
    third = await load(scene, more)
    assert (third.repeated, third.accepted, third.replayed) == (False, 1, 1)


@pytest.mark.parametrize("units", [0, 2, 5])
async def test_a_killed_load_is_taken_up_with_the_same_file_and_loses_nothing(
    scene: Scene, units: int
) -> None:
    bodies = [scene.notice_in("withdrawal", "SAV-0001", 10) for _ in range(4)]
    bodies += [scene.notice_in("deposit", "SAV-0001", 10) for _ in range(4)]
    path = scene.notices_file(*bodies)
    result = scene.folder / "result.jsonl"
    alive = scene.collector
    async with DyingCollector(scene.pool, units) as dying:
        scene.collector = dying
        with pytest.raises(KilledError):
            await load(scene, path, result, window=3)
    assert not result.exists()
    scene.collector = alive
    report = await load(scene, path, result, window=3)
    assert not report.repeated
    assert report.accepted + report.replayed == 8
    assert report.replayed <= units
    assert len(results_of(result)) == 8
    assert [await scene.status(body) for body in bodies] == ["held"] * 4 + ["received"] * 4


async def test_a_late_notice_in_a_file_finds_its_line_in_suspense(scene: Scene) -> None:
    await scene.load(scene.line(5000, "LATE1"), scene.line(10))
    body = scene.notice_in("deposit", "SAV-0001", 5000, reference="LATE1")
    report = await load(scene, scene.notices_file(body))
    assert (report.accepted, report.matched_again) == (1, 1)
    assert await scene.status(body) == "posted"


async def test_csv_with_the_same_columns_in_any_order_is_read_alike(scene: Scene) -> None:
    bodies = [scene.notice_in("deposit", "SAV-0001", 100 + n) for n in range(2)]
    path = scene.folder / "notices.CSV"
    columns = list(reversed(FIELDS))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(json.loads(body.model_dump_json()) for body in bodies)
        stream.write("too,few\r\n")
        writer.writerow(json.loads(text_of(scene, amount="1e3", id="x", kind="?")))
        stream.write('"open quote,1,2,3\r\n')
    result = scene.folder / "result.jsonl"
    report = await load(scene, path, result)
    assert report == FileReport(lines=5, accepted=2, refused={"invalid_input": 3})
    entries = results_of(result)
    assert [entry["line"] for entry in entries] == [2, 3, 4, 5, 6]
    assert "2 fields" in str(entries[2]["problems"])
    places = [problem["where"] for problem in entries[3]["problems"]]  # type: ignore[attr-defined]  # a list, as JSON gave it
    assert places == ["line 5, field id", "line 5, field kind", "line 5, field amount"]


async def test_a_csv_with_another_header_is_refused_whole(scene: Scene) -> None:
    path = scene.folder / "notices.csv"
    path.write_text("id,kind,amount\n", encoding="utf-8")
    with refused("line 1, header", "the columns id,kind,account"):
        await load(scene, path)


async def test_a_file_of_200_megabytes_is_refused_before_it_is_read(scene: Scene) -> None:
    path = scene.folder / "huge.jsonl"
    with path.open("wb") as stream:
        stream.truncate(200 * 1000 * 1000)
    with pytest.raises(InvalidInput, match="at most 50 MiB"):
        await load(scene, path)


async def test_an_empty_file_is_a_file_with_nothing_in_it(scene: Scene) -> None:
    path = scene.folder / "empty.jsonl"
    path.write_bytes(b"")
    assert await load(scene, path) == FileReport()
    assert (await load(scene, path)).repeated


async def test_progress_is_told_in_bytes_of_the_lines_read(scene: Scene) -> None:
    bodies = [scene.notice_in("deposit", "SAV-0001", 100) for _ in range(3)]
    told: list[int] = []
    await load_notices(
        scene.pool,
        scene.collector,
        scene.book,
        scene.notices_file(*bodies),
        received_by="facility:file-door",
        progress=told.append,
    )
    assert sum(told) == sum(len(body.model_dump_json()) for body in bodies)


async def test_a_withdrawal_refused_through_a_file_stays_refused_through_the_door(
    scene: Scene,
) -> None:
    body = scene.notice_in("withdrawal", "SAV-0001", OPENING + 1, id=uuid4())
    await load(scene, scene.notices_file(body))
    received = await scene.receive(body)
    assert (received.status, received.code) == (Status.REFUSED, "below_balance_min")
