"""A cut-over as units, in the order in which they must happen. Pure.

Accounts are opened with their limits, contracts with the interest that they bring, balances are
posted against the opening account, then money is set aside, and only then accounts are frozen:
a frozen one takes no hold. A book with an imported history has its balances already; its accounts
are taken over as they are. Ids are derived from the book's code and what a thing is called, so a
load that failed and one that succeeds name the same things alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from ledger.dates import thai_date
from ledger.kinds import JournalKind
from ledger.money import CURRENCY
from ledger.posting.ids import event_id
from ledger.posting.values import (
    FIRST_SEQ,
    Journal,
    Note,
    OpenAccount,
    Operation,
    PlaceHold,
    RowWrite,
    SetFreeze,
    SetLimits,
    Transfer,
    Unit,
)
from products.contracts import contract_id_of
from products.cutover.values import ContractIn, CutOver, LimitIn, NoticeIn, ProductIn, Standing
from products.kinds import EventKind
from products.payments.notice_reads import SQL as NOTICE_SQL
from products.payments.notice_values import Notice, NoticeKind, NoticeStatus
from products.payments.notices import change_write, moved

REASON = "cut-over"
REFERENCE = "CUT-OVER"
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What units need besides the files: numbers of accounts and the words of the statements.

    sql: the statements of `products/sql/cutover.sql`.
    """

    book_id: int
    on: date
    actor: str
    cut_over: CutOver
    standing: Standing
    numbers: Mapping[str, int]
    products: Mapping[str, ProductIn]
    sql: Mapping[str, str]

    def unit(self, *operations: Operation, writes: tuple[RowWrite, ...] = ()) -> Unit:
        """A unit of the cut-over."""
        return Unit(operations=operations, actor=self.actor, reason=REASON, writes=writes)


def subject(book_id: int) -> UUID:
    """The subject of the note that a book's cut-over leaves."""
    return event_id(book_id, "cut_over")


def own_accounts(plan: Plan) -> Iterator[Unit]:
    """Open the Facility's own accounts that the book does not have."""
    limits = {limit.account: limit for limit in plan.cut_over.limits}
    for own in plan.cut_over.accounts:
        limit = limits.get(own.code)
        if own.code not in plan.standing.numbers:
            yield plan.unit(
                OpenAccount(
                    account=plan.numbers[own.code],
                    code=own.code,
                    gl_code=own.gl_code,
                    currency=CURRENCY,
                    name_th=own.name_th,
                    name_en=own.name_en,
                    balance_min=limit.balance_min if limit else None,
                    balance_max=limit.balance_max if limit else None,
                )
            )
        elif limit is not None:
            yield plan.unit(_set_limits(plan, limit))


def contracts(plan: Plan) -> Iterator[Unit]:
    """Open each contract (or take its imported account over) with its interest so far."""
    limits = {limit.account: limit for limit in plan.cut_over.limits}
    for contract in plan.cut_over.contracts:
        yield _contract(plan, contract, limits.get(contract.contract_no))


def _contract(plan: Plan, contract: ContractIn, limit: LimitIn | None) -> Unit:
    product = plan.products[contract.product_code]
    code, number = contract.contract_no, plan.numbers[contract.contract_no]
    contract_id = contract_id_of(plan.book_id, code)
    low, high = (limit.balance_min, limit.balance_max) if limit else (0, None)
    opening: Operation = OpenAccount(
        account=number,
        code=code,
        gl_code=product.gl_deposits,
        currency=CURRENCY,
        name_th=contract.name_th,
        name_en=contract.name_en,
        party_id=contract.party_id,
        balance_min=low,
        balance_max=high,
    )
    if code in plan.standing.numbers:
        opening = SetLimits(account=number, balance_min=low, balance_max=high)
    satang = product.terms.rounded(contract.accrued_exact)
    brought = Note(
        kind=EventKind.INTEREST_BROUGHT,
        subject=contract_id,
        account=number,
        amount_satang=satang,
        body={"accrued_to": contract.accrued_to, "exact": str(contract.accrued_exact)},
    )
    facts = (plan.book_id, contract_id, code, contract.product_code, contract.party_id, number)
    interest = (plan.book_id, contract_id, contract.accrued_to, contract.accrued_exact)
    take = RowWrite(
        statement=plan.sql["take_contract"], arguments=(*facts, contract.accrued_to + _ONE_DAY)
    )
    bring = RowWrite(statement=plan.sql["bring_interest"], arguments=interest)
    return plan.unit(opening, brought, writes=(take, bring))


