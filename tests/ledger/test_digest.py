"""The digest of a batch, worked out again here from docs/digest.md byte by byte.

The test reads the tables and knows nothing of how `ledger.digest` does it: whoever has the document
and the rows can prove the chain. The book holds every kind of record that there is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from ledger import digest
from ledger.db import Pool
from ledger.errors import InvariantBroken
from ledger.kinds import EventKind, JournalKind
from ledger.posting.records import JournalRecord
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
    Status,
    Transfer,
    Unit,
)
from tests.builders import journal, make_scene, post, post_units, unit
from tests.ledger.play import OPENED_ON, Table, next_book_id

BANK, SAV, SAV2 = 1, 2, 3


Row = asyncpg.Record | Mapping[str, Any]


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


def journal_bytes(lines: Sequence[Row], version: int = 2) -> bytes:
    """A journal from its transfer rows."""
    row = lines[0]
    journal_id: UUID = row["journal_id"]
    head = number(1, 1) + number(row["recorded_seq"], 8) + journal_id.bytes
    head += number(row["kind"], 2) + number(int(row["may_exceed_limit"]), 1)
    head += day(row["business_date"]) + day(row["value_date"])
    if version == 2:
        head += number(int(row["forced"]), 1)
    head += maybe(row["hold_id"]) + maybe(row["reverses"])
    if version == 2:
        head += maybe(row["adjusts"])
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


def header(batch: Row, previous: bytes) -> bytes:
    """The header from the batch row and the digest before it."""
    first, last, version = batch["first_seq"], batch["last_seq"], batch["digest_version"]
    vouchers = b""
    if version == 2:
        vouchers = number(batch["fiscal_year"], 2) + number(batch["first_voucher"], 8)
        vouchers += number(batch["period"], 1)
    return (
        b"CFFD"
        + number(version, 2)
        + previous
        + number(batch["book_id"], 4)
        + number(batch["batch_no"], 8)
        + day(batch["business_date"])
        + number(batch["origin"], 1)
        + number(first, 8)
        + number(last, 8)
        + number(last - first + 1, 4)
        + vouchers
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
            version = batch["digest_version"]
            content += journal_bytes(lines, version) if lines else event_bytes(events[0])
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
    night, late = journal(BANK, SAV, 3), journal(BANK, SAV, 4)
    await bare_table.play([unit(night)], OPENED_ON)
    await bare_table.play([unit(late)], OPENED_ON, adjusts=True)
    found = await recomputed(bare_table)
    assert len(found) == 1 + 2 + len(units[8:]) + 2
    for stored, worked_out in found:
        assert stored == worked_out
    head = await bare_table.connection.fetchval(
        "SELECT digest FROM ledger.book_head WHERE book_id = $1", bare_table.book_id
    )
    assert head == found[-1][1]


async def test_forced_and_correcting_journals_say_so_in_their_bytes(
    shared_pool: Pool, bare_table: Table
) -> None:
    scene = await make_scene(shared_pool, book_id=next_book_id(), opening=100_00)
    saver = scene.members[0]
    right = journal(saver, scene.bank, 5_00)
    assert (await post(shared_pool, scene.book.book_id, [right])).status is Status.ACCEPTED
    forced = journal(saver, scene.bank, 500_00, forced=True, adjusts=right.journal_id)
    note = Note(kind=EventKind.JOURNAL_FORCED, subject=forced.journal_id, body={})
    asked = Unit(operations=(forced, note), actor="test:manager", reason="court order 12/2569")
    (outcome,) = await post_units(shared_pool, scene.book.book_id, [asked])
    assert outcome.status is Status.ACCEPTED, outcome
    found = await recomputed(Table(bare_table.connection, scene.book.book_id, Counter()))
    assert found[-1][0] == found[-1][1] == outcome.digest
    rows = await shared_pool.fetch(
        "SELECT * FROM ledger.transfer WHERE book_id = $1 AND journal_id = $2",
        scene.book.book_id,
        forced.journal_id,
    )
    assert (rows[0]["forced"], rows[0]["adjusts"]) == (True, right.journal_id)
    data = journal_bytes(rows)
    for name, other in (("forced", False), ("adjusts", None)):
        assert journal_bytes([dict(rows[0]) | {name: other}]) != data


@pytest.mark.parametrize("version", [1, 2])
def test_a_batch_of_either_version_is_worked_out_as_documented(version: int) -> None:
    row = {
        "recorded_seq": 7,
        "journal_id": uuid4(),
        "kind": JournalKind.MANUAL,
        "may_exceed_limit": False,
        "business_date": date(2026, 6, 1),
        "value_date": date(1969, 12, 31),
        "actor": "test:clerk",
        "reference": "ใบฝาก 0001",
        "narrative": "",
        "hold_id": None,
        "reverses": uuid4(),
        "forced": True,
        "adjusts": uuid4(),
    }
    lines = [{"debit_account": 1, "credit_account": 2, "amount_satang": 10**15 - 1}] * 2
    record = JournalRecord(
        **row,  # type: ignore[arg-type]  # fields of a journal by name, as a row has them
        transfers=tuple(Transfer(debit=1, credit=2, amount_satang=10**15 - 1) for _ in lines),
    )
    assert digest.journal_bytes(record, version) == journal_bytes(
        [row | line for line in lines], version
    )
    batch = {
        "book_id": 1,
        "batch_no": 3,
        "business_date": date(2026, 6, 1),
        "origin": 2,
        "first_seq": 7,
        "last_seq": 7,
        "digest_version": version,
        "fiscal_year": 2026,
        "first_voucher": 4,
        "period": 1,
    }
    content = header(batch, bytes(32)) + journal_bytes([row | line for line in lines], version)
    named = {name: batch[name] for name in batch if name != "digest_version"}
    made = digest.batch_digest(
        previous=digest.GENESIS,
        records=[record],
        refusals=[],
        version=version,
        **named,  # type: ignore[arg-type]  # fields of a batch by name, as a row has them
    )
    assert made == hashlib.sha256(content).digest()


def test_a_version_that_nobody_documented_is_not_made_up() -> None:
    with pytest.raises(InvariantBroken, match="digest version 3"):
        digest.batch_digest(
            previous=digest.GENESIS,
            book_id=1,
            batch_no=1,
            business_date=date(2026, 6, 1),
            origin=1,
            first_seq=1,
            last_seq=0,
            records=[],
            refusals=[],
            version=3,
        )


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
