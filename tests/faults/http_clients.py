"""Clients of the doors: each walks through its requests and asks again until it is answered.

An answer is final unless it says that trying again helps; a request without an answer is repeated
with the same Idempotency-Key. What each was told is kept byte by byte.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import httpx2

from ledger.money import format_baht
from ledger.posting.ids import event_id

AGAIN = frozenset(
    {"overloaded", "outcome_unknown", "database_unavailable", "idempotency_key_in_progress"}
)
IMPOSSIBLE = "900000000.00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request, its key, who asks, and the status that it must be answered with."""

    key: str
    actor: str
    path: str
    body: dict[str, str]
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Requests in order about one thing, and what must stand in the book at its end."""

    thing: UUID
    kind: str
    account: str
    amount_satang: int
    asks: tuple[Ask, ...]


@dataclass(slots=True)
class Told:
    """Final answers by key, and how many requests had to be repeated."""

    answers: dict[str, httpx2.Response] = field(default_factory=dict)
    repeated: int = 0


def errands(round_: str, accounts: Sequence[str], count: int) -> list[Errand]:
    """What so many clients want in a round; known from its name alone."""
    return [_errand(f"{round_}/{place}", accounts) for place in range(count)]


def _errand(name: str, accounts: Sequence[str]) -> Errand:
    dice = random.Random(name)
    account, amount = dice.choice(accounts), dice.randint(1, 50)
    kind = dice.choices(("paid", "held", "released", "impossible", "announced"), (4, 2, 2, 1, 2))[0]
    thing = event_id(name, kind)
    hold = {"id": str(thing), "account": account, "amount": format_baht(amount)}
    notice = hold | {
        "kind": "deposit" if kind == "announced" else "withdrawal",
        "bank": "KTB",
        "value_date": "2026-06-01",
        "reference": f"R{thing.hex[:12].upper()}",
    }
    steps: dict[str, list[tuple[str, str, dict[str, str], int]]] = {
        "paid": [
            ("coop-1:maker", "/notices", notice, 201),
            ("facility:checker", f"/notices/{thing}/approve", {}, 200),
            ("facility:payer", f"/notices/{thing}/pay", {}, 200),
        ],
        "held": [("facility:clerk", "/holds", hold, 201)],
        "released": [
            ("facility:clerk", "/holds", hold, 201),
            ("facility:clerk", f"/holds/{thing}/release", {"reason": "not needed"}, 200),
        ],
        "impossible": [("facility:clerk", "/holds", hold | {"amount": IMPOSSIBLE}, 422)],
        "announced": [("coop-1:maker", "/notices", notice, 201)],
    }
    asks = tuple(
        Ask(key=f"{name}/{place}", actor=actor, path=path, body=body, status=status)
        for place, (actor, path, body, status) in enumerate(steps[kind])
    )
    return Errand(thing=thing, kind=kind, account=account, amount_satang=amount, asks=asks)


class Clients:
    """Programs that knock at one address with a key for each actor."""

    def __init__(self, root: str, tokens: dict[str, str]) -> None:
        self._root = root
        self._tokens = tokens
        self._http = httpx2.AsyncClient(timeout=30)

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()

    async def run(self, everybody: Sequence[Errand], told: Told) -> None:
        """All errands at once, each in its own order, until every request is answered."""
        await asyncio.gather(*(self._run_one(errand, told) for errand in everybody))

    async def _run_one(self, errand: Errand, told: Told) -> None:
        for ask in errand.asks:
            while (answer := await self.send(ask)) is None:
                told.repeated += 1
                await asyncio.sleep(0.1)
            assert answer.status_code == ask.status, (ask, answer.status_code, answer.text)
            told.answers[ask.key] = answer

    async def send(self, ask: Ask) -> httpx2.Response | None:
        """Send once; None when there was no answer, or one that says to try again."""
        try:
            answer = await self._http.post(
                self._root + ask.path,
                json=ask.body,
                headers={
                    "Authorization": f"Bearer {self._tokens[ask.actor]}",
                    "Idempotency-Key": ask.key,
                },
            )
        except httpx2.TransportError:
            return None
        if answer.status_code in (409, 503) and answer.json()["code"] in AGAIN:
            return None
        return answer
