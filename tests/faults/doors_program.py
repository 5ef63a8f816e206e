"""The struck program of the doors: the real application under uvicorn, as `cff serve` runs it."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import Any

import uvicorn

from api.app import create_app
from ledger.db import open_database
from tests.faults.announcing import Gate, Voice, announcing_pool
from tests.faults.strikes import Strike

LOOKS_MAX = 1000
"""A look every 20 ms whether the doors are open: twenty seconds at most."""


async def obey(voice: Voice, gate: Gate) -> None:
    """Obey until the pipe is closed."""
    async for command in voice.commands():
        match command.pop("do"):
            case "arm":
                gate.arm(Strike.of(command))
            case "go":
                gate.go_on()


async def main(facts: dict[str, Any]) -> None:
    """Serve until the pipe is closed."""
    voice = Voice()
    gate = Gate(voice)
    opened = await open_database(facts["url"])
    await opened.poster.close()
    database = replace(opened, poster=await announcing_pool(facts["url"], gate))
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(database),
            host="127.0.0.1",
            port=facts["port"],
            log_level="warning",
            access_log=False,
        )
    )
    serving = asyncio.create_task(server.serve())
    for _ in range(LOOKS_MAX):
        if server.started or serving.done():
            break
        await asyncio.sleep(0.02)
    voice.say(at="ready")
    await obey(voice, gate)
    server.should_exit = True
    await serving
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
