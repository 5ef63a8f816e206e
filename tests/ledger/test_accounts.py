"""Accounts: opened, limited, frozen, closed, each time by a numbered event.

Opening and using an account may be one unit; closing it is for good.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ledger import accounts
from ledger.errors import NotFound
from ledger.kinds import EventKind, JournalKind
from ledger.posting.values import (
    CloseAccount,
    MoveBusinessDate,
    OpenAccount,
    Operation,
    Outcome,
    SetFreeze,
    SetLimits,
    Status,
)
from tests.builders import journal, unit
from tests.ledger.play import OPENED_ON, Table

BANK, SAV, SAV2 = 1, 2, 3
NEW = OpenAccount(
    account=900, code="NEW-1", gl_code="211100", currency="THB", name_th="ใหม่", name_en="New"
)


async def ask(table: Table, *operations: Operation) -> Outcome:
    """Play one unit."""
    (outcome,) = await table.play([unit(*operations)])
    return outcome


def code(outcome: Outcome) -> str | None:
    """Why it was refused; None if it was not."""
    return outcome.refusal.code if outcome.refusal else None


async def test_an_account_may_be_used_in_the_unit_that_opens_it(bare_table: Table) -> None:
    outcome = await ask(bare_table, NEW, journal(BANK, 900, 100))
    assert outcome.status is Status.ACCEPTED
    found = await accounts.position(bare_table.connection, bare_table.book_id, "NEW-1")
    assert (found.balance_satang, found.account.opened_on) == (100, OPENED_ON)


async def test_an_account_opened_by_a_refused_unit_is_not_there(bare_table: Table) -> None:
    assert code(await ask(bare_table, NEW, journal(SAV, 900, 1))) == "below_balance_min"
    with pytest.raises(NotFound, match="NEW-1"):
        await accounts.position(bare_table.connection, bare_table.book_id, "NEW-1")
    assert (await ask(bare_table, NEW)).status is Status.ACCEPTED


async def test_a_code_and_a_number_are_given_once(bare_table: Table) -> None:
    await ask(bare_table, NEW)
    assert code(await ask(bare_table, replace(NEW, account=901))) == "account_exists"
    assert code(await ask(bare_table, replace(NEW, code="NEW-2"))) == "account_exists"


async def test_two_openings_of_one_code_in_a_batch_make_one_account(bare_table: Table) -> None:
    outcomes = await bare_table.play([unit(NEW), unit(replace(NEW, account=901))])
    assert [o.status for o in outcomes] == [Status.ACCEPTED, Status.REFUSED]


async def test_an_account_opens_on_the_business_date(bare_table: Table) -> None:
    tomorrow = OPENED_ON + timedelta(days=1)
    await ask(bare_table, MoveBusinessDate(to=tomorrow))
    await ask(bare_table, NEW)
    found = await accounts.by_codes(bare_table.connection, bare_table.book_id, ["NEW-1", "NONE"])
    assert {name: account.opened_on for name, account in found.items()} == {"NEW-1": tomorrow}


@pytest.mark.parametrize(
    ("no_debits", "no_credits", "refused"),
    [
        (False, False, []),
        (True, False, ["account_frozen_debit"]),
        (False, True, ["account_frozen_credit"]),
        (True, True, ["account_frozen_debit", "account_frozen_credit"]),
    ],
)
async def test_a_freeze_stops_one_side_or_both(
    bare_table: Table, no_debits: bool, no_credits: bool, refused: list[str]
) -> None:
    await ask(bare_table, journal(BANK, SAV, 100))
    await ask(bare_table, SetFreeze(account=SAV, debits=no_debits, credits=no_credits))
    codes = [
        code(await ask(bare_table, journal(SAV, BANK, 1))),
        code(await ask(bare_table, journal(BANK, SAV, 1))),
    ]
    assert [found for found in codes if found] == refused


async def test_a_thawed_account_posts_again(bare_table: Table) -> None:
    await ask(bare_table, SetFreeze(account=SAV, debits=True, credits=True))
    await ask(bare_table, SetFreeze(account=SAV, debits=False, credits=False))
    assert (await ask(bare_table, journal(BANK, SAV, 1))).status is Status.ACCEPTED


async def test_a_closed_account_is_closed_for_everything(bare_table: Table) -> None:
    await ask(bare_table, CloseAccount(account=SAV))
    later: list[Operation] = [
        journal(BANK, SAV, 1),
        journal(SAV, BANK, 1),
        SetFreeze(account=SAV, debits=True, credits=True),
        SetLimits(account=SAV, balance_min=None, balance_max=None),
        CloseAccount(account=SAV),
    ]
    assert {code(await ask(bare_table, operation)) for operation in later} == {"account_closed"}


async def test_an_account_with_a_balance_is_not_closed(bare_table: Table) -> None:
    await ask(bare_table, journal(BANK, SAV, 1))
    assert code(await ask(bare_table, CloseAccount(account=SAV))) == "account_not_empty"


async def test_moving_the_rest_out_and_closing_is_one_unit(bare_table: Table) -> None:
    await ask(bare_table, journal(BANK, SAV, 70))
    outcome = await ask(bare_table, journal(SAV, BANK, 70), CloseAccount(account=SAV))
    assert outcome.status is Status.ACCEPTED


async def test_what_a_person_reads_of_an_account_is_what_the_judge_knows(
    bare_table: Table,
) -> None:
    await ask(bare_table, journal(BANK, SAV, 70))
    await ask(bare_table, SetLimits(account=SAV, balance_min=100, balance_max=500))
    found = await accounts.position(bare_table.connection, bare_table.book_id, "SAV-1")
    assert (found.balance_satang, found.available_satang, found.excess_satang) == (70, 0, 30)
    assert (found.closed, found.debits_frozen, found.credits_frozen) == (False, False, False)


async def test_the_kinds_in_the_database_are_the_kinds_of_the_code(bare_table: Table) -> None:
    for table, kinds in (("journal_kind", JournalKind), ("event_kind", EventKind)):
        rows = await bare_table.connection.fetch(
            f"SELECT kind, code FROM ledger.{table} WHERE kind < 100"
        )
        assert {row["kind"]: row["code"] for row in rows} == {
            int(kind): kind.name.lower() for kind in kinds
        }
