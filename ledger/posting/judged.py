"""What became of a batch of lines, as it is put together by sets and turn by turn."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ledger.posting.lines import Ints
from ledger.posting.records import JournalRecord, RefusalRecord
from ledger.refusals import Refusal

Flags = NDArray[np.bool_]


@dataclass(slots=True, kw_only=True)
class Judged:
    """What became of a batch of lines.

    value_date: days since 1970-01-01, settled, of every line.
    replays:    place of a line -> the number that was recorded under its id before this batch.
    repeats:    place of a line -> place of the accepted line of this batch with the same id.
    refused:    place of a line -> its refusal, new or remembered.
    refusals:   the new ones, as they will be recorded.
    """

    accepted: Flags
    value_date: Ints
    replays: dict[int, JournalRecord] = field(default_factory=dict)
    repeats: dict[int, int] = field(default_factory=dict)
    refused: dict[int, Refusal] = field(default_factory=dict)
    refusals: list[RefusalRecord] = field(default_factory=list)
    in_sequence: int = 0
