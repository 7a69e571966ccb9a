"""One record as it goes through a port."""

from typing import NamedTuple

from contracts.ledger import RecordKind


class Record(NamedTuple):
    """Bytes with their key, kind and headers. `partition` None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    kind: RecordKind
    event_id: str
    event_time_ms: int
    traceparent: bytes
    partition: int | None = None


def traceparent(event_id: str, correlation_id: str | None) -> bytes:
    """Return the W3C trace header: the trip is the trace, the event the span."""
    trace = (correlation_id or event_id).replace("-", "")
    span = event_id[:8] + event_id[9:13] + event_id[14:18]
    return f"00-{trace}-{span}-01".encode()
