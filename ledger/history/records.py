"""The records of a history file: a book, its chart, its parties and accounts, then its journals.

One JSON object a line; `record` says what it is. The book comes first and once; chart lines,
parties and accounts come before whatever names them; journals stand in order of business date. A
journal has legs, as old systems have them; ours has transfers, so legs are paired in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from ledger.books import GlAccount
from ledger.errors import InvalidInput
from ledger.history.texts import ACCOUNT_CODE, GL_CODE, NAME, NOTHING_OR_TEXT, Row
from ledger.money import AMOUNT_MAX, format_baht
from ledger.parties import Party

LEGS_MAX = 5_000
BOOK_CODE = (r"[a-z][a-z0-9-]{1,31}", "2 to 32 of a-z, 0-9 and -, a letter first")
PARTY_CODE = (r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", 'a member code such as "0001"')
PARTY_ID_MAX = 2**31 - 1
CAD_CODE = (r"[0-9A-Za-z.-]{0,32}", "at most 32 of 0-9, A-Z, a-z, . and -")

FIELDS: Mapping[str, tuple[str, ...]] = {
    "book": ("code", "name_th", "name_en", "opened_on", "fiscal_year_start_month"),
    "gl_account": ("gl_code", "cad_code", "name_th", "name_en"),
    "party": ("party_id", "code", "name_th", "name_en", "region", "joined_on"),
    "account": ("code", "gl_code", "party_id", "name_th", "name_en"),
    "journal": (
        "id",
        "business_date",
        "value_date",
        "kind",
        "voucher",
        "reference",
        "narrative",
        "lines",
    ),
}
"""The fields of each record, besides `record` itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookIn:
    """The book as the files name it; `opened_on` is its first business date."""

    code: str
    name_th: str
    name_en: str
    opened_on: date
    fiscal_year_start_month: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountIn:
    """An account to open, without limits: what an old system posted is not judged again."""

    code: str
    gl_code: str
    party_id: int | None
    name_th: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One side of a journal: satang debited (above zero) or credited (below) to an account."""

    account: str
    satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalIn:
    """A journal of the old system with its own dates; `kind` and `voucher` are its words."""

    line: int
    journal_id: UUID
    business_date: date
    value_date: date
    kind: str
    voucher: str
    reference: str
    narrative: str
    legs: tuple[Leg, ...]

    @property
    def story(self) -> str:
        """The narrative as recorded: kind and voucher of the old system in brackets before it."""
        words = " ".join(word for word in (self.kind, self.voucher) if word)
        return f"[{words}] {self.narrative}".strip()


Record = BookIn | GlAccount | Party | AccountIn | JournalIn


def record_of(row: Row, name_space: str) -> Record:
    """The record of a line. Raises `InvalidInput` with everything that is wrong with it.

    name_space: of journal ids that are no UUIDs; the book's code.
    """
    kind = row.cells.get("record")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise InvalidInput.one(row.place("record"), kind, f"one of {', '.join(FIELDS)}")
    odd = [name for name in row.cells if name != "record" and name not in FIELDS[kind]]
    if odd:
        expected = f"only the fields record, {', '.join(FIELDS[kind])}"
        raise InvalidInput.one(row.place(odd[0][:40]), "another field", expected)
    if kind == "book":
        return book_of(row)
    if kind == "gl_account":
        return gl_account_of(row)
    if kind == "party":
        return party_of(row)
    if kind == "account":
        return _account(row)
    return _journal(row, name_space)


def book_of(row: Row) -> BookIn:
    """The book that a line describes. Raises `InvalidInput`."""
    month = row.whole("fiscal_year_start_month", 12, default="1")
    if month == 0:
        raise InvalidInput.one(row.place("fiscal_year_start_month"), "0", "a month, 1 to 12")
    return BookIn(
        code=row.text("code", BOOK_CODE),
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
        opened_on=row.day("opened_on"),
        fiscal_year_start_month=month,
    )


def gl_account_of(row: Row) -> GlAccount:
    """A line of the chart. Raises `InvalidInput`."""
    return GlAccount(
        gl_code=row.text("gl_code", GL_CODE),
        cad_code=row.text("cad_code", CAD_CODE, default=""),
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
    )


def party_of(row: Row) -> Party:
    """A member co-op. Raises `InvalidInput`."""
    return Party(
        party_id=row.whole("party_id", PARTY_ID_MAX),
        code=row.text("code", PARTY_CODE),
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
        region=row.text("region", NOTHING_OR_TEXT, default=""),
        joined_on=row.day("joined_on"),
    )


def _account(row: Row) -> AccountIn:
    owned = row.cells.get("party_id", "") != ""
    return AccountIn(
        code=row.text("code", ACCOUNT_CODE),
        gl_code=row.text("gl_code", GL_CODE),
        party_id=row.whole("party_id", PARTY_ID_MAX) if owned else None,
        name_th=row.text("name_th", NAME),
        name_en=row.text("name_en", NAME),
    )


def _journal(row: Row, name_space: str) -> JournalIn:
    business_date = row.day("business_date")
    return JournalIn(
        line=row.line,
        journal_id=row.uuid("id", name_space, "history"),
        business_date=business_date,
        value_date=row.day_or_none("value_date") or business_date,
        kind=row.text("kind", NOTHING_OR_TEXT, default=""),
        voucher=row.text("voucher", NOTHING_OR_TEXT, default=""),
        reference=row.text("reference", NOTHING_OR_TEXT, default=""),
        narrative=row.text("narrative", NOTHING_OR_TEXT, default=""),
        legs=_legs(row),
    )


def _legs(row: Row) -> tuple[Leg, ...]:
    listed = row.cells.get("lines")
    if not isinstance(listed, list) or not 2 <= len(listed) <= LEGS_MAX:
        got = f"{len(listed)} lines" if isinstance(listed, list) else listed
        raise InvalidInput.one(row.place("lines"), got, f"a list of 2 to {LEGS_MAX} lines")
    legs = tuple(_leg(row, number, line) for number, line in enumerate(listed, start=1))
    debits = sum(leg.satang for leg in legs if leg.satang > 0)
    credited = -sum(leg.satang for leg in legs if leg.satang < 0)
    if debits != credited:
        got = f"debits {format_baht(debits)}, credits {format_baht(credited)}"
        raise InvalidInput.one(row.place("lines"), got, "debits and credits of the same sum")
    nets = [abs(net) for net in netted(legs).values()]
    if max(nets) > AMOUNT_MAX:
        got = f"{format_baht(max(nets))} on one account"
        raise InvalidInput.one(row.place("lines"), got, f"at most {format_baht(AMOUNT_MAX)}")
    if not any(nets):
        got = "lines that cancel each other account by account"
        raise InvalidInput.one(row.place("lines"), got, "a journal that moves something")
    return legs


def _leg(row: Row, number: int, line: object) -> Leg:
    place = f"lines[{number}]"
    sides = ({"account", "debit"}, {"account", "credit"})
    if not isinstance(line, dict) or set(line) not in sides:
        expected = 'an object with "account" and either "debit" or "credit"'
        raise InvalidInput.one(row.place(place), line, expected)
    inner = Row(file=row.file, line=row.line, cells={f"{place}.{k}": v for k, v in line.items()})
    account = inner.text(f"{place}.account", ACCOUNT_CODE)
    if "debit" in line:
        return Leg(account=account, satang=inner.amount(f"{place}.debit"))
    return Leg(account=account, satang=-inner.amount(f"{place}.credit"))


def netted(legs: Sequence[Leg]) -> dict[str, int]:
    """Satang by account, in order of first appearance."""
    sums: dict[str, int] = {}
    for leg in legs:
        sums[leg.account] = sums.get(leg.account, 0) + leg.satang
    return sums


def paired(legs: Sequence[Leg]) -> list[tuple[str, str, int]]:
    """Transfers (debit account, credit account, satang) that do what the legs do.

    The first debit meets the first credit, and so on, each as far as it goes. An account that
    stands on both sides takes part with its net alone: a transfer has two accounts. Both sides
    keep every satang, so debits and credits stay equal by account.
    """
    both = {leg.account for leg in legs if leg.satang > 0} & {
        leg.account for leg in legs if leg.satang < 0
    }
    if both:
        legs = [Leg(account=code, satang=net) for code, net in netted(legs).items() if net]
    debits = [leg for leg in legs if leg.satang > 0]
    found: list[tuple[str, str, int]] = []
    place, left = 0, debits[0].satang
    for leg in legs:
        owed = -leg.satang
        while owed > 0:
            amount = min(owed, left)
            found.append((debits[place].account, leg.account, amount))
            owed, left = owed - amount, left - amount
            if not left and place + 1 < len(debits):
                place += 1
                left = debits[place].satang
    return found
