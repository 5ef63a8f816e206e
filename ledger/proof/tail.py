"""The proof of the tail: what a seal covers is taken as it stands, everything after it is proven.

The model is put where the seal ends. Events up to there are read again, because they are few and
say what accounts, holds, days, periods and plans are. Counters are the sums of the movements up to
there, which must add up to the seal's trial balance; the batch that ends the seal must have the
seal's digest. Transfers, digests and closings before the seal are not looked at.
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256

from ledger.db import Connection
from ledger.proof import acts
from ledger.proof.book import CAPTURED, Book, Heard
from ledger.proof.checks import Thread
from ledger.proof.closings import Closings
from ledger.proof.movements import key_of
from ledger.proof.report import Difference, differ
from ledger.proof.rows import Row
from ledger.proof.run import Run, differs_at
from ledger.proof.sealed import KeptSeal, seal_bytes, signed_by, trial_balance_bytes

_AT_ONCE = 20_000

_SEAL = """
SELECT s.*, b.code AS book, k.public_key
FROM ledger.seal AS s INNER JOIN ledger.book AS b ON b.book_id = s.book_id
LEFT JOIN ledger.seal_key AS k ON k.key_id = s.key_id
WHERE s.book_id = $1 AND s.seal_no = $2
"""
_EVENTS = """
SELECT recorded_seq, kind, business_date, actor, reason, account_id, hold_id, subject,
    amount_satang, body
FROM ledger.event
WHERE book_id = $1 AND recorded_seq > $2 AND recorded_seq <= $3
ORDER BY recorded_seq LIMIT $4
"""
_CAPTURES = """
SELECT t.hold_id, min(t.recorded_seq) AS recorded_seq
FROM ledger.transfer AS t
WHERE t.book_id = $1 AND t.hold_id IS NOT NULL AND t.recorded_seq <= $2 GROUP BY t.hold_id
"""
_COUNTERS = """
SELECT m.account_id, sum(m.debits)::bigint AS debits, sum(m.credits)::bigint AS credits,
    b.changed_seq
FROM ledger.movement AS m
LEFT JOIN ledger.balance AS b ON b.book_id = m.book_id AND b.account_id = m.account_id
WHERE m.book_id = $1 AND m.batch_no <= $2 GROUP BY m.account_id, b.changed_seq
"""
_BY_DAY = """
SELECT m.business_date, a.gl_code, sum(m.debits)::bigint AS debits,
    sum(m.credits)::bigint AS credits
FROM ledger.movement AS m
INNER JOIN ledger.account AS a ON a.book_id = m.book_id AND a.account_id = m.account_id
WHERE m.book_id = $1 AND m.batch_no <= $2 GROUP BY m.business_date, a.gl_code
"""
_OPEN_DAYS = """
SELECT m.business_date, m.account_id, b.origin = 4 OR b.period > 0 AS late,
    max(m.batch_no) AS batch_no, sum(m.debits)::bigint AS debits, sum(m.credits)::bigint AS credits
