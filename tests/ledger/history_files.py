"""History files to test with: the committed example, records by hand, and drawn ones."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from ledger.dates import days
from ledger.history.texts import buddhist
from ledger.money import format_baht

EXAMPLE = Path(__file__).parents[2] / "examples" / "cutover"
HISTORY = EXAMPLE / "history.jsonl"
BALANCES = EXAMPLE / "history_trial_balances.csv"
FIRST = date(2025, 12, 11)
ACCOUNTS = {"BANK": "111100", "FEES": "541100", "SAV-1": "211100", "SAV-2": "211100"}
CHART = {"111100": "Bank", "211100": "Savings", "541100": "Fees"}

Record = dict[str, Any]


def header(code: str = "old-books", first: date = FIRST) -> list[Record]:
    """The records that a history begins with."""
    book = {"record": "book", "code": code, "name_th": "ชุมนุม", "name_en": "House"}
    made: list[Record] = [book | {"opened_on": buddhist(first), "fiscal_year_start_month": "1"}]
    made += [
        {"record": "gl_account", "gl_code": gl, "cad_code": "", "name_th": name, "name_en": name}
        for gl, name in CHART.items()
    ]
    made += [
        {
            "record": "account",
            "code": code,
            "gl_code": gl,
            "party_id": "",
            "name_th": code,
            "name_en": code,
        }
        for code, gl in ACCOUNTS.items()
    ]
    return made


def journal_record(
    on: date, legs: Sequence[tuple[str, int]], *, value: date | None = None, name: str = ""
) -> Record:
    """A journal record; legs are (account, satang), debits above zero."""
    return {
        "record": "journal",
        "id": name
        or str(UUID(int=random.Random(f"{on}{legs}{value}").getrandbits(128), version=4)),
        "business_date": buddhist(on),
        "value_date": buddhist(value or on),
        "kind": "RC",
        "voucher": "17",
        "reference": "REF",
        "narrative": "ฝาก",
        "lines": [
            {"account": code, "debit" if satang > 0 else "credit": format_baht(abs(satang))}
            for code, satang in legs
        ],
    }


def drawn(last: date, a_day: int, seed: int = 1) -> list[Record]:
    """Journals from FIRST to `last`, some days without any, some value dates earlier."""
    dice = random.Random(seed)
    made = []
    for on in days(FIRST, last + timedelta(days=1)):
        for _ in range(dice.choice((0, 1, a_day))):
            one, two, three = dice.sample(list(ACCOUNTS), 3)
            first, second = dice.randint(1, 10**7), dice.randint(1, 10**7)
            value = max(FIRST, on - timedelta(days=dice.choice((0, 0, 0, 1, 9))))
            legs = [(one, first + second), (two, -first), (three, -second)]
            made.append(
                journal_record(on, legs, value=value, name=str(UUID(int=dice.getrandbits(128))))
            )
    return made


def write_history(folder: Path, records: Sequence[Record], name: str = "history.jsonl") -> Path:
    """A history file of these records."""
    path = folder / name
    lines = (json.dumps(record, ensure_ascii=False) for record in records)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


GOOD = journal_record(FIRST, [("BANK", 100), ("SAV-1", -100)], name="J-1")
