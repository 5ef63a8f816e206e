"""Lines of files: what is taken, what is malformed, and that every format says the same."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Protocol
from uuid import UUID

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from ledger.loading import csv_lines, jsonl_lines, spans
from ledger.loading.chunks import Chunk
from ledger.loading.fields import FIELDS, Flaw, read_cells
from ledger.loading.parquet_lines import ParquetRows
from ledger.loading.pieces import Cutter
from ledger.loading.sources import Format, Start, TextFile, format_of
from ledger.loading.spans import Numbers
from ledger.posting.lines import NO_DATE, days_of
from tests.ledger.loading.drawn import NUMBERS, ROWS, as_csv, as_jsonl

ID = "0198c5a2-0000-7000-8000-000000000001"
GOOD: Mapping[str, str] = {
    "id": ID,
    "debit": "SAV-0001",
    "credit": "SAV-0002",
    "amount": "1234.50",
    "kind": "",
    "value_date": "2026-06-01",
    "reference": "PAY-1",
    "narrative": "เงินเดือน",
}
Told = tuple[object, ...]


class Reader(Protocol):
    """What gives chunks."""

    def next(self, numbers: Numbers) -> Chunk | None:
        """The next chunk."""
        ...


def told(chunk: Chunk) -> list[Told]:
    """Every line of a chunk in order: its values, or what is wrong with it."""
    chunk = chunk.known_by(NUMBERS)
    found: dict[int, Told] = {
        place: (flaw.field, flaw.got, flaw.expected, flaw.journal_id)
        for place, flaw in chunk.flaws.items()
    }
    for at, place in enumerate(chunk.places.tolist()):
        journal = chunk.lines.journal(at)
        (transfer,) = journal.transfers
        found[place] = (
            journal.journal_id,
            transfer.debit,
            transfer.credit,
            transfer.amount_satang,
            journal.kind,
            journal.value_date,
            journal.reference,
            journal.narrative,
        )
    assert sorted(found) == list(range(len(chunk)))
    return [found[place] for place in range(len(chunk))]


def exactly(rows: Sequence[Mapping[str, str]]) -> list[Told]:
    """What the exact reader alone says of rows."""
    answers: list[Told] = []
    for row in rows:
        reading = read_cells(row)
        if isinstance(reading, Flaw):
            answers.append((reading.field, reading.got, reading.expected, reading.journal_id))
            continue
        unknown = next((n for n in ("debit", "credit") if row[n].encode() not in NUMBERS), None)
        if unknown:
            expected = "the code of an account of this book"
            answers.append((unknown, row[unknown], expected, str(reading.journal_id)))
            continue
        days = reading.value_date
        day = None if days == NO_DATE else date.fromordinal(days + date(1970, 1, 1).toordinal())
        answers.append(
            (
                reading.journal_id,
                NUMBERS[reading.debit.encode()],
                NUMBERS[reading.credit.encode()],
                reading.amount_satang,
                reading.kind,
                day,
                reading.reference,
                reading.narrative,
            )
        )
    return answers


def of_csv(data: bytes, numbers: Numbers = NUMBERS) -> list[Told]:
    first, _, rest = data.partition(b"\n")
    names = csv_lines.header_of(first.removesuffix(b"\r"))
    return told(csv_lines.parse(rest, names, numbers, len(first) + 1))


def of_jsonl(data: bytes, numbers: Numbers = NUMBERS) -> list[Told]:
    return told(jsonl_lines.parse(data, numbers, 0))


def of_parquet(path: Path, rows_at_once: int = 65_536) -> list[Told]:
    with closing(ParquetRows(path, 0, rows_at_once)) as rows:
        return told_by(rows)[0]


def told_by(source: Reader) -> tuple[list[Told], list[int]]:
    """Every line that a source gives, and how many bytes are done after each."""
    found: list[Told] = []
    ends: list[int] = []
    while (chunk := source.next(NUMBERS)) is not None:
        found += told(chunk)
        ends += chunk.ends.tolist()
    return found, ends


def flaw(told_of_it: Told) -> tuple[object, object]:
    """Field and what stood there."""
    return told_of_it[0], told_of_it[1]


@given(st.lists(ROWS, min_size=1, max_size=12), st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
def test_any_mix_of_lines_is_read_as_the_exact_reader_reads_each(
    rows: list[dict[str, str]], quoting: int
) -> None:
    answers = exactly(rows)
    # A reader that has learnt no account yet says the same once it has asked.
    for numbers in (NUMBERS, Numbers()):
        assert of_csv(as_csv(rows, quoting=quoting), numbers) == answers
        assert of_jsonl(as_jsonl(rows), numbers) == answers
    assert of_jsonl(as_jsonl(rows, ascii_only=True)) == answers


def test_every_account_of_a_large_book_is_found_by_its_code_and_by_no_other() -> None:
    codes = [f"{'SAV' * (place % 9)}-{place}" for place in range(5_000)]
    numbers = Numbers({code.encode(): place for place, code in enumerate(codes[:-1], start=1)})
    for known in (4_999, 5_000):
        # The last one is learnt later.
        numbers |= {codes[known - 1].encode(): known}
        asked = [*codes, *(f"{code}x" for code in codes), ""]
        text = "".join(asked).encode()
        ends = np.cumsum([len(code) for code in asked]) + spans.PADDING
        starts = ends - [len(code) for code in asked]
        found, sure = spans.accounts(
            spans.Spans(data=spans.padded(text), starts=starts, ends=ends), numbers
        )
        wanted = [numbers.get(code.encode(), spans.UNKNOWN) for code in asked]
        assert found.tolist() == wanted
        assert sure.tolist() == [number != spans.UNKNOWN for number in wanted]


@given(st.lists(ROWS, min_size=1, max_size=12))
def test_a_parquet_file_says_what_the_same_lines_say_in_csv(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=5)
    assert of_parquet(path, 4) == exactly(rows)


@given(st.lists(ROWS, min_size=1, max_size=30), st.integers(20, 4000), st.booleans())
def test_where_a_file_is_cut_into_pieces_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], size: int, as_json: bool
) -> None:
    data = as_jsonl(rows) if as_json else as_csv(rows)
    path = tmp_path_factory.getbasetemp() / "drawn.txt"
    path.write_bytes(data)
    form = Format.JSONL if as_json else Format.CSV
    whole = of_jsonl(data) if as_json else of_csv(data)
    with closing(TextFile(path, form, Start(), size)) as source:
        found, ends = told_by(source)
    assert found == whole
    assert ends[-1] == len(data)
    assert ends == sorted(ends)
    # Begun again after any line, the rest is read as before.
    done = len(ends) // 2
    start = Start(bytes_done=ends[done], lines_done=done + 1)
    with closing(TextFile(path, form, start, size)) as again:
        assert told_by(again)[0] == whole[done + 1 :]


@given(st.binary(max_size=400))
def test_no_bytes_whatever_stop_the_reading(noise: bytes) -> None:
    data = b"id,debit,credit,amount\n" + noise
    lines = noise.split(b"\n")
    count = len(lines) - (lines[-1] == b"")
    assert len(of_csv(data)) == count
    assert len(of_jsonl(noise)) == count


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("id", "0198c5a2-0000-7000-8000"),
        ("amount", "1,234.50"),
        ("amount", "1e3"),
        ("amount", "๑๒๓.๐๐"),
        ("amount", "-5.00"),
        ("amount", "5.001"),
        ("amount", "10000000000000.00"),
        ("debit", "SAV-9999"),
        ("kind", "interest_accrual"),
        ("value_date", "2569-06-01"),
        ("value_date", "2026-02-30"),
        ("reference", "a\tb"),
        ("narrative", "n" * 141),
    ],
)
def test_a_bad_field_is_named_with_what_stood_there_and_the_next_line_is_taken(
    field: str, written: str
) -> None:
    rows = [dict(GOOD) | {field: written}, dict(GOOD)]
    for answers in (of_csv(as_csv(rows)), of_jsonl(as_jsonl(rows))):
        got = written if len(written) <= 80 else written[:79] + "…"
        assert flaw(answers[0]) == (field, got)
        assert answers[1][0] == UUID(ID)


def test_a_buddhist_year_is_told_as_the_year_that_was_meant() -> None:
    (answer,) = of_csv(as_csv([dict(GOOD) | {"value_date": "2569-06-01"}]))
    assert "did you mean 2026-06-01?" in str(answer[2])


def test_a_date_in_the_future_is_for_the_judge_and_not_malformed() -> None:
    (answer,) = of_csv(as_csv([dict(GOOD) | {"value_date": "2399-12-31"}]))
    assert answer[5] == date(2399, 12, 31)


@pytest.mark.parametrize(
    ("line", "field", "got"),
    [
        (b"", "line", "an empty line"),
        (b"a,b", "line", "2 fields: a,b"),
        (b"a,b,c,d,e", "line", "5 fields: a,b,c,d,e"),
        (b'"a,b,c,d', "line", '"a,b,c,d'),
        (b'"a"x,b,c,d', "line", '"a"x,b,c,d'),
        (b'a"b,c,d,e', "line", 'a"b,c,d,e'),
        (b"\xff,SAV-0001,SAV-0002,1.00", "id", "\\udcff"),
        (b"x" * 9000, "line", "x" * 79 + "…"),
        (b"\x00", "line", "1 fields: \x00"),
    ],
)
def test_a_broken_csv_line_is_one_malformed_line(line: bytes, field: str, got: str) -> None:
    good = f"{ID},SAV-0001,SAV-0002,1.00".encode()
    answers = of_csv(b"id,debit,credit,amount\n" + good + b"\n" + line + b"\n" + good + b"\n")
    assert [answer[0] for answer in answers] == [UUID(ID), field, UUID(ID)]
    assert answers[1][1] == got


@pytest.mark.parametrize(
    ("line", "field", "got"),
    [
        (b"", "line", "an empty line"),
        (b"[1]", "line", "[1]"),
        (b'{"id":', "line", '{"id":'),
        (b'{"id":"a","id":"b"}', "id", "the name twice"),
        (b'{"id":7}', "id", "7"),
        (b'{"debit":"X1"}', "id", "nothing"),
        (b'{"id":"a","colour":"red"}', "colour", "red"),
        (b'{"id":"\xff"}', "line", '{"id":"\\udcff"}'),
        (b'{"id":"\\ud800"}', "id", "\\ud800"),
        (b"[" * 5000, "line", "[" * 79 + "…"),
        (b'{"id":1e400}', "id", "Infinity"),
    ],
)
def test_a_broken_json_line_is_one_malformed_line(line: bytes, field: str, got: str) -> None:
    good = as_jsonl([dict(GOOD)])
    answers = of_jsonl(good + line + b"\n" + good)
    assert [answer[0] for answer in answers] == [UUID(ID), field, UUID(ID)]
    assert answers[1][1] == got


def test_an_amount_as_a_json_number_is_malformed() -> None:
    (answer,) = of_jsonl(json.dumps(dict(GOOD) | {"amount": 1234.5}).encode() + b"\n")
    assert flaw(answer) == ("amount", "1234.5")


def test_windows_line_ends_and_a_byte_order_mark_are_taken(tmp_path: Path) -> None:
    plain = as_csv([dict(GOOD), dict(GOOD)])
    path = tmp_path / "windows.csv"
    path.write_bytes(csv_lines.BOM + plain.replace(b"\n", b"\r\n"))
    with closing(TextFile(path, Format.CSV, Start())) as source:
        assert told_by(source)[0] == of_csv(plain)
    path = tmp_path / "windows.jsonl"
    path.write_bytes(csv_lines.BOM + as_jsonl([dict(GOOD)]).replace(b"\n", b"\r\n"))
    with closing(TextFile(path, Format.JSONL, Start())) as source:
        assert told_by(source)[0] == of_jsonl(as_jsonl([dict(GOOD)]))


def test_a_last_line_without_its_end_may_be_half_a_line_and_is_malformed_in_csv() -> None:
    data = as_csv([dict(GOOD), dict(GOOD)])
    assert of_csv(data[:-1])[1][0] == "line"
    # A JSON object shows by itself that it is whole.
    assert of_jsonl(as_jsonl([dict(GOOD)])[:-1]) == of_jsonl(as_jsonl([dict(GOOD)]))
    assert of_jsonl(as_jsonl([dict(GOOD)])[:-2])[0][0] == "line"


@pytest.mark.parametrize("size", [50, 8192, 20_000, 100_000])
def test_a_line_longer_than_a_piece_is_one_malformed_line_and_never_held_whole(
    tmp_path: Path, size: int
) -> None:
    good = as_csv([dict(GOOD)])
    path = tmp_path / "long.csv"
    path.write_bytes(good + b"x" * 200_000 + b"\n" + good.partition(b"\n")[2])
    with closing(TextFile(path, Format.CSV, Start(), size)) as source:
        found, ends = told_by(source)
    assert [answer[0] for answer in found] == [UUID(ID), "line", UUID(ID)]
    assert "8,192 bytes" in str(found[1][2])
    assert ends[-1] == path.stat().st_size


def test_a_piece_never_holds_more_than_it_may() -> None:
    data = b"".join(bytes([65 + n % 26]) * (n * 37 % 300) + b"\n" for n in range(500))
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        block = data[at : at + count]
        at += len(block)
        return block

    cutter = Cutter(read, 0, 1000)
    pieces = []
    while (piece := cutter.next()) is not None:
        assert len(piece.data) <= 1000
        pieces.append(piece.data)
    assert b"".join(pieces) == data


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("debit,credit,amount", "a column id"),
        ("id,debit,amount", "a column credit"),
        ("id,debit,credit,amount,colour", "column 'colour'"),
        ("id,debit,credit,amount,amount", "column amount twice"),
        ("", "a column id"),
        ("ID,debit,credit,amount", "a column id"),
    ],
)
def test_a_header_that_is_wrong_refuses_the_whole_file_and_names_the_column(
    header: str, said: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        csv_lines.header_of(header.encode())
    assert said in str(caught.value)


def test_a_file_without_ids_is_refused_whole_in_every_format(tmp_path: Path) -> None:
    row = {name: value for name, value in GOOD.items() if name != "id"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "a.csv").write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.csv"):
        with pytest.raises(InvalidInput, match="id: each line needs"):
            TextFile(tmp_path / name, format_of(tmp_path / name), Start())
    with pytest.raises(InvalidInput, match="id: each line needs"):
        ParquetRows(tmp_path / "a.parquet")


def test_an_empty_file_and_an_unknown_ending_are_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    with pytest.raises(InvalidInput, match="an empty file"):
        TextFile(path, Format.CSV, Start())
    with pytest.raises(InvalidInput, match="--format"):
        format_of(tmp_path / "lines.xlsx")
    (tmp_path / "not.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InvalidInput, match="a whole Parquet file"):
        ParquetRows(tmp_path / "not.parquet")


def test_typed_columns_of_parquet_mean_what_their_texts_mean(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([UUID(ID).bytes, None], pa.binary(16)),
            "debit": pa.array(["SAV-0001", "SAV-0001"]).dictionary_encode(),
            "credit": pa.array(["SAV-0002", None], pa.large_string()),
            "amount": pa.array([Decimal("1234.50"), None], pa.decimal128(20, 2)),
            "value_date": pa.array([date(2026, 6, 1), None], pa.date32()),
        }
    )
    path = tmp_path / "typed.parquet"
    pq.write_table(table, path)
    first, second = of_parquet(path)
    assert first[:4] == (UUID(ID), 1, 2, 123450)
    assert first[5] == date(2026, 6, 1)
    assert flaw(second) == ("id", "null")


def test_parquet_columns_of_odd_types_refuse_the_file(tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    pq.write_table(pa.table({"id": ["a"], "debit": ["b"], "credit": ["c"], "amount": [1.5]}), path)
    with pytest.raises(InvalidInput, match="column amount: got double"):
        ParquetRows(path)


def test_parquet_rows_that_are_done_are_not_read_again(tmp_path: Path) -> None:
    rows = [dict(GOOD) | {"reference": f"R{place}"} for place in range(50)]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
    for skipped in (0, 6, 7, 20, 49, 50):
        with closing(ParquetRows(path, skipped, 4)) as source:
            found, _ = told_by(source)
        assert [answer[6] for answer in found] == [f"R{place}" for place in range(skipped, 50)]


def test_columns_may_stand_in_any_order_and_the_optional_ones_be_missing() -> None:
    data = f"amount,credit,id,debit\n1234.50,SAV-0002,{ID},SAV-0001\n".encode()
    (answer,) = of_csv(data)
    assert answer == (UUID(ID), 1, 2, 123450, 2, None, "", "")
    assert days_of(date(1970, 1, 1)) == 0
    assert set(GOOD) == set(FIELDS)
