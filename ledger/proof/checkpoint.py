"""Where a proof stands, in a file: a run that was killed goes on from there.

The file holds the model after a batch and everything found so far, as JSON; its first line is the
SHA-256 of the rest, so that a file cut short or touched is not taken for one. It is no secret and
no authority: it says "everything up to this batch was compared", and who resumes from it trusts
whoever could write it. Only the classes named here can come out of it.
"""

from __future__ import annotations

import json
import os
from dataclasses import fields, is_dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from ledger.proof.book import Account, Day, Hold, Period, Plan
from ledger.proof.checks import Thread
from ledger.proof.closings import Closings, Late
from ledger.proof.report import Difference, Findings
from ledger.proof.sealed import KeptSeal, Unreadable
from ledger.proof.seals import Expected, Piece, Seals

FORMAT = "cff-proof-1"
EVERY = 500_000
"""Numbers between two writings of the file."""

_CLASSES = {
    each.__name__: each
    for each in (
        Account,
        Closings,
        Day,
        Difference,
        Expected,
        Findings,
        Hold,
        KeptSeal,
        Late,
        Period,
        Piece,
        Plan,
        Seals,
        Thread,
    )
}


def save(path: Path, state: dict[str, object]) -> None:
    """Put a state into the file, whole or not at all."""
    text = json.dumps({"format": FORMAT, "state": _plain(state)}, separators=(",", ":"))
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(f"{sha256(text.encode()).hexdigest()}\n{text}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def is_there(path: Path | None) -> bool:
    """True when there is a file to resume from."""
    return path is not None and path.exists()


def forget(path: Path | None) -> None:
    """Remove the file of a run that has come to its end."""
    if path is not None:
        path.unlink(missing_ok=True)


def load(path: Path) -> dict[str, object]:
    """The state in a file. Raises `Unreadable` when it is not one, or not whole."""
    try:
        named, _, text = path.read_text(encoding="utf-8").partition("\n")
        text = text.rstrip("\n")
        document = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"{path} is no checkpoint of a proof: {error}") from error
    if named != sha256(text.encode()).hexdigest():
        raise Unreadable(f"{path} is not as it was written: remove it and prove from the start")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Unreadable(f"{path} was written by another version: remove it")
    state: dict[str, object] = _made(document["state"])
    return state


def _plain(value: object) -> object:
    """JSON for a value: what JSON has no word for is a list that begins with its kind."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, UUID):
        return ["uuid", value.hex]
    if isinstance(value, dict):
        return ["map", [[_plain(key), _plain(each)] for key, each in value.items()]]
    if isinstance(value, list | tuple | set | frozenset):
        return [type(value).__name__, [_plain(each) for each in value]]
    if is_dataclass(value) and type(value).__name__ in _CLASSES:
        content = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return ["object", type(value).__name__, content]
    raise TypeError(f"{type(value).__name__} has no place in a checkpoint")


def _made(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    kind, content = value[0], value[1]
    if kind == "object":
        made = {name: _made(each) for name, each in value[2].items()}
        return _CLASSES[content](**made)
    if kind == "map":
        return {_made(key): _made(each) for key, each in content}
    if kind in _COLLECTIONS:
        return _COLLECTIONS[kind](_made(each) for each in content)
    return _SCALARS[kind](content)


_COLLECTIONS: dict[str, Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_SCALARS: dict[str, Any] = {"date": date.fromisoformat, "bytes": bytes.fromhex, "uuid": UUID}
