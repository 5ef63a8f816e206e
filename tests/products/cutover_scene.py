"""Directories of a cut-over to test with: the committed example, with cells changed by name."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ledger.db import AUDITOR, Database, open_pool
from ledger.proof.report import Difference
from ledger.proof.verify import verify_ledger
from products.proof.verify import verify_products

EXAMPLE = Path(__file__).parents[2] / "examples" / "cutover"
OPENING = EXAMPLE / "opening"

Cells = Mapping[str, str]


def example(folder: Path) -> Path:
    """A copy of the example's directory that may be changed."""
    return Path(shutil.copytree(OPENING, folder / "opening"))


def change(directory: Path, name: str, line: int, **cells: str) -> None:
    """Change cells of a line; line 2 is the first below the header."""
    header, rows = read(directory / f"{name}.csv")
    rows[line - 2] |= cells
    write(directory / f"{name}.csv", header, rows)


def add(directory: Path, name: str, **cells: str) -> None:
    """Append a line: the last one with these cells changed."""
    header, rows = read(directory / f"{name}.csv")
    write(directory / f"{name}.csv", header, [*rows, rows[-1] | cells])


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Header and lines of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        lines = csv.DictReader(stream)
        rows = list(lines)
        return list(lines.fieldnames or []), rows


def write(path: Path, header: Sequence[str], rows: Sequence[Cells]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.DictWriter(stream, header, lineterminator="\n")
        lines.writeheader()
        lines.writerows(rows)


async def proof(database: Database, book_id: int) -> list[Difference]:
    """Everything that `cff verify` finds in a book."""
    pool = await open_pool(database.url, role=AUDITOR, max_size=1)
    try:
        async with pool.acquire() as connection:
            ledger = await verify_ledger(connection, book_id)
            products = await verify_products(connection, book_id)
    finally:
        await pool.close()
    return [*ledger.differences, *products.differences]
