"""A payment over what a loan owes: rows an accountant reads, then the rules for every loan."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidInput, InvariantBroken
from ledger.money import AMOUNT_MAX, BALANCE_MAX, format_baht
from products.allocation.orders import (
    DEFAULT_ORDER,
    OLDEST_INSTALMENT_FIRST,
    RELIEF_ORDER,
    Advance,
    Bucket,
    Mode,
    Order,
)
from products.allocation.splitting import after, allocate, claims, ranked
from products.allocation.values import Charge, Claim, Due, Instalment, Kind, Owed, Split
from tests.products.satang_by_satang import till

many = settings(max_examples=max(200, settings().max_examples))
"""Draws cost microseconds here, and a wrong order shows only in few of them."""

BAHT = 100
ON = date(2026, 3, 31)
JANUARY, FEBRUARY, MARCH = date(2026, 1, 31), date(2026, 2, 28), ON
# A loan in its third month, two instalments behind, on the due date of the third.
LOAN = Owed(
    dues=(
        Due(number=1, due_date=JANUARY, principal_satang=400_00, interest_satang=100_00),
        Due(number=2, due_date=FEBRUARY, principal_satang=1_000_00, interest_satang=90_00),
        Due(number=3, due_date=MARCH, principal_satang=1_000_00, interest_satang=80_00),
        Due(
            number=4,
            due_date=date(2026, 4, 30),
            principal_satang=1_000_00,
            interest_satang=70_00,
        ),
        Due(
            number=5,
            due_date=date(2026, 5, 31),
            principal_satang=1_000_00,
            interest_satang=60_00,
        ),
    ),
    charges=(
        Charge(reference="letter", kind=Kind.FEE, due_date=date(2026, 3, 5), amount_satang=50_00),
        Charge(
            reference="late-1",
            kind=Kind.PENALTY,
            due_date=FEBRUARY,
            amount_satang=12_00,
            instalment=Instalment(number=1, due_date=JANUARY),
        ),
        Charge(
            reference="late-2",
            kind=Kind.PENALTY,
            due_date=MARCH,
            amount_satang=8_00,
            instalment=Instalment(number=2, due_date=FEBRUARY),
        ),
        Charge(reference="april", kind=Kind.FEE, due_date=date(2026, 4, 1), amount_satang=99_00),
    ),
)


def table(split: Split) -> list[str]:
    """The split as an accountant would write it: bucket, instalment or charge, baht."""
    rows = [
        f"{line.bucket.value} {line.reference or line.instalment} {format_baht(line.amount_satang)}"
        for line in split.lines
    ]
    return [*rows, f"over {format_baht(split.remainder_satang)}"]


def test_the_default_order_takes_costs_then_interest_then_principal_oldest_first() -> None:
    split = allocate(amount_satang=5_000_00, value_date=ON, owed=LOAN)
    assert table(split) == [
        "fees letter 50.00",
        "penalty late-1 12.00",
        "penalty late-2 8.00",
        "interest_arrears 1 100.00",
        "interest_arrears 2 90.00",
        "current_interest 3 80.00",
        "overdue_principal 1 400.00",
        "overdue_principal 2 1000.00",
        "due_principal 3 1000.00",
        "prepayment 5 1000.00",
        "prepayment 4 1000.00",
        "over 260.00",
    ]
    assert split.of_kind(Kind.INTEREST) == 270_00
    assert split.of_kind(Kind.PRINCIPAL) == 4_400_00
    assert split.of_bucket(Bucket.PENALTY) == 20_00


def test_a_payment_that_is_too_small_stops_where_the_money_ends() -> None:
    split = allocate(amount_satang=300_00, value_date=ON, owed=LOAN)
    assert table(split)[-3:] == [
        "interest_arrears 2 90.00",
        "current_interest 3 40.00",
        "over 0.00",
    ]


def test_the_oldest_instalment_is_settled_whole_before_the_next_one() -> None:
    split = allocate(
        amount_satang=3_000_00, value_date=ON, owed=LOAN, order=OLDEST_INSTALMENT_FIRST
    )
    assert table(split) == [
        "penalty late-1 12.00",
        "interest_arrears 1 100.00",
        "overdue_principal 1 400.00",
        "penalty late-2 8.00",
        "interest_arrears 2 90.00",
        "overdue_principal 2 1000.00",
        "fees letter 50.00",
        "current_interest 3 80.00",
        "due_principal 3 1000.00",
        "prepayment 5 260.00",
        "over 0.00",
    ]


def test_relief_puts_principal_first_and_lets_interest_and_charges_wait() -> None:
    split = allocate(amount_satang=2_550_00, value_date=ON, owed=LOAN, order=RELIEF_ORDER)
    assert table(split) == [
        "overdue_principal 1 400.00",
        "overdue_principal 2 1000.00",
        "due_principal 3 1000.00",
        "interest_arrears 1 100.00",
        "interest_arrears 2 50.00",
        "over 0.00",
    ]


def test_an_advance_may_stand_in_for_the_next_instalments_instead_of_the_last() -> None:
    order = replace(DEFAULT_ORDER, advance=Advance.NEXT)
    split = allocate(amount_satang=4_000_00, value_date=ON, owed=LOAN, order=order)
    assert table(split)[-3:] == ["prepayment 4 1000.00", "prepayment 5 260.00", "over 0.00"]


def test_of_two_instalments_of_one_day_the_one_with_the_later_number_is_the_last() -> None:
    day = date(2026, 4, 30)
    dues = tuple(
        Due(number=number, due_date=day, principal_satang=100_00, interest_satang=0)
        for number in (1, 2)
    )
    for advance, row in (
        (Advance.LAST, "prepayment 2 60.00"),
        (Advance.NEXT, "prepayment 1 60.00"),
    ):
        order = replace(DEFAULT_ORDER, advance=advance)
        split = allocate(amount_satang=60_00, value_date=ON, owed=Owed(dues=dues), order=order)
        assert table(split) == [row, "over 0.00"]


def test_interest_still_unpaid_keeps_its_instalment_when_the_principal_is_paid() -> None:
    split = allocate(amount_satang=400_00, value_date=ON, owed=LOAN, order=RELIEF_ORDER)
    first = after(LOAN, split).dues[0]
    assert (first.number, first.principal_satang, first.interest_satang) == (1, 0, 100_00)


def test_interest_of_a_running_period_keeps_its_instalment_when_that_is_prepaid_whole() -> None:
    owed = Owed(dues=LOAN.dues[3:], accrued_interest_satang=30_00)
    order = replace(RELIEF_ORDER, advance=Advance.NEXT)
    split = allocate(amount_satang=1_030_00, value_date=ON, owed=owed, order=order)
    left = after(owed, split)
    assert table(split) == ["current_interest 4 30.00", "prepayment 4 1000.00", "over 0.00"]
    assert [(due.number, due.principal_satang) for due in left.dues] == [(4, 0), (5, 1_000_00)]


def test_where_prepayment_is_not_allowed_the_rest_stays_over() -> None:
    split = allocate(amount_satang=5_000_00, value_date=ON, owed=LOAN, prepayment=False)
    assert table(split)[-2:] == ["due_principal 3 1000.00", "over 2260.00"]


def test_a_day_before_the_due_date_its_interest_is_what_has_accrued_and_its_principal_early() -> (
    None
):
    owed = Owed(dues=LOAN.dues[2:], accrued_interest_satang=77_42)
    split = allocate(amount_satang=500_00, value_date=ON - timedelta(1), owed=owed)
    assert table(split) == ["current_interest 3 77.42", "prepayment 5 422.58", "over 0.00"]


def test_a_day_after_the_due_date_the_same_instalment_is_overdue() -> None:
    owed = Owed(dues=LOAN.dues[2:], accrued_interest_satang=2_26)
    split = allocate(amount_satang=500_00, value_date=ON + timedelta(1), owed=owed)
    assert table(split) == [
        "interest_arrears 3 80.00",
        "current_interest 4 2.26",
        "overdue_principal 3 417.74",
        "over 0.00",
    ]


def test_interest_that_accrues_after_the_last_due_date_belongs_to_no_instalment() -> None:
    owed = Owed(dues=LOAN.dues[4:], accrued_interest_satang=5_00)
    split = allocate(amount_satang=65_00, value_date=date(2026, 6, 30), owed=owed)
    assert table(split) == ["interest_arrears 5 60.00", "current_interest None 5.00", "over 0.00"]


def test_a_charge_outlives_its_instalment_and_keeps_its_place() -> None:
    order = replace(RELIEF_ORDER, mode=Mode.BY_INSTALMENT)
    whole = allocate(amount_satang=600_00, value_date=ON, owed=LOAN, order=order)
    first = allocate(amount_satang=500_00, value_date=ON, owed=LOAN, order=order)
    left = after(LOAN, first)
    assert [due.number for due in left.dues] == [2, 3, 4, 5]
    second = allocate(amount_satang=100_00, value_date=ON, owed=left, order=order)
    assert table(first)[:-1] + table(second) == table(whole)
    assert table(second)[0] == "penalty late-1 12.00"


ORDERS = {"default": DEFAULT_ORDER, "horizontal": OLDEST_INSTALMENT_FIRST, "relief": RELIEF_ORDER}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_an_order_is_read_back_from_the_texts_in_which_a_product_keeps_it(order: Order) -> None:
    texts = [bucket.value for bucket in order.buckets]
    assert Order.read(texts, order.mode.value, order.advance.value) == order


TEXTS = [bucket.value for bucket in DEFAULT_ORDER.buckets]


@pytest.mark.parametrize(
    ("buckets", "mode", "advance", "said"),
    [
        (TEXTS[1:], "by_bucket", "last", "buckets: got fees 0 times; expected each bucket exactly"),
        ([*TEXTS[:1], *TEXTS], "by_bucket", "last", "buckets: got fees 2 times"),
        ([], "by_bucket", "last", "prepayment 0 times"),
        (
            [TEXTS[6], *TEXTS[:6]],
            "by_bucket",
            "last",
            "got due_principal as the last bucket; expected prepayment as the last bucket",
        ),
        (
            ["Fees", *TEXTS[1:]],
            "by_bucket",
            "last",
            r"buckets\[0\]: got 'Fees'; expected one of fe",
        ),
        ([7, *TEXTS[1:]], "by_bucket", "last", r"buckets\[0\]: got 7"),
        (TEXTS, "BY_BUCKET", "last", "mode: got 'BY_BUCKET'; expected one of by_bucket, by_inst"),
        (TEXTS, "by_bucket", None, "advance: got None; expected one of last, next"),
    ],
)
def test_an_order_that_does_not_rank_every_bucket_once_is_refused(
    buckets: list[object], mode: object, advance: object, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        Order.read(buckets, mode, advance)


@pytest.mark.parametrize("amount", [0, -1, AMOUNT_MAX + 1])
def test_an_amount_that_is_no_payment_is_refused(amount: int) -> None:
    with pytest.raises(InvalidInput, match=f"amount_satang: got {amount}; expected 1 to"):
        allocate(amount_satang=amount, value_date=ON, owed=LOAN)


FIRST, SECOND = LOAN.dues[:2]
FEE = LOAN.charges[0]


@pytest.mark.parametrize(
    ("owed", "said"),
    [
        (
            Owed(dues=(replace(FIRST, principal_satang=-1),)),
            r"dues\[1\].principal_satang: got -1; expected 0 to",
        ),
        (
            Owed(dues=(replace(FIRST, interest_satang=BALANCE_MAX + 1),)),
            r"dues\[1\].interest_satang: got 900000000000000001",
        ),
        (Owed(dues=(), accrued_interest_satang=-5), "accrued_interest_satang: got -5"),
        (
            Owed(dues=(), charges=(replace(FEE, amount_satang=-1),)),
            r"charges\[letter\].amount_satang: got -1",
        ),
        (
            Owed(dues=(), charges=(replace(FEE, kind=Kind.PRINCIPAL),)),
            r"charges\[letter\].kind: got principal; expected fee or penalty",
        ),
        (Owed(dues=(), charges=(FEE, FEE)), "charges: got letter 2 times; expected each charge on"),
        (Owed(dues=(FIRST, FIRST)), "dues: got instalment 1 due 2026-01-31; expected one after"),
        (Owed(dues=(SECOND, FIRST)), "dues: got instalment 1 due 2026-01-31; expected one after"),
        (
            Owed(dues=(FIRST, replace(SECOND, due_date=date(2026, 1, 30)))),
            "got instalment 2 due 2026-01-30; expected one after instalment 1 due 2026-01-31",
        ),
    ],
)
def test_dues_and_charges_that_cannot_be_owed_are_refused(owed: Owed, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        claims(owed, ON)


def test_all_that_is_wrong_is_told_at_once() -> None:
    owed = Owed(
        dues=(replace(FIRST, principal_satang=-1, interest_satang=-2),),
        accrued_interest_satang=-3,
    )
    with pytest.raises(InvalidInput) as caught:
        claims(owed, ON)
    assert [problem.got for problem in caught.value.problems] == ["-3", "-1", "-2"]


def test_a_split_is_not_taken_off_another_loan() -> None:
    split = allocate(amount_satang=1_000_00, value_date=ON, owed=LOAN)
    for other in (Owed(dues=LOAN.dues), Owed(dues=LOAN.dues[1:], charges=LOAN.charges)):
        with pytest.raises(InvariantBroken, match="a split was taken off"):
            after(other, split)
    with pytest.raises(InvariantBroken, match="a split was taken off"):
        after(after(LOAN, split), split)


small = st.integers(0, 9)


@st.composite
def drawn_owed(draw: st.DrawFn) -> Owed:
    """A few instalments and charges around the payment's date, some paid in part, some on it."""
    offsets = sorted(draw(st.lists(st.integers(-2, 2), max_size=5)))
    dues = tuple(
        Due(
            number=number,
            due_date=ON + timedelta(offset),
            principal_satang=draw(small),
            interest_satang=draw(small),
        )
        for number, offset in enumerate(offsets, start=1)
    )
    places = [Instalment(number=due.number, due_date=due.due_date) for due in dues]
    charges = tuple(
        Charge(
            reference=f"c{at}",
            kind=draw(st.sampled_from((Kind.FEE, Kind.PENALTY))),
            due_date=ON + timedelta(draw(st.integers(-3, 1))),
            amount_satang=draw(small),
            instalment=draw(st.sampled_from((None, *places))),
        )
        for at in range(draw(st.integers(0, 4)))
    )
    return Owed(dues=dues, charges=charges, accrued_interest_satang=draw(small))


