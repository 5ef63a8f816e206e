"""A JSON document read exactly: no number becomes a float, no name is overwritten in silence.

What JSON allows and money does not is kept as a value of its own kind, so that the one case in
which it stands is refused, with its place, and the others are answered: a number with a fraction
is an `Inexact`, an object in which a name stands twice a `Doubled`. The document itself is bounded
in size; nesting that no case needs is refused and never followed.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from ledger.errors import InvalidInput, shorten

DOCUMENT_BYTES_MAX = 10_000_000
"""The largest document that is read."""
_EXPECTED = 'a JSON document {"cases": [{"id": ..., "kind": ..., "inputs": {...}}, ...]}'


@dataclass(frozen=True, slots=True)
class Inexact:
    """A JSON number with a fraction or an exponent, or one that is none (NaN, Infinity)."""

    text: str


class Doubled(dict[str, object]):
    """A JSON object in which a name stands more than once; `names` are those."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        times = Counter(name for name, _ in pairs)
        self.names = tuple(name for name, count in times.items() if count > 1)


def read_document(data: bytes, where: str) -> object:
    """The JSON value of a file's bytes. Raises `InvalidInput` naming `where` it came from."""
    if len(data) > DOCUMENT_BYTES_MAX:
        got = f"more than {DOCUMENT_BYTES_MAX:,} bytes"
        raise InvalidInput.one(where, got, _EXPECTED, "Split the cases over several files.")
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            parse_float=Inexact,
            parse_constant=Inexact,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        got = f"bytes that are not UTF-8 at position {error.start}"
    except RecursionError:
        got = "nesting too deep"
    except json.JSONDecodeError as error:
        got = f"no JSON: {error.msg}, line {error.lineno} column {error.colno}"
    except ValueError:
        got = "a whole number of more digits than any count has"
    raise InvalidInput.one(where, got, _EXPECTED)


def shown(value: object) -> str:
    """A JSON value for the words of an error: short, and never followed into its depth."""
    if value is None:
        return "nothing"
    if isinstance(value, Inexact):
        return f"the number {shorten(value.text)[1:-1]}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return shorten(value)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else Doubled(pairs)
