"""Trip assembly on a real broker and a local Flink, against an independent computation."""

import itertools
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message, Producer

from contracts.domain import ASSEMBLED_TRIPS, TAXI_TRIP_EVENTS
from contracts.events import ControlRecord, TaxiTripEvent, TaxiTripPart
from contracts.live import AssembledTrip
from contracts.rules import TRIP_MEMORY_MS, TRIP_TIMEOUT_MS
from contracts.timestamps import epoch_ms, rfc3339
from flink_jobs.jobs import trip_assembly
from tests.trip_parts import HOUR_MS, START_MS, expected, made_up, part

RunJob = Callable[..., None]
ReadTopic = Callable[[str], list[Message]]
ReadTables = Callable[[Iterable[str]], dict[str, list[dict[str, Any]]]]
TRIPS = 400


def control(at_ms: int) -> bytes:
    return msgspec.json.encode(
        ControlRecord(
            event_id=str(uuid.uuid4()),
            event_type="stream_end",
            schema_version=1,
            event_time=rfc3339(at_ms),
            run_id="run",
        )
    )


def broken(rng: random.Random, event: TaxiTripEvent) -> bytes | None:
    value = msgspec.json.encode(event)
    return rng.choice(
        [
            None,
            b"\xff",
            value[:50],
            value.replace(b'"trip_id":"', b'"trip_id":1,"was":"'),
            value.replace(b'"schema_version":1', b'"schema_version":2'),
        ]
    )


@pytest.mark.timeout(900)
def test_trips_equal_an_independent_computation_however_their_parts_come(
    run_job: RunJob, read_topic: ReadTopic, read_tables: ReadTables, kafka: str
) -> None:
    rng = random.Random(5)
    run = f"{uuid.uuid4()}-"
    events = made_up(rng, TRIPS, prefix=run)
    truth = expected(events)
    start_wall_ms = int(time.time() * 1000)

    lanes: dict[int, list[bytes | None]] = defaultdict(list)
    copies = [event for event in events for _ in range(rng.choice((1, 1, 2)))]
    placed = [
        (epoch_ms(e.event_time) + rng.randrange(8 * HOUR_MS), n) for n, e in enumerate(copies)
    ]
    for _, number in sorted(placed):
        event = copies[number]
        lane = lanes[hash(event.trip_id) % 4]
        lane.append(msgspec.json.encode(event))
        if rng.random() < 0.05:
            lane.append(broken(rng, event))
    newest_ms = max(epoch_ms(e.event_time) for e in events)
    for partition in range(4):
        lanes[partition].append(control(newest_ms + TRIP_TIMEOUT_MS + 900_000))
    # Completed after its time-out, and a part that comes when its trip may have been forgotten.
    first, *rest = (part(f"{run}x", kind.value, START_MS, 3) for kind in TaxiTripPart)
    last = part(f"{run}x", "payment_processed", newest_ms + TRIP_TIMEOUT_MS, 3)
    lanes[0] = [msgspec.json.encode(first), *lanes[0], msgspec.json.encode(rest[0])]
    lanes[0].append(msgspec.json.encode(last))
    truth |= expected([first, rest[0], last])
    lanes[1].append(control(newest_ms + TRIP_MEMORY_MS + 1))
    late = msgspec.json.encode(part(f"{run}late", "trip_started", newest_ms, 1))
    lanes[1].append(late)

    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 20})
    for partition, values in lanes.items():
        for value in values:
            producer.produce(TAXI_TRIP_EVENTS.name, value, b"trip", partition)
        assert producer.flush(60) == 0
    run_job(trip_assembly, "--start-wall-ms", str(start_wall_ms))

    def told() -> dict[str, list[AssembledTrip]]:
        found: dict[str, list[AssembledTrip]] = defaultdict(list)
        for message in read_topic(ASSEMBLED_TRIPS.name):
            trip = msgspec.json.decode(message.value() or b"", type=AssembledTrip)
            if trip.trip_id.startswith(run):
                assert (message.key() or b"").decode() == trip.trip_id
                found[trip.trip_id].append(trip)
        return found

    first_time = told()
    newest = {key: max(trips, key=lambda t: t.revision) for key, trips in first_time.items()}
    found = {k: msgspec.structs.replace(trip, revision=0) for k, trip in newest.items()}
    assert found == truth
    assert sum(not trip.is_complete for trip in found.values()) > TRIPS / 5
    assert newest[f"{run}x"].is_complete
    values = Counter(m.value() for m in read_topic(TAXI_TRIP_EVENTS.late))
    assert values[late] == 1
    assert not any(value and run.encode() in value and value != late for value in values)

    def kept() -> set[AssembledTrip]:
        names = AssembledTrip.__struct_fields__
        rows = read_tables([ASSEMBLED_TRIPS.stream_table])[ASSEMBLED_TRIPS.stream_table]
        trips = {AssembledTrip(**{name: row[name] for name in names}) for row in rows}
        return {trip for trip in trips if trip.trip_id.startswith(run)}

    assert kept() == set(itertools.chain(*first_time.values()))

    # All parts delivered a second time: the same trips, whatever their revision.
    run_job(trip_assembly, "--start-wall-ms", str(start_wall_ms), "--parallelism", "2")
    again = {key: max(trips, key=lambda t: t.revision) for key, trips in told().items()}
    assert {k: msgspec.structs.replace(trip, revision=0) for k, trip in again.items()} == truth