orders = st.builds(
    Order,
    buckets=st.permutations([bucket for bucket in Bucket if bucket is not Bucket.PREPAYMENT]).map(
        lambda six: (*six, Bucket.PREPAYMENT)
    ),
    mode=st.sampled_from(Mode),
    advance=st.sampled_from(Advance),
)
payments = st.integers(1, 20) | st.integers(1, 120)


def _name(line: Claim) -> tuple[str, int | str]:
    if line.reference:
        return "charge", line.reference
    return line.kind.value, line.instalment or 0


@many
@given(owed=drawn_owed(), order=orders, amount=payments, prepayment=st.booleans())
def test_a_split_is_what_paying_one_satang_at_a_time_comes_to(
    owed: Owed, order: Order, amount: int, prepayment: bool
) -> None:
    split = allocate(
        amount_satang=amount, value_date=ON, owed=owed, order=order, prepayment=prepayment
    )
    clerk = till(owed, ON, order, prepayment)
    names = clerk.pay(amount)
    assert [_name(line) for line in split.lines] == names
    assert split.remainder_satang == clerk.over
    before = Counter({pot.name: pot.left for pot in till(owed, ON, order, prepayment).pots})
    for pot in clerk.pots:
        before[pot.name] -= pot.left
    assert +before == Counter({_name(line): line.amount_satang for line in split.lines})


