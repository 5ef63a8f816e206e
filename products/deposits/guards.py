"""What is refused on a placement's account by name, where a door would change it by itself.

Only its own events move a placement: its limit is that it never falls below zero, from its first
date to its last. Freezes and holds are allowed: they keep what it pays from leaving.
"""

from __future__ import annotations

from typing import ClassVar

from ledger.db import Connection
from ledger.errors import CffError
from products.contracts import by_nos


class PlacementAccount(CffError):  # noqa: N818
    """The account is a placement's: it is not changed by hand."""

    code: ClassVar[str] = "placement_account"


async def refuse_limits(connection: Connection, book_id: int, code: str) -> None:
    """Raise `PlacementAccount` when limits would be set or planned on a placement's account."""
    found = (await by_nos(connection, book_id, [code])).get(code)
    if found is not None and found.is_placement:
        raise PlacementAccount(
            f"{code} is a placement: only its own events move it, and its limits stay as they are"
        )
