"""A small made-up run as Kafka records: whole trips, payments, statuses, pings and controls.

Seeded and built from the contract's own structs, so that what it calls clean is clean.
"""

import itertools
import json
import random
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from contracts import domain, events
from contracts.events import CancelledBy, CancelReason, DriverStatus, TripState
from contracts.timestamps import epoch_ms, rfc3339

MIDNIGHT_MS = epoch_ms("2026-03-01T03:00:00Z")
"""The city's clocks go from February to March: what is kept by day or month is in two of them."""
START_MS = MIDNIGHT_MS - 300_000
HAPPY_PATH = (
    TripState.REQUESTED,
    TripState.OFFER_SENT,
    TripState.MATCHED,
    TripState.DRIVER_EN_ROUTE,
    TripState.DRIVER_ARRIVED,
    TripState.STARTED,
    TripState.COMPLETED,
)
ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Record:
    """One record of one topic; its place in the list of its partition is its offset."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


@dataclass
class Run:
    """Makes the records of one run, in the order in which they are sent."""

    seed: int
    run_id: str = "run-1"
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._sequence = itertools.count()

    def send(self, topic: domain.Topic, key: str, value: bytes | None) -> Record:
        """Append a record to the partition of its key."""
        partition = zlib.crc32(key.encode()) % domain.PARTITIONS
        record = Record(topic.name, partition, key.encode(), value)
        self.records.append(record)
        return record

    def envelope(
        self, event_type: str, moment_ms: int, trip_id: str | None = None
    ) -> dict[str, object]:
        """Return the fields that every event carries."""
        name = f"{self.run_id}/{event_type}/{next(self._sequence)}"
        return {
            "event_id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            "event_type": event_type,
            "schema_version": 1,
            "event_time": rfc3339(moment_ms),
            "run_id": self.run_id,
            "correlation_id": trip_id,
        }

    def trip(
        self, number: int, states: tuple[TripState, ...], start_ms: int
    ) -> Iterator[events.TripEvent]:
        """Yield the events of one trip through these states, one minute and 1 ms apart."""
        rng = random.Random(f"{self.seed}/{number}")
        trip_id, driver_id = f"trip-{number}", f"driver-{number % 50}"
        pickup, dropoff = (
            events.Place(
                lat=round(-23.5 - rng.random() / 5, 7),
                lon=round(-46.6 - rng.random() / 5, 7),
                zone_id=rng.choice((*range(1, 97), None)),
                h3="88a8100001fffff",
            )
            for _ in range(2)
        )
        fare, distance, duration = rng.randrange(700, 9000), round(rng.random() * 20_000, 3), 600.5
        previous: TripState | None = None
        for step, state in enumerate(states):
            is_cancelled = state is TripState.CANCELLED
            yield events.TripEvent(
                **self.envelope("trip_state_changed", start_ms + step * 60_001, trip_id),  # type: ignore[arg-type]
                trip_id=trip_id,
                state=state,
                previous_state=previous,
                rider_id=f"rider-{number % 70}",
                driver_id=None if state is TripState.REQUESTED else driver_id,
                pickup=pickup,
                dropoff=dropoff,
                offer_sequence=0 if state is TripState.REQUESTED else 1,
                surge_multiplier=1.0 + (number % 5) / 10,
                currency="BRL",
                fare_minor=fare if state is TripState.COMPLETED else None,
                distance_m=distance,
                duration_s=duration if state is TripState.COMPLETED else None,
                cancelled_by=CancelledBy.RIDER if is_cancelled else None,
                cancel_reason=CancelReason.RIDER_PATIENCE if is_cancelled else None,
            )
            previous = state

    def payment(self, completed: events.TripEvent) -> events.Payment:
        """Return the payment of a completed trip."""
        assert completed.fare_minor is not None
        fee = completed.fare_minor // 4
        return events.Payment(
            **self.envelope(
                "payment_settled", epoch_ms(completed.event_time) + 1, completed.trip_id
            ),  # type: ignore[arg-type]
            payment_id=f"pay-{completed.trip_id}",
            trip_id=completed.trip_id,
            rider_id=completed.rider_id,
            driver_id=completed.driver_id or "",
            method=self._random.choice(tuple(events.PaymentMethod)),
            fare_minor=completed.fare_minor,
            fee_minor=fee,
            payout_minor=completed.fare_minor - fee,
            tip_minor=self._random.choice((0, 200)),
            currency="BRL",
        )

    def ping(self, number: int, moment_ms: int) -> events.GpsPing:
        """Return one ping of one of fifty drivers."""
        return events.GpsPing(
            **self.envelope("gps_ping", moment_ms),  # type: ignore[arg-type]
            entity_type=events.EntityType.DRIVER,
            entity_id=f"driver-{number % 50}",
            lat=round(-23.5 - self._random.random() / 5, 7),
            lon=round(-46.6 - self._random.random() / 5, 7),
            speed_kmh=round(self._random.random() * 80, 3),
            heading_deg=90,
            accuracy_m=5.5,
            seq=number // 50 + 1,
            trip_id=self._random.choice((None, f"trip-{number}")),
            driver_status=DriverStatus.ON_TRIP,
        )

    def status(self, number: int, moment_ms: int) -> events.DriverStatusEvent:
        """Return one change of status."""
        return events.DriverStatusEvent(
            **self.envelope("driver_status_changed", moment_ms),  # type: ignore[arg-type]
            driver_id=f"driver-{number % 50}",
            previous_status=self._random.choice((None, DriverStatus.OFFLINE)),
            status=DriverStatus.AVAILABLE,
            lat=-23.5,
            lon=-46.6,
            zone_id=self._random.choice((None, 5)),
        )

    def control(self, topic: domain.Topic, event_type: str, moment_ms: int) -> None:
        """Send a control record to every partition of a topic."""
        for partition in range(domain.PARTITIONS):
            envelope = self.envelope(event_type, moment_ms)
            del envelope["correlation_id"]
            self.records.append(Record(topic.name, partition, None, json.dumps(envelope).encode()))


def city(seed: int, trips: int, pings_per_trip: int = 3) -> Run:
    """Return a clean run: two in three trips are completed and paid, others cancelled or open."""
    run = Run(seed)
    for number in range(trips):
        start_ms = START_MS + number * 5_000
        kind = number % 6
        states = {
            0: (TripState.REQUESTED, TripState.OFFER_SENT, TripState.CANCELLED),
            1: HAPPY_PATH[:4],
        }.get(kind, HAPPY_PATH)
        for event in run.trip(number, states, start_ms):
            run.send(domain.TRIPS, event.trip_id, ENCODER.encode(event))
            if event.state is TripState.COMPLETED:
                run.send(domain.PAYMENTS, event.trip_id, ENCODER.encode(run.payment(event)))
        for ping_number in range(pings_per_trip):
            ping = run.ping(number * pings_per_trip + ping_number, start_ms + ping_number * 4_000)
            run.send(domain.GPS_PINGS, ping.entity_id, ENCODER.encode(ping))
        status = run.status(number, start_ms)
        run.send(domain.DRIVER_STATUS, status.driver_id, ENCODER.encode(status))
        if number % 50 == 0:
            for topic in STAGED:
                run.control(topic, "stream_heartbeat", start_ms)
    for topic in STAGED:
        run.control(topic, "stream_end", START_MS + trips * 5_000 + domain.STREAM_END_MARGIN_MS)
    return run


STAGED = domain.INPUT_TOPICS
