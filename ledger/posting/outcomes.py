"""What became of each line of a batch, as columns; the answer of a bulk load. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ledger.posting.lines import Bytes, Ints
from ledger.refusals import Refusal


class LineStatus(enum.IntEnum):
    """POSTED now, REPLAYED = its id was recorded with the same body before, or REFUSED."""

    POSTED = 1
    REPLAYED = 2
    REFUSED = 3


@dataclass(slots=True, kw_only=True)
class LineOutcomes:
    """Of one batch, in line order; a refused line has zeros but for its refusal.

    recorded_seq, voucher_no, fiscal_year: of the journal, a replay's are those it has.
    business_date, value_date:             days since 1970-01-01, as recorded.
    refusals:                              place in the batch -> why.
    batch_no:                              None when the batch recorded nothing.
    """

    status: Bytes
    recorded_seq: Ints
    voucher_no: Ints
    fiscal_year: NDArray[np.int32]
    business_date: NDArray[np.int32]
    value_date: NDArray[np.int32]
    refusals: dict[int, Refusal] = field(default_factory=dict)
    batch_no: int | None = None

    def __len__(self) -> int:
        return len(self.status)

    def copy(self, first: int, place: int) -> None:
        """A line that repeats another of its batch is answered as that one was, as a replay."""
        for column in (
            self.recorded_seq,
            self.voucher_no,
            self.fiscal_year,
            self.business_date,
            self.value_date,
        ):
            column[place] = column[first]
        self.status[place] = LineStatus.REPLAYED
