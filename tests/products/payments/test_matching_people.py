"""What a person does: joining a suspended line to notices, and taking a joined line apart."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from ledger.errors import InvalidInput, NotFound
from ledger.kinds import JournalKind as LedgerKind
from ledger.posting.values import Outcome, Status
from products.kinds import EventKind, JournalKind
from products.payments import notice_reads, resolving
from products.payments.bank_statement import LineKind
from products.payments.resolving import AmountsDiffer, CannotMatch
from tests.builders import journal
from tests.products.payments.payments_scene import OPENING, Scene

CLERK = "facility:clerk"


async def resolve(scene: Scene, line_id: UUID, *notice_ids: UUID, reason: str = "slip") -> Outcome:
    return await resolving.resolve(
        scene.collector,
        scene.pool,
        scene.book.book_id,
        line_id,
        notice_ids,
        actor=CLERK,
        reason=reason,
    )


async def unmatch(scene: Scene, line_id: UUID, *, force: bool = False) -> Outcome:
    return await resolving.unmatch(
        scene.collector,
        scene.pool,
        scene.book.book_id,
        line_id,
        actor=CLERK,
        reason="the wrong member",
        may_exceed_limit=force,
    )


async def test_a_person_joins_a_suspended_line_to_its_notice(scene: Scene) -> None:
    body = await scene.deposit("SAV-0001", 500, reference="WRONG0")
    line = scene.line(500, "WRONGO")
    await scene.load(line)
    outcome = await resolve(scene, await scene.line_id(line), body.id)
    assert outcome.status is Status.ACCEPTED
    assert await scene.journals(JournalKind.SUSPENSE_RESOLVED) == [
        ("suspense receipts", "SAV-0001", 500, scene.today)
    ]
    assert (await scene.status(body), await scene.line_status(line)) == ("posted", "matched")
    assert await scene.reasons() == []


async def test_one_line_is_joined_to_several_notices_of_several_members(scene: Scene) -> None:
    bodies = [await scene.deposit(f"SAV-000{n}", 100 * n) for n in (1, 2, 3)]
    line = scene.line(600)
    await scene.load(line)
    await resolve(scene, await scene.line_id(line), *(body.id for body in bodies))
    assert await scene.journals(JournalKind.SUSPENSE_RESOLVED) == [
        ("suspense receipts", f"SAV-000{n}", 100 * n, scene.today) for n in (1, 2, 3)
    ]
    assert await scene.balance("suspense receipts") == 0


async def test_sums_that_differ_are_refused_with_the_difference(scene: Scene) -> None:
    body = await scene.deposit("SAV-0001", 500)
    line = scene.line(480, body.reference)
    await scene.load(line)
    with pytest.raises(AmountsDiffer, match=r"4\.80 baht.*5\.00.*difference of -0\.20"):
        await resolve(scene, await scene.line_id(line), body.id)
    assert await scene.line_status(line) == "suspense"


async def test_what_does_not_go_together_is_refused_by_name(scene: Scene) -> None:
    deposit = await scene.deposit("SAV-0001", 500)
    held = await scene.held("SAV-0001", 500)
    credit, debit = scene.line(500), scene.line(-500)
    await scene.load(credit, debit)
    credit_id, debit_id = await scene.line_id(credit), await scene.line_id(debit)
    for line_id, notice_id in ((credit_id, held.id), (debit_id, deposit.id), (debit_id, held.id)):
        with pytest.raises(CannotMatch):
            await resolve(scene, line_id, notice_id)
    with pytest.raises(CannotMatch, match="at least one"):
        await resolve(scene, credit_id)
    with pytest.raises(NotFound):
        await resolve(scene, credit_id, uuid4())
    with pytest.raises(NotFound):
        await resolve(scene, uuid4(), deposit.id)
    with pytest.raises(InvalidInput, match="reason"):
        await resolve(scene, credit_id, deposit.id, reason="")
    await resolve(scene, credit_id, deposit.id)
    with pytest.raises(CannotMatch, match="matched, not in suspense"):
        await resolve(scene, credit_id, deposit.id)


async def test_two_people_joining_the_same_line_at_once_join_it_once(scene: Scene) -> None:
    bodies = [await scene.deposit("SAV-0001", 500) for _ in range(2)]
    line = scene.line(500)
    await scene.load(line)
    line_id = await scene.line_id(line)
    found = await asyncio.gather(
        *(resolve(scene, line_id, body.id) for body in bodies), return_exceptions=True
    )
    accepted = [item for item in found if isinstance(item, Outcome)]
    assert [outcome.status for outcome in accepted] == [Status.ACCEPTED]
    assert await scene.balance("SAV-0001") == OPENING + 500


async def test_a_suspended_debit_is_joined_to_its_payment_and_a_return_to_what_came_back(
    scene: Scene,
) -> None:
    body = await scene.paid("SAV-0001", 700)
    debit = scene.line(-700)
    await scene.load(debit)
    await resolve(scene, await scene.line_id(debit), body.id)
    back = scene.line(700, kind=LineKind.RETURN, original_reference="UNREADABLE")
    await scene.load(back)
    await resolve(scene, await scene.line_id(back), body.id)
    assert await scene.journals(JournalKind.SUSPENSE_RESOLVED) == [
        ("outgoing clearing", "suspense payments", 700, scene.today),
        ("suspense receipts", "SAV-0001", 700, scene.today),
    ]
    assert (await scene.status(body), await scene.line_status(back)) == ("returned", "returned")
    assert await scene.balance("SAV-0001") == OPENING


async def test_a_resolution_refused_by_a_frozen_account_can_be_tried_again(scene: Scene) -> None:
    body = await scene.deposit("SAV-0001", 500)
    line = scene.line(500)
    await scene.load(line)
    await scene.freeze("SAV-0001", credits=True)
    line_id = await scene.line_id(line)
    for _ in range(2):
        refused = await resolve(scene, line_id, body.id)
        assert refused.refusal is not None
        assert refused.refusal.code == "account_frozen_credit"
    await scene.freeze("SAV-0001")
    assert (await resolve(scene, line_id, body.id)).status is Status.ACCEPTED


async def test_taking_a_matched_line_apart_reverses_it_and_puts_the_money_in_suspense(
    scene: Scene,
) -> None:
    came = scene.today
    body = await scene.deposit("SAV-0001", 500)
    line = scene.line(500, body.reference)
    await scene.load(line)
    await scene.next_day()
    assert (await unmatch(scene, await scene.line_id(line))).status is Status.ACCEPTED
    assert await scene.journals(LedgerKind.REVERSAL) == [("SAV-0001", "KTB", 500, came)]
    assert await scene.journals(JournalKind.SUSPENSE_RECEIPT) == [
        ("KTB", "suspense receipts", 500, came)
    ]
    assert (await scene.status(body), await scene.line_status(line)) == ("received", "suspense")
    assert (await scene.notice(body.id)).posted_journal is None
    assert await scene.balance("SAV-0001") == OPENING
    async with scene.pool.acquire() as connection:
        entries = await notice_reads.history(connection, scene.book.book_id, body.id)
    last = entries[-1]
    assert (last.kind, last.actor, last.reason) == (
        EventKind.NOTICE_UNMATCHED,
        CLERK,
        "the wrong member",
    )


async def test_what_was_taken_apart_is_not_joined_by_itself_again_but_by_a_person(
    scene: Scene,
) -> None:
    body = await scene.deposit("SAV-0001", 500)
    line = scene.line(500, body.reference)
    await scene.load(line)
    line_id = await scene.line_id(line)
    for _ in range(2):
        await unmatch(scene, line_id)
        assert (await scene.settle()).counts == {}
        assert await scene.reasons() == [(body.reference, "undone_before")]
        assert (await resolve(scene, line_id, body.id)).status is Status.ACCEPTED
    assert await scene.balance("SAV-0001") == OPENING + 500
    assert await scene.balance("suspense receipts") == 0


async def test_taking_a_resolved_line_apart_touches_suspense_and_not_the_bank(
    scene: Scene,
) -> None:
    body = await scene.deposit("SAV-0001", 500)
    line = scene.line(500)
    await scene.load(line)
    line_id = await scene.line_id(line)
    await resolve(scene, line_id, body.id)
    bank = await scene.balance("KTB")
    await unmatch(scene, line_id)
    assert await scene.journals(LedgerKind.REVERSAL) == [
        ("SAV-0001", "suspense receipts", 500, scene.today)
    ]
    assert await scene.balance("KTB") == bank
    assert await scene.balance("suspense receipts") == 500


async def test_taking_apart_money_already_spent_is_refused_unless_forced(scene: Scene) -> None:
    body = await scene.deposit("SAV-0001", 500)
    line = scene.line(500, body.reference)
    await scene.load(line)
    await scene.do(journal(scene.names["SAV-0001"], scene.names["capital"], OPENING + 500))
    line_id = await scene.line_id(line)
    refused = await unmatch(scene, line_id)
    assert refused.refusal is not None
    assert refused.refusal.code == "below_balance_min"
    assert await scene.line_status(line) == "matched"
    assert (await unmatch(scene, line_id, force=True)).status is Status.ACCEPTED
    assert await scene.balance("SAV-0001") == -500


async def test_a_payment_and_its_return_are_taken_apart_one_after_the_other(scene: Scene) -> None:
    body = await scene.paid("SAV-0001", 700)
    debit = scene.line(-700, body.reference)
    back = scene.line(700, kind=LineKind.RETURN, original_reference=body.reference)
    await scene.load(debit)
    await scene.load(back)
    await unmatch(scene, await scene.line_id(back))
    assert await scene.status(body) == "posted"
    await unmatch(scene, await scene.line_id(debit))
    assert await scene.status(body) == "paid"
    assert await scene.balance("outgoing clearing") == 700
    assert await scene.balance("suspense payments") == -700
    assert await scene.balance("suspense receipts") == 700


async def test_a_line_that_is_not_joined_cannot_be_taken_apart(scene: Scene) -> None:
    fee, credit = scene.line(-30, kind=LineKind.FEE), scene.line(500)
    await scene.load(fee, credit)
    for line in (fee, credit):
        with pytest.raises(CannotMatch, match="not matched"):
            await unmatch(scene, await scene.line_id(line))
    with pytest.raises(NotFound):
        await unmatch(scene, uuid4())
