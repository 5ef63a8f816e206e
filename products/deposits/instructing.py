"""What happens at maturity is changed: another linked account, another instruction.

Until the business date of the maturity, because the night comes after it. The new linked contract's
version is raised, so that no closing of it that was decided before can follow.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ledger.db import Connection, statements
from ledger.errors import CffError
from ledger.posting.values import Note, RowWrite, Unit
from products.contracts import Contract, by_no, touched
from products.deposits.opening import refuse_unfit_link
from products.deposits.standing import PlacementState, Standing, standing
from products.deposits.values import Instruction
from products.kinds import EventKind

_SQL = statements(Path(__file__).parent / "sql" / "placements.sql")


class CannotInstruct(CffError):  # noqa: N818
    """The instruction cannot be changed like this; the message names everything against it."""

    code: ClassVar[str] = "cannot_instruct_placement"


async def change_instruction(
    connection: Connection,
    book_id: int,
    contract_no: str,
    *,
    linked_no: str | None = None,
    instruction: Instruction | None = None,
    actor: str,
    reason: str = "",
) -> Unit:
    """The unit that gives a placement another linked contract, another instruction, or both.

    None = stays as it is. Raises `NotFound`, `CannotInstruct`, and `CannotPlace` for a contract
    that is no active savings.
    """
    found = await standing(connection, book_id, contract_no)
    linked = found.linked if linked_no is None else await by_no(connection, book_id, linked_no)
    wanted = instruction or found.instruction
    against = _against(found, linked, wanted)
    if against:
        raise CannotInstruct(
            f"the instruction of {contract_no} cannot be changed: {'; '.join(against)}"
        )
    refuse_unfit_link(linked)
    key = (book_id, found.contract.contract_id, found.version)
    change = RowWrite(
        statement=_SQL["instruct"], arguments=(*key, linked.contract_id, wanted.value)
    )
    note = Note(
        kind=EventKind.PLACEMENT_INSTRUCTED,
        subject=found.contract.contract_id,
        account=found.contract.account_id,
        body={
            "linked": linked.contract_no,
            "instruction": wanted.code,
            "linked_before": found.linked.contract_no,
            "instruction_before": found.instruction.code,
        },
    )
    return Unit(
        operations=(note,),
        actor=actor,
        reason=reason,
        reads=(*found.reads, linked.read),
        on=found.business_date,
        writes=(change, touched(linked)),
    )


def _against(found: Standing, linked: Contract, wanted: Instruction) -> list[str]:
    if found.state in {PlacementState.PAID_OUT, PlacementState.ENDED_EARLY}:
        return [f"it was closed on {found.contract.closed_on}"]
    against = found.against_deciding()
    if found.state is PlacementState.WAITING and wanted is not found.instruction:
        against.append(f"it has matured on {found.contract.matured_on} and waits to be paid out")
    if linked.party_id != found.contract.party_id:
        against.append(f"{linked.contract_no} is another member's")
    if (linked.contract_id, wanted) == (found.linked.contract_id, found.instruction):
        against.append(f"{linked.contract_no} and {wanted.code} are what it says already")
    return against
