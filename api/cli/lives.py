"""Verbs on the life of an account: freeze, thaw, limits now and planned, close, undo a closing.

Who acts is said with `--actor` and recorded with the reason. A closing is undone by another person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated

import typer

from api.cli.context import opened_book, reading_book
from api.cli.output import Facts, Json, run, table
from api.cli.reading import BookOption, date_or_none, show_pairs
from api.settings import Settings
from ledger import accounts, limits
from ledger.dates import parse_date
from ledger.db import Connection, Pool
from ledger.errors import InvalidInput, NotFound
from ledger.limits import LimitPlan, LimitsOn
from ledger.money import format_baht, parse_signed_baht
from ledger.posting.collector import Collector, Decide, decide_and_post
from ledger.posting.values import Outcome, SetFreeze, SetLimits, Status, Unit
from products.closing import close_account
from products.deposits.guards import refuse_limits
from products.payments.paying_out import PayOut
from products.reopening import undo_account_closing

account_app = typer.Typer(
    help="Freeze, thaw, limit and close accounts; undo a closing.", no_args_is_help=True
)
contract_app = typer.Typer(help="Contracts of member co-ops.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(help="Code of the account, e.g. SAV-0001.")]
Actor = Annotated[str, typer.Option("--actor", help="Who does it, for the record.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
Minimum = Annotated[
    str | None,
    typer.Option("--min", help="Lowest balance in baht, e.g. -5000.00; none = no limit."),
]
Maximum = Annotated[
    str | None, typer.Option("--max", help="Highest balance in baht; none = no limit.")
]
SweepTo = Annotated[
    str | None, typer.Option("--to", help="The member's other account that takes the balance.")
]
Bank = Annotated[str | None, typer.Option("--bank", help="Pay the balance out through this bank.")]
Reference = Annotated[str, typer.Option("--reference", help="What stands on that payment.")]
AskedBy = Annotated[str, typer.Option("--asked-by", help="Who of the member asked for it.")]

Post = Callable[[Collector, Pool, int, Decide], Awaitable[Outcome]]


def _posted(
    book: str | None,
    as_json: bool,
    decide: Callable[[Connection, int], Awaitable[Unit]],
    facts: dict[str, object],
    post: Post = decide_and_post,
) -> None:
    """Decide, post and tell; exit 1 when it was refused."""

    async def work() -> Facts:
        async with (
            opened_book(Settings.from_environment(), book) as (database, found),
            Collector(database.poster) as collector,
        ):

            async def decided(connection: Connection) -> Unit:
                return await decide(connection, found.book_id)

            outcome = await post(collector, database.poster, found.book_id, decided)
        return facts | told(outcome)

    run(work(), as_json, show_pairs, failed=lambda said: said["outcome"] != "accepted")


def told(outcome: Outcome) -> dict[str, object]:
    """An outcome in words."""
    facts: dict[str, object] = {"outcome": outcome.status.value}
    if outcome.refusal is not None:
        facts |= {"code": outcome.refusal.code, "detail": outcome.refusal.rule.message_en}
    if outcome.status is Status.ACCEPTED:
        facts["recorded_seq"] = outcome.receipts[-1].recorded_seq
    return facts


async def _number(connection: Connection, book_id: int, code: str) -> int:
    known = await accounts.by_codes(connection, book_id, [code])
    if code not in known:
        raise NotFound("account", code)
    return known[code].account_id


def _satang(text: str | None, where: str) -> int | None:
    return None if text is None else parse_signed_baht(text, where)


def _baht(satang: int | None) -> str | None:
    return None if satang is None else format_baht(satang)


@account_app.command("freeze")
def account_freeze(
    code: Code,
    actor: Actor,
    reason: Reason,
    debits: Annotated[bool, typer.Option(help="Refuse debits and holds.")] = True,
    credits_too: Annotated[bool, typer.Option("--credits", help="Refuse credits too.")] = False,
    until: Annotated[
        str | None, typer.Option("--until", help="Last business date; the cut-off after it thaws.")
    ] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Freeze an account (อายัด); its interest goes on."""
    _set_freeze(code, actor, reason, (debits, credits_too), until, book, json)


@account_app.command("thaw")
def account_thaw(
    code: Code, actor: Actor, reason: Reason, book: BookOption = None, json: Json = False
) -> None:
    """Thaw a frozen account."""
    _set_freeze(code, actor, reason, (False, False), None, book, json)


def _set_freeze(
    code: str,
    actor: str,
    reason: str,
    sides: tuple[bool, bool],
    until: str | None,
    book: str | None,
    as_json: bool,
) -> None:
    async def decide(connection: Connection, book_id: int) -> Unit:
        freeze = SetFreeze(
            account=await _number(connection, book_id, code),
            debits=sides[0],
            credits=sides[1],
            until=date_or_none(until, "--until"),
        )
        return Unit(operations=(freeze,), actor=actor, reason=reason)

    facts: dict[str, object] = {"debits_frozen": sides[0], "credits_frozen": sides[1]}
    _posted(book, as_json, decide, {"account": code} | facts | {"until": until})


