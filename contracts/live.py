"""What derived topics, Redis and the WebSocket carry: the newest values of the live side."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from contracts.anomalies import AnomalyKind, AnomalyPhase, Severity
from contracts.domain import (
    ANOMALIES,
    ASSEMBLED_TRIPS,
    GPS_AGGREGATES,
    LIVE_POSITIONS,
    REGION_WINDOWS,
    ZONE_METRICS,
)
from contracts.events import DriverStatus, EntityType
from contracts.units import (
    Count,
    Currency,
    Degrees,
    EpochMs,
    Identifier,
    KilometresPerHour,
    Latitude,
    Longitude,
    Metres,
    MinorUnits,
    Multiplier,
    Ratio,
    Seconds,
    SignedMinorUnits,
    ZoneId,
)


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The newest position of one driver or rider. Record of `rideshare.live_positions`."""

    entity_id: Identifier
    entity_type: EntityType
    lat: Latitude
    lon: Longitude
    speed_kmh: KilometresPerHour
    heading_deg: Degrees
    driver_status: DriverStatus | None
    trip_id: Identifier | None
    seq: Count
    event_time_ms: EpochMs
    event_id: Identifier
    run_id: Identifier


class PositionFrame(msgspec.Struct, frozen=True, kw_only=True):
    """Newest positions of one coarse cell within one frame of at most 100 ms of wall time."""

    cell: str
    positions: list[Position]


class ZoneMetrics(msgspec.Struct, frozen=True, kw_only=True):
    """One zone at the end of one window.

    Record of `rideshare.zone_metrics`; times are epoch milliseconds.

    `ratio` is open_requests / max(1, idle_drivers) at the window's end, `smoothed_ratio` its mean
    over the window. `acceptance` is the share of accepted offers among those answered (accepted,
    rejected, expired) within the window for pickups in the zone, `mean_pickup_eta_s` the mean time
    to the pickup that the accepted ones promised; both null where there was none.
    """

    zone_id: ZoneId
    window_start_ms: EpochMs
    window_end_ms: EpochMs
    open_requests: Count
    idle_drivers: Count
    ratio: float
    smoothed_ratio: float
    multiplier: Multiplier
    late_records: Count
    run_id: Identifier
    acceptance: Ratio | None = None
    mean_pickup_eta_s: Seconds | None = None


class GpsAggregate(msgspec.Struct, frozen=True, kw_only=True):
    """The pings of one driver, or of the drivers in one zone, in one 1-minute tumbling window.

    Record of `rideshare.gps_aggregates`; times are epoch milliseconds. A zone has the pings sent
    from inside it; riders' pings are in none. `distance_m` is the sum of the great-circle distances
    from each ping's predecessor (`contracts.rules.leg_m`), `p95_speed_kmh` is continuous (linear
    interpolation between closest ranks), `idle_share` the share of pings with status available.
    """

    subject: Literal["driver", "zone"]
    subject_id: Identifier
    window_start_ms: EpochMs
    window_end_ms: EpochMs
    ping_count: Count
    distance_m: Metres
    mean_speed_kmh: KilometresPerHour
    p95_speed_kmh: KilometresPerHour
    idle_share: Ratio
    run_id: Identifier


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with the positions of an entity. Record of `rideshare.anomalies`.

    `anomaly_id` follows from the evidence, so the same evidence never makes two. What lasts
    (zombie driver, frozen GPS) comes again with phase `cleared` once it has ended. The evidence:
    the point itself (`event_id`, `event_time_ms`, `lat`, `lon`) and the accepted one before it;
    `speed_kmh` is null for a move in no time; `lasted_ms` is how long it has been so, null for a
    single ping.
    """

    anomaly_id: Identifier
    kind: AnomalyKind
    phase: AnomalyPhase
    severity: Severity
    rule_version: Count
    reason: str
    entity_id: Identifier
    entity_type: EntityType
    event_time_ms: EpochMs
    run_id: Identifier
    event_id: Identifier | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    accuracy_m: Metres | None = None
    previous_event_time_ms: EpochMs | None = None
    previous_lat: Latitude | None = None
    previous_lon: Longitude | None = None
    distance_m: Metres | None = None
    speed_kmh: KilometresPerHour | None = None
    lasted_ms: Count | None = None

    @property
    def is_open(self) -> bool:
        """Whether it lasts: it was raised, and its end is still to come."""
        return self.phase is AnomalyPhase.RAISED and self.lasted_ms is not None


class RegionWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One region and one 1-minute tumbling window of taxi trips. Record of `taxi.region_windows`.

    Percentiles are continuous (linear interpolation between closest ranks, as SQL's
    percentile_cont).
    """

    region_id: ZoneId
    window_start_ms: EpochMs
    window_end_ms: EpochMs
    trip_count: Count
    average_fare_minor: float
    total_distance_m: Metres
    average_duration_s: Seconds
    p50_duration_s: Seconds
    p95_duration_s: Seconds
    currency: Currency
    is_final: bool = True
    p99_duration_s: Seconds | None = None


