"""Writes the example month into a folder: notices, bank statements and the facts about them.

    python -m examples.generate --out build/month --scale 1

June 2026, 20 banking days. The same seed, scale and days give the same bytes on every machine and
on every run: nothing is read but the committed seeds, and no clock. Files and planted mistakes are
explained in README.md beside this module.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from examples import month as months
from examples import seeds
from examples.bank import BankAccount, as_camt053
from examples.desk import Month
from examples.values import Day
from ledger.errors import InvalidInput, ensure
from ledger.money import format_baht

Progress = Callable[[int, int], None]
"""Called after each banking day with the days written and the days in all."""

SEED_NUMBER = 2569


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedMonth:
    """What was written: the files in the order of their days, and the number of lines in them."""

    out: Path
    days: tuple[date, ...]
    notice_files: tuple[Path, ...]
    statement_files: tuple[Path, ...]
    expected: Path
    notice_lines: int
    bank_lines: int


def generate(
    out: Path,
    *,
    scale: int = 1,
    seed: int = SEED_NUMBER,
    progress: Progress | None = None,
    days: int | None = None,
) -> GeneratedMonth:
    """Write the month (or its first `days` banking days) into `out` and say what was written.

    `out` is created; notices and statements of an earlier run in it are removed first. `scale`
    multiplies the number of notices, `seed` chooses another month of the same kind. Raises
    `InvalidInput` for a scale or a number of days below 1.
    """
    for name, number in (("scale", scale), ("days", days)):
        if number is not None and number < 1:
            raise InvalidInput.one(name, number, "a whole number of at least 1")
    return write(out, months.full(scale), seed, seeds.banking_days()[:days], progress)


def write(
    out: Path,
    size: months.Size,
    seed: int,
    days: tuple[date, ...],
    progress: Progress | None = None,
) -> GeneratedMonth:
    """Write a month of any size; `generate` and the sample day in git are two uses of it."""
    _clear(out)
    month = months.begin(size, seed, days)
    accounts = [BankAccount.at_start(bank) for bank in month.banks]
    kinds: Counter[str] = Counter()
    notice_files: list[Path] = []
    statement_files: list[Path] = []
    notice_lines = 0
    for done, day in enumerate(months.live(month, size), start=1):
        notice_files.append(_write_notices(out, day))
        statement_files.extend(_write_statement(out, day, account) for account in accounts)
        kinds.update(m.kind.value for moved in day.movements.values() for m in moved)
        notice_lines += len(day.notice_lines)
        if progress:
            progress(done, len(days))
    facts = _facts(month, accounts, kinds, {"seed": seed, "scale": size.scale})
    ensure(facts["notice_lines"] == notice_lines, "a notice was drawn and not written")
    expected = out / "expected.json"
    _write_text(expected, json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
    return GeneratedMonth(
        out=out,
        days=days,
        notice_files=tuple(notice_files),
        statement_files=tuple(statement_files),
        expected=expected,
        notice_lines=notice_lines,
        bank_lines=sum(account.lines for account in accounts),
    )


def _clear(out: Path) -> None:
    for folder, pattern in (("notices", "*.jsonl"), ("statements", "*.xml")):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for old in (out / folder).glob(pattern):
            old.unlink()


def _write_notices(out: Path, day: Day) -> Path:
    path = out / "notices" / f"{day.on}.jsonl"
    _write_text(path, "".join(f"{line}\n" for line in day.notice_lines))
    return path


def _write_statement(out: Path, day: Day, account: BankAccount) -> Path:
    code = account.bank.bank_code
    path = out / "statements" / f"{code}-{day.on}.xml"
    path.write_bytes(as_camt053(account.next_statement(day.on, day.movements[code])))
    return path


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _facts(
    month: Month, accounts: list[BankAccount], kinds: Counter[str], head: dict[str, int]
) -> dict[str, object]:
    return {
        **head,
        "banking_days": [day.isoformat() for day in month.days],
        "notice_lines": month.notices.total(),
        "notices_by_kind": dict(sorted(month.notices.items())),
        "mistakes": months.planted(month),
        "malformed": months.malformed(month),
        "malformed_lines": month.malformed.total(),
        "withdrawals_in_transit_at_end": month.in_transit,
        "bank_lines": sum(account.lines for account in accounts),
        "bank_lines_by_kind": dict(sorted(kinds.items())),
        "banks": {account.bank.bank_code: _bank_facts(account) for account in accounts},
    }


def _bank_facts(account: BankAccount) -> dict[str, object]:
    return {
        "account_no": account.bank.account_no,
        "last_sequence_no": account.sequence_no,
        "lines": account.lines,
        "opening": format_baht(account.bank.opening_satang),
        "credits": format_baht(account.credits_satang),
        "debits": format_baht(account.debits_satang),
        "closing": format_baht(account.closing_satang),
    }


def main(argv: list[str] | None = None) -> int:
    """The command line; exit code 0 when the month is written."""
    parser = argparse.ArgumentParser(prog="python -m examples.generate", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/month"), help="folder to write to")
    parser.add_argument("--scale", type=_positive, default=1, help="times as many notices")
    parser.add_argument("--seed", type=int, default=SEED_NUMBER, help="another month")
    parser.add_argument("--days", type=_positive, default=None, help="first banking days only")
    asked = parser.parse_args(argv)
    shown = _show if sys.stderr.isatty() else None
    made = generate(asked.out, scale=asked.scale, seed=asked.seed, progress=shown, days=asked.days)
    print(
        f"{made.out}: {made.notice_lines:,} notices in {len(made.notice_files)} files, "
        f"{made.bank_lines:,} bank lines in {len(made.statement_files)} statements"
    )
    return 0


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a whole number of at least 1")
    return int(text)


def _show(done: int, total: int) -> None:
    print(f"\rday {done} of {total}", end="\n" if done == total else "", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
