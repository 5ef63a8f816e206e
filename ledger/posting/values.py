"""What the posting path is asked and what it answers: plain frozen values, no I/O.

A *unit* is all or nothing: its operations (journals, hold operations, account operations, notes)
happen one after another or not at all, together with the row writes it carries. A *batch* is the
units of one commit, one book, one business date, judged one after another, each on its own.
Amounts are satang; accounts are the book's `account_id`; ids are made by the client.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from ledger.refusals import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One debit account, one credit account, one amount in satang."""

    debit: int
    credit: int
    amount_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Transfers that stand or fall together under one client-made id and one `recorded_seq`.

    kind:             a code of `ledger.kinds` or `products.kinds`.
    value_date:       None = the business date of the batch that posts it.
    hold_id:          this journal captures that hold: what it debits from the hold's account is
                      captured, the rest of the hold is released.
    reverses:         this journal mirrors that one, line by line.
    adjusts:          the recorded journal that this one corrects without reversing it.
    may_exceed_limit: interest and fees of our own night: limits are not judged, the account's
                      excess says by how much it stands beyond them.
    forced:           posted by right: limits and freezes are set aside, closed accounts are not.
                      A note of kind `journal_forced` about it must follow in the same unit.
    """

    journal_id: UUID
    kind: int
    transfers: tuple[Transfer, ...]
    value_date: date | None = None
    reference: str = ""
    narrative: str = ""
    hold_id: UUID | None = None
    reverses: UUID | None = None
    may_exceed_limit: bool = False
    adjusts: UUID | None = None
    forced: bool = False

    @property
    def exceeds(self) -> bool:
        """True when limits are not judged."""
        return self.forced or self.may_exceed_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold:
    """Set `amount_satang` of an account aside; it counts in the limit until it ends.

    expires_on: the last business date on which it can be captured; None = no end.
    """

    hold_id: UUID
    account: int
    amount_satang: int
    expires_on: date | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseHold:
    """Give a hold's whole amount back; `expired` is the night's word for it."""

    hold_id: UUID
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount:
    """A new account. `account` is taken from the sequence `ledger.account_id` beforehand."""

    account: int
    code: str
    gl_code: str
    currency: str
    name_th: str
    name_en: str
    party_id: int | None = None
    balance_min: int | None = None
    balance_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFreeze:
    """Freeze or thaw: both flags are set as given. A frozen account still earns its interest.

    until: the last business date of the freeze; the cut-off after it thaws. None = no end.
    """

    account: int
    debits: bool
    credits: bool
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLimits:
    """New limits; one lowered below its use leaves an excess, it is never refused for that."""

    account: int
    balance_min: int | None
    balance_max: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAccount:
    """Close an empty account: nothing may be debited, credited or held any more.

    settled_by: journals before it in the same unit that paid out its interest and its balance;
                only their reversal opens the account again.
    """

    account: int
    settled_by: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenAccount:
    """Undo a closing: the same unit must reverse every journal that settled the account."""

    account: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveBusinessDate:
    """Cut-off: the head's business date becomes `to`; the old date keeps its last number."""

    to: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A numbered event that moves no money: a notice's change of state, a day proven.

    kind:    a code of `ledger.kinds` or `products.kinds`.
    body:    JSON-ready facts, digested with the batch.
    """

    kind: int
    subject: UUID | None = None
    account: int | None = None
    amount_satang: int | None = None
    body: Mapping[str, object] = field(default_factory=dict)


Operation = (
    Journal
    | PlaceHold
    | ReleaseHold
    | OpenAccount
    | SetFreeze
    | SetLimits
    | CloseAccount
    | ReopenAccount
    | MoveBusinessDate
    | Note
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTable:
    """A table whose rows units are decided on: `select` locks ids given as $2 in book $1, no other.

    It must return (id, version), ORDER BY id FOR NO KEY UPDATE SKIP LOCKED (not FOR UPDATE: the
    check of a foreign key shares the key of the row it names and must not wait for us). Tables
    are locked in the order of `name`, rows in that of id: one order for all, hence no deadlock.
    """

    name: str
    select: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRead:
    """A row that the unit was decided on, at the version it had then."""

    table: RowTable
    row_id: UUID
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWrite:
    """A statement to execute if and only if the unit is accepted.

    An argument that is `FIRST_SEQ` becomes the first number of the unit, one that is
    `BUSINESS_DATE` the date of the batch: only the posting transaction knows them.

    together: the statement writes many rows: its first parameter is the book, each other one an
              array with an element a row (`$2::text []` for texts, which are never NULL;
              `$3::text::uuid []` and so on for anything else, which is given as a literal). A
              batch executes it once, for the rows of all its units.
    """

    statement: str
    arguments: tuple[object, ...]
    together: bool = False


class Placeholder(enum.Enum):
    """What a row write may ask the posting transaction to fill in."""

    FIRST_SEQ = "the first recorded_seq of the unit"
    BUSINESS_DATE = "the business date of the batch"


FIRST_SEQ = Placeholder.FIRST_SEQ
BUSINESS_DATE = Placeholder.BUSINESS_DATE


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """The door's promise: same client, same key, same request = the same answer, for ever."""

    client: str
    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One all-or-nothing request.

    event_id: the product's own event when the ids were made by us (attempts are counted on it).
    reads:    rows it was decided on; if one has changed, the unit is stale and decides again.
    unmoved:  accounts it was decided on, each with its `changed_seq` then; likewise.
    on:       business date it was decided for; on another one it is stale. None = for any.
    writes:   product rows to write if accepted; made inside the posting transaction.
    key:      idempotency key of the door, if it came through one.
    answer:   turns an accepted or stickily refused outcome into the JSON text kept under the key.
    """

    operations: tuple[Operation, ...]
    actor: str
    reason: str = ""
    event_id: UUID | None = None
    reads: tuple[RowRead, ...] = ()
    unmoved: tuple[tuple[int, int], ...] = ()
    on: date | None = None
    writes: tuple[RowWrite, ...] = ()
    key: IdempotencyKey | None = None
    answer: Callable[[Outcome], str] | None = None


class Origin(enum.IntEnum):
    """Who opened the posting transaction; stored on the batch."""

    DOORS = 1
    NIGHT = 2
    BULK = 3
    ADJUST = 4
    IMPORT = 5


class Period(enum.IntEnum):
    """Which part of a fiscal year's end a batch belongs to; stored on the batch."""

    ORDINARY = 0
    LATE = 1
    YEAR_CLOSE = 2


