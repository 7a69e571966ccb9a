"""The records on the topics: one struct per event, one JSON object per Kafka record.

Reading ignores unknown fields. Adding an optional field is compatible; anything else raises
`schema_version`.
"""

from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from contracts.units import (
    Count,
    Currency,
    Degrees,
    EventTime,
    Identifier,
    KilometresPerHour,
    Latitude,
    Longitude,
    Metres,
    MinorUnits,
    Multiplier,
    PositiveSeconds,
    Ratio,
    RegionId,
    Seconds,
    SignedMinorUnits,
    Stars,
    ZoneId,
)

SCHEMA_VERSION: Final = 1
MAX_RECORD_BYTES: Final = 1_048_576
"""Largest record the contract allows.

The topics themselves take 8 MiB so that larger ones are kept and reported.
"""


class TripState(StrEnum):
    """The ten states of a trip."""

    REQUESTED = "REQUESTED"
    OFFER_SENT = "OFFER_SENT"
    OFFER_EXPIRED = "OFFER_EXPIRED"
    OFFER_REJECTED = "OFFER_REJECTED"
    MATCHED = "MATCHED"
    DRIVER_EN_ROUTE = "DRIVER_EN_ROUTE"
    DRIVER_ARRIVED = "DRIVER_ARRIVED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


UNMATCHED_STATES: Final = frozenset(
    {
        TripState.REQUESTED,
        TripState.OFFER_SENT,
        TripState.OFFER_EXPIRED,
        TripState.OFFER_REJECTED,
    }
)
"""A request in one of these states waits for a driver; it counts as open."""


class DriverStatus(StrEnum):
    """What a driver is doing.

    Only `available` drivers count as idle; an offer does not change the status.
    """

    OFFLINE = "offline"
    AVAILABLE = "available"
    EN_ROUTE = "en_route"
    AT_PICKUP = "at_pickup"
    ON_TRIP = "on_trip"


class EntityType(StrEnum):
    """Who sends a GPS ping."""

    DRIVER = "driver"
    RIDER = "rider"


class PaymentMethod(StrEnum):
    """How a rider pays."""

    CARD = "card"
    PIX = "pix"
    CASH = "cash"
    WALLET = "wallet"


class CancelledBy(StrEnum):
    """Who ended a trip before it started."""

    RIDER = "rider"
    DRIVER = "driver"
    SYSTEM = "system"


class CancelReason(StrEnum):
    """Why a trip ended before it started."""

    NO_DRIVERS = "no_drivers"
    RIDER_PATIENCE = "rider_patience"
    RIDER_CHANGED_MIND = "rider_changed_mind"
    RIDER_NO_SHOW = "rider_no_show"
    DRIVER_CANCELLED = "driver_cancelled"
    SURGE_TOO_HIGH = "surge_too_high"
    DRAIN = "drain"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What every event carries.

    `correlation_id` is the trip; `causation_id` the event that led to this one.
    """

    event_id: Identifier
    event_type: str
    schema_version: Literal[1]
    event_time: EventTime
    run_id: Identifier
    correlation_id: Identifier | None = None
    causation_id: Identifier | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A point with the zone and the H3 cell (resolution 8) it lies in.

    `zone_id` is null outside all zones.
    """

    lat: Latitude
    lon: Longitude
    zone_id: ZoneId | None
    h3: str


class TripEvent(Envelope, frozen=True, kw_only=True):
    """One state change of one trip. Entity: `trip_id`."""

    event_type: Literal["trip_state_changed"]
    trip_id: Identifier
    state: TripState
    previous_state: TripState | None
    rider_id: Identifier
    driver_id: Identifier | None
    pickup: Place
    dropoff: Place
    offer_sequence: Count
    surge_multiplier: Multiplier
    currency: Currency
    fare_minor: MinorUnits | None = None
    distance_m: Metres | None = None
    duration_s: Seconds | None = None
    pickup_eta_s: Seconds | None = None
    cancelled_by: CancelledBy | None = None
    cancel_reason: CancelReason | None = None


class GpsPing(Envelope, frozen=True, kw_only=True):
    """One position of one driver or rider. Entity: `entity_id`; `seq` counts its pings from 1."""

    event_type: Literal["gps_ping"]
    entity_type: EntityType
    entity_id: Identifier
    lat: Latitude
    lon: Longitude
    speed_kmh: KilometresPerHour
    heading_deg: Degrees
    accuracy_m: Metres
    seq: Count
    trip_id: Identifier | None = None
    driver_status: DriverStatus | None = None


class DriverStatusEvent(Envelope, frozen=True, kw_only=True):
    """A driver's change of status, or of zone while available.

    On a change of zone `status` equals `previous_status`.
    """

    event_type: Literal["driver_status_changed"]
    driver_id: Identifier
    previous_status: DriverStatus | None
    status: DriverStatus
    lat: Latitude
    lon: Longitude
    zone_id: ZoneId | None


