"""Special savings ask for a smallest first deposit and withdrawal, and charge beyond the free ones.

First deposit 1,000.00 at least, withdrawals 100.00 at least, two of a month free, 25.00 for each
further one (docs/withdrawals.md).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import accounts, manual
from ledger.embedded import Lease
from ledger.errors import InvalidInput
from ledger.posting.values import OpenAccount, Status
from products import contracts
from products.catalogue import SPECIAL_SAVINGS, Product, create_product, load_product
from products.closing import CannotClose, close_account
from products.deposits.savings_terms import (
    SavingsTerms,
    WithdrawalFee,
    load_terms,
    set_terms,
)
from products.kinds import JournalKind
from products.payments import notice_services
from products.proof.withdrawals import check_withdrawals
from tests.builders import journal, post_units
from tests.products.payments.payments_scene import CHECKER, MAKER, Scene, price

BAHT = 100
FEE = 25 * BAHT
SPECIAL = "SPC-0001"


def product_of(scene: Scene, base: Product) -> Product:
    """Special savings beside the savings of the desk."""
    return replace(
        base, product_code="SPECIAL", family=SPECIAL_SAVINGS, payable_account=scene.names["capital"]
    )


async def sell(scene: Scene, terms: SavingsTerms) -> None:
    """The product with its terms and rate, and the contract SPC-0001 of the first member."""
    async with scene.pool.acquire() as connection:
        product = product_of(scene, await load_product(connection, 1, "SAVINGS"))
        await create_product(connection, product)
        await set_terms(connection, product, terms)
        await price(connection, 1, product.product_code)
        (number,) = await accounts.reserve_ids(connection, 1)
    opened = contracts.open_savings_contract(
        product=product,
        contract_no=SPECIAL,
        party_id=1,
        account_id=number,
        name_th=SPECIAL,
        name_en=SPECIAL,
        actor="test:clerk",
    )
    (outcome,) = await post_units(scene.pool, 1, [opened])
    assert outcome.status is Status.ACCEPTED, outcome
    scene.names[SPECIAL] = number


async def fund(scene: Scene, satang: int) -> None:
    """Money on the contract, from capital."""
    await scene.do(journal(scene.names["KTB"], scene.names[SPECIAL], satang))


@pytest.fixture
async def special(scene: Scene) -> Scene:
    """The desk with SPC-0001; nothing on it yet."""
    fee = WithdrawalFee(free=2, satang=FEE, account=scene.names["fees"])
    asked = SavingsTerms(opening_min_satang=1_000 * BAHT, withdrawal_min_satang=100 * BAHT, fee=fee)
    await sell(scene, asked)
    return scene


async def code_of(scene: Scene, kind: str, satang: int) -> str:
    """What the door says to a notice of this amount; "" where it is received."""
    return (await scene.receive(scene.notice_in(kind, SPECIAL, satang))).code


async def proven(scene: Scene) -> None:
    """The proof finds nothing to say about fees."""
    async with scene.pool.acquire() as connection:
        assert await check_withdrawals(connection, 1) == []


async def test_the_first_deposit_has_a_minimum_and_later_ones_have_none(special: Scene) -> None:
    assert await code_of(special, "deposit", 1_000 * BAHT - 1) == "below_minimum_opening"
    assert await code_of(special, "deposit", 1_000 * BAHT) == ""
    assert await code_of(special, "deposit", 1) == ""


async def test_a_first_deposit_that_was_rejected_does_not_open_the_door_to_smaller_ones(
    special: Scene,
) -> None:
    body = await special.deposit(SPECIAL, 5_000 * BAHT)
    await notice_services.reject(
        special.collector, special.pool, 1, body.id, actor=CHECKER, reason="never came"
    )
    assert await code_of(special, "deposit", 1) == "below_minimum_opening"


async def test_a_withdrawal_has_a_minimum_however_much_there_is(special: Scene) -> None:
    await fund(special, 50_000 * BAHT)
    assert await code_of(special, "withdrawal", 100 * BAHT - 1) == "below_minimum_withdrawal"
    assert await code_of(special, "withdrawal", 100 * BAHT) == ""


async def test_plain_savings_ask_nothing(special: Scene) -> None:
    received = await special.receive(special.notice_in("withdrawal", "SAV-0001", 1))
    assert received.status is Status.ACCEPTED


async def test_two_withdrawals_of_a_month_are_free_and_the_third_costs_its_fee(
    special: Scene,
) -> None:
    await fund(special, 10_000 * BAHT)
    for _ in range(3):
        await special.paid(SPECIAL, 1_000 * BAHT)
    assert await special.balance(SPECIAL) == 7_000 * BAHT - FEE
    assert await special.journals(JournalKind.WITHDRAWAL_FEE) == [
        (SPECIAL, "fees", FEE, special.today)
    ]
    await proven(special)


async def test_the_account_that_takes_fees_stays_open_before_the_first_fee_too(
    scene: Scene,
) -> None:
    async with scene.pool.acquire() as connection:
        (number,) = await accounts.reserve_ids(connection, 1)
    await scene.do(
        OpenAccount(
            account=number,
            code="FEE-INCOME",
            gl_code="541100",
            currency="THB",
            name_th="-",
            name_en="-",
        )
    )
    await sell(scene, SavingsTerms(fee=WithdrawalFee(free=2, satang=FEE, account=number)))
    async with scene.pool.acquire() as connection:
        with pytest.raises(CannotClose, match="used by nights or payments"):
            await close_account(connection, 1, "FEE-INCOME", actor=CHECKER)


async def test_a_fee_is_not_reversed_by_hand_and_is_given_back_by_a_journal_of_its_own(
    special: Scene,
) -> None:
    await fund(special, 10_000 * BAHT)
    for _ in range(3):
        await special.paid(SPECIAL, 1_000 * BAHT)
    async with special.pool.acquire() as connection:
        charged = await connection.fetchval(
            "SELECT t.journal_id FROM ledger.transfer AS t WHERE t.kind = 119"
        )
        recorded = await manual.recorded_journal(connection, 1, charged)
    assert recorded is not None
    with pytest.raises(manual.NotOurs):
        manual.reversal_of(recorded, uuid4())
    await special.do(journal(special.names["fees"], special.names[SPECIAL], FEE))
    assert await special.balance(SPECIAL) == 7_000 * BAHT
    await proven(special)


async def test_the_next_month_begins_with_free_withdrawals_again(special: Scene) -> None:
    await fund(special, 10_000 * BAHT)
    for _ in range(2):
        await special.paid(SPECIAL, 1_000 * BAHT)
    await special.next_day()
    while special.today.day != 1:
        await special.next_day()
    await special.paid(SPECIAL, 1_000 * BAHT)
    assert await special.journals(JournalKind.WITHDRAWAL_FEE) == []
    await special.paid(SPECIAL, 1_000 * BAHT)
    await special.paid(SPECIAL, 1_000 * BAHT)
    assert len(await special.journals(JournalKind.WITHDRAWAL_FEE)) == 1
    await proven(special)


async def test_a_withdrawal_that_leaves_too_little_for_its_fee_is_not_paid_at_all(
    special: Scene,
) -> None:
    await fund(special, 1_000 * BAHT)
    for _ in range(2):
        await special.paid(SPECIAL, 200 * BAHT)
    body = await special.held(SPECIAL, 600 * BAHT - FEE + 1)
    await special.approve(body.id)
    outcome = await special.pay(body.id)
    assert outcome.refusal is not None
    assert outcome.refusal.code == "below_balance_min"
    assert await special.status(body) == "approved"
    assert await special.balance(SPECIAL) == 600 * BAHT
    await proven(special)


async def test_withdrawals_paid_in_one_request_are_counted_one_after_the_other(
    special: Scene,
) -> None:
    await fund(special, 10_000 * BAHT)
    bodies = [await special.held(SPECIAL, 100 * BAHT) for _ in range(5)]
    ids = [body.id for body in bodies]
    await notice_services.approve_many(special.collector, special.pool, 1, ids, actor=CHECKER)
    changes = await notice_services.pay_many(
        special.collector, special.pool, 1, ids, actor="facility:payer"
    )
    assert [c.outcome is not None and c.outcome.status for c in changes] == [Status.ACCEPTED] * 5
    assert await special.balance(SPECIAL) == 9_500 * BAHT - 3 * FEE
    await proven(special)


async def test_withdrawals_paid_at_the_same_moment_are_counted_one_after_the_other(
    special: Scene,
) -> None:
    await fund(special, 10_000 * BAHT)
    bodies = [await special.held(SPECIAL, 100 * BAHT) for _ in range(4)]
    for body in bodies:
        await special.approve(body.id)
    outcomes = await asyncio.gather(*(special.pay(body.id) for body in bodies))
    assert [outcome.status for outcome in outcomes] == [Status.ACCEPTED] * 4
    assert len(await special.journals(JournalKind.WITHDRAWAL_FEE)) == 2
    await proven(special)


async def test_paying_again_is_a_replay_and_charges_nothing_more(special: Scene) -> None:
    await fund(special, 10_000 * BAHT)
    for _ in range(2):
        await special.paid(SPECIAL, 1_000 * BAHT)
    body = await special.held(SPECIAL, 1_000 * BAHT)
    assert body.made_by == MAKER
    await special.approve(body.id)
    changes = await notice_services.pay_many(
        special.collector, special.pool, 1, [body.id, body.id], actor="facility:payer"
    )
    assert [c.outcome is not None and c.outcome.status for c in changes] == [Status.ACCEPTED] * 2
    assert len(await special.journals(JournalKind.WITHDRAWAL_FEE)) == 1


DAMAGES = (
    ("DELETE FROM products.withdrawal_fee", "a fee"),
    ("UPDATE products.withdrawal_fee SET amount_satang = 1", "amount_satang 2500"),
    ("UPDATE products.withdrawal_fee SET place = 7", "place 3"),
    ("UPDATE products.withdrawal_fee SET paid_on = paid_on + 1", "paid_on"),
    ("UPDATE products.withdrawal_fee SET contract_id = gen_random_uuid()", "fee_contract"),
    ("UPDATE ledger.transfer SET amount_satang = 1 WHERE kind = 119", "amount 2500"),
    ("UPDATE ledger.transfer SET kind = 16 WHERE kind = 119", "lines 1"),
    ("UPDATE products.savings_terms SET free_withdrawals = 3", "none"),
    ("UPDATE products.savings_terms SET free_withdrawals = 1", "a fee"),
)
"""What an owner of the database might change, and what the proof then says was expected."""


async def test_damage_to_a_fee_is_named(special: Scene, server: Lease) -> None:
    await fund(special, 10_000 * BAHT)
    for _ in range(3):
        await special.paid(SPECIAL, 1_000 * BAHT)
    name = await special.pool.fetchval("SELECT current_database()")
    owner = await asyncpg.connect(server.dsn(name))
    try:
        await owner.execute("SET session_replication_role = replica")
        for damage, said in DAMAGES:
            transaction = owner.transaction()
            await transaction.start()
            await owner.execute(damage)
            found = await check_withdrawals(owner, 1)
            await transaction.rollback()
            assert any(said in difference.expected for difference in found), (damage, found)
        assert await check_withdrawals(owner, 1) == []
    finally:
        await owner.close()


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(free=st.integers(0, 4), paid=st.integers(0, 9), fee=st.integers(1, 10_000))
def test_what_a_month_costs_is_a_fee_for_each_withdrawal_beyond_the_free_ones(
    free: int, paid: int, fee: int
) -> None:
    terms = SavingsTerms(fee=WithdrawalFee(free=free, satang=fee, account=1))
    assert terms.fee is not None
    costs = [terms.fee.of(place) for place in range(1, paid + 1)]
    assert sum(costs) == max(0, paid - free) * fee
    assert costs == sorted(costs)


async def test_terms_are_read_back_as_they_were_set(special: Scene) -> None:
    async with special.pool.acquire() as connection:
        found = await load_terms(connection, 1)
    assert found == {
        "SPECIAL": SavingsTerms(
            opening_min_satang=1_000 * BAHT,
            withdrawal_min_satang=100 * BAHT,
            fee=WithdrawalFee(free=2, satang=FEE, account=special.names["fees"]),
        )
    }


async def test_terms_are_set_once_before_the_first_contract_and_for_special_savings_only(
    special: Scene,
) -> None:
    async with special.pool.acquire() as connection:
        savings = await load_product(connection, 1, "SAVINGS")
        sold = await load_product(connection, 1, "SPECIAL")
        with pytest.raises(InvalidInput, match="special_savings"):
            await set_terms(connection, savings, SavingsTerms())
        with pytest.raises(InvalidInput, match="SPECIAL"):
            await set_terms(connection, sold, SavingsTerms())
        other = replace(sold, product_code="SPECIAL2")
        await create_product(connection, other)
        nowhere = WithdrawalFee(free=1, satang=1, account=999_999)
        with pytest.raises(InvalidInput, match="999999"):
            await set_terms(connection, other, SavingsTerms(fee=nowhere))


def test_terms_out_of_bounds_are_refused_together() -> None:
    with pytest.raises(InvalidInput) as raised:
        SavingsTerms(
            opening_min_satang=-1,
            withdrawal_min_satang=10**15,
            fee=WithdrawalFee(free=-1, satang=0, account=1),
        )
    assert [problem.where for problem in raised.value.problems] == [
        "opening_min",
        "withdrawal_min",
        "fee",
        "free_withdrawals",
    ]
