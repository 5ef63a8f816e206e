"""Each line of the bank's statement as debit and credit: docs/accounting.md, row by row."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from products.kinds import JournalKind
from products.payments.bank_statement import LineKind
from products.payments.suspense import AgeBucket, age_list, questions
from tests.products.payments.payments_scene import BANK_OPENING, OPENING, Scene


async def test_a_deposit_matched_with_a_line_debits_the_bank_and_credits_the_contract(
    scene: Scene,
) -> None:
    yesterday = scene.today - timedelta(days=1)
    body = await scene.deposit("SAV-0001", 5000)
    line = scene.line(5000, body.reference, value_date=yesterday)
    report = await scene.load(line)
    assert report.settled.counts == {"matched": 1}
    assert await scene.journals(JournalKind.DEPOSIT) == [("KTB", "SAV-0001", 5000, yesterday)]
    assert (await scene.status(body), await scene.line_status(line)) == ("posted", "matched")
    assert (await scene.notice(body.id)).posted_journal is not None


@pytest.mark.parametrize(
    ("days", "expected"), [(3, date(2026, 6, 1)), (-200, date(2026, 1, 1)), (-1, date(2026, 5, 31))]
)
async def test_a_value_date_the_book_does_not_allow_is_brought_to_the_nearest_one(
    scene: Scene, days: int, expected: date
) -> None:
    line = scene.line(100, value_date=scene.today + timedelta(days=days))
    await scene.load(line)
    assert (await scene.journals(JournalKind.SUSPENSE_RECEIPT))[0][3] == expected


async def test_a_credit_nobody_announced_debits_the_bank_and_credits_suspense(
    scene: Scene,
) -> None:
    line = scene.line(5000, "X1")
    report = await scene.load(line)
    assert report.settled.counts == {"suspended": 1}
    assert await scene.journals(JournalKind.SUSPENSE_RECEIPT) == [
        ("KTB", "suspense receipts", 5000, scene.today)
    ]
    assert await scene.line_status(line) == "suspense"


async def test_a_late_notice_moves_the_money_from_suspense_with_the_lines_value_date(
    scene: Scene,
) -> None:
    came = scene.today
    await scene.load(scene.line(5000, "LATE1"))
    await scene.next_day()
    await scene.next_day()
    body = await scene.deposit("SAV-0001", 5000, reference="LATE1", value_date=came)
    settled = await scene.settle()
    assert settled.counts == {"resolved": 1}
    assert await scene.journals(JournalKind.SUSPENSE_RESOLVED) == [
        ("suspense receipts", "SAV-0001", 5000, came)
    ]
    assert await scene.status(body) == "posted"
    assert await scene.balance("suspense receipts") == 0
    assert (await scene.settle()).counts == {}


async def test_a_debit_of_the_bank_settles_the_withdrawal_that_was_paid(scene: Scene) -> None:
    body = await scene.paid("SAV-0001", 4000)
    await scene.load(scene.line(-4000, body.reference))
    assert await scene.journals(JournalKind.WITHDRAWAL_SETTLED) == [
        ("outgoing clearing", "KTB", 4000, scene.today)
    ]
    assert await scene.status(body) == "posted"
    assert await scene.balance("outgoing clearing") == 0
    assert await scene.balance("SAV-0001") == OPENING - 4000


async def test_a_payment_that_comes_back_debits_the_bank_and_credits_the_contract(
    scene: Scene,
) -> None:
    body = await scene.paid("SAV-0001", 4000)
    await scene.load(scene.line(-4000, body.reference))
    back = scene.line(4000, kind=LineKind.RETURN, original_reference=body.reference)
    report = await scene.load(back)
    assert report.settled.counts == {"returned": 1}
    assert await scene.journals(JournalKind.WITHDRAWAL_RETURNED) == [
        ("KTB", "SAV-0001", 4000, scene.today)
    ]
    assert (await scene.status(body), await scene.line_status(back)) == ("returned", "returned")
    assert await scene.balance("SAV-0001") == OPENING


async def test_a_payment_that_comes_back_before_its_debit_is_seen_clears_all_the_same(
    scene: Scene,
) -> None:
    body = await scene.paid("SAV-0001", 4000)
    back = scene.line(4000, kind=LineKind.RETURN, original_reference=body.reference)
    await scene.load(back)
    assert await scene.status(body) == "returned"
    report = await scene.load(scene.line(-4000, body.reference))
    assert report.settled.counts == {"matched": 1}
    assert await scene.status(body) == "returned"
    assert await scene.balance("outgoing clearing") == 0
    assert await scene.balance("SAV-0001") == OPENING


async def test_a_debit_and_its_return_in_one_statement_are_both_understood(scene: Scene) -> None:
    body = await scene.paid("SAV-0001", 4000)
    back = scene.line(4000, kind=LineKind.RETURN, original_reference=body.reference)
    report = await scene.load(scene.line(-4000, body.reference), back)
    assert report.settled.counts == {"matched": 1, "returned": 1}
    assert await scene.status(body) == "returned"
    assert await scene.balance("outgoing clearing") == 0


async def test_a_return_of_nothing_we_paid_waits_in_suspense(scene: Scene) -> None:
    body = await scene.paid("SAV-0001", 4000)
    for amount, original in ((3999, body.reference), (4000, "OTHER")):
        line = scene.line(amount, kind=LineKind.RETURN, original_reference=original)
        await scene.load(line)
        assert await scene.line_status(line) == "suspense"
    assert await scene.status(body) == "paid"


async def test_a_bank_fee_debits_fees_and_its_refund_credits_them(scene: Scene) -> None:
    charge = scene.line(-530, kind=LineKind.FEE)
    refund = scene.line(30, kind=LineKind.FEE)
    report = await scene.load(charge, refund)
    assert report.settled.counts == {"fee": 2}
    assert await scene.journals(JournalKind.BANK_FEE) == [
        ("fees", "KTB", 530, scene.today),
        ("KTB", "fees", 30, scene.today),
    ]
    assert await scene.line_status(charge) == "fee"


async def test_a_debit_nothing_explains_debits_suspense_and_credits_the_bank(
    scene: Scene,
) -> None:
    await scene.held("SAV-0001", 700, reference="NOTPAID")
    for line in (scene.line(-700, "NOTPAID"), scene.line(-800)):
        await scene.load(line)
        assert await scene.line_status(line) == "suspense"
    assert await scene.journals(JournalKind.SUSPENSE_PAYMENT) == [
        ("suspense payments", "KTB", 700, scene.today),
        ("suspense payments", "KTB", 800, scene.today),
    ]


async def test_what_the_bank_undoes_or_calls_no_transfer_is_for_a_person(scene: Scene) -> None:
    first = await scene.deposit("SAV-0001", 100, reference="A1")
    other = scene.line(100, "A1", kind=LineKind.OTHER)
    undone = scene.line(
        -100, "A1", kind=LineKind.CREDIT_TRANSFER, is_reversal=True, original_reference="A1"
    )
    report = await scene.load(undone, other)
    assert report.settled.counts == {"suspended": 2}
    assert await scene.status(first) == "received"
    assert await scene.reasons() == [("A1", "line_kind")]


async def test_one_line_for_several_notices_of_one_member_posts_one_journal(scene: Scene) -> None:
    first = await scene.deposit("SAV-0001", 600, reference="D1")
    second = await scene.deposit("SAV-0001", 400, reference="D2")
    report = await scene.load(scene.line(1000, remittance="D1 + D2"))
    assert report.settled.counts == {"matched": 1}
    assert await scene.journals(JournalKind.DEPOSIT) == [
        ("KTB", "SAV-0001", 600, scene.today),
        ("KTB", "SAV-0001", 400, scene.today),
    ]
    assert {await scene.status(first), await scene.status(second)} == {"posted"}


async def test_what_is_not_unique_goes_to_suspense_with_the_reason_for_a_person(
    scene: Scene,
) -> None:
    for reference, amount in (("TWICE", 100), ("SHORT", 200), ("WRONG0", 300), ("NONE", 400)):
        await scene.deposit("SAV-0001", amount, reference=reference)
    early = scene.today - timedelta(days=20)
    await scene.deposit("SAV-0001", 500, reference="OLD", value_date=early)
    report = await scene.load(
        scene.line(100, "TWICE"),
        scene.line(100, "TWICE"),
        scene.line(190, "SHORT"),
        scene.line(300, "WRONGO"),
        scene.line(400),
        scene.line(500, "OLD"),
    )
    assert report.settled.counts == {"suspended": 6}
    assert report.settled.proposals == 6
    assert await scene.reasons() == [
        ("NONE", "reference_missing"),
        ("OLD", "value_date_differs"),
        ("SHORT", "amount_differs"),
        ("TWICE", "several_candidates"),
        ("TWICE", "several_candidates"),
        ("WRONG0", "reference_differs"),
    ]
    async with scene.pool.acquire() as connection:
        asked = await questions(connection, scene.book.book_id)
    short = next(question for question in asked if question.reason == "amount_differs")
    assert (short.line_satang, short.notice_satang, short.contract_no) == (190, 200, "SAV-0001")


async def test_a_match_refused_by_a_frozen_account_waits_in_suspense_with_that_reason(
    scene: Scene,
) -> None:
    body = await scene.deposit("SAV-0001", 900)
    await scene.freeze("SAV-0001", credits=True)
    line = scene.line(900, body.reference)
    report = await scene.load(line)
    assert report.settled.counts == {"suspended": 1}
    assert await scene.status(body) == "received"
    assert await scene.reasons() == [(body.reference, "account_frozen_credit")]
    assert await scene.balance("SAV-0001") == OPENING
    async with scene.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM ledger.refusal") == 1


async def test_a_late_match_refused_by_a_frozen_account_is_asked_once_and_then_a_persons(
    scene: Scene,
) -> None:
    line = scene.line(900, "F1")
    await scene.load(line)
    await scene.deposit("SAV-0001", 900, reference="F1")
    await scene.freeze("SAV-0001", credits=True)
    for _ in range(3):
        assert (await scene.settle()).counts == {}
    assert await scene.reasons() == [("F1", "account_frozen_credit")]
    async with scene.pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM ledger.refusal") == 1


async def test_the_bank_of_the_notice_must_be_the_bank_of_the_line(scene: Scene) -> None:
    body = await scene.deposit("SAV-0001", 900, bank="BBL")
    await scene.load(scene.line(900, body.reference), bank="KTB")
    assert await scene.status(body) == "received"
    await scene.load(scene.line(900, body.reference), bank="BBL")
    assert await scene.status(body) == "posted"
    assert await scene.balance("BBL") == -(BANK_OPENING + 900)


async def test_suspense_is_listed_by_age_and_its_sum_is_the_ledgers(scene: Scene) -> None:
    amounts = {0: 1, 1: 20, 2: 300, 4: 4000, 8: 50_000, 31: 600_000}
    last = max(amounts)
    for day in range(last + 1):
        age = last - day
        if age in amounts:
            await scene.load(scene.line(amounts[age]), scene.line(-2 * amounts[age]))
        if age:
            await scene.next_day()
    async with scene.pool.acquire() as connection:
        buckets = await age_list(connection, scene.book.book_id, scene.today)
    expected = [("0-1", 2, 21), ("2-3", 1, 300), ("4-7", 1, 4000), ("8-30", 1, 50_000)]
    assert buckets == [
        AgeBucket(
            days=days,
            receipts=count,
            receipts_satang=total,
            payments=count,
            payments_satang=2 * total,
        )
        for days, count, total in [*expected, (">30", 1, 600_000)]
    ]
    receipts = sum(bucket.receipts_satang for bucket in buckets)
    payments = sum(bucket.payments_satang for bucket in buckets)
    assert await scene.balance("suspense receipts") == receipts
    assert await scene.balance("suspense payments") == -payments
