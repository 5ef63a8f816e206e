"""The test's side: a program of `tests.faults` in a process of its own, to talk to and to kill."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from tests.faults.strikes import Moment, Strike
from tests.house.sources import ROOT

PATIENCE_SECONDS = 60


class Servant:
    """A running program. `heard` keeps its announcements since it was last armed, in order."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self.heard: list[dict[str, Any]] = []

    @classmethod
    async def start(cls, program: str, log: Path, **facts: object) -> Self:
        """Start `tests.faults.<program>` with these facts and wait until it is ready."""
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", f"tests.faults.{program}", json.dumps(facts)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
            )
        servant = cls(process, log)
        await servant.until("ready")
        return servant

    async def tell(self, do: str, **facts: object) -> None:
        """Give a command."""
        line = json.dumps({"do": do, **facts}).encode() + b"\n"
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        await self._process.stdin.drain()

    async def arm(self, strike: Strike) -> None:
        """Arm the gate; what was heard before is forgotten."""
        self.heard.clear()
        await self.tell("arm", **asdict(strike))

    async def until(self, *places: str) -> dict[str, Any]:
        """The next announcement of one of these places. Fails when the program ends instead."""
        while True:
            facts = await asyncio.wait_for(self._hear(), PATIENCE_SECONDS)
            assert facts is not None, f"the program ended:\n{self.log_tail()}"
            assert facts["at"] != "broken", f"{facts['error']}\n{self.log_tail()}"
            if facts["at"] in places:
                return facts

    async def _hear(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            return None
        facts: dict[str, Any] = json.loads(line)
        self.heard.append(facts)
        return facts

    async def kill(self) -> None:
        """kill -9; then everything is heard that it had announced."""
        os.kill(self._process.pid, signal.SIGKILL)
        while await self._hear() is not None:
            pass
        await self._bury()

    async def go_on(self) -> None:
        """Let it leave the place where it stands, frozen or not."""
        os.kill(self._process.pid, signal.SIGCONT)
        await self.tell("go")

    async def end(self) -> None:
        """Close its pipe, upon which it ends by itself; it is killed if it does not."""
        if self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            await self.kill()
        else:
            await self._bury()

    async def _bury(self) -> None:
        await self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        # The pipes' transports close in the turns of the loop that follow.
        await asyncio.sleep(0.01)

    def log_tail(self) -> str:
        """The end of what it wrote to its standard error."""
        return self._log.read_text("utf-8", errors="replace")[-4000:]

    def measured(self) -> Moment | None:
        """The moment at which it was struck, by what it had announced; None = it never came."""
        places = {facts["at"] for facts in self.heard}
        for place, moment in (
            ("answered", Moment.AFTER),
            ("sent", Moment.INSIDE),
            ("before", Moment.BEFORE),
        ):
            if place in places:
                return moment
        return None
