"""The doors on a small payments desk, and short verbs to knock at them as somebody.

The desk is that of the payments' tests: three members with 10,000.00 each on SAV-0001 to SAV-0003
(parties 1 to 3), the banks KTB and BBL, the business date 1 June 2026.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

import httpx2
from fastapi import FastAPI

from api.auth.keys import issue_key
from api.auth.scopes import PARTY_SCOPES, SCOPES, Scope
from ledger.db import Database
from tests.products.payments.payments_scene import Scene

BOOK = "book-1"
ROOT = f"/v1/books/{BOOK}"


@dataclass(slots=True, kw_only=True)
class OpenDoors:
    """An application on its database, and keys made so far by actor."""

    app: FastAPI
    client: httpx2.AsyncClient
    database: Database
    keys: dict[str, str] = field(default_factory=dict)

    async def key(
        self,
        actor: str = "facility:clerk",
        scopes: Iterable[Scope] = SCOPES,
        party_id: int | None = None,
        client: str | None = None,
        valid_days: int = 30,
    ) -> str:
        """A key of an actor; a member's holds what a member's may hold."""
        wanted = [s for s in scopes if party_id is None or s in PARTY_SCOPES]
        async with self.database.poster.acquire() as connection:
            return await issue_key(
                connection,
                client=client or actor.partition(":")[0],
                actor=actor,
                scopes=wanted,
                book_id=1,
                party_id=party_id,
                valid_days=valid_days,
            )

    async def _headers(self, actor: str) -> dict[str, str]:
        if actor not in self.keys:
            member = actor.startswith("coop-")
            party_id = int(actor.partition(":")[0].removeprefix("coop-")) if member else None
            self.keys[actor] = await self.key(actor, party_id=party_id)
        return {"Authorization": f"Bearer {self.keys[actor]}"}

    async def get(self, path: str, actor: str = "facility:clerk") -> httpx2.Response:
        """GET below the book."""
        return await self.client.get(ROOT + path, headers=await self._headers(actor))

    async def post(
        self,
        path: str,
        body: object,
        actor: str = "facility:clerk",
        key: str | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """POST below the book, under a new idempotency key unless one is named."""
        sent = await self._headers(actor) | {"Idempotency-Key": key or uuid4().hex} | headers
        return await self.client.post(ROOT + path, json=body, headers=sent)


@dataclass(slots=True, kw_only=True)
class House(OpenDoors):
    """The doors on the desk of the payments' tests."""

    desk: Scene

    async def place(self, account: str = "SAV-0001", amount: str = "100.00", **more: object) -> str:
        """A hold that is accepted; its id."""
        answer = await self.post("/holds", hold_of(account, amount, **more))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def hold_of(account: str = "SAV-0001", amount: str = "100.00", **more: object) -> dict[str, object]:
    """The body of a hold with a new id."""
    return {"id": str(uuid4()), "account": account, "amount": amount, "reference": "R1"} | more


def notice_of(
    kind: str = "withdrawal", account: str = "SAV-0001", amount: str = "100.00", **more: object
) -> dict[str, object]:
    """The body of a notice with a new id."""
    ordinary: dict[str, object] = {
        "id": str(uuid4()),
        "kind": kind,
        "account": account,
        "amount": amount,
        "bank": "KTB",
        "value_date": "2026-06-01",
        "reference": f"R{uuid4().hex[:10].upper()}",
    }
    return ordinary | more


def journal_of(
    debit: str, credit: str, amount: str = "100.00", **more: object
) -> dict[str, object]:
    """The body of a manual journal of one transfer with a new id."""
    ordinary: dict[str, object] = {
        "id": str(uuid4()),
        "transfers": [{"debit": debit, "credit": credit, "amount": amount}],
        "reference": "M-1",
        "narrative": "correction",
        "reason": "agreed with the treasurer",
    }
    return ordinary | more
