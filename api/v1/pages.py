"""Pages by key: `?limit=50&after=<cursor>`; never an offset, so a page never repeats or skips.

A cursor is opaque to clients; inside it is what the next page begins after. `next_page` cuts the
row that was read too many and says with it whether there is more.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from api.v1.fields import View
from ledger.errors import InvalidInput

LIMIT_MAX = 200
T = TypeVar("T")
V = TypeVar("V")

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Rows on a page at most.")]
After = Annotated[
    str | None,
    Query(
        max_length=200, pattern=r"^[A-Za-z0-9_-]+$", description="`next_cursor` of the last page."
    ),
]


class Page(View, Generic[T]):
    """Some rows in order; `next_cursor` is set when there are more."""

    data: list[T]
    has_more: bool
    next_cursor: str | None


def cursor(*parts: object) -> str:
    """The cursor of what a page ends with."""
    text = "\x1f".join(str(part) for part in parts)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parts_of(after: str | None, pattern: str) -> tuple[str, ...] | None:
    """What a cursor holds, which must look like `pattern`; None on the first page."""
    if after is None:
        return None
    try:
        text = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = ""
    if not re.fullmatch(pattern, text, re.ASCII):
        raise InvalidInput.one("query/after", after, "the next_cursor of the page before")
    return tuple(text.split("\x1f"))


def number_after(after: str | None) -> int:
    """The number in a cursor that holds one; 0 on the first page."""
    parts = parts_of(after, r"[0-9]{1,18}")
    return 0 if parts is None else int(parts[0])


def next_page(
    request: Request,
    response: Response,
    rows: Sequence[V],
    limit: int,
    show: Callable[[V], T],
    key: Callable[[V], str],
) -> Page[T]:
    """The page of `rows`, of which there are up to `limit` + 1; sets the Link header."""
    shown, has_more = rows[:limit], len(rows) > limit
    following = key(shown[-1]) if has_more else None
    if following is not None:
        link_next(request, response, following)
    return Page(data=[show(row) for row in shown], has_more=has_more, next_cursor=following)


def link_next(request: Request, response: Response, following: str) -> None:
    """Name the next page in the Link header, with the same filters."""
    query = [(name, text) for name, text in request.query_params.multi_items() if name != "after"]
    target = f"{request.url.path}?{urlencode([*query, ('after', following)])}"
    response.headers["Link"] = f'<{target}>; rel="next"'
