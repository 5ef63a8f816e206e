"""Lines: many journals of one transfer each, as columns; what a bulk load posts. Pure.

A line is a journal like any other, with its own client-made id; only its shape is narrower: one
transfer, no hold, no reversal, one actor for the whole load. Columns are numpy arrays, because a
million Python objects are what makes loading slow; texts lie one after another with their starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ledger.errors import ensure
from ledger.posting.values import Journal, Transfer

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

EPOCH = date(1970, 1, 1).toordinal()
NO_DATE = -(2**31)
"""As a value date: the business date of the batch that posts the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """UTF-8 texts one after another: text i is `data[starts[i]:starts[i + 1]]`; no NUL in any.

    starts: one more than there are texts, the first is 0.
    """

    data: Bytes
    starts: Ints

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """From Python strings. Raises `UnicodeEncodeError` for a lone surrogate."""
        encoded = [text.encode() for text in texts]
        starts = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=starts[1:])
        return cls(data=np.frombuffer(b"".join(encoded), np.uint8), starts=starts)

    @property
    def lengths(self) -> Ints:
        """Length of each text in bytes."""
        return np.diff(self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def text(self, place: int) -> str:
        """One of them as a Python string."""
        first, last = self.starts.item(place), self.starts.item(place + 1)
        return self.data[first:last].tobytes().decode()

    def slice(self, first: int, last: int) -> Texts:
        """Texts `first` up to, not with, `last`; the bytes are shared."""
        starts = self.starts[first : last + 1]
        return Texts(data=self.data[starts[0] : starts[-1]], starts=starts - starts[0])

    def take(self, places: Ints) -> Texts:
        """The texts at some places, copied."""
        lengths = self.lengths[places]
        starts = np.zeros(len(places) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        at = np.repeat(self.starts[places] - starts[:-1], lengths) + np.arange(starts[-1])
        return Texts(data=self.data[at], starts=starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """n journals of one transfer each.

    ids:           (n, 16) bytes, one uuid a row, made by the client.
    debit, credit: `account_id`s of the book.
    amount_satang: what is moved.
    kind:          a code of `ledger.kinds` or `products.kinds`.
    value_date:    days since 1970-01-01; `NO_DATE` = the business date of the batch.
    """

    ids: Bytes
    debit: NDArray[np.int32]
    credit: NDArray[np.int32]
    amount_satang: Ints
    kind: NDArray[np.int16]
    value_date: NDArray[np.int32]
    reference: Texts
    narrative: Texts

    def __post_init__(self) -> None:
        count = len(self.amount_satang)
        columns: tuple[Any, ...] = (
            self.ids,
            self.debit,
            self.credit,
            self.kind,
            self.value_date,
            self.reference,
            self.narrative,
        )
        ensure(all(len(column) == count for column in columns), "columns of different lengths")
        ensure(self.ids.shape == (count, 16), "ids are rows of 16 bytes")

    def __len__(self) -> int:
        return len(self.amount_satang)

    def slice(self, first: int, last: int) -> Lines:
        """Lines `first` up to, not with, `last`; the columns are shared."""
        return Lines(
            ids=self.ids[first:last],
            debit=self.debit[first:last],
            credit=self.credit[first:last],
            amount_satang=self.amount_satang[first:last],
            kind=self.kind[first:last],
            value_date=self.value_date[first:last],
            reference=self.reference.slice(first, last),
            narrative=self.narrative.slice(first, last),
        )

    def take(self, places: Ints) -> Lines:
        """The lines at some places, copied."""
        return Lines(
            ids=self.ids[places],
            debit=self.debit[places],
            credit=self.credit[places],
            amount_satang=self.amount_satang[places],
            kind=self.kind[places],
            value_date=self.value_date[places],
            reference=self.reference.take(places),
            narrative=self.narrative.take(places),
        )

    def halves(self) -> NDArray[np.uint64]:
        """The ids as (n, 2) numbers: compared column by column they are in the order of ids."""
        return np.ascontiguousarray(self.ids).view(">u8").astype(np.uint64)

    def journal(self, place: int) -> Journal:
        """One line as the journal that it is."""
        days = self.value_date.item(place)
        transfer = Transfer(
            debit=self.debit.item(place),
            credit=self.credit.item(place),
            amount_satang=self.amount_satang.item(place),
        )
        return Journal(
            journal_id=UUID(bytes=self.ids[place].tobytes()),
            kind=self.kind.item(place),
            transfers=(transfer,),
            value_date=None if days == NO_DATE else date.fromordinal(EPOCH + days),
            reference=self.reference.text(place),
            narrative=self.narrative.text(place),
        )


def days_of(day: date) -> int:
    """A date as days since 1970-01-01."""
    return day.toordinal() - EPOCH


def joined(parts: Sequence[Lines]) -> Lines:
    """Several as one."""
    return Lines(
        ids=np.concatenate([part.ids for part in parts]),
        debit=np.concatenate([part.debit for part in parts]),
        credit=np.concatenate([part.credit for part in parts]),
        amount_satang=np.concatenate([part.amount_satang for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        value_date=np.concatenate([part.value_date for part in parts]),
        reference=_joined([part.reference for part in parts]),
        narrative=_joined([part.narrative for part in parts]),
    )


def _joined(parts: Sequence[Texts]) -> Texts:
    lengths = np.concatenate([part.lengths for part in parts])
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return Texts(data=np.concatenate([part.data for part in parts]), starts=starts)
