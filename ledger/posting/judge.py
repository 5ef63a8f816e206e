"""The one judge: takes units one after another and says what becomes of each. Pure.

First it looks whether the unit is known (a replay, a conflict, a remembered refusal); then its
operations happen in order, each by its rules (`journal_rules`, `operation_rules`). A unit whose
operation is refused leaves the state as if it had never been offered. It is the only judge: one
journal or a million, doors or night, live or dry run.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ledger.errors import ensure
from ledger.kinds import EventKind
from ledger.posting import bodies
from ledger.posting import state as st
from ledger.posting.journal_rules import judge_journal
from ledger.posting.operation_rules import judge_operation
from ledger.posting.records import EventRecord, JournalRecord
from ledger.posting.values import Journal, Note, Operation, PlaceHold, Status, Unit
from ledger.refusals import Refusal

Record = JournalRecord | EventRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the judge says of one unit.

    records:      what is to be recorded; when replayed, the journals found.
    operation_id: id of the operation at fault, if it has one.
    body:         canonical JSON of the operation at fault, to remember it by.
    remembered:   the refusal was given before, under the same id.
    """

    status: Status
    refusal: Refusal | None = None
    failed_operation: int | None = None
    operation_id: UUID | None = None
    records: tuple[Record, ...] = ()
    body: str = "{}"
    remembered: bool = False


class Judge:
    """Judges units against one `State`, changing it as it accepts."""

    def __init__(self, state: st.State) -> None:
        self.state = state

    def unit(self, unit: Unit) -> Verdict:
        """The verdict on one unit; the state is changed only when it is accepted."""
        known = self.known(unit)
        if known is not None:
            return known
        undo = st.Undo(self.state)
        records: list[Record] = []
        for index, operation in enumerate(unit.operations):
            result: Refusal | Record
            if isinstance(operation, Journal):
                result = _without_reason(unit, index, operation) or judge_journal(
                    self.state, operation, unit, undo
                )
            else:
                result = judge_operation(self.state, operation, unit, undo)
            if isinstance(result, Refusal):
                undo.restore()
                return self._remember(_refused(index, operation, result))
            records.append(result)
        return Verdict(status=Status.ACCEPTED, records=tuple(records))

    def _remember(self, verdict: Verdict) -> Verdict:
        """Burn the id of a sticky refusal at once: the batch's next unit must find it burnt."""
        refusal, identity = verdict.refusal, verdict.operation_id
        if refusal is not None and refusal.sticky and identity is not None:
            self.state.remembered[identity] = st.Remembered(refusal=refusal, body=verdict.body)
        return verdict

    def known(self, unit: Unit) -> Verdict | None:
        """A replay, a conflict or a remembered refusal; None when every id of the unit is new."""
        ensure(bool(unit.operations), "a unit without operations")
        found: list[Record] = []
        seen: set[UUID] = set()
        new = old = 0
        for index, operation in enumerate(unit.operations):
            identity = bodies.operation_id(operation)
            if identity is None:
                continue
            if identity in seen:
                return _conflict(index, operation, ["operations"])
            seen.add(identity)
            remembered = self.state.remembered.get(identity)
            recorded = remembered.body if remembered else self._recorded(operation)
            if recorded is None:
                new += 1
                continue
            old += 1
            differing = bodies.differing_fields(recorded, bodies.operation_body(operation))
            if differing:
                return _conflict(index, operation, differing)
            if remembered is not None:
                return _refused(index, operation, remembered.refusal, remembered=True)
            if isinstance(operation, Journal):
                found.append(self.state.journals[operation.journal_id])
        if not old:
            return None
        if new:
            # Some of its ids are recorded, some are not: it is not the unit that was recorded.
            return _conflict(0, unit.operations[0], ["operations"])
        return Verdict(status=Status.REPLAYED, records=tuple(found))

    def _recorded(self, operation: Operation) -> str | None:
        """The body recorded under the operation's id, be it a journal's or a hold's."""
        identity = bodies.operation_id(operation)
        if identity is None:
            return None
        hold = self.state.holds.get(identity)
        journal = self.state.journals.get(identity)
        if journal is None or (hold is not None and isinstance(operation, PlaceHold)):
            return None if hold is None else bodies.recorded_hold_body(hold)
        target = self.state.journals.get(journal.reverses) if journal.reverses else None
        by_default = journal.business_date if target is None else target.value_date
        asked = operation.value_date if isinstance(operation, Journal) else journal.value_date
        return bodies.recorded_journal_body(journal, asked, by_default)


def _without_reason(unit: Unit, index: int, journal: Journal) -> Refusal | None:
    """A forced journal must be followed by the note that says why, and the unit have a reason."""
    if not journal.forced:
        return None
    after = unit.operations[index + 1] if index + 1 < len(unit.operations) else None
    noted = (
        isinstance(after, Note)
        and after.kind == EventKind.JOURNAL_FORCED
        and after.subject == journal.journal_id
    )
    if noted and unit.reason:
        return None
    return Refusal(code="force_without_reason", detail={"id": str(journal.journal_id)})


def _refused(
    index: int, operation: Operation, refusal: Refusal, remembered: bool = False
) -> Verdict:
    return Verdict(
        status=Status.REFUSED,
        refusal=refusal,
        failed_operation=index,
        operation_id=bodies.operation_id(operation),
        body=bodies.operation_body(operation),
        remembered=remembered,
    )


def _conflict(index: int, operation: Operation, differing: list[str]) -> Verdict:
    detail: dict[str, object] = {
        "id": str(bodies.operation_id(operation) or ""),
        "differing_fields": differing,
    }
    return _refused(index, operation, Refusal(code="id_conflict", detail=detail))
