"""Result lines made many at once are those that would be made one by one."""

from __future__ import annotations

import json
from datetime import date, timedelta
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ledger.loading.chunks import Chunk
from ledger.loading.fields import Flaw
from ledger.loading.result_lines import Part, texts_of
from ledger.posting.lines import EPOCH, Lines, Texts
from ledger.posting.outcomes import LineOutcomes, LineStatus
from ledger.refusals import Refusal

DAY = date(2026, 6, 1)
# Where numbers get another digit.
NUMBERS = st.one_of(st.integers(1, 10**18), st.sampled_from([9, 10, 99, 100, 999, 1000, 10**6]))
OUTCOMES = st.tuples(
    st.sampled_from(("posted", "replayed", "refused", "malformed")),
    NUMBERS,
    NUMBERS,
    st.integers(0, 3),
    st.integers(0, 40_000),
)


def expected(line: int, number: int, drawn: tuple[str, int, int, int, int]) -> dict[str, object]:
    """The result line of one drawn outcome."""
    outcome, seq, voucher, days, back = drawn
    made = str(UUID(int=number))
    facts: dict[str, object] = {"line": line, "id": made, "outcome": outcome}
    if outcome == "malformed":
        return facts | {"field": "kind", "got": str(number), "expected": "another"}
    if outcome == "refused":
        detail = {"account": "SAV-1", "amount": "0.07", "available": "0.05"}
        return facts | {"code": "below_balance_min", "detail": detail}
    business = DAY + timedelta(days)
    return facts | {
        "recorded_seq": seq,
        "voucher": f"{2026 + days}/{voucher}",
        "business_date": business.isoformat(),
        "value_date": (business - timedelta(back)).isoformat(),
    }


@given(st.lists(OUTCOMES, min_size=1, max_size=40), st.integers(1, 10**9), st.data())
def test_lines_made_together_are_those_made_one_by_one(
    drawn: list[tuple[str, int, int, int, int]], line: int, data: st.DataObject
) -> None:
    judged = [place for place, each in enumerate(drawn) if each[0] != "malformed"]
    chunk = _chunk(drawn, judged)
    outcomes = _outcomes([drawn[place] for place in judged])
    wanted = [
        json.dumps(expected(line + place, place, each), separators=(",", ":")) + "\n"
        for place, each in enumerate(drawn)
    ]
    # However the lines are parted, the parts are the whole.
    cut = data.draw(st.integers(0, len(drawn)))
    found = b""
    for first, last in ((0, cut), (cut, len(drawn))):
        begins = sum(place < first for place in judged)
        part = Part(chunk=chunk, first=first, last=last, line=line + first, begins=begins)
        found += b"".join(texts_of(part, outcomes, {7: "SAV-1"}))
    assert found.decode() == "".join(wanted)


def _chunk(drawn: list[tuple[str, int, int, int, int]], judged: list[int]) -> Chunk:
    ids = b"".join(UUID(int=place).bytes for place in judged)
    count = len(judged)
    nothing = Texts.of([""] * count)
    return Chunk(
        ends=np.zeros(len(drawn), np.int64),
        places=np.array(judged, np.int64),
        lines=Lines(
            ids=np.frombuffer(ids, np.uint8).reshape(count, 16),
            debit=np.ones(count, np.int32),
            credit=np.ones(count, np.int32),
            amount_satang=np.ones(count, np.int64),
            kind=np.ones(count, np.int16),
            value_date=np.zeros(count, np.int32),
            reference=nothing,
            narrative=nothing,
        ),
        flaws={
            place: Flaw(
                field="kind",
                got=str(place),
                expected="another",
                journal_id=str(UUID(int=place)),
            )
            for place, each in enumerate(drawn)
            if each[0] == "malformed"
        },
    )


def _outcomes(drawn: list[tuple[str, int, int, int, int]]) -> LineOutcomes:
    recorded = [each[0] != "refused" for each in drawn]
    statuses = [LineStatus[each[0].upper()] for each in drawn]
    business = [DAY.toordinal() - EPOCH + each[3] for each in drawn]
    detail: dict[str, object] = {
        "line": 0,
        "available_satang": 5,
        "account": 7,
        "amount_satang": 7,
    }

    def column(values: list[int], kind: type[np.generic]) -> np.ndarray[tuple[int], np.dtype]:
        known = [value if is_it else 0 for value, is_it in zip(values, recorded, strict=True)]
        return np.array(known, kind)

    return LineOutcomes(
        status=np.array(statuses, np.uint8),
        recorded_seq=column([each[1] for each in drawn], np.int64),
        voucher_no=column([each[2] for each in drawn], np.int64),
        fiscal_year=column([2026 + each[3] for each in drawn], np.int32),
        business_date=column(business, np.int32),
        value_date=column(
            [day - each[4] for day, each in zip(business, drawn, strict=True)], np.int32
        ),
        refusals={
            place: Refusal(code="below_balance_min", detail=dict(detail))
            for place, is_it in enumerate(recorded)
            if not is_it
        },
    )