class SurgeUpdate(Envelope, frozen=True, kw_only=True):
    """A new multiplier that the platform charges in one zone."""

    event_type: Literal["surge_updated"]
    zone_id: ZoneId
    previous_multiplier: Multiplier
    multiplier: Multiplier
    open_requests: Count
    idle_drivers: Count


class Rating(Envelope, frozen=True, kw_only=True):
    """Stars that one side of a completed trip gives the other."""

    event_type: Literal["trip_rated"]
    trip_id: Identifier
    rater: EntityType
    rater_id: Identifier
    ratee: EntityType
    ratee_id: Identifier
    stars: Stars


class Payment(Envelope, frozen=True, kw_only=True):
    """The settlement of one completed trip.

    Fare = fee + payout; the tip goes to the driver on top.
    """

    event_type: Literal["payment_settled"]
    payment_id: Identifier
    trip_id: Identifier
    rider_id: Identifier
    driver_id: Identifier
    method: PaymentMethod
    fare_minor: MinorUnits
    fee_minor: MinorUnits
    payout_minor: MinorUnits
    tip_minor: MinorUnits
    currency: Currency


class DriverDna(msgspec.Struct, frozen=True, kw_only=True):
    """What makes one driver differ from another."""

    acceptance_ratio: Ratio
    speed_factor: Annotated[float, msgspec.Meta(gt=0, description="of the usual speed")]
    shift_start_hour: Annotated[int, msgspec.Meta(ge=0, le=23, description="local hour")]
    shift_hours: Annotated[float, msgspec.Meta(gt=0, le=24, description="hours")]
    service_quality: Ratio
    repositioning_ratio: Ratio
    gps_noise_m: Metres
    rating_leniency: Ratio


class RiderDna(msgspec.Struct, frozen=True, kw_only=True):
    """What makes one rider differ from another."""

    patience_s: Seconds
    surge_tolerance: Multiplier
    cancel_ratio: Ratio
    payment_method: PaymentMethod
    home_zone_id: ZoneId
    work_zone_id: ZoneId
    rating_leniency: Ratio


class DriverProfile(Envelope, frozen=True, kw_only=True):
    """A driver's profile when created, or as it is after an update."""

    event_type: Literal["driver_profile_created", "driver_profile_updated"]
    driver_id: Identifier
    display_name: str
    vehicle_class: Literal["economy", "comfort", "van"]
    home_zone_id: ZoneId
    dna: DriverDna


class RiderProfile(Envelope, frozen=True, kw_only=True):
    """A rider's profile when created, or as it is after an update."""

    event_type: Literal["rider_profile_created", "rider_profile_updated"]
    rider_id: Identifier
    display_name: str
    dna: RiderDna


class TaxiTrip(Envelope, frozen=True, kw_only=True):
    """One replayed taxi trip.

    Event time is the pickup; entity: `trip_id`; region: the pickup zone.
    """

    event_type: Literal["taxi_trip"]
    trip_id: Identifier
    region_id: RegionId
    duration_s: PositiveSeconds
    distance_m: Metres
    fare_minor: MinorUnits
    currency: Currency
    total_minor: SignedMinorUnits | None = None
    tip_minor: SignedMinorUnits | None = None
    payment_type: str | None = None
    pickup_zone_id: ZoneId | None = None
    dropoff_zone_id: ZoneId | None = None
    passenger_count: Count | None = None
    flags: tuple[str, ...] = ()


class TaxiTripPart(StrEnum):
    """What a taxi trip consists of, in the order in which it happens."""

    STARTED = "trip_started"
    ENDED = "trip_ended"
    PAID = "payment_processed"


class TaxiTripEvent(Envelope, frozen=True, kw_only=True):
    """One part of one taxi trip: its start, its end, or its payment. Entity: `trip_id`.

    Each part carries its own fields, `region_id` the start, `distance_m` and `duration_s` the end,
    `fare_minor` and `currency` the payment; those may be absent elsewhere and are never null.
    """

    event_type: Literal["trip_started", "trip_ended", "payment_processed"]
    trip_id: Identifier
    region_id: RegionId | UnsetType = UNSET
    passenger_count: Count | None = None
    dropoff_zone_id: ZoneId | None = None
    distance_m: Metres | UnsetType = UNSET
    duration_s: PositiveSeconds | UnsetType = UNSET
    fare_minor: MinorUnits | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    total_minor: SignedMinorUnits | None = None
    tip_minor: SignedMinorUnits | None = None
    payment_type: str | None = None


ControlType = Literal["stream_end", "stream_heartbeat"]


class ControlRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Moves the watermark of one partition and is aggregated by nobody.

    `stream_heartbeat` says that a quiet partition is alive; `stream_end` that the producer has
    finished (its event time lies past the longest window plus lateness, so that the last windows
    close).
    """

    event_id: Identifier
    event_type: ControlType
    schema_version: Literal[1]
    event_time: EventTime
    run_id: Identifier


CONTROL_TYPES: Final = ("stream_end", "stream_heartbeat")
