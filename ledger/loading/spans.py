"""Columns of texts read at once: each reader gives values and says of which lines it is sure. Pure.

A span is a piece of a buffer of bytes. A reader never refuses a line: where it is not sure, the
line goes to the exact reader. It is sure of nothing that the exact reader would not take as the
same value; a property test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ledger.errors import ensure
from ledger.loading.fields import CODE_BYTES_MAX, DEFAULT_KIND, KINDS, TEXT_CHARACTERS_MAX
from ledger.posting.lines import NO_DATE, Bytes, Ints, Texts

PADDING = 64
"""Bytes before and after the lines in a buffer, so that windows of fixed width fit everywhere."""
UNKNOWN = -1
"""As an account: no account of the book is known to have this code."""

Flags = NDArray[np.bool_]
Words = NDArray[np.uint64]
"""Rows of eight bytes each."""

_CODE_WORDS = CODE_BYTES_MAX // 8
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64
)
"""Odd numbers without a pattern, one for each eight bytes of a code."""
_ROOM = 4
"""Places of a table for each code in it: one code in eight finds its place taken."""
# By length: which bytes of a code's window are its own.
_OWN_BYTES = np.zeros((CODE_BYTES_MAX + 1, CODE_BYTES_MAX), np.uint8)
for _length in range(CODE_BYTES_MAX + 1):
    _OWN_BYTES[_length, :_length] = 255
_OWN = _OWN_BYTES.view(np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """Codes at the places that their bytes give; of those with one place, one is here.

    known: how many codes there were when it was made.
    """

    known: int
    words: Words
    numbers: NDArray[np.int32]

    def places_of(self, words: Words) -> Ints:
        """Where codes stand, if they do."""
        mixed = words[:, 0] * _FACTORS[0]
        for word in range(1, _CODE_WORDS):
            mixed += words[:, word] * _FACTORS[word]
        mixed ^= mixed >> np.uint64(29)
        mixed *= _FACTORS[0]
        bits = len(self.numbers).bit_length() - 1
        places: Ints = (mixed >> np.uint64(64 - bits)).astype(np.int64)
        return places


class Numbers(dict[bytes, int]):
    """Accounts of a book by the bytes of their codes; `UNKNOWN` for any other code.

    Codes are added, never taken away, and each keeps its number.
    """

    _table: _Table | None = None

    def __missing__(self, code: bytes) -> int:
        return UNKNOWN

    def of(self, words: Words) -> NDArray[np.int32]:
        """The accounts of many codes, each filled up with zeros to `CODE_BYTES_MAX` bytes."""
        if self._table is None or self._table.known != len(self):
            self._table = self._made()
        table = self._table
        places = table.places_of(words)
        differing = table.words[places] ^ words
        for word in range(1, _CODE_WORDS):
            differing[:, 0] |= differing[:, word]
        same = differing[:, 0] == 0
        found = np.where(same, table.numbers[places], np.int32(UNKNOWN))
        rest = np.flatnonzero(~same)
        if len(rest):
            codes = words[rest].view(f"S{CODE_BYTES_MAX}")[:, 0].tolist()
            found[rest] = np.fromiter(map(self.__getitem__, codes), np.int32, len(codes))
        return found

    def _made(self) -> _Table:
        room = 1 << (_ROOM * max(1, len(self))).bit_length()
        table = _Table(
            known=len(self),
            words=np.zeros((room, _CODE_WORDS), np.uint64),
            numbers=np.full(room, UNKNOWN, np.int32),
        )
        fitting = [code for code in self if len(code) <= CODE_BYTES_MAX]
        words = np.array(fitting, f"S{CODE_BYTES_MAX}").view(np.uint64).reshape(-1, _CODE_WORDS)
        places = table.places_of(words)
        table.words[places] = words
        table.numbers[places] = [self[code] for code in fitting]
        return table


_UUID_WIDTH = 36
_HYPHENS = (8, 13, 18, 23)
_HEX_PLACES = np.array([place for place in range(_UUID_WIDTH) if place not in _HYPHENS])
_HEX = np.full(256, 255, np.uint8)
for _value, _digits in enumerate(zip("0123456789abcdef", "0123456789ABCDEF", strict=True)):
    for _digit in _digits:
        _HEX[ord(_digit)] = _value

_AMOUNT_WIDTH = 16
# Of the 16 last bytes: baht, a point, satang. The point weighs nothing.
_WEIGHTS = np.array([10 ** (14 - place) for place in range(13)] + [0, 10, 1], np.int64)
_POINT = 13

_DATE_WIDTH = 10
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """A column: text i is `data[starts[i]:ends[i]]`; `PADDING` bytes stand before and after all."""

    data: Bytes
    starts: Ints
    ends: Ints

    @property
    def lengths(self) -> Ints:
        """Length of each text in bytes."""
        return self.ends - self.starts

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, place: int) -> bytes:
        """One of them."""
        return self.data[self.starts[place] : self.ends[place]].tobytes()

    def windows(self, width: int) -> Bytes:
        """The first `width` bytes of each, whatever follows it included: (n, width)."""
        return np.ascontiguousarray(sliding_window_view(self.data, width)[self.starts])

    def last(self, width: int) -> Bytes:
        """The last `width` bytes of each, whatever precedes it included: (n, width)."""
        return np.ascontiguousarray(sliding_window_view(self.data, width)[self.ends - width])


def padded(data: bytes) -> Bytes:
    """A buffer of these bytes between paddings of zeros; their places are `PADDING` higher."""
    return np.frombuffer(b"".join((bytes(PADDING), data, bytes(PADDING))), np.uint8)


def empty(count: int, data: Bytes) -> Spans:
    """A column that a file does not have: `count` empty texts."""
    places = np.full(count, PADDING, np.int64)
    return Spans(data=data, starts=places, ends=places)


def uuids(column: Spans) -> tuple[Bytes, Flags]:
    """Ids as rows of 16 bytes."""
    written = column.windows(_UUID_WIDTH)
    halves = _HEX[written[:, _HEX_PLACES]]
    sure = (column.lengths == _UUID_WIDTH) & (halves.max(axis=1, initial=0) < 16)
    for place in _HYPHENS:
        sure &= written[:, place] == ord("-")
    ids: Bytes = (halves[:, 0::2] << np.uint8(4)) | (halves[:, 1::2] & np.uint8(15))
    return ids, sure


def amounts(column: Spans) -> tuple[Ints, Flags]:
    """Satang of amounts such as 1234.50."""
    lengths = column.lengths
    digits = column.last(_AMOUNT_WIDTH) - ord("0")
    outside = np.arange(_AMOUNT_WIDTH) < (_AMOUNT_WIDTH - lengths)[:, np.newaxis]
    digits[outside] = 0
    sure = (lengths >= 4) & (lengths <= _AMOUNT_WIDTH)
    sure &= digits[:, _POINT] == (ord(".") - ord("0")) % 256
    digits[:, _POINT] = 0
    sure &= digits.max(axis=1, initial=0) < 10
    # No leading zero but that of 0.50.
    first = column.data[column.starts]
    sure &= (first != ord("0")) | (lengths == 4)
    satang = np.zeros(len(column), np.int64)
    for place, weight in enumerate(_WEIGHTS.tolist()):
        satang += digits[:, place].astype(np.int64) * weight
    return satang, sure & (satang > 0)


def dates(column: Spans) -> tuple[NDArray[np.int32], Flags]:
    """Days since 1970-01-01 of ISO dates; `NO_DATE` for an empty text."""
    lengths = column.lengths
    nothing = lengths == 0
    days = np.full(len(column), NO_DATE, np.int32)
    if nothing.all():
        return days, nothing
    written = column.windows(_DATE_WIDTH)
    if len(column) > 1 and (lengths == lengths[0]).all() and (written == written[0]).all():
        # One day in the whole column is read once.
        first = Spans(data=column.data, starts=column.starts[:1], ends=column.ends[:1])
        (day,), (is_sure,) = dates(first)
        days[:] = day
        return days, np.full(len(column), is_sure)
    digits = (written - ord("0")).astype(np.int64)
    hyphen = (ord("-") - ord("0")) % 256
    sure = (lengths == _DATE_WIDTH) & (digits[:, 4] == hyphen) & (digits[:, 7] == hyphen)
    sure &= digits[:, [0, 1, 2, 3, 5, 6, 8, 9]].max(axis=1, initial=0) < 10
    year = digits[:, 0] * 1000 + digits[:, 1] * 100 + digits[:, 2] * 10 + digits[:, 3]
    month = digits[:, 5] * 10 + digits[:, 6]
    day = digits[:, 8] * 10 + digits[:, 9]
    sure &= (year >= 1900) & (year <= 2399) & (month >= 1) & (month <= 12) & (day >= 1)
    month[~sure] = 1
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    sure &= day <= _MONTH_DAYS[month] + (leap & (month == 2))
    days[sure] = _days(year, month, day)[sure]
    return days, sure | nothing


def _days(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days since 1970-01-01 in the Gregorian calendar, years beginning in March."""
    shifted = year - (month <= 2)
    since_march = (month + 9) % 12
    of_year = (153 * since_march + 2) // 5 + day - 1
    leaps = shifted // 4 - shifted // 100 + shifted // 400
    days: Ints = 365 * shifted + leaps + of_year - 719_468
    return days