@account_app.command("limits")
def account_limits(
    code: Code,
    actor: Actor,
    reason: Reason,
    minimum: Minimum = None,
    maximum: Maximum = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Set both limits from now on; lowered below its use, the account keeps an excess."""

    async def decide(connection: Connection, book_id: int) -> Unit:
        await refuse_limits(connection, book_id, code)
        wanted = SetLimits(
            account=await _number(connection, book_id, code),
            balance_min=_satang(minimum, "--min"),
            balance_max=_satang(maximum, "--max"),
        )
        return Unit(operations=(wanted,), actor=actor, reason=reason)

    facts: dict[str, object] = {"balance_min": minimum, "balance_max": maximum}
    _posted(book, json, decide, {"account": code} | facts)


@account_app.command("plan-limits")
def account_plan_limits(
    code: Code,
    effective_on: Annotated[str, typer.Option("--from", help="First business date of the limits.")],
    actor: Actor,
    reason: Reason,
    minimum: Minimum = None,
    maximum: Maximum = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Plan both limits for a later business date; `recorded_seq` names the plan."""

    async def decide(connection: Connection, book_id: int) -> Unit:
        await refuse_limits(connection, book_id, code)
        return await limits.plan_limits(
            connection,
            book_id,
            code,
            effective_on=parse_date(effective_on, "--from"),
            balance_min=_satang(minimum, "--min"),
            balance_max=_satang(maximum, "--max"),
            actor=actor,
            reason=reason,
        )

    facts: dict[str, object] = {"balance_min": minimum, "balance_max": maximum}
    said = {"account": code, "effective_on": effective_on} | facts
    _posted(book, json, decide, said)


@account_app.command("cancel-plan")
def account_cancel_plan(
    code: Code,
    plan: Annotated[int, typer.Argument(help="Number of the plan (cff account plans).")],
    actor: Actor,
    reason: Reason,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Cancel a plan of limits that has not taken effect."""

    async def decide(connection: Connection, book_id: int) -> Unit:
        return await limits.cancel_plan(connection, book_id, code, plan, actor=actor, reason=reason)

    facts: dict[str, object] = {"account": code, "plan": plan}
    _posted(book, json, decide, facts, limits.cancel_and_post)


@account_app.command("plans")
def account_plans(
    code: Code,
    on: Annotated[
        str | None, typer.Option("--on", help="Also the limits on this date, as planned now.")
    ] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Planned limits of an account and, with --on, the limits of a date."""

    async def work() -> Facts:
        asked = date_or_none(on, "--on")
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            facts: dict[str, object] = {
                "plans": [_plan(p) for p in await limits.plans(connection, found.book_id, code)]
            }
            if asked is not None:
                there = await limits.limits_on(connection, found.book_id, code, asked)
                facts["limits"] = _limits(asked, there)
        return facts

    run(work(), json, _show_plans)


def _plan(plan: LimitPlan) -> dict[str, object]:
    return {
        "plan": plan.planned_seq,
        "effective_on": plan.effective_on,
        "balance_min": _baht(plan.balance_min),
        "balance_max": _baht(plan.balance_max),
        "state": plan.state,
        "planned_by": plan.planned_by,
        "reason": plan.reason,
    }


def _limits(on: date, found: LimitsOn | None) -> dict[str, object]:
    if found is None:
        return {"on": on, "open": False}
    return {
        "on": on,
        "open": True,
        "balance_min": _baht(found.balance_min),
        "balance_max": _baht(found.balance_max),
        "planned": found.planned,
        "recorded_seq": found.recorded_seq,
    }


def _show_plans(facts: Facts) -> None:
    plans = facts["plans"]
    if isinstance(plans, list):
        names = ["plan", "effective_on", "balance_min", "balance_max", "state", "planned_by"]
        columns = ("plan>", "from", "lowest>", "highest>", "state", "planned by")
        rows = [[str("" if p[name] is None else p[name]) for name in names] for p in plans]
        table("Planned limits", columns, rows)
    there = facts.get("limits")
    if isinstance(there, dict):
        show_pairs(there)


@account_app.command("close")
def account_close(
    code: Code,
    actor: Actor,
    reason: Reason,
    to: SweepTo = None,
    bank: Bank = None,
    reference: Reference = "",
    asked_by: AskedBy = "",
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Pay accrued interest, sweep the balance, close; says everything that stands against it."""

    async def decide(connection: Connection, book_id: int) -> Unit:
        return await close_account(
            connection,
            book_id,
            code,
            actor=actor,
            reason=reason,
            sweep_to=to,
            pay_out=_pay_out(to, bank, reference, asked_by),
        )

    _posted(book, json, decide, {"account": code})


def _pay_out(to: str | None, bank: str | None, reference: str, asked_by: str) -> PayOut | None:
    if bank is None:
        return None
    if to is not None:
        raise InvalidInput.one("--bank", bank, "either --to or --bank")
    if not reference or not asked_by:
        raise InvalidInput.one("--bank", bank, "with --reference and --asked-by")
    return PayOut(bank=bank, reference=reference, asked_by=asked_by)


@account_app.command("undo-close")
def account_undo_close(
    code: Code, actor: Actor, reason: Reason, book: BookOption = None, json: Json = False
) -> None:
    """Undo a closing, as another person: reverse what it paid, open the account again."""

    async def decide(connection: Connection, book_id: int) -> Unit:
        return await undo_account_closing(connection, book_id, code, actor=actor, reason=reason)

    _posted(book, json, decide, {"account": code})


contract_app.command("close")(account_close)
