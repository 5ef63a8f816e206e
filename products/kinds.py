"""Kinds of journals and of numbered events that products add to the ledger's own: 100 and above.

The Python enums are the source; `ledger.journal_kind` and `ledger.event_kind` hold the same rows
for people who read the database, under these names in lower case (a test compares them).
"""

from __future__ import annotations

import enum


class JournalKind(enum.IntEnum):
    """Journals of products, by the event that they record (docs/accounting.md)."""

    INTEREST_ACCRUAL = 101
    INTEREST_CAPITALISATION = 102
    CAPITALISATION_CORRECTION = 103
    INTEREST_AT_CLOSING = 104
    CLOSING_SWEEP = 105
    DEPOSIT = 111
    WITHDRAWAL = 112
    WITHDRAWAL_SETTLED = 113
    WITHDRAWAL_RETURNED = 114
    BANK_FEE = 115
    SUSPENSE_RECEIPT = 116
    SUSPENSE_PAYMENT = 117
    SUSPENSE_RESOLVED = 118


class EventKind(enum.IntEnum):
    """Numbered events of products: each takes a `recorded_seq` like a journal does."""

    NOTICE_RECEIVED = 111
    NOTICE_APPROVED = 112
    NOTICE_PAID = 113
    NOTICE_POSTED = 114
    NOTICE_REJECTED = 115
    NOTICE_RETURNED = 116
    NOTICE_UNMATCHED = 117
    NOTICE_EXPIRED = 118
    NOTICE_MATCHED = 119
    STATEMENT_LOADED = 121
    LINE_SUSPENDED = 122
    INTEREST_BROUGHT = 131
    CUT_OVER_LOADED = 132
