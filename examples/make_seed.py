"""Writes what is drawn by lot in `examples/seed/`: run once, the result is committed.

    python -m examples.make_seed

That is members.csv, opening.csv, placements.csv and the sample day. Deterministic: the same names
and balances on every run, which a test holds. Balances follow the long-tailed shape of the
movement, many small co-ops and a few very large ones, drawn in bands of whole numbers so that no
float comes near money. The last five members have left the Facility.
"""

from __future__ import annotations

import csv
import io
import random
from datetime import date
from pathlib import Path

from examples import placed_before
from examples.generate import GeneratedMonth, write
from examples.month import SAMPLE
from examples.names import OCCUPATIONS, PROVINCES
from examples.seeds import SEED, banking_days, openings
from ledger.errors import InvariantBroken
from ledger.money import format_baht

MEMBERS = 1100
CLOSED = 5
_SEED = 2569
_FOUNDED = date(1972, 9, 1)
_LATEST_JOINING = date(2024, 12, 31)

# Per mille of the co-ops, and the band of their balance in thousands of baht.
_BANDS: tuple[tuple[int, int, int], ...] = (
    (80, 500, 2_000),
    (160, 2_000, 6_000),
    (280, 6_000, 20_000),
    (260, 20_000, 50_000),
    (140, 50_000, 120_000),
    (65, 120_000, 300_000),
    (15, 300_000, 900_000),
)


def members_csv() -> str:
    """The text of members.csv: 1,100 unique names, the last five closed on a day of 2025-26."""
    rng = random.Random(_SEED)  # noqa: S311 - an example must be the same on every run
    places = [(r, *place) for r, found in PROVINCES.items() for place in found]
    names = [
        (
            f"สหกรณ์ออมทรัพย์{work_th}{place_th} จำกัด",
            f"{place_en} {work_en} Savings and Credit Co-operative, Limited",
            region,
        )
        for work_th, work_en in OCCUPATIONS
        for region, place_th, place_en in places
    ]
    rng.shuffle(names)
    rows = [["member_code", "name_th", "name_en", "region", "joined_on", "status", "closed_on"]]
    for number, (name_th, name_en, region) in enumerate(names[:MEMBERS], start=1):
        day = rng.randrange(_FOUNDED.toordinal(), _LATEST_JOINING.toordinal() + 1)
        left = number > MEMBERS - CLOSED
        closed_on = date(2025, 12, 31).toordinal() + rng.randrange(1, 150) if left else 0
        rows.append(
            [
                f"{number:04d}",
                name_th,
                name_en,
                region,
                date.fromordinal(day).isoformat(),
                "closed" if left else "active",
                date.fromordinal(closed_on).isoformat() if left else "",
            ]
        )
    return _csv(rows)


def opening_csv() -> str:
    """The text of opening.csv: one savings account for each member, baht with two places."""
    rng = random.Random(_SEED + 1)  # noqa: S311
    rows = [["account_no", "opening_balance", "closed"]]
    for number in range(1, MEMBERS + 1):
        closed = number > MEMBERS - CLOSED
        satang = 0 if closed else _balance(rng)
        rows.append([f"SAV-{number:04d}", format_baht(satang), "true" if closed else "false"])
    return _csv(rows)


def _balance(rng: random.Random) -> int:
    rank = rng.randrange(1000)
    for share, low, high in _BANDS:
        if rank < share:
            # The smaller of two draws leans to the low end, as within each band in real life.
            return min(rng.randrange(low * 100_000, high * 100_000) for _ in range(2))
        rank -= share
    raise InvariantBroken("the shares of the bands of opening balances do not add up to 1,000")


def placements_csv() -> str:
    """The text of placements.csv: fixed deposits that run at the start of 1 June 2026."""
    return _csv(placed_before.rows(openings(), _SEED + 2))


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def sample_day(out: Path) -> GeneratedMonth:
    """Write a day small enough to read, 2 June 2026 with one of every mistake, into `out`."""
    return write(out, SAMPLE, _SEED, banking_days()[:1])


def main() -> None:
    """Write the files into `examples/seed/`."""
    for name, text in (("members.csv", members_csv()), ("opening.csv", opening_csv())):
        Path(SEED / name).write_text(text, encoding="utf-8", newline="\n")
    Path(SEED / "placements.csv").write_text(placements_csv(), encoding="utf-8", newline="\n")
    sample_day(SEED / "sample_day")


if __name__ == "__main__":
    main()
