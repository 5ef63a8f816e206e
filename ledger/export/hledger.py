"""The book as an hledger journal: business date first, value date as hledger's secondary date.

An entry is `business_date=value_date (recorded_seq) text`, its ids and texts as tags; so every
report of hledger stands on business dates, and on value dates with `--date2`. The last entry moves
nothing and asserts each account's balance. Accounts are class:code of the chart:account code.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TextIO

from ledger.db import Connection
from ledger.export.record import Account, Record, Row, journals, read_record
from ledger.money import format_baht

CLASSES = {
    "1": ("assets", "Asset"),
    "2": ("liabilities", "Liability"),
    "3": ("equity", "Equity"),
    "4": ("income", "Revenue"),
    "5": ("expenses", "Expense"),
    "9": ("memorandum", "Equity"),
}
"""First digit of a chart code -> the top of the account name, and hledger's account type."""

_NOT_PLAIN = re.compile(r"[;|,\[\]\x00-\x1f\x7f\u2028\u2029\u0085]+")


def account_name(account: Account) -> str:
    """The name under which an account is exported, e.g. `liabilities:211100:SAV-0001`."""
    return f"{CLASSES[account.gl_code[0]][0]}:{account.gl_code}:{account.code}"


async def export_hledger(
    connection: Connection,
    book_id: int,
    out: TextIO,
    *,
    through: date | None = None,
    known_at: int | None = None,
) -> None:
    """Write the journals with business date up to `through` (None: all) for hledger 1.25 or newer.

    known_at: the number up to which the book is known; None = its last. Amounts are baht with two
    places, debits positive. Raises `NotFound` for an unknown book, `InvalidInput` for a number
    that it has not given out.
    """
    record = await read_record(connection, book_id, through, known_at)
    names = {number: account_name(account) for number, account in record.accounts.items()}
    _write_head(record, names, out)
    async for rows in journals(connection, record):
        _write_entry(rows, names, record.currency, out)
    _write_assertions(record, names, out)


def _write_head(record: Record, names: dict[int, str], out: TextIO) -> None:
    out.write(f"; book {record.code} ({_plain(record.name)}), business dates to {record.through}\n")
    out.write(f"; every journal up to recorded_seq {record.to_seq}; date 2 is the value date\n\n")
    out.write("decimal-mark .\n")
    out.write(f"commodity 1000.00 {record.currency}\n\n")
    for number, account in record.accounts.items():
        kind = CLASSES[account.gl_code[0]][1]
        out.write(f"account {names[number]}  ; type:{kind}, name:{_plain(account.name)}\n")
    out.write("\n")


def _write_entry(rows: list[Row], names: dict[int, str], currency: str, out: TextIO) -> None:
    row = rows[0]
    text = _plain(row["narrative"] or row["reference"] or row["kind"] or "journal")
    lines = [
        f"{row['business_date']}={row['value_date']} ({row['recorded_seq']}) {text}",
        f"    ; journal_id:{row['journal_id']}, value_date:{row['value_date']}",
        f"    ; kind:{row['kind']}, actor:{_plain(row['actor'])}",
    ]
    if row["reference"]:
        lines.append(f"    ; reference:{_plain(row['reference'])}")
    for transfer in rows:
        amount = format_baht(transfer["amount_satang"])
        lines.append(f"    {names[transfer['debit_account']]}  {amount} {currency}")
        lines.append(f"    {names[transfer['credit_account']]}  -{amount} {currency}")
    out.write("\n".join(lines) + "\n\n")


def _write_assertions(record: Record, names: dict[int, str], out: TextIO) -> None:
    if not names:
        return
    zero = f"0.00 {record.currency}"
    out.write(f"{record.through} balances as our movements have them\n")
    for number, name in names.items():
        balance = format_baht(record.debit_balances.get(number, 0))
        out.write(f"    {name}  {zero} = {balance} {record.currency}\n")


def _plain(text: str) -> str:
    """Text that hledger reads as text: no comment, no second field, no line break."""
    return _NOT_PLAIN.sub(" ", text).strip()