class AssembledTrip(msgspec.Struct, frozen=True, kw_only=True):
    """One taxi trip put together from its parts. Record of `taxi.assembled_trips`.

    `missing` names the parts that had not come, separated by commas, and is empty for a complete
    trip. `revision` counts what was given out for the trip, from 1: the highest is the newest.
    """

    trip_id: Identifier
    run_id: Identifier
    revision: Count
    is_complete: bool
    missing: str
    region_id: ZoneId | None = None
    started_at_ms: EpochMs | None = None
    ended_at_ms: EpochMs | None = None
    paid_at_ms: EpochMs | None = None
    passenger_count: Count | None = None
    dropoff_zone_id: ZoneId | None = None
    distance_m: Metres | None = None
    duration_s: Seconds | None = None
    fare_minor: MinorUnits | None = None
    total_minor: SignedMinorUnits | None = None
    tip_minor: SignedMinorUnits | None = None
    currency: Currency | None = None
    payment_type: str | None = None


DERIVED_STRUCTS: Final[Mapping[str, type[msgspec.Struct]]] = MappingProxyType(
    {
        LIVE_POSITIONS.name: Position,
        ZONE_METRICS.name: ZoneMetrics,
        GPS_AGGREGATES.name: GpsAggregate,
        ANOMALIES.name: Anomaly,
        REGION_WINDOWS.name: RegionWindow,
        ASSEMBLED_TRIPS.name: AssembledTrip,
    }
)
"""What the records of each derived topic are."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag="snapshot", tag_field="type"):
    """First message after a subscription: everything in view, as of `sequence`."""

    sequence: int
    server_time_ms: EpochMs
    positions: list[Position]
    zones: list[ZoneMetrics]
    anomalies: list[Anomaly]


class Delta(msgspec.Struct, frozen=True, kw_only=True, tag="delta", tag_field="type"):
    """What changed since the message with `sequence - 1`: newest value per entity wins.

    `removed` are entities that are gone or left the viewport, `removed_anomalies` identifiers that
    are no longer kept for viewers.
    """

    sequence: int
    server_time_ms: EpochMs
    positions: list[Position]
    zones: list[ZoneMetrics]
    anomalies: list[Anomaly]
    removed: list[str]
    removed_anomalies: list[str]


class Problem(msgspec.Struct, frozen=True, kw_only=True, tag="error", tag_field="type"):
    """A client message that could not be followed, and what to do."""

    message: str


class Viewport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounding box in degrees; west <= east, south <= north."""

    west: Longitude
    south: Latitude
    east: Longitude
    north: Latitude


class Subscribe(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="subscribe",
    tag_field="type",
    forbid_unknown_fields=True,
):
    """Client message: which channels, and which part of the map (no viewport: everything).

    With a viewport come the anomalies inside it and those without a place, or those of the whole
    city where `anomalies_everywhere` says so.
    """

    channels: list[Literal["positions", "surge", "anomalies"]]
    viewport: Viewport | None = None
    anomalies_everywhere: bool = False
