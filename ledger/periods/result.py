"""The closing journals of a fiscal year: income and expense carried to the result. Pure.

Each account of income (class 4) and expense (class 5) with a balance at the year's end is brought
to zero against the result account: what income was credited is debited there, what expense was
debited is credited. The result account ends with income less expense, a surplus on its credit side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from ledger.kinds import JournalKind
from ledger.money import AMOUNT_MAX
from ledger.periods.totals import Counters, Draft, Vouchers
from ledger.posting.ids import event_id, journal_id
from ledger.posting.values import Journal, Transfer

LINES_MAX = 500
"""Transfers of one closing journal at most; more accounts make more journals of the same unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultAccount:
    """An account to carry the result to, or one that is carried there; balance in satang."""

    account_id: int
    code: str
    gl_code: str
    balance_satang: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class YearClose:
    """The journals that close a year, and what they do to the control totals."""

    journals: tuple[Journal, ...]
    result_satang: int
    draft: Draft


def close_accounts(
    accounts: Sequence[ResultAccount],
    result: ResultAccount,
    draft: Draft,
    event: UUID,
    attempt: int,
) -> YearClose:
    """The closing of these accounts; `draft` is the trial balance before it.

    event, attempt: what the journals' ids are made of.
    """
    transfers = list(_transfers(accounts, result))
    parts = range(0, len(transfers), LINES_MAX)
    journals = tuple(
        Journal(
            journal_id=journal_id(event_id(event, part), attempt),
            kind=JournalKind.YEAR_CLOSE,
            transfers=tuple(transfers[start : start + LINES_MAX]),
            value_date=draft.through,
            reference=f"{draft.through.isoformat()} {part}/{len(parts)}",
            narrative="income and expense to the result of the year",
        )
        for part, start in enumerate(parts, start=1)
    )
    return YearClose(
        journals=journals,
        result_satang=sum(account.balance_satang for account in accounts),
        draft=_after(draft, accounts, result, len(journals)),
    )


def _transfers(accounts: Sequence[ResultAccount], result: ResultAccount) -> Iterator[Transfer]:
    for account in accounts:
        income = account.balance_satang > 0
        rest = abs(account.balance_satang)
        while rest:
            # A balance may be larger than one amount may be.
            amount = min(rest, AMOUNT_MAX)
            rest -= amount
            yield Transfer(
                debit=account.account_id if income else result.account_id,
                credit=result.account_id if income else account.account_id,
                amount_satang=amount,
            )


def _after(
    draft: Draft, accounts: Sequence[ResultAccount], result: ResultAccount, journals: int
) -> Draft:
    """The trial balance and the vouchers with the closing journals in them."""
    totals = dict(draft.totals)
    for account in accounts:
        income, cost = max(0, account.balance_satang), max(0, -account.balance_satang)
        _add(totals, account.gl_code, Counters(debits=income, credits=cost))
        _add(totals, result.gl_code, Counters(debits=cost, credits=income))
    before = draft.vouchers
    last = (before.last or 0) + journals
    vouchers = Vouchers(
        number=before.number + journals,
        first=before.first if before.first or not journals else 1,
        last=last or None,
    )
    return replace(draft, totals=dict(sorted(totals.items())), vouchers=vouchers)


def _add(totals: dict[str, Counters], gl_code: str, more: Counters) -> None:
    before = totals.get(gl_code, Counters(debits=0, credits=0))
    totals[gl_code] = Counters(
        debits=before.debits + more.debits, credits=before.credits + more.credits
    )


def opposite(journal: UUID, mirrored: Sequence[Transfer], event: UUID) -> Journal:
    """The reversal of a closing journal, when its year is opened again.

    A refused opening is not remembered, so its first attempt is its only one.
    """
    return Journal(
        journal_id=journal_id(event_id(event, journal), 1),
        kind=JournalKind.REVERSAL,
        transfers=tuple(
            Transfer(debit=t.credit, credit=t.debit, amount_satang=t.amount_satang)
            for t in mirrored
        ),
        narrative="fiscal year opened again",
        reverses=journal,
    )
