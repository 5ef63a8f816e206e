"""Cases in, results out, one for one and in the same order.

A case that cannot be read or answered gives an `error` in the place of its result and never stops
the others. Every case is bounded (`products.calc.fields`) and so is their number; results are given
one by one, so that a long file does not fill the memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from ledger.errors import CffError, InvalidInput, Problem
from products.calc.fields import PROBLEMS_MAX, Fields
from products.calc.kinds import ENGINES, KINDS, SCHEDULED
from products.calc.reading import Doubled, shown

CASES_MAX = 10_000
"""The most cases of one document."""
INTERNAL_ERROR = "internal_error"
"""The code of an error that is our mistake and not the case's."""

_CASES_EXPECTED = f'{{"cases": [...]}} and nothing else, at most {CASES_MAX:,} cases'


def cases_of(document: object, where: str) -> Sequence[object]:
    """The cases of a document, unread. Raises `InvalidInput` when it is not made of cases."""
    if not isinstance(document, dict) or isinstance(document, Doubled):
        raise _no_cases(where, document)
    others = [name for name in document if name != "cases"]
    if others:
        raise InvalidInput.one(where, f"unknown field {others[0]}", _CASES_EXPECTED)
    cases = document.get("cases")
    if not isinstance(cases, list) or len(cases) > CASES_MAX:
        raise _no_cases(f"{where}, cases", cases)
    return cases


def calculate(cases: Sequence[object], explain: bool = False) -> Iterator[dict[str, object]]:
    """The result of each case: {"id", "result"}, or {"id", "error"} with code, message, problems.

    explain: each result is followed by its `explanation`, a list of lines.
    An id that cannot be read is null; the error then tells the case's position, counted from 0.
    """
    times = Counter(_id(case) for case in cases)
    for at, case in enumerate(cases):
        name = _id(case)
        yield {"id": name} | _outcome(case, at, explain, alone=name is None or times[name] == 1)


def _outcome(case: object, at: int, explain: bool, *, alone: bool) -> dict[str, object]:
    try:
        return _answered(case, at, explain, alone)
    except CffError as error:
        return {"error": _told(error)}
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # Ours, not the clerk's: told as such, and the other cases are still answered.
        said = f"{type(error).__name__}: {error}"
        return {"error": {"code": INTERNAL_ERROR, "message": said}}


def _answered(case: object, at: int, explain: bool, alone: bool) -> dict[str, object]:
    where = f"cases[{at}]"
    if not isinstance(case, dict):
        expected = 'a case {"id": ..., "kind": ..., "inputs": {...}}'
        raise InvalidInput([Problem(where=where, got=shown(case), expected=expected)])
    head = Fields(case, where)
    head.text("id")
    if not alone:
        raise head.wrong("id", "an id that no other case has")
    kind = head.choice("kind", {name: name for name in KINDS})
    engine = head.choice("engine", ENGINES, None)
    inputs = head.nested("inputs")
    head.finish()
    if engine is not None and kind not in SCHEDULED:
        raise head.wrong("engine", f"no engine: {kind} makes no schedule")
    answer = KINDS[kind](Fields(inputs), engine)
    told: dict[str, object] = {"result": answer.result}
    return told | {"explanation": answer.explanation} if explain else told


def _id(case: object) -> str | None:
    return Fields(case).text("id", "") or None if isinstance(case, dict) else None


def _told(error: CffError) -> Mapping[str, object]:
    if not isinstance(error, InvalidInput):
        return {"code": error.code, "message": str(error)}
    shown = InvalidInput(error.problems[: PROBLEMS_MAX + 1])
    problems = [asdict(problem) for problem in shown.problems]
    return {"code": shown.code, "message": str(shown), "problems": problems}


def _no_cases(where: str, got: object) -> InvalidInput:
    return InvalidInput([Problem(where=where, got=shown(got), expected=_CASES_EXPECTED)])
