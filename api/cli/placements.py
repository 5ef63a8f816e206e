"""Verbs that read placements: the maturity list (รายการครบกำหนด), and one with all about it."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import Annotated, TypeVar

import typer

from api.cli.context import reading_book
from api.cli.output import Csv, Facts, Json, out, print_csv, run, table
from api.cli.reading import BookOption, date_or_none, show_pairs
from api.settings import Settings
from ledger.dates import parse_date
from ledger.db import Connection
from ledger.errors import InvalidInput
from ledger.money import format_baht
from ledger.parties import party_by_code
from pricing.rates import format_rate_percent
from products.deposits.standing import (
    CouponStanding,
    Listed,
    Payment,
    Standing,
    list_placements,
    standing,
)
from products.deposits.term_lists import NumberedTerm, terms_of

placements_app = typer.Typer(
    help="Placements (fixed deposits): the maturity list, one placement.", no_args_is_help=True
)
T = TypeVar("T")

AT_ONCE = 1_000
"""Rows of a list that one question reads."""

MemberOption = Annotated[str | None, typer.Option("--member", help="Code of one member.")]


class Which(enum.Enum):
    """Which placements are listed."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


@placements_app.command("list")
def placements_list(
    on: Annotated[str | None, typer.Option("--on", help="Maturing on this date.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First maturity.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last maturity.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="Code of a product.")] = None,
    member: MemberOption = None,
    which: Annotated[Which, typer.Option("--state", help="Running and waiting are open.")] = (
        Which.OPEN
    ),
    book: BookOption = None,
    csv: Csv = False,
    json: Json = False,
) -> None:
    """Placements by the maturity of their newest term: the maturity list (รายการครบกำหนด)."""

    async def work() -> Facts:
        begins, ends = _range(on, first, last)
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            party_id = await party_id_of(connection, found.book_id, member)

            async def more(seen: Listed | None) -> list[Listed]:
                return await list_placements(
                    connection,
                    found.book_id,
                    party_id=party_id,
                    product_code=product,
                    matures_from=begins,
                    matures_through=ends,
                    is_open={Which.OPEN: True, Which.CLOSED: False}.get(which),
                    after=None if seen is None else (seen.matures_on, seen.contract_no),
                    limit=AT_ONCE,
                )

            rows = await every(more)
        return {
            "placements": [_listed(row) for row in rows],
            "principal": format_baht(sum(row.principal_satang for row in rows)),
        }

    run(work(), json, _list_as_csv if csv else _show_list)


def _range(on: str | None, first: str | None, last: str | None) -> tuple[date | None, date | None]:
    if on is not None:
        if first is not None or last is not None:
            raise InvalidInput.one("--on", on, "either --on or --from and --to")
        day = parse_date(on, "--on")
        return day, day
    begins, ends = date_or_none(first, "--from"), date_or_none(last, "--to")
    if begins is not None and ends is not None and begins > ends:
        raise InvalidInput.one("--from", begins.isoformat(), f"a date up to --to, {ends}")
    return begins, ends


async def party_id_of(connection: Connection, book_id: int, code: str | None) -> int | None:
    """The number of the member with a code; None = of nobody in particular. Raises `NotFound`."""
    return None if code is None else (await party_by_code(connection, book_id, code)).party_id


async def every(more: Callable[[T | None], Awaitable[list[T]]]) -> list[T]:
    """Every row of a list that is read page by page."""
    found = page = await more(None)
    while len(page) == AT_ONCE:
        page = await more(page[-1])
        found = found + page
    return found


_LIST_COLUMNS = (
    "matures_on",
    "contract",
    "product",
    "principal",
    "annual_rate_percent",
    "state",
    "instruction",
    "linked",
    "party_id",
    "term",
    "begins_on",
    "paid",
)


def _listed(row: Listed) -> dict[str, object]:
    return {
        "matures_on": row.matures_on,
        "contract": row.contract_no,
        "product": row.product_code,
        "principal": format_baht(row.principal_satang),
        "annual_rate_percent": format_rate_percent(row.annual_rate_e8),
        "state": row.state.value,
        "instruction": row.instruction.code,
        "linked": row.linked_no,
        "party_id": row.party_id,
        "term": row.term_no,
        "begins_on": row.begins_on,
        "paid": row.paid.name.lower(),
    }


def _list_as_csv(facts: Facts) -> None:
    rows = facts["placements"]
    if isinstance(rows, list):
        print_csv(_LIST_COLUMNS, [[row[name] for name in _LIST_COLUMNS] for row in rows])


def _show_list(facts: Facts) -> None:
    rows = facts["placements"]
    if isinstance(rows, list):
        names = _LIST_COLUMNS[:8]
        columns = ("matures", "contract", "product", "principal>", "%>", "state", "then", "linked")
        words = ("state", "instruction")
        told = [row | {name: row[name].replace("_", " ") for name in words} for row in rows]
        cells = [[str(row[name]) for name in names] for row in told]
        cells.append(["", "", f"{len(rows):,}", str(facts["principal"]), "", "", "", ""])
        table("Placements by maturity", columns, cells)


@placements_app.command("show")
def placements_show(
    contract: Annotated[str, typer.Argument(help="Number of the placement.")],
    book: BookOption = None,
    json: Json = False,
) -> None:
    """A placement: its terms, its coupons with what was paid, what is owed, its instruction."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            stands = await standing(connection, found.book_id, contract)
            terms = await terms_of(connection, found.book_id, stands.contract.contract_id)
        return _placement(stands, terms)

    run(work(), json, _show_placement)


def _placement(found: Standing, terms: Sequence[NumberedTerm]) -> dict[str, object]:
    contract = found.contract
    return {
        "contract": contract.contract_no,
        "product": contract.product_code,
        "party_id": contract.party_id,
        "holder": found.holder.code,
        "state": found.state.value,
        "linked": found.linked.contract_no,
        "paid": found.paid.name.lower(),
        "instruction": found.instruction.code,
        "business_date": found.business_date,
        "matured_on": contract.matured_on,
        "closed_on": contract.closed_on,
        "balance": format_baht(found.balance_satang),
        "held": format_baht(found.held_satang),
        "accrued": format_baht(found.accrued_satang),
        "accrued_to": found.accrued_to,
        "interest_paid": format_baht(found.credited_satang),
        "owed": format_baht(found.owed_satang),
        "tax": format_baht(found.tax_satang),
        "in_the_way": list(found.in_the_way),
        "terms": [_term(term) for term in terms],
        "coupons": [_coupon(coupon) for coupon in found.coupons],
        "payments": [_payment(payment) for payment in found.payments],
    }


def _term(term: NumberedTerm) -> dict[str, object]:
    return {
        "term": term.term_no,
        "begins_on": term.begins_on,
        "matures_on": term.matures_on,
        "principal": format_baht(term.principal_satang),
        "annual_rate_percent": format_rate_percent(term.annual_rate_e8),
        "sheet": None if term.sheet_id is None else str(term.sheet_id),
    }


def _coupon(found: CouponStanding) -> dict[str, object]:
    payment = found.payment
    return {
        "coupon": found.coupon.no,
        "from_date": found.coupon.from_date,
        "pays_on": found.coupon.pays_on,
        "interest": format_baht(found.amount_satang),
        "paid": None if payment is None else format_baht(payment.amount_satang),
        "tax": None if payment is None else format_baht(payment.tax_satang),
    }


def _payment(payment: Payment) -> dict[str, object]:
    return {
        "paid_on": payment.made_on,
        "through": payment.period_end,
        "interest": format_baht(payment.amount_satang),
        "tax": format_baht(payment.tax_satang),
        "form": payment.tax_form,
        "journal_id": str(payment.journal_id),
    }


def _show_placement(facts: Facts) -> None:
    terms, coupons, ways = facts["terms"], facts["coupons"], facts["in_the_way"]
    lists = ("terms", "coupons", "payments", "in_the_way")
    show_pairs({name: value for name, value in facts.items() if name not in lists})
    if isinstance(ways, list) and ways:
        out.print(f"in the way       {', '.join(ways)}", markup=False)
    if isinstance(terms, list):
        table(
            "Terms",
            ("term>", "from", "matures", "principal>", "%>"),
            [[str(cell) for cell in list(t.values())[:5]] for t in terms],
        )
    if isinstance(coupons, list):
        rows = [[str("" if cell is None else cell) for cell in c.values()] for c in coupons]
        columns = ("coupon>", "from", "pays on", "interest>", "paid>", "tax>")
        table("Coupons of the newest term", columns, rows)