@many
@given(owed=drawn_owed(), order=orders, amount=payments)
def test_lines_and_remainder_add_up_and_no_line_takes_more_than_is_owed(
    owed: Owed, order: Order, amount: int
) -> None:
    split = allocate(amount_satang=amount, value_date=ON, owed=owed, order=order)
    most = {_name(claim): claim.amount_satang for claim in claims(owed, ON)}
    assert sum(line.amount_satang for line in split.lines) + split.remainder_satang == amount
    assert all(0 < line.amount_satang <= most[_name(line)] for line in split.lines)
    assert split.remainder_satang == max(amount - sum(most.values()), 0)


@many
@given(owed=drawn_owed(), order=orders, amount=payments)
def test_no_later_bucket_gets_a_satang_while_an_earlier_one_is_owed(
    owed: Owed, order: Order, amount: int
) -> None:
    order = replace(order, mode=Mode.BY_BUCKET)
    split = allocate(amount_satang=amount, value_date=ON, owed=owed, order=order)
    owing: Counter[Bucket] = Counter()
    for claim in claims(owed, ON):
        owing[claim.bucket] += claim.amount_satang
    for earlier, later in pairwise(order.buckets):
        if split.of_bucket(later):
            assert split.of_bucket(earlier) == owing[earlier]


@many
@given(owed=drawn_owed(), order=orders, amount=payments)
def test_no_younger_instalment_gets_a_satang_while_an_older_one_is_owed(
    owed: Owed, order: Order, amount: int
) -> None:
    order = replace(order, mode=Mode.BY_INSTALMENT)
    split = allocate(amount_satang=amount, value_date=ON, owed=owed, order=order)
    paid = {_name(line): line.amount_satang for line in split.lines}
    open_rows = [
        claim.row_date or date.max
        for claim in claims(owed, ON)
        if claim.bucket is not Bucket.PREPAYMENT and paid.get(_name(claim), 0) < claim.amount_satang
    ]
    for line in split.lines:
        assert all((line.row_date or date.max) <= row for row in open_rows)
    assert not (open_rows and split.of_bucket(Bucket.PREPAYMENT))


