"""How a door posts under an Idempotency-Key: one request, one answer, kept for ever.

The answer is made inside the posting transaction and stored with it, so a retry, whenever and
wherever, gets the same status and the same bytes. Stored are acceptances and sticky refusals; an
invalid request or a refusal that leaves its id free is not, and may be mended under the same key.
The key is looked up before anything is decided: what a retry finds changed, it changed itself.

`?dry_run=true` answers the same and records nothing: the door is handed a `DryRun` where its
collector would be, so there is one path, and it is rolled back.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel

from api.auth.keys import Caller
from api.dependencies import Doors, OpenDoors
from api.problems import MEDIA_TYPE, ProblemError, problem_json
from api.v1.fields import SignedAmount, View, money_facts
from ledger.db import Connection
from ledger.errors import CffError, DatabaseUnavailable, OutcomeUnknown, Overloaded, ensure
from ledger.money import format_baht
from ledger.posting.dry_run import DryRun
from ledger.posting.values import IdempotencyKey, Outcome, Receipt, Status
from ledger.refusals import Refusal
from ledger.vouchers import Voucher

Act = Callable[[IdempotencyKey], Awaitable[Outcome]]
Show = Callable[[Outcome], BaseModel]
Again = Callable[[], Awaitable[BaseModel]]
KeyName = tuple[str, str]
"""A client and one of its keys."""

_STORED = re.compile(r'^\{"status":([0-9]{3}),"body":(.*)\}$', re.DOTALL)
_RECORDED = """
SELECT k.client, k.key, k.request_hash, k.answer
FROM unnest($2::text [], $3::text []) AS w (client, key)
CROSS JOIN LATERAL (
    SELECT i.client, i.key, i.request_hash, i.answer FROM ledger.idempotency_key AS i
    WHERE i.book_id = $1 AND i.client = w.client AND i.key = w.key OFFSET 0
) AS k
"""


class ReceiptView(View):
    """Where it stands in the book: its number, its two dates, its batch and the chain's digest.

    `voucher` is a journal's gap-free number in its fiscal year, such as 2026/123.
    """

    recorded_seq: int
    business_date: str
    value_date: str
    batch_no: int | None
    digest: str | None
    voucher: str | None = None


class BalanceView(View):
    """An account after the posting; `available` is null without a limit."""

    account: str
    balance: SignedAmount
    held: SignedAmount
    available: SignedAmount | None
    excess: SignedAmount


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The key of a request, what the request says, and how its problems are named."""

    key: str
    request_hash: bytes
    instance: str
    request_id: str

    def of(self, caller: Caller) -> IdempotencyKey:
        """The key as the posting path knows it: each client has its own."""
        return IdempotencyKey(client=caller.client, key=self.key, request_hash=self.request_hash)


async def promised(
    request: Request,
    idempotency_key: Annotated[
        str,
        Header(
            min_length=1,
            max_length=255,
            pattern=r"^[\x21-\x7e]+$",
            description="Made by the client, one a request; the same key gets the same answer.",
        ),
    ],
) -> Promise:
    """The promise that this request asks for. Raises the problem `malformed_body`."""
    return Promise(
        key=idempotency_key,
        request_hash=request_hash(request.method, request.url.path, await request.body()),
        instance=request.url.path,
        request_id=request.state.request_id,
    )


Promised = Annotated[Promise, Depends(promised)]


def _posting_doors(
    doors: OpenDoors,
    dry_run: Annotated[
        Literal["true", "false"],
        Query(
            description="`true`: answer as if posted, by the real path rolled back; nothing is "
            "recorded, the key stays free, and the answer carries the header `Dry-Run: true`."
        ),
    ] = "false",
) -> Doors:
    if dry_run == "false":
        return doors
    return replace(doors, collector=DryRun(doors.database.poster, clock=doors.clock))


PostingDoors = Annotated[Doors, Depends(_posting_doors)]
"""The open house as a door that posts is handed it: with `?dry_run=true` nothing is recorded."""


def rehearses(doors: Doors) -> bool:
    """True under `?dry_run=true`: what takes its own transaction must roll it back as well."""
    return isinstance(doors.collector, DryRun)


