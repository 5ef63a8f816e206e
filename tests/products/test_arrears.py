"""How late, which class, how much to set aside: boundaries day by day, then every loan's rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidInput
from products.allocation.values import Due
from products.arrears import (
    Collateral,
    Finding,
    Tolerance,
    classify,
    days_past_due,
    oldest_overdue,
    provision,
)
from products.loan_classes import (
    CLASS_TABLES,
    REGISTRAR_2544,
    ClassRule,
    ClassTable,
    LoanClass,
)

many = settings(max_examples=max(200, settings().max_examples))
"""Draws cost microseconds here, and a wrong order shows only in few of them."""

NORMAL, SUBSTANDARD, DOUBTFUL, DOUBTFUL_OF_LOSS, LOSS = LoanClass


def due(day: date, principal_satang: int = 1_000_00, interest_satang: int = 0) -> Due:
    """An instalment with something unpaid."""
    number = (day - date(2020, 1, 1)).days
    return Due(
        number=number,
        due_date=day,
        principal_satang=principal_satang,
        interest_satang=interest_satang,
    )


def class_of(oldest: date | None, on: date, *findings: Finding) -> LoanClass:
    """The class by the Registrar's table."""
    found = classify(oldest_due_date=oldest, on=on, table=REGISTRAR_2544, findings=findings)
    return found.rule.loan_class


def test_days_past_due_count_from_the_day_after_the_oldest_unpaid_due_date() -> None:
    dues = [due(date(2026, 2, 28)), due(date(2026, 1, 31)), due(date(2026, 3, 31))]
    counted = {on: days_past_due(dues, date(2026, 1, 29) + timedelta(on)) for on in range(5)}
    assert counted == {0: 0, 1: 0, 2: 0, 3: 1, 4: 2}
    assert days_past_due(dues[:1], date(2026, 3, 31)) == 31
    assert days_past_due([], date(2026, 3, 31)) == 0


def test_within_the_tolerated_days_a_loan_is_not_late_and_beyond_them_all_days_count() -> None:
    tolerance = Tolerance(days=5)
    dues = [due(date(2026, 1, 31))]
    assert days_past_due(dues, date(2026, 2, 5), tolerance) == 0
    assert oldest_overdue(dues, date(2026, 2, 5), tolerance) is None
    assert days_past_due(dues, date(2026, 2, 6), tolerance) == 6
    assert oldest_overdue(dues, date(2026, 2, 6), tolerance) == date(2026, 1, 31)


def test_a_small_rest_ages_nothing_until_a_later_due_lifts_it_above_the_tolerated_amount() -> None:
    tolerance = Tolerance(amount_satang=1_00)
    rest = due(date(2026, 1, 31), principal_satang=60, interest_satang=40)
    assert days_past_due([rest], date(2026, 6, 30), tolerance) == 0
    dues = [rest, due(date(2026, 4, 30), principal_satang=1)]
    assert oldest_overdue(dues, date(2026, 4, 30), tolerance) is None
    assert oldest_overdue(dues, date(2026, 5, 1), tolerance) == date(2026, 4, 30)
    assert days_past_due(dues, date(2026, 5, 1)) == 90


def test_unpaid_interest_alone_makes_a_loan_late() -> None:
    dues = [due(date(2026, 1, 31), principal_satang=0, interest_satang=1)]
    assert days_past_due(dues, date(2026, 2, 1)) == 1