FROM ledger.movement AS m
INNER JOIN ledger.batch AS b ON b.book_id = m.book_id AND b.batch_no = m.batch_no
WHERE m.book_id = $1 AND m.batch_no <= $2 AND m.business_date >= $3
GROUP BY m.business_date, m.account_id, late
"""
_VOUCHERS = """
SELECT fiscal_year, max(first_voucher + journal_count - 1)::bigint AS last
FROM ledger.batch WHERE book_id = $1 AND batch_no <= $2 GROUP BY fiscal_year
"""
_CHECK = "the seal to begin after stands"


async def begin_after(run: Run, seal_no: int) -> list[Difference]:
    """Put a run where a seal ends. Without that seal it stays at the beginning, and says so."""
    connection, book_id = run.connection, run.book_id
    seal = await connection.fetchrow(_SEAL, book_id, seal_no)
    if seal is None:
        return differ(_CHECK, f"ledger.seal {seal_no}", "a seal of the book", "none")
    upto = (book_id, seal["batch_no"])
    await _events(connection, book_id, run.book, seal["last_seq"])
    await _counters(connection, upto, run.book)
    run.closings = await _closings(connection, upto, run.book)
    run.thread = Thread(book_id, seal["batch_no"], seal["last_seq"], seal["batch_digest"])
    run.at, run.model.seq = (seal["batch_no"], seal["last_seq"]), seal["last_seq"]
    run.seals.before, run.seals.previous = seal_no, seal["hash"]
    run.seals.last_seq = seal["last_seq"]
    found = list(await differs_at(connection, book_id, run.thread, f"seal {seal_no}"))
    return found + _trusted(book_id, seal, run.closings)


def _trusted(book_id: int, row: Row, closings: Closings) -> list[Difference]:
    """The seal is what its signature covers, and what is begun with adds up to it."""
    day, where = row["business_date"], f"ledger.seal {row['seal_no']}"
    balance_hash = sha256(row["trial_balance"]).digest()
    sums = {name: int(row[name]) for name in ("amount_sum", "debits", "credits")}
    there = dict(row) | sums | {"trial_balance_hash": balance_hash}
    data = seal_bytes(KeptSeal(**{name: there[name] for name in KeptSeal.__dataclass_fields__}))
    found = differ(_CHECK, f"{where}, hash", sha256(data).hexdigest(), row["hash"].hex())
    key, signature = row["public_key"] or b"", row["signature"]
    found += differ(_CHECK, f"{where}, signature", True, signed_by(key, signature, data))
    totals = [(code, debits, credits_) for code, (debits, credits_) in closings.totals(day).items()]
    balance = trial_balance_bytes(book_id, day, row["last_seq"], totals)
    what = f"{where}, trial balance of the movements up to it"
    return found + differ(_CHECK, what, balance_hash.hex(), sha256(balance).hexdigest())


async def _events(connection: Connection, book_id: int, book: Book, last_seq: int) -> None:
    """Read the events up to a number again; whether they were admissible is not asked."""
    captures = {
        row["recorded_seq"]: row["hold_id"]
        for row in await connection.fetch(_CAPTURES, book_id, last_seq)
    }
    waiting = sorted(captures)
    after = 0
    while True:
        events = await connection.fetch(_EVENTS, book_id, after, last_seq, _AT_ONCE)
        for event in events:
            while waiting and waiting[0] < event["recorded_seq"]:
                _capture(book, captures[waiting[0]], waiting.pop(0))
            acts.apply(book, event)
        book.heard, book.broken = Heard(), []
        if len(events) < _AT_ONCE:
            break
        after = events[-1]["recorded_seq"]
    for seq in waiting:
        _capture(book, captures[seq], seq)
    book.heard, book.broken, book.due = Heard(), [], []


def _capture(book: Book, hold_id: object, seq: int) -> None:
    hold = book.holds.pop(hold_id, None)  # type: ignore[call-overload]  # a uuid, as read
    if hold is not None:
        book.accounts[hold.account_id].held -= hold.amount
        book.end_hold(hold, CAPTURED, 0, seq)


async def _counters(connection: Connection, upto: tuple[int, int], book: Book) -> None:
    """Counters as the movements give them; the last number of an account as its balance has it."""
    for row in await connection.fetch(_COUNTERS, *upto):
        account = book.account(row["account_id"], "-")
        account.debits, account.credits = row["debits"], row["credits"]
        account.changed_seq = max(account.changed_seq, row["changed_seq"] or 0)
    for row in await connection.fetch(_VOUCHERS, *upto):
        book.vouchers[row["fiscal_year"]] = row["last"]
        book.voucher_year = max(book.voucher_year, row["fiscal_year"])
    book.broken = []


async def _closings(connection: Connection, upto: tuple[int, int], book: Book) -> Closings:
    """What is known of proven days and of those that are open."""
    open_days = [day for day, facts in book.days.items() if facts.proven_seq is None]
    closings = Closings(min(open_days, default=book.business_date))
    for row in await connection.fetch(_BY_DAY, *upto):
        if row["business_date"] < closings.oldest:
            by_code = closings.by_day.setdefault(row["business_date"], {})
            by_code[row["gl_code"]] = [row["debits"], row["credits"]]
            total = closings.upto.setdefault(row["gl_code"], [0, 0])
            total[0] += row["debits"]
            total[1] += row["credits"]
    for number, account in book.accounts.items():
        closings.closing[number] = [account.debits, account.credits]
    for row in await connection.fetch(_OPEN_DAYS, *upto, closings.oldest):
        _open_day(closings, row, row["business_date"])
    return closings


def _open_day(closings: Closings, row: Row, day: date) -> None:
    number, counters = row["account_id"], [row["debits"], row["credits"]]
    closing = closings.closing[number]
    closing[0] -= counters[0]
    closing[1] -= counters[1]
    if day == closings.oldest:
        touched = closings.late_touched if row["late"] else closings.touched
        touched.add(key_of(number, 0))
    else:
        later = closings.late_later if row["late"] else closings.later
        later.setdefault(day, {})[number] = counters
    if not row["late"]:
        closings.newest[day] = max(closings.newest.get(day, 0), row["batch_no"])
