"""One book's writer in one process: its connection, what it holds, and the way each batch takes.

Batches of plain units are *sent* the short way: while one is on its way the next is judged, on the
balances that it will leave. Anything else is *posted* the long way, in a transaction. The short way
is left alone after a batch that found the head moved by somebody else, until one finds it as left:
where several post to one book, standing in the queue for the head is quicker than trying.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from ledger.db import Connection, Pool, give_back, is_lost, translated
from ledger.errors import OutcomeUnknown
from ledger.posting import read, short
from ledger.posting.decide import decide
from ledger.posting.held import Held
from ledger.posting.sealing import head_after
from ledger.posting.short import Plan
from ledger.posting.state import AccountState
from ledger.posting.transact import head_in_time, posting
from ledger.posting.values import Origin, Outcome, Unit
from ledger.posting.write import begin, lock, record
from ledger.vouchers import fiscal_year_of


class Desk:
    """Writes the batches of one book, one after another; one task uses it.

    held: what it holds of the book; kept by the caller when the desk is left.
    """

    def __init__(self, pool: Pool, book_id: int, held: Held) -> None:
        self._pool = pool
        self._book_id = book_id
        self._held = held
        self._connection: asyncpg.pool.PoolConnectionProxy | None = None
        self._flight: asyncio.Task[bool] | None = None
        self._sent: Plan | None = None
        self._calm = True
        self._bell: asyncio.Future[None] | None = None

    async def connection(self) -> Connection:
        """A live connection, kept until the desk is left. Raises `DatabaseUnavailable`."""
        if self._connection is not None and is_lost(self._connection):
            await self.leave()
        if self._connection is None:
            async with translated():
                self._connection = await self._pool.acquire()
        return self._connection

    async def leave(self) -> None:
        """Give the connection back; nothing may be on its way."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await give_back(self._pool, connection)

    # Waiting for whatever comes first: another unit, or the answer to what was sent

    def ring(self) -> None:
        """Something has happened: a unit has come, or an answer."""
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    async def heard(self) -> None:
        """Wait until something happens."""
        self._bell = asyncio.get_running_loop().create_future()
        await self._bell

    # The short way

    async def plan(self, units: Sequence[Unit]) -> Plan | None:
        """These units judged for the short way, when they fit it and the book is calm.

        Accounts that are not held are read, in a snapshot that has the head as well. Nothing may
        be on its way.
        """
        if not self._calm or not all(map(short.plain, units)):
            return None
        if self._held.head is not None:
            plan = self.judged(units)
            if plan is not None:
                return plan
        named = {number for unit in units for number in short.accounts_of(unit)}
        unread = [number for number in named if self._held.get(number) is None]
        if self._held.head is not None and not unread:
            return None
        async with translated():
            head, accounts = await read.read_head_with(
                await self.connection(), self._book_id, self._held.around(unread)
            )
        # Were the head another now, the rest would be void: then the long way reads it all.
        self._held.trust(head)
        self._held.keep(head, accounts)
        return self.judged(units)

    def judged(self, units: Sequence[Unit]) -> Plan | None:
        """A plan of these units, all of which must fit; None when one does not."""
        plan = self.next_plan()
        if plan is None or not all(map(plan.take, units)):
            return None
        return plan

    def next_plan(self) -> Plan | None:
        """A plan for what comes after what is on its way, on what that will leave."""
        head = self._held.head if self._sent is None else self._sent.head
        if head is None or not self._calm:
            return None
        if fiscal_year_of(head.business_date, head.fiscal_year_start_month) < head.voucher_year:
            return None
        return Plan(self._book_id, head, self._as_it_will_stand)

    def _as_it_will_stand(self, number: int) -> AccountState | None:
        found = None if self._sent is None else self._sent.account(number)
        return found or self._held.get(number)

    async def send(self, plan: Plan) -> None:
        """Send a plan on its way; `landed` tells when there is an answer, `answer` which."""
        arguments = plan.seal()
        connection = await self.connection()
        self._sent = plan
        self._flight = asyncio.create_task(self._fly(connection, plan, arguments))

    async def _fly(self, connection: Connection, plan: Plan, arguments: tuple[object, ...]) -> bool:
        try:
            return await short.send(connection, plan, arguments)
        finally:
            # Whoever waits goes on after this step, in which the flight has landed.
            self.ring()

    def put_in_words(self) -> None:
        """Make the answers to what is on its way: the database has the work now."""
        if self._sent is not None:
            self._sent.put_in_words()

    @property
    def landed(self) -> bool:
        """True when there is an answer to what was sent."""
        return self._flight is not None and self._flight.done()

    def answer(self) -> tuple[bool, list[Outcome]]:
        """Whether what was sent was written, and the outcomes; False: it may be posted instead.

        Raises `OutcomeUnknown`, and what else the database raised; then nothing was written.
        """
        flight, plan = self._flight, self._sent
        self._flight = self._sent = None
        if flight is None or plan is None:
            return False, []
        try:
            written = flight.result()
        except BaseException:
            self._held.forget()
            raise
        self._calm = written
        if written:
            self._held.keep(plan.head, plan.draft.state.accounts)
        return written, plan.put_in_words()

    # The long way

    async def post(self, units: Sequence[Unit]) -> list[Outcome]:
        """One posting transaction; an error before the commit is sent: nothing was recorded."""
        connection = await self.connection()
        was = self._held.head
        try:
            async with posting(connection), head_in_time(self._book_id):
                locked = await lock(connection, self._book_id, units)
                draft = await begin(connection, locked, origin=Origin.DOORS, held=self._held)
                decide(draft)
                outcomes = await record(connection, draft)
        except OutcomeUnknown:
            self._held.forget()
            raise
        self._calm = was is None or was == draft.head
        self._held.keep(head_after(draft), draft.state.accounts)
        return outcomes