class Status(enum.Enum):
    """What became of a unit.

    STALE:       a row it was decided on has changed: decide again.
    DEFERRED:    a row it was decided on is locked by another: offer it again.
    IN_PROGRESS: its idempotency key is being worked on elsewhere.
    KEY_CONFLICT: its idempotency key is recorded with another request.
    """

    ACCEPTED = "accepted"
    REPLAYED = "replayed"
    REFUSED = "refused"
    STALE = "stale"
    DEFERRED = "deferred"
    IN_PROGRESS = "in_progress"
    KEY_CONFLICT = "key_conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A journal or event as recorded: its number and its two dates.

    fiscal_year, voucher_no: a journal's gap-free number in its book and fiscal year.
    """

    recorded_seq: int
    business_date: date
    value_date: date
    journal_id: UUID | None = None
    fiscal_year: int | None = None
    voucher_no: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBalance:
    """What an account looks like after a unit: all in satang."""

    account: int
    balance_satang: int
    held_satang: int
    available_satang: int | None
    excess_satang: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to one unit, in the order in which units were given.

    failed_operation: index of the operation at fault when refused.
    replay:           the outcome was found, not made: the same request was answered before.
    answer:           the stored answer text when replayed by idempotency key.
    """

    status: Status
    refusal: Refusal | None = None
    failed_operation: int | None = None
    receipts: tuple[Receipt, ...] = ()
    balances: tuple[AccountBalance, ...] = ()
    batch_no: int | None = None
    digest: bytes | None = None
    replay: bool = False
    answer: str | None = None
