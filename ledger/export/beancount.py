"""The book as a beancount file: transactions on business dates, the value date as metadata.

Accounts are opened under beancount's five roots by the class of their chart code; memorandum
accounts (class 9) stand under `Equity:Memo`, where they sum to nothing. The last lines assert each
balance on the day after the last business date with a tolerance of zero.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TextIO

from ledger.db import Connection
from ledger.export.record import Account, Record, Row, journals, read_record
from ledger.money import format_baht

ROOTS = {
    "1": "Assets",
    "2": "Liabilities",
    "3": "Equity",
    "4": "Income",
    "5": "Expenses",
    "9": "Equity:Memo",
}
"""First digit of a chart code -> root of the account name."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u0085]+")


def account_name(account: Account) -> str:
    """The name under which an account is exported, e.g. `Liabilities:211100:SAV-0001`."""
    return f"{ROOTS[account.gl_code[0]]}:{account.gl_code}:{account.code}"


async def export_beancount(
    connection: Connection,
    book_id: int,
    out: TextIO,
    *,
    through: date | None = None,
    known_at: int | None = None,
) -> None:
    """Write the journals with business date up to `through` (None: all) for beancount 3.

    known_at: the number up to which the book is known; None = its last. Amounts are baht with two
    places, debits positive. Raises `NotFound` for an unknown book, `InvalidInput` for a number
    that it has not given out.
    """
    record = await read_record(connection, book_id, through, known_at)
    names = {number: account_name(account) for number, account in record.accounts.items()}
    _write_head(record, names, out)
    async for rows in journals(connection, record):
        _write_transaction(rows, names, record.currency, out)
    _write_assertions(record, names, out)


def _write_head(record: Record, names: dict[int, str], out: TextIO) -> None:
    out.write(f"; business dates to {record.through}, journals to recorded_seq {record.to_seq}\n")
    out.write(f'option "title" {_quoted(f"{record.code} {record.name}")}\n')
    out.write(f'option "operating_currency" "{record.currency}"\n\n')
    for number, account in record.accounts.items():
        out.write(f"{account.opened_on} open {names[number]} {record.currency}\n")
        out.write(f"  name: {_quoted(account.name)}\n")
    out.write("\n")


def _write_transaction(rows: list[Row], names: dict[int, str], currency: str, out: TextIO) -> None:
    row = rows[0]
    lines = [
        f"{row['business_date']} * {_quoted(row['narrative'])}",
        f"  recorded_seq: {row['recorded_seq']}",
        f'  journal_id: "{row["journal_id"]}"',
        f"  value_date: {row['value_date']}",
        f"  kind: {_quoted(row['kind'] or '')}",
        f"  actor: {_quoted(row['actor'])}",
        f"  reference: {_quoted(row['reference'])}",
    ]
    for transfer in rows:
        amount = format_baht(transfer["amount_satang"])
        lines.append(f"  {names[transfer['debit_account']]}  {amount} {currency}")
        lines.append(f"  {names[transfer['credit_account']]}  -{amount} {currency}")
    out.write("\n".join(lines) + "\n\n")


def _write_assertions(record: Record, names: dict[int, str], out: TextIO) -> None:
    after = record.through + timedelta(days=1)
    for number, name in names.items():
        balance = format_baht(record.debit_balances.get(number, 0))
        out.write(f"{after} balance {name}  {balance} ~ 0 {record.currency}\n")


def _quoted(text: str) -> str:
    """A beancount string: quotes and backslashes escaped, no line break."""
    plain = _CONTROL.sub(" ", text).strip()
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