@many
@given(owed=drawn_owed(), order=orders, first=payments, second=payments)
def test_two_payments_of_one_date_settle_what_one_payment_would(
    owed: Owed, order: Order, first: int, second: int
) -> None:
    whole = allocate(amount_satang=first + second, value_date=ON, owed=owed, order=order)
    one = allocate(amount_satang=first, value_date=ON, owed=owed, order=order)
    left = after(owed, one)
    two = allocate(amount_satang=second, value_date=ON, owed=left, order=order)
    together: Counter[tuple[str, int | str]] = Counter()
    for line in (*one.lines, *two.lines):
        together[_name(line)] += line.amount_satang
    assert together == {_name(line): line.amount_satang for line in whole.lines}
    assert one.remainder_satang + two.remainder_satang == whole.remainder_satang
    assert after(left, two) == after(owed, whole)


@many
@given(owed=drawn_owed(), order=orders)
def test_paying_all_that_is_owed_leaves_only_what_is_not_owed_yet(owed: Owed, order: Order) -> None:
    total = sum(claim.amount_satang for claim in claims(owed, ON))
    assume(total > 0)
    split = allocate(amount_satang=total, value_date=ON, owed=owed, order=order)
    left = after(owed, split)
    assert split.remainder_satang == 0
    assert claims(left, ON) == ()
    assert all(due.due_date > ON for due in left.dues)
    assert all(charge.due_date > ON for charge in left.charges)


@many
@given(owed=drawn_owed(), order=orders)
def test_the_order_in_which_charges_are_listed_decides_nothing(owed: Owed, order: Order) -> None:
    backwards = replace(owed, charges=owed.charges[::-1])
    assert ranked(claims(backwards, ON), order) == ranked(claims(owed, ON), order)
