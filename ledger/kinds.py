"""Kinds of journals and of numbered events that the ledger itself knows; products add their own.

The Python enums are the source; `ledger.journal_kind` and `ledger.event_kind` hold the same rows
for people who read the database (a test compares them). Ledger kinds are below 100.
"""

from __future__ import annotations

import enum


class JournalKind(enum.IntEnum):
    """Journals that belong to no product."""

    OPENING = 1
    MANUAL = 2
    REVERSAL = 3
    ADJUSTMENT = 4
    YEAR_CLOSE = 5
    IMPORTED = 6


class EventKind(enum.IntEnum):
    """Numbered events of the ledger: each takes a `recorded_seq` like a journal does."""

    HOLD_PLACED = 1
    HOLD_RELEASED = 3
    HOLD_EXPIRED = 4
    ACCOUNT_OPENED = 11
    ACCOUNT_FROZEN = 12
    ACCOUNT_LIMITS_SET = 13
    ACCOUNT_CLOSED = 14
    LIMITS_PLANNED = 15
    ACCOUNT_REOPENED = 16
    BUSINESS_DATE_MOVED = 21
    DAY_PROVEN = 22
    PERIOD_CLOSED = 23
    PERIOD_REOPENED = 24
    MANUAL_JOURNAL_MADE = 31
    MANUAL_JOURNAL_REJECTED = 32
    JOURNAL_FORCED = 33
    CROSS_BOOK = 34
    HISTORY_BEGUN = 41
    HISTORY_IMPORTED = 42
