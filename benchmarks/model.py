"""The sequential model: lines judged one after another with Python's integers and dictionaries.

It shares nothing with the judge but the words for refusals. What it knows of the book it is told
at the start; from then on its outcomes must be those of the path, line by line, and its balances
those of the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.bench import CheckFailed
from benchmarks.made import BOOK
from ledger.db import Connection
from ledger.posting.lines import Lines
from ledger.posting.outcomes import LineOutcomes

AMOUNT_MAX = 10**15 - 1
POSTED, REPLAYED, REFUSED = 1, 2, 3
STICKY = frozenset({"below_balance_min"})

Line = tuple[bytes, int, int, int, int, str]
"""Id, debit, credit, amount, value date in days, reference."""
Verdict = tuple[int, int, str]
"""Status, number (0 when refused), code of the refusal ("" when there is none)."""


def lines_of(chunk: Lines) -> Iterator[Line]:
    """The lines of a chunk as plain values."""
    ids = chunk.ids.tobytes()
    return zip(
        (ids[at : at + 16] for at in range(0, len(ids), 16)),
        chunk.debit.tolist(),
        chunk.credit.tolist(),
        chunk.amount_satang.tolist(),
        chunk.value_date.tolist(),
        (chunk.reference.text(place) for place in range(len(chunk))),
        strict=True,
    )


@dataclass(slots=True)
class Model:
    """What the book looks like before the lines, then after each of them.

    balance, low: by account, satang; low None = no limit. recorded, burnt: by id, with the body.
    """

    seq: int
    balance: dict[int, int]
    low: dict[int, int | None]
    recorded: dict[bytes, tuple[Line, int]] = field(default_factory=dict)
    burnt: dict[bytes, tuple[Line, str]] = field(default_factory=dict)

    @classmethod
    async def of_book(cls, connection: Connection) -> Model:
        """The accounts and the last number of the book as they stand."""
        rows = await connection.fetch(
            "SELECT account_id, credits - debits AS balance, balance_min FROM ledger.balance "
            "WHERE book_id = $1",
            BOOK,
        )
        seq = await connection.fetchval(
            "SELECT recorded_seq FROM ledger.book_head WHERE book_id = $1", BOOK
        )
        return cls(
            seq=seq,
            balance={row["account_id"]: row["balance"] for row in rows},
            low={row["account_id"]: row["balance_min"] for row in rows},
        )

    def judge(self, line: Line) -> Verdict:
        """What becomes of one line."""
        identity, debit, credit, amount, _, _ = line
        known = self.recorded.get(identity)
        if known is not None:
            return (REPLAYED, known[1], "") if known[0] == line else (REFUSED, 0, "id_conflict")
        burnt = self.burnt.get(identity)
        if burnt is not None:
            return REFUSED, 0, burnt[1] if burnt[0] == line else "id_conflict"
        code = self._wrong(debit, credit, amount)
        if code:
            if code in STICKY:
                self.burnt[identity] = line, code
            return REFUSED, 0, code
        self.seq += 1
        self.balance[debit] -= amount
        self.balance[credit] += amount
        self.recorded[identity] = line, self.seq
        return POSTED, self.seq, ""

    def _wrong(self, debit: int, credit: int, amount: int) -> str:
        if not 1 <= amount <= AMOUNT_MAX:
            return "amount_out_of_range"
        if debit == credit:
            return "accounts_must_differ"
        if debit not in self.balance or credit not in self.balance:
            return "unknown_account"
        low = self.low[debit]
        if low is not None and self.balance[debit] - amount < low:
            return "below_balance_min"
        return ""


def compare(model: Model, chunks: Sequence[Lines], answered: Sequence[LineOutcomes]) -> str:
    """Judge all lines and compare each with its answer. Raises `CheckFailed` at the first."""
    expected = (model.judge(line) for chunk in chunks for line in lines_of(chunk))
    counted = {POSTED: 0, REPLAYED: 0, REFUSED: 0}
    for number, (told, found) in enumerate(zip(expected, _verdicts(answered), strict=True), 1):
        if told != found:
            raise CheckFailed(f"line {number}: the model says {told}, the path {found}")
        counted[told[0]] += 1
    posted, replayed, refused = counted.values()
    return f"{posted:,} posted, {replayed:,} replayed, {refused:,} refused, line by line"


def _verdicts(answered: Sequence[LineOutcomes]) -> Iterator[Verdict]:
    for batch in answered:
        pairs = zip(batch.status.tolist(), batch.recorded_seq.tolist(), strict=True)
        for place, (status, seq) in enumerate(pairs):
            refusal = batch.refusals.get(place)
            yield status, seq, refusal.code if refusal is not None else ""


async def compare_balances(model: Model, connection: Connection) -> None:
    """The model's balances and last number are the book's. Raises `CheckFailed`."""
    standing = await Model.of_book(connection)
    apart = _apart(model.balance, standing.balance)
    if apart or standing.seq != model.seq:
        raise CheckFailed(
            f"last number {standing.seq}, the model's {model.seq}; balances that differ: "
            f"{[(n, standing.balance.get(n), model.balance.get(n)) for n in apart[:3]]}"
        )


def _apart(told: Mapping[int, int], found: Mapping[int, int]) -> list[int]:
    return [each for each in told.keys() | found.keys() if told.get(each) != found.get(each)]
