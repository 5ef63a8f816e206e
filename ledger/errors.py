"""The error tree. A refusal is a value (`ledger.refusals`); these are for everything else.

Three kinds of failure exist and are never mixed: a *refusal* is a decision of the judge, committed
with its batch; an *error* is something the caller or the operator must do something about; a
*broken invariant* is a bug or a damaged database: it aborts the transaction and is loud.

Every error says what was wrong, where, what was expected and what to do. `code` is stable and is
what programs match on; the words may change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with an input.

    where:    the place in the input, as its author would point at it ("line 7, field amount").
    got:      what stood there, cut to a readable length.
    expected: what would have been accepted.
    fix:      what to do, when that is not obvious from `expected`.
    """

    where: str
    got: str
    expected: str
    fix: str = ""

    def __str__(self) -> str:
        tail = f" {self.fix}" if self.fix else ""
        return f"{self.where}: got {self.got}; expected {self.expected}.{tail}"


class CffError(Exception):
    """Root of every error that this project raises on purpose.

    facts: what explains it, for programs: names and values, money as satang under `..._satang`.
    """

    code: ClassVar[str] = "internal_error"
    facts: Mapping[str, object] = MappingProxyType({})


class InvalidInput(CffError):  # noqa: N818 - the name is what the clerk reads
    """What was handed in cannot be read; every problem found is listed, not the first alone."""

    code = "invalid_input"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))

    @classmethod
    def one(cls, where: str, got: object, expected: str, fix: str = "") -> InvalidInput:
        """The common case: a single problem. `got` is shown with `repr`, cut at 80 characters."""
        return cls([Problem(where=where, got=shorten(got), expected=expected, fix=fix)])


class NotFound(CffError):  # noqa: N818
    """Something named by the caller does not exist (or is not visible to them)."""

    code = "not_found"

    def __init__(self, what: str, name: object) -> None:
        self.what = what
        self.name = name
        super().__init__(f"no {what} {name}")


class Forbidden(CffError):  # noqa: N818
    """The actor may not do this: a right or a second person is missing."""

    code = "forbidden"


class Overloaded(CffError):  # noqa: N818
    """More is waiting than can be posted soon; nothing was recorded, try again shortly."""

    code = "overloaded"


class OutcomeUnknown(CffError):  # noqa: N818
    """The commit was sent and no answer came back: retry with the same id to learn the outcome."""

    code = "outcome_unknown"


class DatabaseUnavailable(CffError):  # noqa: N818
    """The database cannot be reached or is being restarted; nothing was recorded."""

    code = "database_unavailable"


class DatabaseTooOld(CffError):  # noqa: N818
    """The schema is older than this code needs; run `cff db migrate` as the migrator first."""

    code = "database_too_old"


class InvariantBroken(CffError):  # noqa: N818
    """Something that must always hold does not. A bug or damage: nothing was written."""

    code = "invariant_broken"


def ensure(condition: bool, what: str) -> None:
    """Raise `InvariantBroken(what)` unless `condition`: our `assert`, which `-O` cannot remove."""
    if not condition:
        raise InvariantBroken(what)


def shorten(value: object, limit: int = 80) -> str:
    """`repr` of a value from outside, cut so that a 200 MB field does not fill the log."""
    text = repr(value) if not isinstance(value, str) else repr(value[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"
