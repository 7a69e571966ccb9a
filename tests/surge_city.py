"""A small city for the surge tests: events with faults on partitions, and what they must give.

`expected_metrics` is written from the words of the design (counts at every tick, by looking at all
events), not from the job: it shares no code with it except the formulas in `contracts.rules`.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from contracts.domain import DRIVER_STATUS, PARTITIONS, TRIPS
from contracts.events import (
    UNMATCHED_STATES,
    ControlRecord,
    DriverStatus,
    DriverStatusEvent,
    Place,
    TripEvent,
    TripState,
)
from contracts.live import ZoneMetrics
from contracts.rules import smoothed_ratio, surge_multiplier, surge_ratio
from contracts.timestamps import epoch_ms, rfc3339

START_MS = epoch_ms("2026-03-02T09:00:00Z")
SLIDE_MS = 10_000
LIMIT_MS = 15_000
"""Written again on purpose: whoever changes the contract changes this test knowingly."""
ANSWERS = (TripState.MATCHED, TripState.OFFER_REJECTED, TripState.OFFER_EXPIRED)
Event = TripEvent | DriverStatusEvent | ControlRecord
Lane = tuple[str, int]


@dataclass(frozen=True)
class Sent:
    """One record as it lies on its partition."""

    event: Event
    value: bytes = field(repr=False, default=b"")

    @property
    def event_ms(self) -> int:
        return epoch_ms(self.event.event_time)


@dataclass(frozen=True)
class Counted:
    """An event and the instant from which it counts."""

    event: Event
    event_ms: int
    effective_ms: int


def sent(event: Event) -> Sent:
    return Sent(event, msgspec.json.encode(event))


def trip_event(
    trip_id: str,
    state: TripState,
    at_ms: int,
    zone_id: int | None,
    run_id: str = "run-1",
    offer: int = 0,
    eta_s: float | None = None,
) -> TripEvent:
    place = Place(lat=-23.5, lon=-46.6, zone_id=zone_id, h3="88a8100001fffff")
    return TripEvent(
        event_id=f"{trip_id}-{state}-{at_ms}",
        event_type="trip_state_changed",
        schema_version=1,
        event_time=rfc3339(at_ms),
        run_id=run_id,
        trip_id=trip_id,
        state=state,
        previous_state=None,
        rider_id="rider",
        driver_id=None,
        pickup=place,
        dropoff=place,
        offer_sequence=offer,
        pickup_eta_s=eta_s,
        surge_multiplier=1.0,
        currency="BRL",
    )


def status_event(
    driver_id: str, status: DriverStatus, at_ms: int, zone_id: int | None, run_id: str = "run-1"
) -> DriverStatusEvent:
    return DriverStatusEvent(
        event_id=f"{driver_id}-{at_ms}",
        event_type="driver_status_changed",
        schema_version=1,
        event_time=rfc3339(at_ms),
        run_id=run_id,
        driver_id=driver_id,
        previous_status=None,
        status=status,
        lat=-23.5,
        lon=-46.6,
        zone_id=zone_id,
    )


def control(kind: str, at_ms: int, run_id: str = "run-1") -> ControlRecord:
    return ControlRecord(
        event_id=f"{kind}-{at_ms}",
        event_type=kind,  # type: ignore[arg-type]
        schema_version=1,
        event_time=rfc3339(at_ms),
        run_id=run_id,
    )


def city_events(
    rng: random.Random,
    minutes: int,
    trips: int,
    drivers: int,
    zones: int,
    run_id: str = "run-1",
) -> list[Event]:
    """Return trips and statuses of a city; every trip ends, every driver goes off duty."""
    span_ms = minutes * 60_000
    events: list[Event] = []
    for number in range(trips):
        at_ms = START_MS + rng.randrange(span_ms)
        zone_id = (
            rng.choice([None, *range(1, zones + 1)])
            if rng.random() < 0.1
            else rng.randrange(1, zones + 1)
        )
        trip_id = f"trip-{number}"
        states = [TripState.REQUESTED]
        for _ in range(rng.randrange(3)):
            states += [
                TripState.OFFER_SENT,
                rng.choice([TripState.OFFER_EXPIRED, TripState.OFFER_REJECTED]),
            ]
        states += rng.choice(
            [
                [TripState.CANCELLED],
                [TripState.OFFER_SENT, TripState.MATCHED, TripState.CANCELLED],
                [
                    TripState.OFFER_SENT,
                    TripState.MATCHED,
                    TripState.DRIVER_EN_ROUTE,
                    TripState.STARTED,
                ],
            ]
        )
        offer, eta_s = 0, None
        for state in states:
            if state is TripState.OFFER_SENT:
                offer += 1
                eta_s = rng.choice([None, rng.randrange(9_000) / 10])
            events.append(trip_event(trip_id, state, at_ms, zone_id, run_id, offer, eta_s))
            at_ms += 1 + rng.randrange(rng.choice([1_000, 20_000, 60_000]))
    for number in range(drivers):
        at_ms = START_MS + rng.randrange(60_000)
        while at_ms < START_MS + span_ms:
            status = rng.choice([DriverStatus.AVAILABLE, DriverStatus.AVAILABLE, *DriverStatus])
            zone_id = rng.choice([None, *range(1, zones + 1)])
            events.append(status_event(f"driver-{number}", status, at_ms, zone_id, run_id))
            at_ms += 1 + rng.randrange(rng.choice([5_000, 120_000]))
        events.append(status_event(f"driver-{number}", DriverStatus.OFFLINE, at_ms, None, run_id))
    return events


def entity_of(event: Event) -> str:
    if isinstance(event, TripEvent):
        return event.trip_id
    return event.driver_id if isinstance(event, DriverStatusEvent) else ""


def laid_out(
    events: list[Event],
    rng: random.Random,
    disorder_ms: int = LIMIT_MS,
    late_share: float = 0.0,
    duplicate_share: float = 0.05,
    heartbeat_ms: int = SLIDE_MS,
    run_id: str = "run-1",
) -> dict[Lane, list[Sent]]:
    """Return the partitions of both topics: disorder within the limit, copies, heartbeats, an end.

    An event moves back by at most `disorder_ms` of event time, late ones by up to three minutes.
    """
    last_ms = max(epoch_ms(event.event_time) for event in events)
    lanes: dict[Lane, list[tuple[int, int, Event]]] = defaultdict(list)
    entities: dict[str, int] = {}
    for number, event in enumerate(sorted(events, key=lambda e: e.event_time)):
        topic = TRIPS.name if isinstance(event, TripEvent) else DRIVER_STATUS.name
        lane = (topic, entities.setdefault(entity_of(event), rng.randrange(PARTITIONS)))
        copies = 2 if rng.random() < duplicate_share else 1
        for _ in range(copies):
            delay_ms = rng.randrange(disorder_ms + 1) if rng.random() < 0.5 else 0
            if rng.random() < late_share:
                delay_ms = LIMIT_MS + rng.randrange(180_000)
            lanes[lane].append((epoch_ms(event.event_time) + delay_ms, number, event))
    end_ms = last_ms + 900_000
    for topic in (TRIPS.name, DRIVER_STATUS.name):
        for partition in range(PARTITIONS):
            lane = (topic, partition)
            for at_ms in range(START_MS, last_ms + heartbeat_ms, heartbeat_ms):
                lanes[lane].append((at_ms, -1, control("stream_heartbeat", at_ms, run_id)))
            lanes[lane].append((2**62, -1, control("stream_end", end_ms, run_id)))
    return {
        lane: [sent(event) for _, _, event in sorted(rows, key=lambda row: row[:2])]
        for lane, rows in lanes.items()
    }


def counted(lanes: dict[Lane, list[Sent]]) -> list[Counted]:
    """Return every event with the instant from which it counts."""
    result = []
    for records in lanes.values():
        high_ms = 0
        for record in records:
            high_ms = max(high_ms, record.event_ms)
            if not isinstance(record.event, ControlRecord):
                effective_ms = max(record.event_ms, high_ms - LIMIT_MS)
                result.append(Counted(record.event, record.event_ms, effective_ms))
    return result


def end_watermark_ms(lanes: dict[Lane, list[Sent]]) -> int:
    return min(max(r.event_ms for r in records) for records in lanes.values()) - LIMIT_MS - 1


def expected_metrics(
    lanes: dict[Lane, list[Sent]], last_tick_ms: int | None = None
) -> dict[tuple[int, int], ZoneMetrics]:
    """Return what every zone must say, by (zone, window end), with `late_records` left at 0."""
    facts = counted(lanes)
    last_ms = end_watermark_ms(lanes) if last_tick_ms is None else last_tick_ms
    trips: dict[str, list[Counted]] = defaultdict(list)
    drivers: dict[str, list[Counted]] = defaultdict(list)
    for fact in facts:
        (trips if isinstance(fact.event, TripEvent) else drivers)[entity_of(fact.event)].append(
            fact
        )
    zones = {z for f in facts if (z := _zone_of(f.event)) is not None}
    samples: dict[int, list[float]] = {zone: [] for zone in zones}
    was_speaking = dict.fromkeys(zones, False)
    result = {}
    for tick_ms in range(START_MS // SLIDE_MS * SLIDE_MS, last_ms + 1, SLIDE_MS):
        waiting, idle = _open_at(trips, tick_ms), _idle_at(drivers, tick_ms)
        answered = _answered_at(trips, tick_ms)
        for zone in zones:
            ratio = surge_ratio(waiting[zone], idle[zone])
            samples[zone] = [*samples[zone], ratio][-30:]
            smoothed = smoothed_ratio(samples[zone])
            speaks = bool(waiting[zone] or idle[zone] or smoothed)
            if speaks or was_speaking[zone]:
                result[(zone, tick_ms)] = ZoneMetrics(
                    zone_id=zone,
                    window_start_ms=tick_ms - 300_000,
                    window_end_ms=tick_ms,
                    open_requests=waiting[zone],
                    idle_drivers=idle[zone],
                    ratio=ratio,
                    smoothed_ratio=smoothed,
                    multiplier=surge_multiplier(smoothed),
                    late_records=0,
                    run_id="run-1",
                    acceptance=_share(answered[zone]),
                    mean_pickup_eta_s=_mean_eta_s(answered[zone]),
                )
            was_speaking[zone] = speaks
    return result


def _answered_at(trips: dict[str, list[Counted]], tick_ms: int) -> dict[int, list[TripEvent]]:
    """Return the answers to offers of the last five minutes by zone, each once."""
    result: dict[int, list[TripEvent]] = defaultdict(list)
    for facts in trips.values():
        first: dict[str, Counted] = {}
        for fact in facts:
            if isinstance(fact.event, TripEvent) and fact.event.state in ANSWERS:
                first.setdefault(fact.event.event_id, fact)
        zone = _zone_of(facts[0].event)
        for fact in first.values():
            is_within = tick_ms - 300_000 < fact.effective_ms <= tick_ms
            if zone is not None and is_within and isinstance(fact.event, TripEvent):
                result[zone].append(fact.event)
    return result


def _share(answers: list[TripEvent]) -> float | None:
    accepted = sum(event.state is TripState.MATCHED for event in answers)
    return accepted / len(answers) if answers else None


def _mean_eta_s(answers: list[TripEvent]) -> float | None:
    matched = [event for event in answers if event.state is TripState.MATCHED]
    known = [event.pickup_eta_s for event in matched if event.pickup_eta_s is not None]
    return round(sum(round(eta * 1000) for eta in known) / len(known) / 1000, 3) if known else None


def without_late(metrics: ZoneMetrics) -> ZoneMetrics:
    return msgspec.structs.replace(metrics, late_records=0)


def _zone_of(event: Event) -> int | None:
    if isinstance(event, TripEvent):
        return event.pickup.zone_id
    return event.zone_id if isinstance(event, DriverStatusEvent) else None


def _open_at(trips: dict[str, list[Counted]], tick_ms: int) -> dict[int, int]:
    result: dict[int, int] = defaultdict(int)
    for facts in trips.values():
        states = {
            f.event.state
            for f in facts
            if isinstance(f.event, TripEvent) and f.effective_ms <= tick_ms
        }
        zone = _zone_of(facts[0].event)
        if zone is not None and states and states <= UNMATCHED_STATES:
            result[zone] += 1
    return result


def _idle_at(drivers: dict[str, list[Counted]], tick_ms: int) -> dict[int, int]:
    result: dict[int, int] = defaultdict(int)
    for facts in drivers.values():
        known = [f for f in facts if f.effective_ms <= tick_ms]
        if not known:
            continue
        newest = max(known, key=lambda f: (f.event_ms, f.event.event_id)).event
        if (
            isinstance(newest, DriverStatusEvent)
            and newest.status is DriverStatus.AVAILABLE
            and newest.zone_id is not None
        ):
            result[newest.zone_id] += 1
    return result
