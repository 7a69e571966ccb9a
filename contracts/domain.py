"""Domains and their topics: names, keys, limits. More domains are more rows here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import msgspec

from contracts import events
from contracts.timestamps import epoch_ms

PARTITIONS: Final = 4
INPUT_MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
DLQ_MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
INPUT_RETENTION_MS: Final = 7 * 24 * 3600 * 1000
HEADER_RUN_ID: Final = "run_id"
HEADER_TRACEPARENT: Final = "traceparent"
DLQ_HEADERS: Final = ("topic", "partition", "offset", "reason", "detected_at")
HEARTBEAT_INTERVAL_MS: Final = 10_000
"""Event time between two `stream_heartbeat` records on one partition."""
STREAM_END_MARGIN_MS: Final = 15 * 60 * 1000
"""How far past the newest event a `stream_end` lies: beyond every window and its lateness."""


_UNPREFIXED: Final = "rideshare"
"""The domain whose staging tables do without its name."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One input topic: entity name, event struct, the field that is the record key."""

    domain: str
    entity: str
    event: type[events.Envelope]
    key_field: str

    @property
    def name(self) -> str:
        """Name of the Kafka topic."""
        return f"{self.domain}.{self.entity}"

    @property
    def dlq(self) -> str:
        """Topic that takes the malformed records."""
        return f"{self.name}.dlq"

    @property
    def late(self) -> str:
        """Topic that takes the records that came later than a job allows."""
        return f"{self.name}.late"

    @property
    def bronze_table(self) -> str:
        """Iceberg table, `namespace.name`, that keeps every byte."""
        return f"bronze.{self.domain}_{self.entity}"

    @property
    def dlq_table(self) -> str:
        """Iceberg table, `namespace.name`, of the malformed records."""
        return f"bronze.dlq_{self.domain}_{self.entity}"

    @property
    def staging_table(self) -> str:
        """Iceberg table, `namespace.name`, of the well-formed events, each once."""
        name = self.entity if self.domain == _UNPREFIXED else f"{self.domain}_{self.entity}"
        return f"silver.stg_{name}"


@dataclass(frozen=True, slots=True)
class DerivedTopic:
    """One topic that a job writes, and whether it is compacted by key."""

    domain: str
    entity: str
    key_fields: tuple[str, ...]
    retention_ms: int = 24 * 3600 * 1000

    @property
    def name(self) -> str:
        """Name of the Kafka topic."""
        return f"{self.domain}.{self.entity}"

    @property
    def stream_table(self) -> str:
        """Iceberg table, `namespace.name`, of those topics whose job keeps its results."""
        return f"stream.{self.domain}_{self.entity}"


@dataclass(frozen=True, slots=True)
class Domain:
    """Topics of one domain and the event times it accepts (epoch milliseconds, both inclusive)."""

    name: str
    earliest_ms: int
    latest_ms: int
    inputs: tuple[Topic, ...]
    derived: tuple[DerivedTopic, ...] = field(default=())

    def accepts(self, event_time_ms: int) -> bool:
        """Return whether an event time lies inside the range of the domain."""
        return self.earliest_ms <= event_time_ms <= self.latest_ms


def _rideshare(entity: str, event: type[events.Envelope], key_field: str) -> Topic:
    return Topic("rideshare", entity, event, key_field)


TRIPS: Final = _rideshare("trips", events.TripEvent, "trip_id")
GPS_PINGS: Final = _rideshare("gps_pings", events.GpsPing, "entity_id")
DRIVER_STATUS: Final = _rideshare("driver_status", events.DriverStatusEvent, "driver_id")
SURGE_UPDATES: Final = _rideshare("surge_updates", events.SurgeUpdate, "zone_id")
RATINGS: Final = _rideshare("ratings", events.Rating, "trip_id")
PAYMENTS: Final = _rideshare("payments", events.Payment, "trip_id")
DRIVER_PROFILES: Final = _rideshare("driver_profiles", events.DriverProfile, "driver_id")
RIDER_PROFILES: Final = _rideshare("rider_profiles", events.RiderProfile, "rider_id")
TAXI_TRIPS: Final = Topic("taxi", "trips", events.TaxiTrip, "region_id")
TAXI_TRIP_EVENTS: Final = Topic("taxi", "trip_events", events.TaxiTripEvent, "trip_id")

