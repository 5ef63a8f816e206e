"""What stands now, compared: rows that change, each read in one statement together with the head.

The head tells how far the row's statement could see. `advance` brings the model to exactly that
number before the rows are compared, so that postings that arrive meanwhile are no difference. A
million accounts are read in pieces, each with a head of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator

from ledger.db import Connection
from ledger.proof.book import CAPTURED, OPEN, Account, Book, Hold
from ledger.proof.report import Difference, compare, differ
from ledger.proof.rows import Row

ACCOUNTS_AT_ONCE = 20_000

Advance = Callable[[int, int], Awaitable[None]]
"""Brings the model to a head: (batch_no, recorded_seq)."""

_HEAD = "SELECT h.batch_no AS head_batch, h.recorded_seq AS head_seq"
_ACCOUNTS = f"""
{_HEAD}, a.*
FROM ledger.book_head AS h LEFT JOIN LATERAL (
    SELECT coalesce(b.account_id, f.account_id) AS account_id, b.account_id AS balance_of,
        b.debits, b.credits, b.held, b.balance_min, b.balance_max, b.excess_satang, b.state,
        b.frozen, b.frozen_until, b.changed_seq, f.account_id AS facts_of, f.code, f.gl_code,
        f.currency, f.party_id, f.opened_on, f.opened_seq
    FROM (SELECT * FROM ledger.balance WHERE book_id = $1 AND account_id > $2) AS b
    FULL JOIN (SELECT * FROM ledger.account WHERE book_id = $1 AND account_id > $2) AS f
        ON f.account_id = b.account_id
    ORDER BY 1 LIMIT $3
) AS a ON TRUE
WHERE h.book_id = $1
ORDER BY a.account_id
"""
_OPEN_HOLDS = f"""
{_HEAD}, o.*
FROM ledger.book_head AS h
LEFT JOIN ledger.hold AS o ON o.book_id = h.book_id AND o.state = 1
WHERE h.book_id = $1
"""
_HOLDS = "SELECT * FROM ledger.hold WHERE book_id = $1 AND hold_id = ANY($2::uuid[])"
_UNPLACED_HOLDS = """
SELECT h.hold_id FROM ledger.hold AS h
WHERE h.book_id = $1 AND NOT EXISTS (
    SELECT FROM ledger.event AS e
    WHERE e.book_id = h.book_id AND e.hold_id = h.hold_id AND e.kind = 1
)
"""
_REVERSED_TWICE = """
SELECT reverses, count(*) AS times FROM ledger.transfer
WHERE book_id = $1 AND reverses IS NOT NULL AND line = 0
GROUP BY reverses HAVING count(*) > 1
"""
_PROPOSALS = """
SELECT m.journal_id, m.state, m.made_by, m.decided_by, EXISTS (
    SELECT FROM ledger.event AS e
    WHERE e.book_id = m.book_id AND e.subject = m.journal_id AND e.kind = 31
        AND e.actor = m.made_by AND e.body = m.body
) AS made, CASE m.state
    WHEN 1 THEN NOT EXISTS (
        SELECT FROM ledger.transfer AS t
        WHERE t.book_id = m.book_id AND t.journal_id = m.journal_id
    )
    WHEN 2 THEN EXISTS (
        SELECT FROM ledger.transfer AS t
        WHERE t.book_id = m.book_id AND t.journal_id = m.journal_id AND t.actor = m.decided_by
    )
    ELSE EXISTS (
        SELECT FROM ledger.event AS e
        WHERE e.book_id = m.book_id AND e.subject = m.journal_id AND e.kind = 32
            AND e.actor = m.decided_by
    )
