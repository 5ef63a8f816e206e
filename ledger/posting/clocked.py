"""Moving the business date by the clock: whoever posts first after the cut-off time does it.

A book's cut-off time is asked for once a business date, or once a minute while it has none; in
between nothing but the clock is looked at.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ledger import books, dates
from ledger.cut_off import end_business_date
from ledger.db import Connection, translated
from ledger.posting.transact import head_in_time
from ledger.posting.values import Origin

_ASK_AGAIN = timedelta(seconds=60)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class CutOffs:
    """Knows when each book's date has to move; one for each process that posts."""

    def __init__(self, clock: dates.Clock = dates.now) -> None:
        self._clock = clock
        self._next: dict[int, datetime] = {}

    def due(self, book_id: int) -> bool:
        """True when the date may have to move: then ask `move_if_due` before posting."""
        return self._next.get(book_id, _LONG_AGO) <= self._clock()

    async def move_if_due(self, connection: Connection, book_id: int) -> None:
        """Move the business date on, also over several days, if its cut-off time has passed.

        Each day is a transaction of its own; the connection must not be in one.
        """
        async with head_in_time(book_id), translated():
            while self.due(book_id):
                head = await books.read_head(connection, book_id)
                cut_off_time = await books.cut_off_time(connection, book_id)
                if cut_off_time is None:
                    # Somebody may set one while this process lives.
                    self._next[book_id] = self._clock() + _ASK_AGAIN
                    return
                ends = datetime.combine(head.business_date, cut_off_time, dates.BANGKOK)
                self._next[book_id] = ends
                if ends > self._clock():
                    return
                async with connection.transaction():
                    # Nothing is done when another process has moved the date; the head tells.
                    await end_business_date(
                        connection,
                        book_id,
                        head.business_date,
                        actor="system:clock",
                        origin=Origin.DOORS,
                    )