LIVE_POSITIONS: Final = DerivedTopic("rideshare", "live_positions", ("entity_id",), 3600 * 1000)
ZONE_METRICS: Final = DerivedTopic("rideshare", "zone_metrics", ("zone_id", "window_end_ms"))
GPS_AGGREGATES: Final = DerivedTopic(
    "rideshare", "gps_aggregates", ("subject", "subject_id", "window_start_ms")
)
ANOMALIES: Final = DerivedTopic("rideshare", "anomalies", ("anomaly_id",))
REGION_WINDOWS: Final = DerivedTopic("taxi", "region_windows", ("region_id", "window_start_ms"))
ASSEMBLED_TRIPS: Final = DerivedTopic("taxi", "assembled_trips", ("trip_id",))

RIDESHARE: Final = Domain(
    name="rideshare",
    earliest_ms=epoch_ms("2020-01-01T00:00:00Z"),
    latest_ms=epoch_ms("2039-12-31T23:59:59.999Z"),
    inputs=(
        TRIPS,
        GPS_PINGS,
        DRIVER_STATUS,
        SURGE_UPDATES,
        RATINGS,
        PAYMENTS,
        DRIVER_PROFILES,
        RIDER_PROFILES,
    ),
    derived=(LIVE_POSITIONS, ZONE_METRICS, GPS_AGGREGATES, ANOMALIES),
)
TAXI: Final = Domain(
    name="taxi",
    earliest_ms=epoch_ms("2009-01-01T00:00:00Z"),
    latest_ms=epoch_ms("2039-12-31T23:59:59.999Z"),
    inputs=(TAXI_TRIPS, TAXI_TRIP_EVENTS),
    derived=(REGION_WINDOWS, ASSEMBLED_TRIPS),
)
DOMAINS: Final[Mapping[str, Domain]] = MappingProxyType({d.name: d for d in (RIDESHARE, TAXI)})
INPUT_TOPICS: Final[tuple[Topic, ...]] = tuple(t for d in DOMAINS.values() for t in d.inputs)
DERIVED_TOPICS: Final[tuple[DerivedTopic, ...]] = tuple(
    t for d in DOMAINS.values() for t in d.derived
)


def input_topic(name: str) -> Topic:
    """Return the input topic of this name.

    Raises:
        KeyError: No domain has it; the message lists the known ones.
    """
    for topic in INPUT_TOPICS:
        if topic.name == name:
            return topic
    raise KeyError(f"no input topic {name!r}: known are {', '.join(t.name for t in INPUT_TOPICS)}")


class TopicSpec(msgspec.Struct, frozen=True):
    """How one Kafka topic is created."""

    name: str
    partitions: int
    config: dict[str, str]


def topic_specs() -> tuple[TopicSpec, ...]:
    """Return every topic of every domain as it must be created: inputs, DLQ, late, derived."""
    specs: list[TopicSpec] = []
    for topic in INPUT_TOPICS:
        common = {"retention.ms": str(INPUT_RETENTION_MS), "message.timestamp.type": "CreateTime"}
        specs.append(
            TopicSpec(
                topic.name,
                PARTITIONS,
                {**common, "max.message.bytes": str(INPUT_MAX_MESSAGE_BYTES)},
            )
        )
        for name in (topic.dlq, topic.late):
            specs.append(
                TopicSpec(
                    name, PARTITIONS, {**common, "max.message.bytes": str(DLQ_MAX_MESSAGE_BYTES)}
                )
            )
    specs += [
        TopicSpec(d.name, PARTITIONS, {"retention.ms": str(d.retention_ms)}) for d in DERIVED_TOPICS
    ]
    return tuple(specs)
