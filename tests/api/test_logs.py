"""Logs: one JSON object a line, with the request's id, never with an amount."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from api.logs import configure_logs
from tests.api.house import House, hold_of


@pytest.fixture
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("uvicorn.access").disabled = False


@pytest.mark.usefixtures("_as_before")
async def test_a_request_leaves_one_line_that_tells_who_and_what_but_no_amount(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs("info")
    answer = await house.post("/holds", hold_of(amount="4321.09"))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = [line for line in lines if line["event"] == "request"]
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert (line["method"], line["status"], line["client"]) == ("POST", 201, "facility")
    assert line["route"].endswith("/holds")
    assert line["at"].endswith("Z")
    assert "4321" not in json.dumps(lines)
    assert "cff_test_" not in json.dumps(lines)


@pytest.mark.usefixtures("_as_before")
def test_the_loggers_of_others_join_the_same_stream(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning")
    logging.getLogger("uvicorn.error").warning("going down")
    logging.getLogger("uvicorn.error").info("unheard")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "going down"
    assert json.loads(line)["level"] == "warning"