@pytest.mark.parametrize(
    ("oldest", "last_day", "until", "then"),
    [
        (date(2026, 1, 15), date(2026, 4, 15), NORMAL, SUBSTANDARD),
        (date(2026, 1, 15), date(2026, 7, 15), SUBSTANDARD, DOUBTFUL),
        (date(2026, 1, 15), date(2027, 1, 15), DOUBTFUL, DOUBTFUL_OF_LOSS),
        # Months end: 30 November has no 30 February, 31 August no 31 November.
        (date(2025, 11, 30), date(2026, 2, 28), NORMAL, SUBSTANDARD),
        (date(2023, 11, 30), date(2024, 2, 29), NORMAL, SUBSTANDARD),
        (date(2026, 8, 31), date(2026, 11, 30), NORMAL, SUBSTANDARD),
        (date(2026, 8, 31), date(2027, 2, 28), SUBSTANDARD, DOUBTFUL),
        (date(2024, 2, 29), date(2025, 2, 28), DOUBTFUL, DOUBTFUL_OF_LOSS),
    ],
)
def test_exactly_n_months_is_still_the_better_class_and_one_day_more_the_worse(
    oldest: date, last_day: date, until: LoanClass, then: LoanClass
) -> None:
    assert class_of(oldest, last_day - timedelta(1)) is until
    assert class_of(oldest, last_day) is until
    assert class_of(oldest, last_day + timedelta(1)) is then


def test_a_year_of_arrears_walks_through_four_classes_and_months_alone_never_make_a_loss() -> None:
    oldest = date(2025, 1, 31)
    walked = [class_of(oldest, oldest + timedelta(day)) for day in range(2000)]
    first_days = {
        loan_class: oldest + timedelta(walked.index(loan_class)) for loan_class in set(walked)
    }
    assert first_days == {
        NORMAL: date(2025, 1, 31),
        SUBSTANDARD: date(2025, 5, 1),
        DOUBTFUL: date(2025, 8, 1),
        DOUBTFUL_OF_LOSS: date(2026, 2, 1),
    }
    assert walked == sorted(walked)


def test_a_loan_that_is_not_late_is_normal() -> None:
    found = classify(oldest_due_date=None, on=date(2026, 1, 1), table=REGISTRAR_2544)
    assert found.rule.loan_class is NORMAL
    assert found.reasons == ("no other class fits",)


def test_the_worst_of_months_and_events_wins_and_says_why() -> None:
    oldest, on = date(2026, 1, 31), date(2026, 8, 1)
    bankrupt = Finding(loan_class=LOSS, reason="bankruptcy ordered 2026-07-20")
    again = Finding(loan_class=DOUBTFUL, reason="rescheduled and late again")
    mild = Finding(loan_class=SUBSTANDARD, reason="accounts not handed in")

    def found(*findings: Finding) -> tuple[LoanClass, tuple[str, ...]]:
        got = classify(oldest_due_date=oldest, on=on, table=REGISTRAR_2544, findings=findings)
        return got.rule.loan_class, got.reasons

    by_months = "unpaid since 2026-01-31, more than 6 months"
    assert found() == (DOUBTFUL, (by_months,))
    assert found(mild) == (DOUBTFUL, (by_months,))
    assert found(again, mild) == (DOUBTFUL, (by_months, again.reason))
    assert found(bankrupt, again) == (LOSS, (bankrupt.reason,))
    assert class_of(None, on, mild) is SUBSTANDARD


def test_the_registrars_table_sets_aside_20_50_and_100_percent_and_suspends_income() -> None:
    table = CLASS_TABLES.on(date(2026, 1, 1))
    rows = [(r.loan_class, r.over_months, r.provision_e8, r.suspends_income) for r in table.rules]
    assert rows == [
        (NORMAL, None, 0, False),
        (SUBSTANDARD, 3, 20_000_000, True),
        (DOUBTFUL, 6, 50_000_000, True),
        (DOUBTFUL_OF_LOSS, 12, 100_000_000, True),
        (LOSS, None, 100_000_000, True),
    ]


