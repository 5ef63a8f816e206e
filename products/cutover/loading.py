"""Loading a cut-over: judged whole, posted and proven in one transaction, once a book.

Everything is checked before the first row is written; then the book, its catalogue, its accounts,
balances, interest, holds, notices, limits and freezes are written in batches of one transaction,
and the ledger is added up again: every GL code against the old system's trial balance, the opening
account at zero, accrued interest against its contracts. Anything that differs, and a kill at any
moment, leaves nothing behind. The last note of the load keeps the SHA-256 of the files: the same
files again are a no-op that says so, other ones are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import ClassVar

from ledger import accounts, books, parties
from ledger.db import Connection, Pool, statements, transaction
from ledger.errors import CffError, InvariantBroken, NotFound, ensure
from ledger.history.beginning import is_finished
from ledger.history.checking import Told
from ledger.history.control import Difference, differences
from ledger.history.texts import Findings
from ledger.posting.ids import event_id
from ledger.posting.values import Note, Origin, Status, Unit
from ledger.posting.write import post_batch
from products.catalogue import SPECIAL_SAVINGS, Product, create_product
from products.cutover import units
from products.cutover.files import read_directory
from products.cutover.judging import judge
from products.cutover.units import Plan
from products.cutover.values import CutOver, Standing
from products.kinds import EventKind
from products.payments.banks import (
    BankAccount,
    PaymentAccounts,
    add_bank_account,
    set_payment_accounts,
)

_SQL = statements(Path(__file__).parent.parent / "sql" / "cutover.sql")

UNITS_AT_ONCE = 500
_FIRST_COUNT = 1_000
"""After so many units the planner counts the tables, and again whenever they have doubled."""


class CutOverRefused(CffError):  # noqa: N818 - the name is what the clerk reads
    """The book cannot take a cut-over; the message says why."""

    code: ClassVar[str] = "cut_over_refused"


class OtherCutOver(CffError):  # noqa: N818
    """The book's cut-over was loaded from other files."""

    code: ClassVar[str] = "other_cut_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a cut-over says and what became of it.

    loaded:      it stands in the book (from now or from before).
    repeated:    these very files were loaded before; nothing was done.
    differences: GL codes on which files and trial balance disagree.
    counts:      how many of each thing the files have.
    """

    book_code: str
    on: date | None
    problems: Findings
    differences: tuple[Difference, ...]
    counts: Mapping[str, int]
    debits_satang: int = 0
    interest_satang: int = 0
    loaded: bool = False
    repeated: bool = False

    @property
    def ok(self) -> bool:
        """True when nothing stands against the files."""
        return not self.problems.count and not self.differences


async def check_cut_over(pool: Pool, directory: Path) -> Report:
    """Judge the files of a directory against the book; nothing is written.

    Raises `InvalidInput` when there is no such directory, `CutOverRefused` for a book that has
    live postings, `OtherCutOver` for one that was cut over from other files.
    """
    findings = Findings()
    cut_over = read_directory(directory, findings)
    async with pool.acquire() as connection:
        standing, repeated = await _standing(connection, cut_over)
    found = [] if repeated else judge(cut_over, standing, findings)
    return _report(cut_over, findings, found, loaded=repeated, repeated=repeated)


async def load_cut_over(
    pool: Pool, directory: Path, *, actor: str = "facility:cut-over", told: Told | None = None
) -> Report:
    """Load a directory, all of it or nothing. Raises as `check_cut_over` does."""
    findings = Findings()
    cut_over = read_directory(directory, findings)
    async with transaction(pool, actor) as connection:
        code = cut_over.book.code if cut_over.book is not None else ""
        if not await connection.fetchval(_SQL["only_cut_over"], code):
            raise CutOverRefused(f"a cut-over of book {code} is being loaded already: wait for it")
        standing, repeated = await _standing(connection, cut_over)
        found = [] if repeated else judge(cut_over, standing, findings)
        if repeated or findings.count or found:
            return _report(cut_over, findings, found, loaded=repeated, repeated=repeated)
        await _load(connection, cut_over, standing, actor, told)
    return _report(cut_over, findings, found, loaded=True)


def _report(
    cut_over: CutOver,
    findings: Findings,
    found: list[Difference],
    *,
    loaded: bool,
    repeated: bool = False,
) -> Report:
    book = cut_over.book
    terms = {product.product_code: product.terms for product in cut_over.products}
    return Report(
        book_code=book.code if book is not None else "",
        on=book.opened_on if book is not None else None,
        problems=findings,
        differences=tuple(found),
        counts={
            name: len(getattr(cut_over, name))
            for name in (
                "members",
                "accounts",
                "contracts",
                "holds",
                "notices",
                "limits",
                "freezes",
            )
        },
        debits_satang=-sum(net for net in cut_over.trial_balance.values() if net < 0),
        interest_satang=sum(
            terms[each.product_code].rounded(each.accrued_exact)
            for each in cut_over.contracts
            if each.product_code in terms
        ),
        loaded=loaded,
        repeated=repeated,
    )


async def _standing(connection: Connection, cut_over: CutOver) -> tuple[Standing, bool]:
    """What the book has already, and whether these very files are what it was cut over from."""
    if cut_over.book is None:
        return Standing(), False
    code = cut_over.book.code
    try:
        book = await books.get_book(connection, code)
    except NotFound:
        return Standing(), False
    book_id = book.book_id
    body = await connection.fetchval(_SQL["loaded"], book_id, units.subject(book_id))
    if body is not None:
        before = json.loads(body)["sha256"]
        if before != cut_over.sha256.hex():
            raise OtherCutOver(
                f"book {code} was cut over from other files (SHA-256 {before[:12]}…, these "
                f"{cut_over.sha256.hex()[:12]}…): a book is cut over once. Correct it by journals"
            )
        return Standing(book_id=book_id), True
    finished = await is_finished(connection, book_id)
    if finished is None:
        raise CutOverRefused(
            f"book {code} exists and was neither imported nor made by a cut-over: give the new "
            "book another code"
        )
    if not finished:
        raise CutOverRefused(
            f"the history of book {code} is not imported to its end: run cff import-history again"
        )
    return await _imported(connection, book_id), False


async def _imported(connection: Connection, book_id: int) -> Standing:
    head = await books.read_head(connection, book_id)
    rows = await connection.fetch(_SQL["standing"], book_id)
    members = await connection.fetch(_SQL["members"], book_id)
    return Standing(
        book_id=book_id,
        business_date=head.business_date,
        balances={row["code"]: row["balance"] for row in rows},
        gl_codes={row["code"]: row["gl_code"] for row in rows},
        parties={row["code"]: row["party_id"] for row in rows},
        numbers={row["code"]: row["account_id"] for row in rows},
        chart=frozenset(line.gl_code for line in await books.chart(connection, book_id)),
        members=frozenset(row["party_id"] for row in members),
    )


async def _load(
    connection: Connection, cut_over: CutOver, standing: Standing, actor: str, told: Told | None
) -> None:
    plan = await _plan(connection, cut_over, standing, actor)
    book_id = plan.book_id
    new = [member for member in cut_over.members if member.party_id not in standing.members]
    await books.add_gl_accounts(connection, book_id, cut_over.chart)
    await parties.add_parties(connection, book_id, new)
    # Sheets first: while nothing but a history stands in the book, old approvals are taken over.
    await _take_rates(connection, book_id, cut_over)
    poster = _Poster(connection, book_id, told, _total(cut_over))
    await poster.post(units.own_accounts(plan))
    await _set_up(connection, plan)
    everything = chain(
        units.contracts(plan), units.balances(plan), units.reserved(plan), units.freezes(plan)
    )
    await poster.post(everything)
    await _prove(connection, plan)
    body: dict[str, object] = {
        "sha256": cut_over.sha256.hex(),
        "files": list(cut_over.names),
        "contracts": len(cut_over.contracts),
        "holds": len(cut_over.holds),
        "notices": len(cut_over.notices),
        "debits_satang": -sum(net for net in cut_over.trial_balance.values() if net < 0),
    }
    note = Note(kind=EventKind.CUT_OVER_LOADED, subject=units.subject(book_id), body=body)
    await poster.post([plan.unit(note)])


def _total(cut_over: CutOver) -> int:
    contracts, own = len(cut_over.contracts), len(cut_over.accounts)
    return 2 * (contracts + own) + len(cut_over.holds) + len(cut_over.notices) + 1


async def _plan(connection: Connection, cut_over: CutOver, standing: Standing, actor: str) -> Plan:
    book = cut_over.book
    ensure(book is not None, "a cut-over without a book")
    if book is None:
        raise InvariantBroken("a cut-over without a book")
    book_id = standing.book_id
    if book_id is None:
        book_id = await connection.fetchval(
            "SELECT coalesce(max(b.book_id), 0) + 1 FROM ledger.book AS b"
        )
        await books.create_book(
            connection,
            book_id=book_id,
            code=book.code,
            name_th=book.name_th,
            name_en=book.name_en,
            opened_on=book.opened_on,
            fiscal_year_start_month=book.fiscal_year_start_month,
        )
    codes = [own.code for own in cut_over.accounts]
    codes += [contract.contract_no for contract in cut_over.contracts]
    new = [code for code in codes if code not in standing.numbers]
    fresh = await accounts.reserve_ids(connection, len(new))
    return Plan(
        book_id=book_id,
        on=book.opened_on,
        actor=actor,
        cut_over=cut_over,
        standing=standing,
        numbers=dict(standing.numbers) | dict(zip(new, fresh, strict=True)),
        products={product.product_code: product for product in cut_over.products},
        sql=_SQL,
    )


async def _take_rates(connection: Connection, book_id: int, cut_over: CutOver) -> None:
    for rate in cut_over.rates:
        sheet_id = event_id(book_id, "rate_sheet", rate.product_code, rate.effective_from)
        facts = (rate.product_code, rate.effective_from, rate.annual_rate_e8, rate.made_by)
        await connection.execute(_SQL["draft_sheet"], book_id, sheet_id, *facts)
        lines = cut_over.lines_of(rate)
        columns = ([n.slab_from_satang for n in lines], [n.annual_rate_e8 for n in lines])
        await connection.execute(_SQL["draft_lines"], book_id, sheet_id, *columns)
        approval = (rate.approved_by, rate.approved_on)
        await connection.execute(_SQL["approve_sheet"], book_id, sheet_id, *approval)


async def _set_up(connection: Connection, plan: Plan) -> None:
    """Products, banks and payment accounts, which stand on the Facility's own accounts."""
    number = plan.numbers
    special = {each.product_code: each for each in plan.cut_over.special}
    for product in plan.cut_over.products:
        made = Product(
            book_id=plan.book_id,
            product_code=product.product_code,
            name_th=product.name_th,
            name_en=product.name_en,
            terms=product.terms,
            gl_deposits=product.gl_deposits,
            expense_account=number[product.expense_account],
            payable_account=number[product.payable_account],
        )
        if (conditions := special.get(product.product_code)) is not None:
            made = replace(
                made,
                family=SPECIAL_SAVINGS,
                slab_rule=conditions.slab_rule,
                minimum_satang=conditions.minimum_satang,
            )
        await create_product(connection, made)
    for bank in plan.cut_over.banks:
        account = BankAccount(
            bank_code=bank.bank_code,
            bank_no=bank.bank_no,
            account_no=bank.account_no,
            name_th=bank.name_th,
            name_en=bank.name_en,
            account_id=number[bank.account],
            opening_sequence_no=bank.last_statement_no,
            opening_satang=bank.last_balance_satang,
        )
        await add_bank_account(connection, plan.book_id, account)
    payments = plan.cut_over.payments
    if payments is not None:
        waiting = PaymentAccounts(
            suspense_receipts=number[payments.suspense_receipts],
            suspense_payments=number[payments.suspense_payments],
            outgoing_clearing=number[payments.outgoing_clearing],
            bank_fees=number[payments.bank_fees],
        )
        await set_payment_accounts(connection, plan.book_id, waiting)


