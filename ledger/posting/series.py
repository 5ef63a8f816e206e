"""The balance of one account on the value axis, as a back-dated posting must see it.

A debit dated in the past lowers every balance since then: it is judged against the lowest of them,
not only today's. A series holds the sums per value date after the earliest date asked about; with
the balance of now, every balance in between follows by walking backwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date


@dataclass(slots=True)
class ValueSeries:
    """Net amounts by value date: credits less debits, satang; early dates may lack."""

    nets: dict[date, int] = field(default_factory=dict)

    def add(self, value_date: date, net: int) -> None:
        """One more posting; a unit that is refused takes its own back by adding their opposite."""
        self.nets[value_date] = self.nets.get(value_date, 0) + net

    def lowest(self, balance: int, since: date) -> tuple[int, date] | None:
        """The lowest balance of an earlier day from `since` on, and the day it began to stand.

        balance: the balance of now. None when nothing has moved after `since`: then now is all
        that there is, and the ordinary limits judge it.
        """
        return min(self._earlier(balance, since), default=None)

    def highest(self, balance: int, since: date) -> tuple[int, date] | None:
        """The highest balance of an earlier day from `since` on, and the day it began to stand."""
        return max(self._earlier(balance, since), default=None)

    def _earlier(self, balance: int, since: date) -> Iterator[tuple[int, date]]:
        """Balances that stood before each value date after `since`, the latest first."""
        later = sorted((day for day in self.nets if day > since), reverse=True)
        for place, day in enumerate(later):
            balance -= self.nets[day]
            began = later[place + 1] if place + 1 < len(later) else since
            yield balance, began
