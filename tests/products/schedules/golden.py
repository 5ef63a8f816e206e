"""Golden schedules as an accountant reads them: CSV, the terms in words above the columns.

`python -m tests.products.schedules.golden` writes tests/products/golden anew; read the difference
before it is committed.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ledger.money import format_baht
from products.schedules.values import Row
from tests.house.sources import ROOT
from tests.products.schedules.scenes import SCENES, Scene

GOLDEN = ROOT / "tests" / "products" / "golden"
COLUMNS = (
    "งวด n",
    "ครบกำหนด due_date",
    "วัน days",
    "อัตรา rate_percent",
    "ยอดยกมา opening",
    "เบิก disbursed",
    "ชำระก่อนกำหนด prepaid",
    "เงินต้น principal",
    "ดอกเบี้ย interest",
    "รวมชำระ total",
    "คงเหลือ balance",
    "ดอกเบี้ยรอเรียกเก็บ deferred_interest",
)


def path_of(name: str) -> Path:
    """The file of a scene."""
    return GOLDEN / f"{name}.csv"


def text_of(scene: Scene) -> str:
    """The file's text."""
    out = io.StringIO()
    for words in scene.words:
        out.write(f"# {words}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in scene.schedule.rows:
        writer.writerow(_cells(row))
    rows, schedule = scene.schedule.rows, scene.schedule
    paid = sum(row.total_satang + row.prepaid_satang for row in rows)
    totals = [schedule.principal_satang, schedule.interest_satang, paid]
    writer.writerow(["รวม total", *[""] * 6, *map(format_baht, totals), "", ""])
    return out.getvalue()


def _cells(row: Row) -> list[str]:
    amounts = (
        row.opening_satang,
        row.disbursed_satang,
        row.prepaid_satang,
        row.principal_satang,
        row.interest_satang,
        row.total_satang,
        row.closing_satang,
        row.deferred_satang,
    )
    percents = dict.fromkeys(part.annual_rate_e8 for part in row.sub_periods)
    rate = " / ".join(f"{percent // 10**6}.{percent // 10**4 % 100:02d}" for percent in percents)
    days = (row.period.end_date - row.period.start_date).days
    return [str(row.n), row.due_date.isoformat(), str(days), rate, *map(format_baht, amounts)]


def main() -> None:
    """Write every file."""
    for name, scene in SCENES.items():
        path_of(name).write_text(text_of(scene()), encoding="utf-8")


if __name__ == "__main__":
    main()