class _Poster:
    """Posts units in batches inside the load's transaction; none may be refused."""

    def __init__(self, connection: Connection, book_id: int, told: Told | None, total: int) -> None:
        self.connection = connection
        self.book_id = book_id
        self.told = told
        self.done = 0
        self.total = total
        self.count_at = _FIRST_COUNT

    async def post(self, wanted: Iterable[Unit]) -> None:
        """Post every unit, in order. Raises `CutOverRefused` for the first that is not accepted."""
        left = iter(wanted)
        while piece := list(islice(left, UNITS_AT_ONCE)):
            outcomes = await post_batch(self.connection, self.book_id, piece, origin=Origin.BULK)
            for unit, outcome in zip(piece, outcomes, strict=True):
                if outcome.status is not Status.ACCEPTED:
                    said = outcome.refusal or outcome.status.value
                    raise CutOverRefused(f"{unit.operations[0]} was refused: {said}")
            self.done += len(piece)
            if self.done >= self.count_at:
                await self.connection.execute(_SQL["count_again"])
                self.count_at = 2 * self.done
            if self.told is not None:
                self.told(self.done, max(self.done, self.total))


async def _prove(connection: Connection, plan: Plan) -> None:
    """What was posted, added up by the database, against the old system's control totals.

    The files passed the same test before; a difference here is a bug, and nothing is committed.
    """
    await connection.execute(_SQL["count_again"])
    rows = await connection.fetch(_SQL["balances_by_code"], plan.book_id)
    found = {row["gl_code"]: int(row["net"]) for row in rows}
    wrong = [str(each) for each in differences(plan.on, plan.cut_over.trial_balance, found)]
    if plan.standing.is_new:
        clearing = plan.cut_over.opening_account
        position = await accounts.position(connection, plan.book_id, clearing)
        if position.balance_satang:
            wrong.append(f"opening account {clearing} ends at {position.balance_satang} satang")
    for row in await connection.fetch(_SQL["interest_by_account"], plan.book_id):
        wrong.append(f"account {row['code']}: {row['ledger']}, contracts {row['owed']} satang")
    held = await connection.fetchval(_SQL["held_otherwise"], plan.book_id)
    if held:
        wrong.append(f"{held} accounts hold another amount than their holds")
    ensure(not wrong, f"the cut-over of book {plan.cut_over.names} does not add up: {wrong[:10]}")