def changed(loan_class: LoanClass, over_months: int | None, provision_e8: int) -> list[ClassRule]:
    """The Registrar's rules with one of them changed."""
    rules = list(REGISTRAR_2544.rules)
    place = loan_class - 1
    rules[place] = replace(rules[place], over_months=over_months, provision_e8=provision_e8)
    return rules


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([], "classes: got no class; expected each of the five classes once, the best first"),
        (REGISTRAR_2544.rules[:4], "classes: got NORMAL, SUBSTANDARD, DOUBTFUL, DOUBTFUL_OF_LOSS;"),
        (REGISTRAR_2544.rules[::-1], "classes: got LOSS, DOUBTFUL_OF_LOSS"),
        (changed(NORMAL, 1, 0), "NORMAL.over_months: got 1; expected none"),
        (changed(SUBSTANDARD, -1, 20_000_000), "SUBSTANDARD.over_months: got -1; expected 0 or"),
        (changed(DOUBTFUL, 3, 50_000_000), "DOUBTFUL.over_months: got 3; expected more than SUBST"),
        (changed(LOSS, None, 100_000_001), "LOSS.provision_e8: got 100000001; expected 0 to 1000"),
        (changed(NORMAL, None, -1), "NORMAL.provision_e8: got -1; expected 0 to 100000000"),
        (
            changed(DOUBTFUL, 6, 19_999_999),
            "DOUBTFUL.provision_e8: got 19999999; expected at least",
        ),
    ],
)
def test_a_table_of_classes_that_contradicts_itself_is_refused(
    rules: list[ClassRule], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        ClassTable(rules=tuple(rules))


def test_a_later_draft_is_a_table_of_its_own() -> None:
    draft = ClassTable(rules=tuple(changed(NORMAL, None, 1_000_000)))
    found = classify(oldest_due_date=None, on=date(2026, 1, 1), table=draft)
    need = provision(
        principal_satang=1_000_000_00, collateral=(), rule=found.rule, standing_satang=0
    )
    assert need.required_satang == 10_000_00


@pytest.mark.parametrize(
    ("loan_class", "standing", "expected"),
    [
        # 12,000,000 less 90% of a deposit of 2,000,000 leaves 10,200,000 uncovered.
        (NORMAL, "0.00", ("10200000.00", "0.00", "0.00")),
        (SUBSTANDARD, "0.00", ("10200000.00", "2040000.00", "2040000.00")),
        (DOUBTFUL, "2040000.00", ("10200000.00", "5100000.00", "3060000.00")),
        (DOUBTFUL_OF_LOSS, "5100000.00", ("10200000.00", "10200000.00", "5100000.00")),
        (LOSS, "10200000.00", ("10200000.00", "10200000.00", "0.00")),
        (SUBSTANDARD, "10200000.00", ("10200000.00", "2040000.00", "-8160000.00")),
    ],
)
def test_a_provision_follows_the_class_and_posts_the_difference(
    loan_class: LoanClass, standing: str, expected: tuple[str, str, str]
) -> None:
    deposit = Collateral(reference="dep-1", value_satang=2_000_000_00, eligible_e8=90_000_000)
    need = provision(
        principal_satang=12_000_000_00,
        collateral=[deposit],
        rule=REGISTRAR_2544.rule(loan_class),
        standing_satang=int(Decimal(standing) * 100),
    )
    amounts = (need.base_satang, need.required_satang, need.delta_satang)
    assert tuple(str(Decimal(amount).scaleb(-2)) for amount in amounts) == expected


def test_collateral_above_the_principal_covers_it_and_no_more() -> None:
    house = Collateral(reference="land", value_satang=9_000_00, eligible_e8=100_000_000)
    need = provision(
        principal_satang=5_000_00,
        collateral=[house, house],
        rule=REGISTRAR_2544.rule(LOSS),
        standing_satang=700_00,
    )
    assert (need.base_satang, need.required_satang, need.delta_satang) == (0, 0, -700_00)


@pytest.mark.parametrize(
    ("principal", "value", "eligible", "standing", "said"),
    [
        (-1, 0, 0, 0, "principal_satang: got -1; expected 0 satang or more"),
        (0, -1, 0, 0, r"collateral\[x\].value_satang: got -1"),
        (0, 0, -1, 0, r"collateral\[x\].eligible_e8: got -1; expected 0 to 100000000"),
        (0, 0, 100_000_001, 0, r"collateral\[x\].eligible_e8: got 100000001"),
        (0, 0, 0, -1, "standing_satang: got -1"),
    ],
)
def test_a_provision_from_amounts_that_cannot_be_is_refused(
    principal: int, value: int, eligible: int, standing: int, said: str
) -> None:
    item = Collateral(reference="x", value_satang=value, eligible_e8=eligible)
    with pytest.raises(InvalidInput, match=said):
        provision(
            principal_satang=principal,
            collateral=[item],
            rule=REGISTRAR_2544.rule(LOSS),
            standing_satang=standing,
        )


days = st.dates(date(2020, 1, 1), date(2030, 12, 31))
unpaid = st.integers(0, 300)
some_dues = st.lists(st.tuples(days, unpaid, unpaid), max_size=5).map(
    lambda rows: [due(day, principal, interest) for day, principal, interest in rows]
)


@many
@given(dues=some_dues, on=days, tolerated=st.integers(0, 500), grace=st.integers(0, 40))
def test_lateness_is_what_a_clerk_finds_who_walks_back_day_by_day(
    dues: list[Due], on: date, tolerated: int, grace: int
) -> None:
    def unpaid_by(day: date) -> int:
        return sum(d.principal_satang + d.interest_satang for d in dues if d.due_date <= day)

    # Back from yesterday while more than is tolerated was unpaid; the last such day began it.
    day, walked = on - timedelta(1), 0
    while day >= date(2020, 1, 1) and unpaid_by(day) > tolerated:
        day, walked = day - timedelta(1), walked + 1
    counted = walked if walked > grace else 0
    assert days_past_due(dues, on, Tolerance(days=grace, amount_satang=tolerated)) == counted


@many
@given(dues=some_dues, on=days)
def test_without_a_payment_a_loan_is_each_day_a_day_later_and_never_better_classed(
    dues: list[Due], on: date
) -> None:
    today, tomorrow = days_past_due(dues, on), days_past_due(dues, on + timedelta(1))
    assert tomorrow in ({today + 1} if today else {0, 1})
    assert class_of(oldest_overdue(dues, on + timedelta(1)), on + timedelta(1)) >= class_of(
        oldest_overdue(dues, on), on
    )


shares = st.integers(0, 10**8)
money = st.integers(0, 10**15)


@many
@given(
    principal=money,
    items=st.lists(st.tuples(money, shares), max_size=3),
    share=shares,
    standing=money,
)
def test_a_provision_is_what_decimals_say(
    principal: int, items: list[tuple[int, int]], share: int, standing: int
) -> None:
    rule = replace(REGISTRAR_2544.rule(LOSS), provision_e8=share)
    need = provision(
        principal_satang=principal,
        collateral=[
            Collateral(reference="x", value_satang=value, eligible_e8=eligible)
            for value, eligible in items
        ],
        rule=rule,
        standing_satang=standing,
    )
    left = Decimal(principal)
    for value, eligible in items:
        left -= (Decimal(value) * eligible).scaleb(-8).quantize(Decimal(1), ROUND_DOWN)
    base = max(left, Decimal(0))
    required = (base * share).scaleb(-8).quantize(Decimal(1), ROUND_HALF_UP)
    assert [need.base_satang, need.required_satang] == [int(base), int(required)]
    assert need.required_satang - standing == need.delta_satang


@many
@given(first=shares, second=shares, principal=money)
def test_what_is_posted_in_two_steps_is_what_is_posted_at_once(
    first: int, second: int, principal: int
) -> None:
    assume(first != second)

    def need(share: int, standing: int) -> int:
        rule = replace(REGISTRAR_2544.rule(LOSS), provision_e8=share)
        return provision(
            principal_satang=principal, collateral=(), rule=rule, standing_satang=standing
        ).delta_satang

    before = need(first, 0)
    assert before + need(second, before) == need(second, 0)
