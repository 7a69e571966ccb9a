"""A small true run, and the same run with one thing wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from contracts.timestamps import rfc3339
from deploy.audit.checks.bronze import BronzeRows, DlqRows
from deploy.audit.checks.silver import StagedRows
from deploy.audit.ledger import Fault, Truth
from deploy.audit.log import LogBuilder, TopicLog, digest

RUN = "r1"
START_MS = 1_772_442_000_000
TOPIC = "rideshare.payments"


def payment(number: int, **changes: Any) -> bytes:
    record = {
        "event_id": f"e{number}",
        "event_type": "payment_settled",
        "schema_version": 1,
        "event_time": rfc3339(START_MS + number * 1000),
        "run_id": RUN,
        "payment_id": f"p{number}",
        "trip_id": f"t{number}",
        "rider_id": "rider",
        "driver_id": "driver",
        "method": "pix",
        "fare_minor": 1000 + number,
        "fee_minor": 250,
        "payout_minor": 750 + number,
        "tip_minor": 0,
        "currency": "BRL",
    }
    return msgspec.json.encode({**record, **changes})


def control(number: int, event_time_ms: int = START_MS, kind: str = "stream_heartbeat") -> bytes:
    return msgspec.json.encode(
        {
            "event_id": f"c{number}",
            "event_type": kind,
            "schema_version": 1,
            "event_time": rfc3339(event_time_ms),
            "run_id": RUN,
        }
    )


class Sent(msgspec.Struct, frozen=True):
    """A record of a topic as the tests write it."""

    partition: int
    offset: int
    value: bytes | None
    key: bytes | None = b"t"
    run_id: bytes | None = RUN.encode()
    is_resent: bool = False


# Partition 0: three payments, a copy of the first, a heartbeat.
# Partition 1: one payment, two malformed records.
RECORDS = (
    Sent(0, 10, payment(1)),
    Sent(0, 11, payment(2)),
    Sent(0, 12, payment(1)),
    Sent(0, 13, control(1)),
    Sent(0, 14, payment(3)),
    Sent(1, 5, payment(4)),
    Sent(1, 6, payment(5, fare_minor=-1), b"t5"),
    Sent(1, 7, b"\xff\x00", b"t6"),
)
RANGES: dict[int, tuple[int, int | None]] = {0: (10, 15), 1: (5, 8)}
MALFORMED = {(1, 6): "out_of_range:fare_minor", (1, 7): "not_utf8"}
EVENTS = {(0, 10): "e1", (0, 11): "e2", (0, 14): "e3", (1, 5): "e4"}


def log_of(records: Sequence[Sent] = RECORDS, topic: str = TOPIC) -> TopicLog:
    builder = LogBuilder(topic, RUN)
    for record in records:
        builder.add(
            record.partition,
            record.offset,
            record.key,
            record.value,
            record.run_id,
            is_resent=record.is_resent,
        )
    for partition in {record.partition for record in records}:
        ends = [record.offset for record in records if record.partition == partition]
        builder.ends_at(partition, max(ends) + 1)
    return builder.build()


def place(partition: int, offset: int) -> int:
    return (partition << 48) | offset


def bronze_of(records: Sequence[Sent] = RECORDS) -> BronzeRows:
    return BronzeRows(
        place=np.array([place(r.partition, r.offset) for r in records], dtype=np.int64),
        digest=np.array([digest(r.value) for r in records], dtype=np.int64),
    )


def dlq_of(reasons: Sequence[tuple[tuple[int, int], str]] | None = None) -> DlqRows:
    rows = list(MALFORMED.items()) if reasons is None else list(reasons)
    values = {(r.partition, r.offset): r.value for r in RECORDS}
    return DlqRows(
        place=np.array([place(*at) for at, _ in rows], dtype=np.int64),
        digest=np.array([digest(values.get(at)) for at, _ in rows], dtype=np.int64),
        error_type=[reason.split(":")[0] for _, reason in rows],
        error_message=[reason for _, reason in rows],
    )


def staged_of(rows: Sequence[tuple[tuple[int, int], str]] | None = None) -> StagedRows:
    chosen = list(EVENTS.items()) if rows is None else list(rows)
    return StagedRows(
        place=np.array([place(*at) for at, _ in chosen], dtype=np.int64),
        event_id=pa.array([event_id for _, event_id in chosen], pa.string()),
    )


def truth_of(
    produced: Mapping[str, int] | None = None,
    reasons: Sequence[tuple[str, str]] = (("t5", "out_of_range:fare_minor"), ("t6", "not_utf8")),
    **changes: Any,
) -> Truth:
    counts = {"clean": 4, "duplicate": 1, "malformed": 2, "control": 1, **(produced or {})}
    fields: dict[str, Any] = {
        "run_id": RUN,
        "domain": "rideshare",
        "producer": "sim",
        "state": "ended",
        "configuration": {},
        "produced": {(TOPIC, kind): n for kind, n in counts.items()},
        "offsets": {TOPIC: RANGES},
        "faults": [Fault(key, TOPIC, "malformed", reason, key) for key, reason in reasons],
    }
    return Truth(**{**fields, **changes})
