"""Drawn files: lines that are in order or broken in every way we know, written in any format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from hypothesis import strategies as st

from ledger.loading.fields import FIELDS
from ledger.loading.spans import Numbers

CODES = ("SAV-0001", "SAV-0002", "BANK-1", "X1", "A" * 32)
NUMBERS = Numbers({code.encode(): place for place, code in enumerate(CODES, start=1)})

GOOD_TEXTS = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), max_size=140
).filter(lambda text: "\x7f" not in text)
GOOD: Mapping[str, st.SearchStrategy[str]] = {
    "id": st.builds(
        lambda n, upper: str(UUID(int=n)).upper() if upper else str(UUID(int=n)),
        st.integers(0, 2**128 - 1),
        st.booleans(),
    ),
    "debit": st.sampled_from(CODES),
    "credit": st.sampled_from(CODES),
    "amount": st.integers(1, 10**15 - 1).map(lambda n: f"{n // 100}.{n % 100:02d}"),
    "kind": st.sampled_from(("", "manual", "imported")),
    "value_date": st.one_of(st.just(""), st.dates().map(str)),
    "reference": st.one_of(st.just(""), st.just("PAY-1"), GOOD_TEXTS),
    "narrative": st.one_of(st.just(""), st.just('a "quoted", cell'), GOOD_TEXTS),
}
BAD: Mapping[str, Sequence[str]] = {
    "id": (
        "",
        "1",
        "0198c5a2000070008000000000000001",
        "0198c5a2-0000-7000-8000-00000000000g",
        "0198c5a2-0000-7000-80000-0000000000",
        "{0198c5a2-0000-7000-8000-000000000001}",
        " 0198c5a2-0000-7000-8000-000000000001",
    ),
    "debit": ("", "a", "sav-0001", "SAV-9999", "SAV 0001", "-A", "A" * 33, "บัญชี", "X1\x00"),
    "credit": ("", "SAV-0001 ", "SAV_0001", "ZZ-404", "A" * 200),
    "amount": (
        "",
        "0.00",
        "1,234.50",
        "1e3",
        "๑๒.๐๐",
        "-1.00",
        "+1.00",
        "1.000",
        "1.5",
        "1",
        ".50",
        "01.00",
        "00.50",
        "10000000000000.00",
        "NaN",
        " 1.00",
        "1.00\x00",
        "1/00",
    ),
    "kind": ("interest_accrual", "Manual", "2", "manual "),
    "value_date": (
        "2569-06-01",
        "2026-02-30",
        "2026-13-01",
        "2026-00-10",
        "01/06/2026",
        "2026-6-1",
        "20260601",
        "1899-12-31",
        "2026-06-01T00:00",
        "2025-02-29",
    ),
    "reference": ("x" * 141, "tab\there", "nul\x00", "del\x7f", "ก" * 141),
    "narrative": ("\x1b[31mred", "y" * 5000),
}
ROWS = st.fixed_dictionaries(
    {
        name: st.one_of(GOOD[name], GOOD[name], GOOD[name], st.sampled_from(BAD[name]))
        for name in FIELDS
    }
)


def as_csv(rows: Sequence[Mapping[str, str]], *, quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    """Rows under a header. The writer quotes as the standard library does."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]  # one of its constants
    writer.writerow(FIELDS)
    writer.writerows([[row[name] for name in FIELDS] for row in rows])
    return text.getvalue().encode()


def as_jsonl(rows: Sequence[Mapping[str, str]], *, ascii_only: bool = False) -> bytes:
    """Rows as JSON lines."""
    return b"".join(json.dumps(dict(row), ensure_ascii=ascii_only).encode() + b"\n" for row in rows)
