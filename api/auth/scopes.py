"""Scopes: what a key may do. A short closed list; a key of a member co-op may hold only some.

A scope says which door opens; whose accounts lie behind it is said by the key's party. What looks
at the whole book (journals, statements of the bank, the night, the feed) is the Facility's own.
"""

from __future__ import annotations

from typing import Literal, get_args

Scope = Literal[
    "books:read",
    "accounts:read",
    "accounts:keep",
    "accounts:close",
    "journals:read",
    "journals:write",
    "journals:approve",
    "journals:adjust",
    "journals:force",
    "journals:post",
    "periods:read",
    "periods:close",
    "periods:reopen",
    "holds:read",
    "holds:write",
    "notices:read",
    "notices:write",
    "notices:approve",
    "notices:pay",
    "loan-requests:read",
    "loan-requests:write",
    "loan-requests:process",
    "loan-requests:analyse",
    "loan-requests:approve",
    "statements:read",
    "statements:write",
    "placements:read",
    "placements:write",
    "placements:approve",
    "terms:keep",
    "night:read",
    "night:run",
    "feed:read",
    "seals:read",
]

SCOPES: tuple[Scope, ...] = get_args(Scope)
"""Every scope there is."""

PARTY_SCOPES: frozenset[Scope] = frozenset(
    (
        "books:read",
        "accounts:read",
        "holds:read",
        "holds:write",
        "notices:read",
        "notices:write",
        "notices:approve",
        "placements:read",
        "loan-requests:read",
        "loan-requests:write",
        "seals:read",
    )
)
"""What a member co-op's key may hold: everything behind these doors belongs to one party."""

MEANINGS: dict[Scope, str] = {
    "books:read": "see the book, its head and its chart of dates",
    "accounts:read": "see accounts, balances and statements of accounts",
    "accounts:keep": "freeze and thaw accounts, set and plan their limits",
    "accounts:close": "close accounts, and undo another person's closing",
    "journals:read": "see journals and proposals of manual journals",
    "journals:write": "propose a manual journal or a reversal",
    "journals:approve": "approve or reject another person's proposal",
    "journals:force": "propose and approve reversals that set limits and freezes aside",
    "journals:post": "post journals by the line, in bulk, without a second person",
    "journals:adjust": "propose and approve journals on an earlier business date",
    "periods:read": "see months and fiscal years, their closings and control totals",
    "periods:close": "close a month or a fiscal year",
    "periods:reopen": "open a closed month or fiscal year again",
    "holds:read": "see holds",
    "holds:write": "place and release holds",
    "notices:read": "see notices and their history",
    "notices:write": "send deposit and withdrawal notices",
    "notices:approve": "approve or reject another person's notice",
    "notices:pay": "order the payment of an approved withdrawal",
    "loan-requests:read": "see loan requests, their papers, votes and conditions",
    "loan-requests:write": "draft, amend, submit and withdraw loan requests, add papers",
    "loan-requests:process": "take loan requests from step to step: papers, signing, conditions",
    "loan-requests:analyse": "record the analysis of another person's loan request",
    "loan-requests:approve": "vote on loan requests, at the level that the approver has",
    "statements:read": "see bank statements, lines, suspense and proposals of matches",
    "statements:write": "load bank statements; match and un-match lines",
    "placements:read": "see placements, what is offered, maturities, holidays, tax and its table",
    "placements:write": "place sums, instruct, pay out what waits, propose an early withdrawal",
    "placements:approve": "do or reject another person's early withdrawal",
    "terms:keep": "announce holidays; approve another person's rates of withholding tax",
    "night:read": "see the state of business dates and the reports of nights",
    "night:run": "run end of day",
    "feed:read": "follow everything that is recorded, in order",
    "seals:read": "see day seals, proofs of journals and statement files",
}
