"""What a seal adds up: journals, transfers, satang, and the turnover of each GL code. Pure.

Sums of a slice are worked out in arrays, in whole numbers: of 64 bits where the slice's largest
amount times its rows fits, else Python's own. From slice to slice they are Python's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ledger.errors import ensure
from ledger.evidence.rows import Ints, Slice

_EPOCH = date(1970, 1, 1).toordinal()
_BIGGEST = 2**63 - 1


class Sums:
    """Sums over slices of journals.

    totals: GL code -> [debits, credits] in satang, of journals with a business date up to the
    day's; it may be filled beforehand with what was known before the first slice.
    """

    def __init__(
        self,
        business_date: date,
        gl_codes: Mapping[int, str],
        totals: defaultdict[str, list[int]],
    ) -> None:
        self.journals = 0
        self.transfers = 0
        self.amounts = 0
        self.totals = totals
        self._day = business_date.toordinal() - _EPOCH
        self._codes = sorted(set(gl_codes.values()))
        places = {code: place for place, code in enumerate(self._codes)}
        self._accounts = np.array(sorted(gl_codes), np.int64)
        self._places = np.array([places[gl_codes[each]] for each in sorted(gl_codes)], np.int64)

    def add(self, piece: Slice) -> None:
        """Add the journals of a slice. Raises `InvariantBroken` for an account of no book."""
        amounts: NDArray[np.int64] | NDArray[np.object_] = piece.amounts
        if int(amounts.max(initial=0)) * len(amounts) > _BIGGEST:
            amounts = amounts.astype(object)
        self.journals += len(piece.firsts)
        self.transfers += len(piece)
        self.amounts += int(amounts.sum())
        counted = piece.business_days <= self._day
        for side, accounts in enumerate(piece.accounts):
            turnover = np.zeros(len(self._codes), amounts.dtype)
            np.add.at(turnover, self._code_places(accounts[counted]), amounts[counted])
            for place in np.flatnonzero(turnover).tolist():
                self.totals[self._codes[place]][side] += int(turnover[place])

    def _code_places(self, accounts: Ints) -> Ints:
        found = np.searchsorted(self._accounts, accounts)
        found[found == len(self._accounts)] = 0
        known = bool(len(self._accounts)) and bool((self._accounts[found] == accounts).all())
        ensure(known or not len(accounts), "a transfer of an account that the book does not have")
        return self._places[found]
