"""What people do to a placement, as tests do it: each act decided now and posted."""

from __future__ import annotations

from datetime import date

from ledger.posting.values import Outcome, Status, Unit
from products.deposits.early_ends import (
    do_early_end,
    early_figures,
    propose_early_end,
    reject_early_end,
)
from products.deposits.early_figures import EarlyFigures
from products.deposits.instructing import change_instruction
from products.deposits.standing import Standing, standing
from products.deposits.values import Instruction
from products.deposits.waiting import pay_out_waiting
from tests.builders import post_units
from tests.products.placement_scene import Placements

CLERK, CHIEF = "test:clerk", "test:chief"


async def stands(made: Placements, number: str) -> Standing:
    """The placement as it stands now."""
    async with made.savings.pool.acquire() as connection:
        return await standing(connection, 1, number)


async def figures(made: Placements, number: str) -> EarlyFigures:
    """What ending it today would come to."""
    async with made.savings.pool.acquire() as connection:
        return await early_figures(connection, 1, number)


async def accepted(made: Placements, unit: Unit) -> Outcome:
    """Post a unit, which is accepted."""
    (outcome,) = await post_units(made.savings.pool, 1, [unit])
    assert outcome.status is Status.ACCEPTED, outcome
    return outcome


async def propose(made: Placements, number: str) -> Unit:
    """The clerk's proposal of an early withdrawal, decided now."""
    async with made.savings.pool.acquire() as connection:
        return await propose_early_end(
            connection, 1, number, actor=CLERK, reason="the member needs the money"
        )


async def end(made: Placements, number: str, payout: int, actor: str = CHIEF) -> Unit:
    """The chief does it, having seen a payout; decided now."""
    async with made.savings.pool.acquire() as connection:
        return await do_early_end(connection, 1, number, payout_satang=payout, actor=actor)


async def reject(made: Placements, number: str, actor: str = CHIEF, remark: str = "no") -> Unit:
    """The chief rejects the proposal; decided now."""
    async with made.savings.pool.acquire() as connection:
        return await reject_early_end(connection, 1, number, actor=actor, remark=remark)


async def end_early(made: Placements, number: str) -> EarlyFigures:
    """Propose it and do it today, as two people; the figures that both saw."""
    await accepted(made, await propose(made, number))
    seen = await figures(made, number)
    await accepted(made, await end(made, number, seen.payout_satang))
    return seen


async def pay_out(made: Placements, number: str) -> Unit:
    """The clerk pays a waiting placement; decided now."""
    async with made.savings.pool.acquire() as connection:
        return await pay_out_waiting(connection, 1, number, actor=CLERK, reason="thawed")


async def instruct(
    made: Placements,
    number: str,
    *,
    linked_no: str | None = None,
    instruction: Instruction | None = None,
) -> Unit:
    """The clerk changes what happens at maturity; decided now."""
    async with made.savings.pool.acquire() as connection:
        return await change_instruction(
            connection,
            1,
            number,
            linked_no=linked_no,
            instruction=instruction,
            actor=CLERK,
            reason="the member asks",
        )


async def journals_of(made: Placements, number: str) -> list[tuple[date, date, int, str, str, int]]:
    """(business date, value date, kind, debit, credit, satang) of all journals that name it."""
    rows = await made.savings.pool.fetch(
        "SELECT t.business_date, t.value_date, t.kind, d.code AS debit, c.code AS credit, "
        "t.amount_satang FROM ledger.transfer AS t "
        "INNER JOIN ledger.account AS d "
        "ON d.book_id = t.book_id AND d.account_id = t.debit_account "
        "INNER JOIN ledger.account AS c "
        "ON c.book_id = t.book_id AND c.account_id = t.credit_account "
        "WHERE t.reference = $1 ORDER BY t.recorded_seq, t.line",
        number,
    )
    return [tuple(row) for row in rows]
