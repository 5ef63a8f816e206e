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
    WITHDRAWAL_FEE = 119
    PLACEMENT = 121
    PLACEMENT_INTEREST = 122
    PLACEMENT_PAID_OUT = 123
    PLACEMENT_REPRICED = 124
    PLACEMENT_CLAWED_BACK = 125


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
    LOAN_REQUEST_DRAFTED = 140
    LOAN_REQUEST_SUBMITTED = 141
    LOAN_REQUEST_DOCUMENTED = 142
    LOAN_REQUEST_ANALYSED = 143
    LOAN_REQUEST_PUT_TO_VOTE = 144
    LOAN_REQUEST_VOTED = 145
    LOAN_REQUEST_RETURNED = 146
    LOAN_REQUEST_ENDED = 147
    LOAN_REQUEST_SIGNED = 148
    LOAN_CONDITION_MET = 149
    PLACEMENT_COUPON_BARE = 150
    PLACEMENT_OPENED = 151
    PLACEMENT_ROLLED = 152
    PLACEMENT_MATURED = 153
    PLACEMENT_WAITS = 154
    PLACEMENT_INSTRUCTED = 155
    EARLY_END_PROPOSED = 156
    EARLY_END_DONE = 157
    EARLY_END_REJECTED = 158
