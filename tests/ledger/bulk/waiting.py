"""Waiting in a test for something that must happen soon, and failing when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

LOOKS_MAX = 5_000
"""A look every 2 ms: ten seconds at most."""


async def until(happened: Callable[[], Awaitable[object]]) -> None:
    """Return when this is so."""
    for _ in range(LOOKS_MAX):
        if await happened():
            return
        await asyncio.sleep(0.002)
    raise TimeoutError("it has not happened within ten seconds")
