"""The digest of a batch, worked out again here from docs/digest.md byte by byte.

The test reads the tables and knows nothing of `ledger.digest`: whoever has the document and the
rows can prove the chain. The book holds every kind of record that there is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from ledger.kinds import EventKind, JournalKind
from ledger.posting.values import (
    CloseAccount,
    Journal,
    MoveBusinessDate,
    Note,
    OpenAccount,
    PlaceHold,
    ReleaseHold,
    SetFreeze,
    SetLimits,
    Transfer,
    Unit,
)
from tests.builders import journal, unit
from tests.ledger.play import OPENED_ON, Table

BANK, SAV, SAV2 = 1, 2, 3


def number(value: int, size: int) -> bytes:
    """A big-endian number of so many bytes."""
    return value.to_bytes(size, "big", signed=value < 0)


def day(value: date) -> bytes:
    """Days since 1970-01-01, signed, 4 bytes."""
    return (value - date(1970, 1, 1)).days.to_bytes(4, "big", signed=True)


def text(value: str) -> bytes:
    """Length in bytes, then UTF-8."""
    return number(len(value.encode()), 4) + value.encode()


def maybe(value: UUID | int | None) -> bytes:
    """0, or 1 and the value: 16 bytes of a uuid, 8 of a number."""
    if value is None:
        return b"\0"
    return b"\1" + (value.bytes if isinstance(value, UUID) else number(value, 8))


def journal_bytes(lines: Sequence[asyncpg.Record]) -> bytes:
    """A journal from its transfer rows."""
    row = lines[0]
    journal_id: UUID = row["journal_id"]
    head = number(1, 1) + number(row["recorded_seq"], 8) + journal_id.bytes
    head += number(row["kind"], 2) + number(int(row["may_exceed_limit"]), 1)
    head += day(row["business_date"]) + day(row["value_date"])
    head += maybe(row["hold_id"]) + maybe(row["reverses"])
    head += text(row["actor"]) + text(row["reference"]) + text(row["narrative"])
    tail = b"".join(
        number(line["debit_account"], 4)
        + number(line["credit_account"], 4)
        + number(line["amount_satang"], 8)
        for line in lines
    )
    return head + number(len(lines), 4) + tail


def event_bytes(row: asyncpg.Record) -> bytes:
    """An event from its row."""
    head = number(2, 1) + number(row["recorded_seq"], 8) + number(row["kind"], 2)
    head += day(row["business_date"]) + maybe(row["account_id"]) + maybe(row["hold_id"])
    head += maybe(row["subject"]) + maybe(row["amount_satang"])
    return head + text(row["actor"]) + text(row["reason"]) + text(row["body"])


def refusal_bytes(row: asyncpg.Record) -> bytes:
    """A refusal from its row."""
    head = number(3, 1) + number(row["position"], 4) + number(int(row["sticky"]), 1)
    head += maybe(row["operation_id"]) + maybe(row["event_id"])
    return head + b"".join(text(row[name]) for name in ("code", "actor", "detail", "body"))


def header(batch: asyncpg.Record, previous: bytes) -> bytes:
    """The header from the batch row and the digest before it."""
    first, last = batch["first_seq"], batch["last_seq"]
    return (
        b"CFFD"
        + number(1, 2)
        + previous
        + number(batch["book_id"], 4)
        + number(batch["batch_no"], 8)
        + day(batch["business_date"])
        + number(batch["origin"], 1)
        + number(first, 8)
        + number(last, 8)
        + number(last - first + 1, 4)
    )


async def recomputed(table: Table) -> list[tuple[bytes, bytes]]:
    """(stored, worked out) of every batch, each chained on the one worked out before it."""
    rows: dict[str, list[asyncpg.Record]] = {}
    for name, order in (
        ("batch", "batch_no"),
        ("transfer", "recorded_seq, line"),
        ("event", "recorded_seq"),
        ("refusal", "batch_no, position"),
    ):
        query = f"SELECT * FROM ledger.{name} WHERE book_id = $1 ORDER BY {order}"
        rows[name] = await table.connection.fetch(query, table.book_id)
    previous, found = bytes(32), []
    for batch in rows["batch"]:
        content = header(batch, previous)
        for seq in range(batch["first_seq"], batch["last_seq"] + 1):
            lines = [row for row in rows["transfer"] if row["recorded_seq"] == seq]
            events = [row for row in rows["event"] if row["recorded_seq"] == seq]
            content += journal_bytes(lines) if lines else event_bytes(events[0])
        refused = [row for row in rows["refusal"] if row["batch_no"] == batch["batch_no"]]
        content += b"".join(refusal_bytes(row) for row in refused)
        previous = hashlib.sha256(content).digest()
        found.append((batch["digest"], previous))
    return found


def everything() -> list[Unit]:
    """Units that leave a record of every kind, with every field set somewhere."""
    paid, held, gone = uuid4(), uuid4(), uuid4()
    many = Journal(
        journal_id=paid,
        kind=JournalKind.MANUAL,
        transfers=tuple(
            Transfer(debit=BANK, credit=credit, amount_satang=10**12 + credit)
            for credit in (SAV, SAV2)
        ),
        value_date=OPENED_ON - timedelta(days=20),
        reference="ใบฝาก 0001",
        narrative="ฝากเงิน 🙏",
    )
    back = tuple(
        Transfer(debit=t.credit, credit=t.debit, amount_satang=t.amount_satang)
        for t in many.transfers
    )
    new = OpenAccount(
        account=900, code="NEW", gl_code="211100", currency="THB", name_th="ใหม่", name_en="New"
    )
    note = Note(
        kind=EventKind.MANUAL_JOURNAL_MADE,
        subject=uuid4(),
        account=SAV,
        amount_satang=5,
        body={"who": "สมชาย", "on": OPENED_ON},
    )
    refused = journal(SAV2, BANK, 10**14)
    return [
        unit(many),
        unit(PlaceHold(hold_id=held, account=SAV, amount_satang=50, expires_on=OPENED_ON)),
        unit(journal(SAV, SAV2, 20, hold_id=held)),
        unit(PlaceHold(hold_id=gone, account=SAV, amount_satang=50), ReleaseHold(hold_id=gone)),
        unit(journal(SAV, BANK, 1, may_exceed_limit=True)),
        Unit(operations=(note,), actor="ผู้จัดการ", reason="เหตุผล"),
        Unit(operations=(refused,), actor="test", event_id=uuid4()),
        unit(journal(SAV, BANK, 0)),
        unit(new, SetLimits(account=900, balance_min=0, balance_max=10)),
        unit(SetFreeze(account=900, debits=True, credits=False), CloseAccount(account=900)),
        unit(Journal(journal_id=uuid4(), kind=JournalKind.REVERSAL, transfers=back, reverses=paid)),
        unit(MoveBusinessDate(to=OPENED_ON + timedelta(days=1))),
    ]


async def test_every_digest_follows_from_the_rows_and_the_document(bare_table: Table) -> None:
    units = everything()
    await bare_table.play(units[:7])
    await bare_table.play([units[7]])
    for asked in units[8:]:
        await bare_table.play([asked])
    night = journal(BANK, SAV, 3)
    await bare_table.play([unit(night)], night=OPENED_ON)
    found = await recomputed(bare_table)
    assert len(found) == 1 + 2 + len(units[8:]) + 1
    for stored, worked_out in found:
        assert stored == worked_out
    head = await bare_table.connection.fetchval(
        "SELECT digest FROM ledger.book_head WHERE book_id = $1", bare_table.book_id
    )
    assert head == found[-1][1]


async def test_a_receipt_carries_the_digest_of_its_batch(bare_table: Table) -> None:
    accepted, refused = await bare_table.play(
        [unit(journal(BANK, SAV, 5)), unit(journal(SAV2, BANK, 5))]
    )
    found = await recomputed(bare_table)
    assert accepted.digest == refused.digest == found[-1][1]


@pytest.mark.parametrize(
    "changed",
    [
        "UPDATE ledger.transfer SET narrative = narrative || ' '",
        "UPDATE ledger.event SET reason = 'another'",
        "UPDATE ledger.refusal SET code = 'account_closed'",
        "DELETE FROM ledger.refusal",
    ],
)
async def test_whoever_changes_a_record_breaks_the_chain(
    bare_table: Table, shared_url: str, changed: str
) -> None:
    await bare_table.play(everything()[:7])
    owner = await asyncpg.connect(shared_url)
    transaction = owner.transaction()
    await transaction.start()
    # The owner first takes the guards away, which is the least that it needs.
    await owner.execute("SET LOCAL session_replication_role = replica")
    await owner.execute(f"{changed} WHERE book_id = $1", bare_table.book_id)
    tampered = Table(owner, bare_table.book_id, bare_table.counts)
    assert any(stored != worked_out for stored, worked_out in await recomputed(tampered))
    await transaction.rollback()
    await owner.close()
