"""The struck program that posts a file: as `cff post` does it, on connections with a gate."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from ledger.db import Pool
from ledger.errors import CffError
from ledger.loading.files import Order, post_file
from ledger.loading.sources import Format
from tests.faults.announcing import Gate, Voice, announcing_pool
from tests.faults.strikes import Strike


async def load(pool: Pool, facts: dict[str, Any], voice: Voice) -> None:
    """Post the file; tell how it ended."""
    order = Order(
        path=Path(facts["path"]),
        form=Format(facts["format"]),
        actor="test:loader",
        result=Path(facts["result"]),
        lines_max=facts["lines_max"],
    )
    try:
        posted = await post_file(pool, facts["book_id"], order)
    except CffError as error:
        # A server that dies under it: the loader says so and ends, as the command does.
        voice.say(at="ended", code=error.code)
    except Exception as error:
        voice.say(at="broken", error="".join(traceback.format_exception(error)))
        raise
    else:
        voice.say(at="done", repeated=posted.repeated, resumed_after=posted.resumed_after)


async def main(facts: dict[str, Any]) -> None:
    """Obey until the pipe is closed."""
    voice = Voice()
    gate = Gate(voice)
    pool = await announcing_pool(facts["url"], gate)
    loading: asyncio.Task[None] | None = None
    voice.say(at="ready")
    async for command in voice.commands():
        match command.pop("do"):
            case "arm":
                gate.arm(Strike.of(command))
            case "go":
                gate.go_on()
            case "load":
                loading = asyncio.create_task(load(pool, facts, voice))
    if loading is not None:
        await asyncio.gather(loading)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