def request_hash(method: str, path: str, body: bytes) -> bytes:
    """SHA-256 over method, path and the canonical JSON of the body: white space does not count."""
    value = json.loads(body, object_pairs_hook=_unambiguous) if body else None
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{method}\n{path}\n{canonical}".encode()).digest()


def _unambiguous(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ProblemError("malformed_body", "a name stands twice in one object of the body")
    return found


@dataclass(slots=True, kw_only=True)
class Answering:
    """Turns outcomes into answers, the same bytes each time.

    status: of an acceptance. show: its body. codes: account codes, to name accounts in a refusal.
    """

    promise: Promise
    status: int
    show: Show
    codes: Mapping[int, str]
    _said: tuple[Outcome, str] | None = None

    def text(self, outcome: Outcome) -> str:
        """What is stored under the key: status and body. Of one outcome it is made once."""
        if self._said is None or self._said[0] is not outcome:
            self._said = outcome, self._text(outcome)
        return self._said[1]

    def _text(self, outcome: Outcome) -> str:
        if outcome.refusal is None:
            return stored_text(self.status, self.show(outcome).model_dump_json())
        body = refusal_json(outcome.refusal, self.codes, self.promise)
        return stored_text(json.loads(body)["status"], body)


def stored_text(status: int, body: str) -> str:
    """An answer as it is kept: readable as JSON, and cut open without parsing it."""
    return f'{{"status":{status},"body":{body}}}'


def refusal_json(refusal: Refusal, codes: Mapping[int, str], promise: Promise) -> str:
    """A refusal as a problem; accounts by their codes, amounts as text."""
    facts = dict(refusal.detail)
    number = facts.get("account")
    if isinstance(number, int):
        # An account that the caller did not name stays nameless.
        facts["account"] = codes.get(number)
    shown = money_facts(facts)
    ensure(isinstance(shown, dict), "facts of a refusal are a mapping")
    return problem_json(
        refusal.code,
        f"{refusal.rule.message_en}{_in_words(shown)}",
        instance=promise.instance,
        request_id=promise.request_id,
        facts=shown if isinstance(shown, dict) else {},
    )


def _in_words(facts: object) -> str:
    if not isinstance(facts, dict) or not facts:
        return ""
    said = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
    return f" ({said})"


@dataclass(frozen=True, slots=True)
class Looked:
    """The key has been looked up: what is stored under it, None when nothing is."""

    answer: str | None


async def look(connection: Connection, caller: Caller, promise: Promise) -> Looked:
    """Look the key up where the door reads anyway. Raises `idempotency_key_reused`."""
    return Looked(await recorded(connection, caller.book_id, promise.of(caller)))


Recorded = Mapping[KeyName, tuple[bytes, str]]
"""Request hash and stored answer of keys that are on record."""


def looked_up(found: Recorded, caller: Caller, promise: Promise) -> Looked:
    """The same of what was read together with others. Raises `idempotency_key_reused`."""
    return Looked(_answer_under(found, promise.of(caller)))


async def post(
    doors: Doors,
    caller: Caller,
    answering: Answering,
    act: Act,
    again: Again | None = None,
    *,
    looked: Looked | None = None,
) -> Response:
    """Post once and answer; a repetition gets the stored answer, marked as replayed.

    again:  reads the thing as it stands, for a repetition by the thing's own id under a new key.
    looked: what the door has found under the key, if it has looked.
    """
    response = await _post(doors, caller, answering, act, again, looked)
    if rehearses(doors):
        response.headers["Dry-Run"] = "true"
    return response


async def _post(
    doors: Doors,
    caller: Caller,
    answering: Answering,
    act: Act,
    again: Again | None,
    looked: Looked | None,
) -> Response:
    promise = answering.promise
    stored = await _stored(doors, caller, promise) if looked is None else _replayed(looked)
    if stored is not None:
        return stored
    try:
        outcome = await act(promise.of(caller))
    except (Overloaded, OutcomeUnknown, DatabaseUnavailable):
        raise
    except CffError:
        # The same request may have been answered between our look and the decision.
        stored = await _stored(doors, caller, promise)
        if stored is not None:
            return stored
        raise
    if outcome.status is Status.REPLAYED and outcome.answer is None and again is not None:
        body = (await again()).model_dump_json()
        return answer_of(stored_text(answering.status, body), replayed=True)
    return respond(answering, outcome)


def respond(answering: Answering, outcome: Outcome) -> Response:
    """The answer to an outcome. Raises the problems of a key that cannot be used."""
    if outcome.status is Status.IN_PROGRESS:
        raise ProblemError(
            "idempotency_key_in_progress", "a request with this key is being worked on; try again"
        )
    if outcome.status is Status.KEY_CONFLICT:
        raise _reused()
    if outcome.answer is not None:
        return answer_of(outcome.answer, replayed=True)
    return answer_of(answering.text(outcome), replayed=outcome.status is Status.REPLAYED)


def answer_of(stored: str, *, replayed: bool) -> Response:
    """The HTTP answer of a stored text."""
    match = _STORED.match(stored)
    ensure(match is not None, "a stored answer that cannot be read")
    status, body = (int(match.group(1)), match.group(2)) if match else (500, "{}")
    media_type = MEDIA_TYPE if status >= 400 else "application/json"
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return Response(body, status, headers, media_type=media_type)


async def _stored(doors: Doors, caller: Caller, promise: Promise) -> Response | None:
    async with doors.read() as connection:
        return _replayed(await look(connection, caller, promise))


def _replayed(looked: Looked) -> Response | None:
    return None if looked.answer is None else answer_of(looked.answer, replayed=True)


async def recorded(connection: Connection, book_id: int, key: IdempotencyKey) -> str | None:
    """The answer stored under a key. Raises the problem `idempotency_key_reused`."""
    found = await recorded_all(connection, book_id, [(key.client, key.key)])
    return _answer_under(found, key)


async def recorded_all(connection: Connection, book_id: int, names: Sequence[KeyName]) -> Recorded:
    """Those of these keys, each a client's, that are on record."""
    clients, keys = [client for client, _ in names], [key for _, key in names]
    rows = await connection.fetch(_RECORDED, book_id, clients, keys)
    return {(client, key): (request_hash, answer) for client, key, request_hash, answer in rows}


def _answer_under(found: Recorded, key: IdempotencyKey) -> str | None:
    known = found.get((key.client, key.key))
    if known is None:
        return None
    request_hash, answer = known
    if request_hash != key.request_hash:
        raise _reused()
    return answer


def _reused() -> ProblemError:
    return ProblemError(
        "idempotency_key_reused",
        "this key was used for a request with another path or body: give a new request a new key",
    )


def receipt_of(outcome: Outcome, place: int = 0) -> ReceiptView | None:
    """The receipt of an outcome's n-th operation; None when the outcome holds none (a replay)."""
    if len(outcome.receipts) <= place:
        return None
    receipt = outcome.receipts[place]
    return ReceiptView(
        recorded_seq=receipt.recorded_seq,
        business_date=receipt.business_date.isoformat(),
        value_date=receipt.value_date.isoformat(),
        batch_no=outcome.batch_no,
        digest=None if outcome.digest is None else outcome.digest.hex(),
        voucher=_voucher(receipt),
    )


def _voucher(receipt: Receipt) -> str | None:
    if receipt.fiscal_year is None or receipt.voucher_no is None:
        return None
    return str(Voucher(fiscal_year=receipt.fiscal_year, voucher_no=receipt.voucher_no))


def balances_of(outcome: Outcome, codes: Mapping[int, str]) -> list[BalanceView]:
    """The accounts of an outcome as they stand after it, those that `codes` names."""
    return [
        BalanceView(
            account=codes[balance.account],
            balance=format_baht(balance.balance_satang),
            held=format_baht(balance.held_satang),
            available=None
            if balance.available_satang is None
            else format_baht(balance.available_satang),
            excess=format_baht(balance.excess_satang),
        )
        for balance in outcome.balances
        if balance.account in codes
    ]
