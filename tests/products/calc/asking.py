"""Asking the calculator one case at a time, as the tests of its kinds do."""

from __future__ import annotations

from typing import Any

from products.calc.run import calculate


def outcome(kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Whatever the calculator says of a case: its result and explanation, or its error."""
    (told,) = calculate([{"id": "x", "kind": kind, "inputs": inputs}], explain=True)
    return told


def ask(kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """The result of a case that must be answered."""
    told = outcome(kind, inputs)
    assert "result" in told, told["error"]
    return dict(told["result"])


def explained(kind: str, inputs: dict[str, Any]) -> list[str]:
    """The lines that explain a case that must be answered."""
    told = outcome(kind, inputs)
    assert "explanation" in told, told["error"]
    return [*told["explanation"]]


def refused(kind: str, inputs: dict[str, Any]) -> str:
    """The words of the error of a case that must be refused."""
    told = outcome(kind, inputs)
    assert "error" in told, told
    assert told["error"]["code"] == "invalid_input"
    return str(told["error"]["message"])
