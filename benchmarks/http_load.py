"""The load generator: a process of its own that keeps so many requests in flight over HTTP/1.1.

One connection a client, kept open; requests are put together before the clock starts. It reads its
task as JSON from standard input and writes what it found to standard output.

    python -m benchmarks.http_load < task.json
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


def requests(task: dict[str, object], count: int) -> Iterator[bytes]:
    """Whole requests with an id and an Idempotency-Key of their own.

    Ids are numbered from the task's `first`: who made a thing and who acts on it later agree.
    """
    accounts = task["accounts"]
    for place in range(count):
        identity = f"{task['ids']}-0000-7000-8000-{int(str(task['first'])) + place:012x}"
        body = str(task["body"]).replace("$ID", identity)
        if isinstance(accounts, list):
            body = body.replace("$A", accounts[place % len(accounts)])
            body = body.replace("$B", accounts[(place * 7 + 1) % len(accounts)])
        yield (
            f"POST {str(task['path']).replace('$ID', identity)} HTTP/1.1\r\nHost: bench\r\n"
            "Content-Type: application/json\r\n"
            f"Authorization: Bearer {task['key']}\r\nIdempotency-Key: {task['name']}-{identity}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


async def drive(task: dict[str, object]) -> dict[str, object]:
    """Send every request once; statuses, times and lengths of the answers."""
    count, clients = int(str(task["count"])), int(str(task["clients"]))
    made = iter(list(requests(task, count)))
    statuses: Counter[str] = Counter()
    taken: list[int] = []
    longest = 0
    first_wrong = ""

    async def client() -> None:
        nonlocal longest, first_wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", int(str(task["port"])))
        for request in made:
            began = time.perf_counter_ns()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length.group(1)) if length else 0)
            taken.append(time.perf_counter_ns() - began)
            status = head[9:12].decode()
            statuses[status] += 1
            longest = max(longest, len(body))
            if status != str(task["expected"]) and not first_wrong:
                first_wrong = body[:500].decode()
        writer.close()

    began = time.perf_counter_ns()
    await asyncio.gather(*(client() for _ in range(clients)))
    return {
        "nanoseconds": time.perf_counter_ns() - began,
        "statuses": statuses,
        "taken": taken,
        "answer_bytes": longest,
        "first_wrong": first_wrong,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(drive(json.loads(sys.stdin.read())))))