END AS decided
FROM ledger.manual_journal AS m
WHERE m.book_id = $1
ORDER BY m.journal_id
"""
_NOTES_ALONE = """
SELECT e.recorded_seq, e.subject FROM ledger.event AS e
WHERE e.book_id = $1 AND e.kind = 31 AND NOT EXISTS (
    SELECT FROM ledger.manual_journal AS m
    WHERE m.book_id = e.book_id AND m.journal_id = e.subject
)
ORDER BY e.recorded_seq LIMIT 1000
"""


async def check_accounts(
    connection: Connection, book_id: int, book: Book, advance: Advance
) -> list[Difference]:
    """Every balance row and account row is what the record makes it; none missing, none extra."""
    found: list[Difference] = []
    after = 0
    totals = [0, 0]
    while True:
        rows = await connection.fetch(_ACCOUNTS, book_id, after, ACCOUNTS_AT_ONCE)
        await advance(rows[0]["head_batch"], rows[0]["head_seq"])
        rows = [row for row in rows if row["account_id"] is not None]
        last = len(rows) < ACCOUNTS_AT_ONCE
        until = None if last else rows[-1]["account_id"]
        found += _accounts(book, rows, after, until)
        totals[0] += sum(row["debits"] or 0 for row in rows)
        totals[1] += sum(row["credits"] or 0 for row in rows)
        if until is None:
            break
        after = until
    whole = len(book.accounts) <= ACCOUNTS_AT_ONCE
    if whole:
        # Pieces are read at different numbers: only one piece has sums of one moment.
        found += differ("debits = credits", "ledger.balance", totals[0], totals[1])
    debits = sum(account.debits for account in book.accounts.values())
    credits_ = sum(account.credits for account in book.accounts.values())
    return found + differ("debits = credits", "replayed transfers", debits, credits_)


def _accounts(
    book: Book, rows: Iterable[Row], after: int, until: int | None
) -> Iterator[Difference]:
    missing = {
        number for number in book.accounts if number > after and (until is None or number <= until)
    }
    for row in rows:
        number = row["account_id"]
        missing.discard(number)
        account = book.accounts.get(number)
        where = f"ledger.balance account {number}"
        if account is None:
            if row["balance_of"] is not None:
                yield from differ("balances are the transfers", where, "no row", "a row")
            if row["facts_of"] is not None:
                where = f"ledger.account {number}"
                yield from differ("accounts are as opened", where, "no row", "a row")
        elif row["balance_of"] is None:
            yield from differ("balances are the transfers", where, "a row", "none")
        else:
            expected = _balance_row(account)
            found = {name: row[name] for name in expected}
            yield from compare("balances are the transfers", where, expected, found)
        if account is not None:
            where = f"ledger.account {number}"
            if row["facts_of"] is None:
                yield from differ("accounts are as opened", where, "a row", "none")
                continue
            facts = {
                "opened_on": account.opened_on,
                "opened_seq": account.opened_seq,
                **account.facts,
            }
            found = {name: row[name] for name in facts}
            yield from compare("accounts are as opened", where, facts, found)
    for number in sorted(missing):
        where = f"ledger.balance account {number}"
        yield from differ("balances are the transfers", where, "a row", "none")


def _balance_row(account: Account) -> dict[str, object]:
    return {
        "debits": account.debits,
        "credits": account.credits,
        "held": account.held,
        "balance_min": account.lowest,
        "balance_max": account.highest,
        "excess_satang": max(account.short(), account.over()),
        "state": 2 if account.closed else 1,
        "frozen": account.frozen,
        "frozen_until": account.frozen_until,
        "changed_seq": account.changed_seq,
    }


async def check_ended_holds(
    connection: Connection, book_id: int, ended: Iterable[Hold]
) -> list[Difference]:
    """A hold that has ended changes no more: its row must be what its end left."""
    holds = list(ended)
    if not holds:
        return []
    rows = await connection.fetch(_HOLDS, book_id, [hold.hold_id for hold in holds])
    return _holds(holds, rows)


async def check_open_holds(
    connection: Connection, book_id: int, book: Book, advance: Advance
) -> list[Difference]:
    """The open holds are those that were placed and have not ended; no row comes from nowhere."""
    rows = await connection.fetch(_OPEN_HOLDS, book_id)
    await advance(rows[0]["head_batch"], rows[0]["head_seq"])
    rows = [row for row in rows if row["hold_id"] is not None]
    found = _holds(book.holds.values(), rows)
    for row in await connection.fetch(_UNPLACED_HOLDS, book_id):
        where = f"ledger.hold {row['hold_id']}"
        found += differ("holds are their events", where, "an event that placed it", "none")
    return found


def _holds(holds: Iterable[Hold], rows: Iterable[Row]) -> list[Difference]:
    check = "holds are their events"
    found: list[Difference] = []
    by_id = {row["hold_id"]: row for row in rows}
    for hold in holds:
        where = f"ledger.hold {hold.hold_id}"
        row = by_id.pop(hold.hold_id, None)
        if row is None:
            state = {OPEN: "open", CAPTURED: "captured"}.get(hold.state, "ended")
            found += differ(check, where, f"a row, {state}", "none")
            continue
        expected = _hold_row(hold)
        found += compare(check, where, expected, {name: row[name] for name in expected})
    for hold_id in by_id:
        found += differ(check, f"ledger.hold {hold_id}", "no open hold", "an open hold")
    return found


def _hold_row(hold: Hold) -> dict[str, object]:
    return {
        "account_id": hold.account_id,
        "amount_satang": hold.amount,
        "captured_satang": hold.captured,
        "state": hold.state,
        "expires_on": hold.expires_on,
        "reference": hold.reference,
        "placed_seq": hold.placed_seq,
        "changed_seq": hold.changed_seq,
    }


async def check_reversed_once(connection: Connection, book_id: int) -> list[Difference]:
    """No journal is reversed twice."""
    found: list[Difference] = []
    for row in await connection.fetch(_REVERSED_TWICE, book_id):
        where = f"ledger.transfer, reversals of {row['reverses']}"
        found += differ("a journal is reversed once", where, 1, row["times"])
    return found


async def check_proposals(connection: Connection, book_id: int) -> list[Difference]:
    """A proposal is the note that sealed it, by its maker; its decision is recorded by its checker.

    Rows and records of a decision are one commit, so one statement sees both or neither.
    """
    check = "proposals are their notes"
    found: list[Difference] = []
    for row in await connection.fetch(_PROPOSALS, book_id):
        where = f"ledger.manual_journal {row['journal_id']}"
        if not row["made"]:
            found += differ(check, where, f"a note of its body by {row['made_by']}", "none")
        if not row["decided"]:
            expected = f"a record of state {row['state']} by {row['decided_by']}"
            found += differ(check, where, expected, "none")
    for row in await connection.fetch(_NOTES_ALONE, book_id):
        where = f"ledger.manual_journal {row['subject']}"
        found += differ(check, where, f"the proposal of number {row['recorded_seq']}", "none")
    return found
