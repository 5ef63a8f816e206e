"""Texts that are written directly are the texts that the encoder would have written."""

from __future__ import annotations

import json
from datetime import date
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from ledger.posting.bodies import line_body, operation_body
from ledger.posting.records import canonical_json
from ledger.posting.values import Journal, Transfer

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
_NUMBERS = st.integers(-(2**63), 2**63 - 1)
_FACTS = st.one_of(_NUMBERS, _TEXTS, st.booleans(), st.none(), st.dates(), st.uuids())
_SOMETHING = {"quote": 'a "quoted" \\ text\n', "thai": "สหกรณ์", "number": -1}


@given(facts=st.dictionaries(_TEXTS, _FACTS, max_size=6))
@example(facts=_SOMETHING)
@example(facts={})
@example(facts={"yes": True, "one": 1})
def test_canonical_text_is_sorted_json_without_spaces(facts: dict[str, object]) -> None:
    plain = {
        name: str(fact) if isinstance(fact, date | UUID) else fact for name, fact in facts.items()
    }
    assert canonical_json(facts) == json.dumps(
        plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


@given(
    kind=st.integers(0, 999),
    transfer=st.tuples(_NUMBERS, _NUMBERS, _NUMBERS),
    value_date=st.none() | st.dates(),
    texts=st.tuples(_TEXTS, _TEXTS),
)
def test_the_body_of_a_line_is_the_body_of_the_journal_that_it_is(
    kind: int,
    transfer: tuple[int, int, int],
    value_date: date | None,
    texts: tuple[str, str],
) -> None:
    debit, credit, amount = transfer
    journal = Journal(
        journal_id=UUID(int=1),
        kind=kind,
        transfers=(Transfer(debit=debit, credit=credit, amount_satang=amount),),
        value_date=value_date,
        reference=texts[0],
        narrative=texts[1],
    )
    day = None if value_date is None else value_date.isoformat()
    assert line_body(kind, transfer, day, texts) == operation_body(journal)
