"""What a replay sends: one record with its identity, whatever it was made from."""

import uuid
from dataclasses import dataclass

import msgspec

from contracts.events import SCHEMA_VERSION, ControlRecord, ControlType
from contracts.ledger import row_namespace
from contracts.timestamps import rfc3339


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is published; `event_time_ms` is None where it is rejected."""

    row_number: int
    event_id: uuid.UUID
    key: bytes | None
    value: bytes | None
    event_time_ms: int | None
    reason: str | None
    partition: int | None = None
    """Where it must go; None: where its key belongs."""
    is_first_of_row: bool = True


class Identity:
    """Names the records of one run over one source: the same again for the same run and source."""

    def __init__(self, run_id: str, source_sha256: str) -> None:
        self.run_id = run_id
        self._namespace = row_namespace(run_id, source_sha256)
        self._encode = msgspec.json.Encoder().encode

    def named(self, name: str) -> uuid.UUID:
        """Return the event id of a row (its number as text) or of a part of it."""
        return uuid.uuid5(self._namespace, name)

    def control(
        self, event_type: ControlType, sequence: int, event_time_ms: int
    ) -> tuple[uuid.UUID, bytes]:
        """Return the id and the bytes of a control record; `sequence` counts those of the run."""
        event_id = self.named(f"control/{sequence}")
        record = ControlRecord(
            event_id=str(event_id),
            event_type=event_type,
            schema_version=SCHEMA_VERSION,
            event_time=rfc3339(event_time_ms),
            run_id=self.run_id,
        )
        return event_id, self._encode(record)
