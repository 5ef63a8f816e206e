"""Every refusal: what provokes it, which of two wins, which ids it burns, and that docs say so.

A file of `tests/refusals` makes each reason hold alone, on the small book of `tests.ledger.play`;
`PAIRS` makes two hold at once. The oracle beside the book is asked too, so that it is tested with
the same files.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ledger.kinds import JournalKind
from ledger.posting.values import (
    Journal,
    MoveBusinessDate,
    Note,
    OpenAccount,
    Operation,
    Origin,
    Outcome,
    PlaceHold,
    ReleaseHold,
    SetFreeze,
    SetLimits,
    Status,
    Transfer,
    Unit,
)
from ledger.posting.write import post_batch
from ledger.refusals import BY_CODE, PRECEDENCE, REFUSALS
from tests.builders import journal, unit
from tests.ledger.oracle import STICKY
from tests.ledger.play import OPENED_ON, Table
from tests.ledger.refusal_files import RefusalFile, read_files, read_history

DOCUMENT = Path(__file__).parents[2] / "docs" / "refusals.md"
BANK, SAV, SAV2, OD, LOAN, BANK2, USD = range(1, 8)
NOBODY = 999_999
TODAY, ONE_DAY = OPENED_ON, timedelta(days=1)
LAST_YEAR = TODAY.replace(year=TODAY.year - 1)
PAID, UNDONE, HELD, HELD_TODAY, RELEASED, CLOSED = (UUID(int=n) for n in range(101, 107))


@pytest.fixture
async def table(bare_table: Table) -> Table:
    """A book with something of everything: paid, undone, held, released, one account closed."""
    for operations in read_history():
        await bare_table.play([unit(*operations)])
    return bare_table


def opening(number: int, code: str, gl_code: str = "211100") -> OpenAccount:
    """An account to open."""
    return OpenAccount(
        account=number, code=code, gl_code=gl_code, currency="THB", name_th=code, name_en=code
    )


def capture(
    hold_id: UUID, debit: int, amount: int, credit: int = BANK, value_date: date | None = None
) -> Journal:
    """A journal that captures a hold."""
    return journal(debit, credit, amount, hold_id=hold_id, value_date=value_date)


def _cut() -> list[Operation]:
    return [MoveBusinessDate(to=TODAY + ONE_DAY)]


PROVOKED = read_files()

PAIRS = (
    # The first is the answer although the second holds as well.
    ("id_conflict", "empty_journal", lambda: _replace_lines(PAID)),
    ("amount_out_of_range", "accounts_must_differ", lambda: journal(BANK, BANK, 0)),
    ("accounts_must_differ", "unknown_account", lambda: journal(NOBODY, NOBODY, 1)),
    ("unknown_account", "currency_mismatch", lambda: _lines((BANK, USD), (BANK, NOBODY))),
    ("malformed_code", "unknown_gl_code", lambda: opening(301, "N", "599999")),
    (
        "unknown_gl_code",
        "unknown_party",
        lambda: replace(opening(301, "NEW", "599999"), party_id=7),
    ),
    ("unknown_gl_code", "account_exists", lambda: opening(301, "SAV-1", "599999")),
    ("unknown_party", "account_exists", lambda: replace(opening(301, "SAV-1"), party_id=7)),
    (
        "account_exists",
        "limits_impossible",
        lambda: replace(opening(301, "SAV-1"), balance_min=1, balance_max=0),
    ),
    ("unknown_account", "limits_impossible", lambda: _limits(NOBODY, 1, 0)),
    ("limits_impossible", "account_closed", lambda: _limits(CLOSED.int, 1, 0)),
    ("currency_mismatch", "unknown_journal", lambda: journal(BANK, USD, 1, reverses=uuid4())),
    (
        "unknown_journal",
        "unknown_hold",
        lambda: journal(SAV, BANK, 1, reverses=uuid4(), hold_id=uuid4()),
    ),
    ("reversal_not_mirror", "reversal_of_reversal", lambda: journal(SAV, BANK, 7, reverses=UNDONE)),
    (
        "reversal_of_reversal",
        "unknown_hold",
        lambda: journal(BANK, SAV2, 100, reverses=UNDONE, hold_id=uuid4()),
    ),
    (
        "unknown_hold",
        "value_date_after_business_date",
        lambda: capture(uuid4(), SAV, 1, value_date=TODAY + ONE_DAY),
    ),
    (
        "hold_account_differs",
        "value_date_after_business_date",
        lambda: capture(HELD, BANK, 1, SAV, value_date=TODAY + ONE_DAY),
    ),
    (
        "value_date_after_business_date",
        "already_reversed",
        lambda: journal(SAV2, BANK, 100, reverses=UUID(int=200), value_date=TODAY + ONE_DAY),
    ),
    (
        "value_date_before_floor",
        "already_reversed",
        lambda: journal(SAV2, BANK, 100, reverses=UUID(int=200), value_date=LAST_YEAR),
    ),
    ("hold_not_open", "capture_exceeds_hold", lambda: capture(RELEASED, SAV, 11)),
    ("capture_exceeds_hold", "account_closed", lambda: capture(HELD, SAV, 31, CLOSED.int)),
    ("capture_exceeds_hold", "below_balance_min", lambda: capture(HELD, SAV, 500)),
    ("account_closed", "below_balance_min", lambda: journal(SAV, CLOSED.int, 500)),
    ("below_balance_min", "above_balance_max", lambda: journal(SAV, LOAN, 500)),
)


def _limits(account: int, low: int | None, high: int | None) -> SetLimits:
    return SetLimits(account=account, balance_min=low, balance_max=high)


def _lines(*pairs: tuple[int, int]) -> Journal:
    transfers = tuple(Transfer(debit=d, credit=c, amount_satang=1) for d, c in pairs)
    return Journal(journal_id=uuid4(), kind=JournalKind.MANUAL, transfers=transfers)


def _replace_lines(journal_id: UUID) -> Journal:
    return Journal(journal_id=journal_id, kind=JournalKind.MANUAL, transfers=())


async def refuse(table: Table, asked: Operation, code: str, *, replay: bool = False) -> Outcome:
    """Play one operation; it must be refused for this reason."""
    (outcome,) = await table.play([unit(asked)])
    assert outcome.status is Status.REFUSED
    assert outcome.refusal is not None
    assert (outcome.refusal.code, outcome.replay) == (code, replay)
    return outcome


@pytest.mark.parametrize("case", PROVOKED, ids=str)
async def test_each_reason_is_given_when_it_alone_holds(table: Table, case: RefusalFile) -> None:
    for before in case.before:
        (outcome,) = await table.play([unit(*before)])
        assert outcome.status is Status.ACCEPTED
    if case.origin is Origin.DOORS:
        await refuse(table, case.ask, case.code)
        return
    outcome = await post_dated(table, case)
    assert outcome.refusal is not None
    assert outcome.refusal.code == case.code


async def post_dated(table: Table, case: RefusalFile) -> Outcome:
    """Post a file's operation in a batch of another date than the book's."""
    async with table.connection.transaction():
        (outcome,) = await post_batch(
            table.connection,
            table.book_id,
            [unit(case.ask)],
            origin=case.origin,
            business_date=case.business_date,
        )
    return outcome


def test_every_reason_has_a_file_that_provokes_it() -> None:
    # `not_attempted` is the doors' word for the other operations of a refused unit.
    assert [case.code for case in PROVOKED] == [
        r.code for r in REFUSALS if r.code != "not_attempted"
    ]


@pytest.mark.parametrize("code", ["N", "-NEW", "new", "NEW 1", "ท่อน", "NEW\n", "N" * 33])
async def test_a_code_that_the_book_does_not_take_is_refused(table: Table, code: str) -> None:
    await refuse(table, opening(301, code), "malformed_code")


@pytest.mark.parametrize("limits", [(1, 0), (9 * 10**17 + 1, None), (None, -(10**30))])
async def test_limits_that_no_balance_could_keep_are_refused(
    table: Table, limits: tuple[int | None, int | None]
) -> None:
    low, high = limits
    await refuse(table, _limits(SAV, low, high), "limits_impossible")
    new = replace(opening(301, "NEW"), balance_min=low, balance_max=high)
    await refuse(table, new, "limits_impossible")


@pytest.mark.parametrize(
    ("first", "second", "ask"), PAIRS, ids=lambda part: part if isinstance(part, str) else "asked"
)
async def test_of_two_reasons_the_one_listed_first_is_given(
    table: Table, first: str, second: str, ask: Callable[[], Operation]
) -> None:
    assert PRECEDENCE[first] < PRECEDENCE[second]
    await refuse(table, ask(), first)


async def test_a_reversal_done_before_is_named_before_an_ended_hold(table: Table) -> None:
    ended = UUID(int=300)
    await table.play(
        [
            unit(journal(BANK, SAV2, 10)),
            unit(PlaceHold(hold_id=ended, account=SAV2, amount_satang=1)),
            unit(ReleaseHold(hold_id=ended)),
        ]
    )
    asked = journal(SAV2, BANK, 100, reverses=UUID(int=200), hold_id=ended)
    await refuse(table, asked, "already_reversed")


async def test_a_frozen_account_is_named_before_missing_funds(table: Table) -> None:
    await table.play([unit(SetFreeze(account=SAV, debits=True, credits=False))])
    await refuse(table, journal(SAV, LOAN, 5000), "account_frozen_debit")
    await refuse(
        table, PlaceHold(hold_id=uuid4(), account=SAV, amount_satang=500), "account_frozen_debit"
    )


async def test_both_freezes_name_the_debit_first(table: Table) -> None:
    await table.play([unit(SetFreeze(account=n, debits=True, credits=True)) for n in (SAV, SAV2)])
    await refuse(table, journal(SAV, SAV2, 1), "account_frozen_debit")


async def test_an_expired_hold_is_named_before_too_large_a_capture(table: Table) -> None:
    await table.play([unit(*_cut())])
    await refuse(table, capture(HELD_TODAY, SAV, 21), "hold_expired")


async def test_transfers_are_judged_one_after_another(table: Table) -> None:
    short_then_closed = Journal(
        journal_id=uuid4(),
        kind=JournalKind.MANUAL,
        transfers=(
            Transfer(debit=SAV, credit=BANK, amount_satang=500),
            Transfer(debit=BANK, credit=CLOSED.int, amount_satang=1),
        ),
    )
    outcome = await refuse(table, short_then_closed, "below_balance_min")
    assert outcome.refusal is not None
    assert outcome.refusal.detail["line"] == 0


STICKY_WITH_ID = [
    case
    for case in PROVOKED
    if BY_CODE[case.code].sticky and isinstance(case.ask, Journal) and case.origin is Origin.DOORS
]


@pytest.mark.parametrize("case", STICKY_WITH_ID, ids=str)
async def test_a_sticky_refusal_burns_the_id_whatever_changes_afterwards(
    table: Table, case: RefusalFile
) -> None:
    for before in case.before:
        await table.play([unit(*before)])
    asked = case.ask
    await refuse(table, asked, case.code)
    # Thaw, fund, lift every limit: what can be mended is mended.
    await table.play(
        [unit(SetFreeze(account=n, debits=False, credits=False)) for n in (SAV, LOAN)]
        + [unit(SetLimits(account=n, balance_min=None, balance_max=None)) for n in (SAV, LOAN)]
        + [unit(journal(BANK, SAV, 1_000)), unit(journal(BANK2, BANK, 1_000))]
    )
    await refuse(table, asked, case.code, replay=True)


async def test_a_refusal_that_is_not_sticky_leaves_the_id_free(table: Table) -> None:
    name = uuid4()
    await refuse(table, journal(BANK, SAV, 0, journal_id=name), "amount_out_of_range")
    await refuse(table, journal(BANK, NOBODY, 1, journal_id=name), "unknown_account")
    (outcome,) = await table.play([unit(journal(BANK, SAV, 1, journal_id=name))])
    assert outcome.status is Status.ACCEPTED


async def test_a_burnt_id_with_another_body_is_a_conflict(table: Table) -> None:
    name = uuid4()
    await refuse(table, journal(SAV, BANK, 51, journal_id=name), "below_balance_min")
    outcome = await refuse(table, journal(SAV, BANK, 5, journal_id=name), "id_conflict")
    assert outcome.refusal is not None
    assert outcome.refusal.detail["differing_fields"] == ["transfers[0].amount_satang"]


async def test_a_burnt_id_is_burnt_for_the_next_unit_of_the_same_batch(table: Table) -> None:
    asked = journal(SAV, BANK, 51)
    outcomes = await table.play([unit(asked), unit(journal(BANK, SAV, 100)), unit(asked)])
    assert [outcome.status for outcome in outcomes] == [
        Status.REFUSED,
        Status.ACCEPTED,
        Status.REFUSED,
    ]
    assert outcomes[2].replay


async def test_only_the_operation_at_fault_is_remembered(table: Table) -> None:
    good, bad = journal(BANK, SAV, 1), journal(SAV, BANK, 500)
    (outcome,) = await table.play([unit(good, bad, Note(kind=31))])
    assert (outcome.status, outcome.failed_operation) == (Status.REFUSED, 1)
    (again,) = await table.play([unit(good)])
    assert again.status is Status.ACCEPTED
    await refuse(table, bad, "below_balance_min", replay=True)


async def test_an_id_may_stand_once_in_a_unit(table: Table) -> None:
    twice = journal(BANK, SAV, 1)
    (outcome,) = await table.play([Unit(operations=(twice, twice), actor="test:clerk")])
    assert outcome.refusal is not None
    assert (outcome.refusal.code, outcome.failed_operation) == ("id_conflict", 1)


async def test_a_hold_cannot_take_or_burn_the_id_of_a_journal(table: Table) -> None:
    hold = PlaceHold(hold_id=PAID, account=SAV, amount_satang=5_000)
    await refuse(table, hold, "id_conflict")
    await refuse(table, journal(BANK, SAV, 30, journal_id=HELD), "id_conflict")
    (outcome,) = await table.play([unit(journal(BANK, SAV, 100, journal_id=PAID))])
    assert outcome.status is Status.REPLAYED


def test_the_oracle_knows_the_same_sticky_refusals() -> None:
    assert {rule.code for rule in REFUSALS if rule.sticky} == STICKY


def test_the_document_lists_every_refusal_in_order_in_both_languages() -> None:
    row = re.compile(r"^\| `(\w+)` \| (yes|no) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
    found = row.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert [entry[:4] for entry in found] == [
        (rule.code, "yes" if rule.sticky else "no", rule.message_en, rule.message_th)
        for rule in REFUSALS
    ]
