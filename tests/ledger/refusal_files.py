"""Files that provoke refusals: `tests/refusals/CODE.json`, one for each reason, for anyone to read.

`before` are units accepted first, `ask` is the one operation that is refused, `posted` says when
the batch is not an ordinary one. Accounts are named by code; ids and amounts stand as they are
posted; a journal with `repeat` has its one line so often. What the book has behind it is
`tests/refusals/book/history.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast
from uuid import UUID, uuid5

from ledger.kinds import JournalKind
from ledger.posting.values import (
    CloseAccount,
    Journal,
    MoveBusinessDate,
    OpenAccount,
    Operation,
    Origin,
    PlaceHold,
    ReleaseHold,
    ReopenAccount,
    SetFreeze,
    SetLimits,
    Transfer,
)
from ledger.refusals import REFUSALS
from tests.ledger.play import ACCOUNTS

FOLDER = Path(__file__).parents[1] / "refusals"
Facts = Mapping[str, object]

NUMBERS = {code: number for number, (code, *_) in enumerate(ACCOUNTS, start=1)} | {
    "CLOSED": 106,
    "SETTLED": 107,
    "NOBODY": 999_999,
}
"""Accounts by code, as the book of these files numbers them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalFile:
    """One file, read: what is posted before, what is asked, and how its batch is posted."""

    code: str
    before: tuple[tuple[Operation, ...], ...]
    ask: Operation
    origin: Origin
    business_date: date | None

    def __str__(self) -> str:
        return self.code


def read_files() -> list[RefusalFile]:
    """Every file of the folder in the order of precedence."""
    by_code = {path.stem: path for path in FOLDER.glob("*.json")}
    known = [by_code.pop(rule.code) for rule in REFUSALS if rule.code in by_code]
    return [_read(path) for path in (*known, *by_code.values())]


def read_history() -> list[tuple[Operation, ...]]:
    """The units that the book of these files has behind it."""
    units = json.loads((FOLDER / "book" / "history.json").read_text(encoding="utf-8"))
    return [
        tuple(operation(each, f"history:{place}") for place, each in enumerate(asked))
        for asked in units
    ]


def _read(path: Path) -> RefusalFile:
    facts = json.loads(path.read_text(encoding="utf-8"))
    posted = facts.get("posted", {})
    before = tuple(
        tuple(operation(each, f"{path.stem}:{unit}:{place}") for place, each in enumerate(asked))
        for unit, asked in enumerate(facts.get("before", []))
    )
    return RefusalFile(
        code=facts["refused"],
        before=before,
        ask=operation(facts["ask"], f"{path.stem}:ask"),
        origin=Origin[posted.get("origin", "doors").upper()],
        business_date=_date(posted.get("business_date")),
    )


def operation(facts: Facts, name: str) -> Operation:
    """The operation that one object of a file stands for; ids it leaves out follow from `name`."""
    return _MAKERS[str(facts["op"])](facts, name)


def _journal(facts: Facts, name: str) -> Journal:
    lines = cast(Sequence[Mapping[str, object]], facts["lines"])
    transfers = tuple(
        Transfer(
            debit=NUMBERS[str(line["debit"])],
            credit=NUMBERS[str(line["credit"])],
            amount_satang=cast(int, line["amount_satang"]),
        )
        for line in lines
    )
    return Journal(
        journal_id=_uuid(facts.get("id")) or uuid5(UUID(int=0), name),
        kind=JournalKind.MANUAL,
        transfers=transfers * cast(int, facts.get("repeat", 1)),
        value_date=_date(facts.get("value_date")),
        hold_id=_uuid(facts.get("hold_id")),
        reverses=_uuid(facts.get("reverses")),
        forced=bool(facts.get("forced", False)),
    )


def _place_hold(facts: Facts, name: str) -> PlaceHold:
    return PlaceHold(
        hold_id=_uuid(facts.get("id")) or uuid5(UUID(int=0), name),
        account=_number(facts),
        amount_satang=cast(int, facts["amount_satang"]),
        expires_on=_date(facts.get("expires_on")),
    )


def _release_hold(facts: Facts, _: str) -> ReleaseHold:
    return ReleaseHold(hold_id=UUID(str(facts["hold_id"])), expired=bool(facts.get("expired")))


def _open_account(facts: Facts, _: str) -> OpenAccount:
    code = str(facts["code"])
    return OpenAccount(
        account=cast(int, facts["number"]),
        code=code,
        gl_code=str(facts["gl_code"]),
        currency="THB",
        name_th=code,
        name_en=code,
        party_id=cast(int | None, facts.get("party_id")),
    )


def _freeze(facts: Facts, _: str) -> SetFreeze:
    return SetFreeze(
        account=_number(facts),
        debits=bool(facts["debits"]),
        credits=bool(facts["credits"]),
        until=_date(facts.get("until")),
    )


def _limits(facts: Facts, _: str) -> SetLimits:
    low, high = facts["balance_min"], facts["balance_max"]
    return SetLimits(
        account=_number(facts),
        balance_min=cast(int | None, low),
        balance_max=cast(int | None, high),
    )


def _close_account(facts: Facts, _: str) -> CloseAccount:
    settled_by = cast(Sequence[str], facts.get("settled_by", []))
    return CloseAccount(account=_number(facts), settled_by=tuple(map(UUID, settled_by)))


def _reopen_account(facts: Facts, _: str) -> ReopenAccount:
    return ReopenAccount(account=_number(facts))


def _move(facts: Facts, _: str) -> MoveBusinessDate:
    return MoveBusinessDate(to=date.fromisoformat(str(facts["to"])))


def _number(facts: Facts) -> int:
    return NUMBERS[str(facts["account"])]


def _uuid(value: object) -> UUID | None:
    return None if value is None else UUID(str(value))


def _date(value: object) -> date | None:
    return None if value is None else date.fromisoformat(str(value))


_MAKERS: dict[str, Callable[[Facts, str], Operation]] = {
    "journal": _journal,
    "place_hold": _place_hold,
    "release_hold": _release_hold,
    "open_account": _open_account,
    "freeze": _freeze,
    "limits": _limits,
    "close_account": _close_account,
    "reopen_account": _reopen_account,
    "move_business_date": _move,
}
