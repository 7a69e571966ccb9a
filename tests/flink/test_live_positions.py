"""Valid pings, each once, on the derived topic; whatever else comes is passed over."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from contracts.domain import GPS_PINGS, LIVE_POSITIONS
from contracts.live import Position
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason
from flink_jobs.jobs import live_positions

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


def test_each_valid_ping_once_and_nothing_else(
    run_job: Any, produce: Any, read_topic: Any, samples: Mapping[str, bytes]
) -> None:
    run_id = str(uuid.uuid4())
    ping = {**json.loads(samples[GPS_PINGS.name]), "run_id": run_id}

    def variant(event_id: str, **fields: Any) -> bytes:
        return json.dumps({**ping, "event_id": f"{event_id} {run_id}", **fields}).encode()

    good = [
        variant("plain"),
        variant("nulls", driver_status=None, trip_id=None, entity_type="rider"),
        variant("bounds", lat=-90, lon=180, speed_kmh=0, heading_deg=360, accuracy_m=0, seq=0),
        variant("whole-second", event_time="2026-03-02T09:00:07Z"),
        variant("micros", event_time="2026-03-02T09:00:07.123456Z"),
        variant("unknown-field", more={"a": 1}),
    ]
    bad: list[bytes | None] = [
        None,
        b"",
        b"\xff",
        b"[]",
        good[0][:60],
        variant("version", schema_version=2),
        variant("type", event_type="trip_state_changed"),
        variant("time-null", event_time=None),
        variant("time-text", event_time="soon"),
        variant("time-far", event_time="2099-01-01T00:00:00.000Z"),
        variant("time-old", event_time="1999-01-01T00:00:00.000Z"),
        variant("lat", lat=90.5),
        variant("lat-text", lat="north"),
        variant("lon-null", lon=None),
        variant("speed", speed_kmh=-1),
        variant("heading", heading_deg=361),
        variant("accuracy", accuracy_m=-0.1),
        variant("seq", seq=-1),
        variant("entity", entity_id=""),
        variant("entity-type", entity_type="bus"),
        variant("status", driver_status="asleep"),
        json.dumps(
            {
                "event_id": "beat",
                "event_type": "stream_heartbeat",
                "schema_version": 1,
                "event_time": "2026-03-02T09:00:10.000Z",
                "run_id": run_id,
            }
        ).encode(),
    ]
    control = bad[-1]
    assert [reject_reason(GPS_PINGS.name, value) for value in good] == [None] * len(good)
    assert None not in [reject_reason(GPS_PINGS.name, v) for v in bad if v is not control]
    for value in [*good, *bad, *good]:
        produce(GPS_PINGS.name, value, b"driver")

    run_job(live_positions)

    found: dict[str, list[Position]] = {}
    for message in read_topic(LIVE_POSITIONS.name):
        if run_id.encode() in (message.value() or b""):  # the topic is shared with other tests
            position = msgspec.json.decode(message.value(), type=Position, strict=True)
            assert message.key() == position.entity_id.encode()
            found.setdefault(position.event_id, []).append(position)
    sent = {event["event_id"]: event for event in map(json.loads, good)}
    assert {event_id: len(copies) for event_id, copies in found.items()} == dict.fromkeys(sent, 1)
    for event_id, event in sent.items():
        for name in Position.__struct_fields__:
            value = getattr(found[event_id][0], name)
            expected = epoch_ms(event["event_time"]) if name == "event_time_ms" else event[name]
            assert value == expected, (event_id, name)