def kinds(column: Spans) -> tuple[NDArray[np.int16], Flags]:
    """Codes of kinds by their words; the default for an empty text."""
    lengths = column.lengths
    found = np.full(len(column), DEFAULT_KIND, np.int16)
    sure = lengths == 0
    if sure.all():
        return found, sure
    for word, kind in KINDS.items():
        is_it = lengths == len(word)
        written = column.windows(len(word))
        is_it &= (written == np.frombuffer(word.encode(), np.uint8)).all(axis=1)
        found[is_it] = kind
        sure |= is_it
    return found, sure


def accounts(column: Spans, numbers: Numbers) -> tuple[NDArray[np.int32], Flags]:
    """Accounts by their codes. Sure where the code is known; `UNKNOWN` otherwise."""
    lengths = column.lengths
    words = column.windows(CODE_BYTES_MAX).view(np.uint64)
    # Neither the texts nor the codes of a book hold a NUL, so a padded text is that text alone.
    words &= _OWN[np.minimum(lengths, CODE_BYTES_MAX)]
    known = numbers.of(words)
    return known, (known != UNKNOWN) & (lengths <= CODE_BYTES_MAX)


def stories(column: Spans) -> Flags:
    """For certain short enough. Control characters are looked for in whole lines, not here."""
    lengths = column.lengths
    sure = lengths <= TEXT_CHARACTERS_MAX
    long = np.flatnonzero(~sure)
    if len(long):
        # In UTF-8 every byte but a continuing one begins a character.
        begins = np.zeros(len(column.data) + 1, np.int32)
        np.cumsum((column.data & 0xC0) != 0x80, out=begins[1:])
        characters = begins[column.ends[long]] - begins[column.starts[long]]
        sure[long] = characters <= TEXT_CHARACTERS_MAX
    return sure


def gathered(column: Spans, places: Ints) -> Texts:
    """The texts at some places, copied one after another."""
    starts = np.zeros(len(places) + 1, np.int64)
    lengths = column.lengths[places]
    np.cumsum(lengths, out=starts[1:])
    if not starts[-1]:
        return Texts(data=np.zeros(0, np.uint8), starts=starts)
    width = int(lengths[0])
    if (lengths == width).all():
        rows = sliding_window_view(column.data, width)[column.starts[places]]
        return Texts(data=rows.reshape(-1), starts=starts)
    at = np.repeat(column.starts[places] - starts[:-1], lengths) + np.arange(starts[-1])
    ensure(int(starts[-1]) == len(at), "texts of other lengths than their spans")
    return Texts(data=column.data[at], starts=starts)