def balances(plan: Plan) -> Iterator[Unit]:
    """One opening journal for each account that has a balance to post."""
    if not plan.standing.is_new:
        return
    wanted = [(own.code, own.balance_satang) for own in plan.cut_over.accounts]
    wanted += [(each.contract_no, each.balance_satang) for each in plan.cut_over.contracts]
    clearing = plan.numbers[plan.cut_over.opening_account]
    for code, satang in wanted:
        if not satang:
            continue
        number = plan.numbers[code]
        debit, credit = (clearing, number) if satang > 0 else (number, clearing)
        yield plan.unit(
            Journal(
                journal_id=event_id(plan.book_id, "cut_over", "balance", code),
                kind=JournalKind.OPENING,
                transfers=(Transfer(debit=debit, credit=credit, amount_satang=abs(satang)),),
                reference=REFERENCE,
                narrative=f"ยอดยกมา {thai_date(plan.on)}",
            )
        )


def reserved(plan: Plan) -> Iterator[Unit]:
    """Holds, then notices with theirs; each notice arrives as it did in the old system."""
    for hold in plan.cut_over.holds:
        yield plan.unit(
            PlaceHold(
                hold_id=hold.hold_id,
                account=plan.numbers[hold.account],
                amount_satang=hold.amount_satang,
                expires_on=hold.expires_on,
                reference=hold.reference,
            )
        )
    for notice in plan.cut_over.notices:
        yield _received(plan, notice)
        if notice.status is NoticeStatus.APPROVED:
            yield _approved(plan, notice)


def _received(plan: Plan, notice: NoticeIn) -> Unit:
    deposit = notice.kind is NoticeKind.DEPOSIT
    status = NoticeStatus.RECEIVED if deposit else NoticeStatus.HELD
    number = plan.numbers[notice.account]
    note = Note(
        kind=EventKind.NOTICE_RECEIVED,
        subject=notice.notice_id,
        account=number,
        amount_satang=notice.amount_satang,
        body={
            "from": None,
            "to": status.code,
            "kind": notice.kind.code,
            "bank": notice.bank,
            "value_date": notice.value_date,
            "reference": notice.reference,
            "received_by": notice.received_by,
        },
    )
    write = RowWrite(
        statement=NOTICE_SQL["insert_notice"],
        arguments=(
            plan.book_id,
            notice.notice_id,
            int(notice.kind),
            int(status),
            contract_id_of(plan.book_id, notice.account),
            notice.bank,
            notice.amount_satang,
            notice.value_date,
            notice.reference,
            notice.made_by,
            notice.received_by,
            FIRST_SEQ,
        ),
    )
    if deposit:
        return Unit(operations=(note,), actor=notice.made_by, reason=REASON, writes=(write,))
    hold = PlaceHold(
        hold_id=notice.notice_id,
        account=number,
        amount_satang=notice.amount_satang,
        expires_on=notice.expires_on,
        reference=notice.reference,
    )
    return Unit(operations=(hold, note), actor=notice.made_by, reason=REASON, writes=(write,))


def _approved(plan: Plan, notice: NoticeIn) -> Unit:
    row = Notice(
        notice_id=notice.notice_id,
        kind=notice.kind,
        status=NoticeStatus.HELD,
        version=1,
        contract_id=contract_id_of(plan.book_id, notice.account),
        contract_no=notice.account,
        party_id=0,
        account_id=plan.numbers[notice.account],
        bank_code=notice.bank,
        amount_satang=notice.amount_satang,
        value_date=notice.value_date,
        reference=notice.reference,
        made_by=notice.made_by,
        received_by=notice.received_by,
        approved_by=None,
        received_on=plan.on,
        received_seq=0,
        changed_seq=0,
        posted_journal=None,
    )
    approver = notice.approved_by or ""
    write = change_write(plan.book_id, row, NoticeStatus.APPROVED, approved_by=approver)
    note = moved(row, NoticeStatus.APPROVED, EventKind.NOTICE_APPROVED)
    return Unit(operations=(note,), actor=approver, reason=REASON, writes=(write,))


def freezes(plan: Plan) -> Iterator[Unit]:
    """Freeze what was frozen."""
    for freeze in plan.cut_over.freezes:
        yield plan.unit(
            SetFreeze(
                account=plan.numbers[freeze.account],
                debits=freeze.debits,
                credits=freeze.credits,
                until=freeze.until,
            )
        )


def _set_limits(plan: Plan, limit: LimitIn) -> SetLimits:
    return SetLimits(
        account=plan.numbers[limit.account],
        balance_min=limit.balance_min,
        balance_max=limit.balance_max,
    )
