"""Bodies of the REST answers, with examples: what the API promises to others."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.anomalies import AnomalyKind, AnomalyPhase, Severity

_EVENT_TIME_MS = 1772442000000


class Body(BaseModel):
    """Base of all bodies: frozen, and strict about what it is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class FaultBody(Body):
    """One place in the request that was wrong."""

    where: str = Field(examples=["query.bbox"])
    problem: str = Field(examples=["3 values instead of 4: write west,south,east,north"])


class ProblemBody(Body):
    """Why there is no answer (RFC 9457, with what to do about it)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no zone 97: zones are 1 to 96"])
    fix: str = Field(examples=["Ask for one of the zones that /api/v1/zones lists."])
    instance: str = Field(examples=["/api/v1/surge/97"])
    errors: list[FaultBody]


class PositionBody(Body):
    """The newest position of one driver or rider."""

    entity_id: str = Field(examples=["driver-00042"])
    entity_type: Literal["driver", "rider"] = Field(examples=["driver"])
    lat: float = Field(description="degrees north, WGS 84", examples=[-23.5613])
    lon: float = Field(description="degrees east, WGS 84", examples=[-46.6565])
    speed_kmh: float = Field(examples=[31.5])
    heading_deg: float = Field(description="degrees clockwise from north", examples=[182.0])
    driver_status: Literal["offline", "available", "en_route", "at_pickup", "on_trip"] | None = (
        Field(examples=["on_trip"])
    )
    trip_id: str | None = Field(examples=["trip-001234"])
    seq: int = Field(description="pings of this entity so far", examples=[815])
    event_time_ms: int = Field(description="epoch milliseconds", examples=[_EVENT_TIME_MS])
    event_id: str = Field(examples=["5b7c1f3e-7d0a-5e0b-9b0e-0d9f3a4b5c6d"])
    run_id: str = Field(examples=["3f0c9d1e-2b4a-4c8d-8e7f-6a5b4c3d2e1f"])


class PositionsBody(Body):
    """Positions inside the box that was asked for, nearest to its middle first."""

    positions: list[PositionBody]
    has_more: bool = Field(description="whether the limit cut some off", examples=[False])


class AnomalyBody(Body):
    """One entry of the log: something wrong with the positions of an entity, or its end."""

    anomaly_id: str = Field(
        description="the same for what was raised and its end",
        examples=["0f6f0e52-6c55-5a5c-8a55-0f4a6f2b7d11"],
    )
    kind: AnomalyKind = Field(examples=["impossible_speed"])
    phase: AnomalyPhase = Field(examples=["raised"])
    severity: Severity = Field(examples=["warning"])
    is_open: bool = Field(
        description="it lasts: raised, not cleared since, in a run that is not over",
        examples=[False],
    )
    rule_version: int = Field(examples=[1])
    reason: str = Field(examples=["too_fast"])
    entity_id: str = Field(examples=["driver-00042"])
    entity_type: Literal["driver", "rider"] = Field(examples=["driver"])
    event_time_ms: int = Field(description="epoch milliseconds", examples=[_EVENT_TIME_MS])
    run_id: str = Field(examples=["3f0c9d1e-2b4a-4c8d-8e7f-6a5b4c3d2e1f"])
    event_id: str | None = Field(
        description="the ping, null for a silence",
        examples=["5b7c1f3e-7d0a-5e0b-9b0e-0d9f3a4b5c6d"],
    )
    lat: float | None = Field(description="degrees north, WGS 84", examples=[-23.5613])
    lon: float | None = Field(description="degrees east, WGS 84", examples=[-46.6565])
    accuracy_m: float | None = Field(description="metres", examples=[8.0])
    previous_event_time_ms: int | None = Field(
        description="epoch milliseconds, of the accepted ping before", examples=[_EVENT_TIME_MS]
    )
    previous_lat: float | None = Field(description="degrees north, WGS 84", examples=[-22.9])
    previous_lon: float | None = Field(description="degrees east, WGS 84", examples=[-47.1])
    distance_m: float | None = Field(description="metres from the ping before", examples=[92_000.0])
    speed_kmh: float | None = Field(
        description="over that distance; null for a move in no time", examples=[82_800.0]
    )
    lasted_ms: int | None = Field(
        description="milliseconds so far, null for a single ping", examples=[600_000]
    )


class AnomaliesBody(Body):
    """Entries of the log, newest first."""

    anomalies: list[AnomalyBody]
    next_cursor: str | None = Field(
        description="send it as `cursor` for those after; null at the end",
        examples=["1772442000123-0"],
    )


class ZoneMetricsBody(Body):
    """One zone at the end of one window."""

    window_start_ms: int = Field(description="epoch milliseconds", examples=[_EVENT_TIME_MS])
    window_end_ms: int = Field(
        description="epoch milliseconds", examples=[_EVENT_TIME_MS + 300_000]
    )
    open_requests: int = Field(examples=[7])
    idle_drivers: int = Field(examples=[3])
    ratio: float = Field(description="open requests per idle driver", examples=[2.333])
    smoothed_ratio: float = Field(description="mean ratio over the window", examples=[1.9])
    multiplier: float = Field(description="price multiplier, 1.0 to 3.0", examples=[1.5])
    late_records: int = Field(examples=[0])
    run_id: str = Field(examples=["3f0c9d1e-2b4a-4c8d-8e7f-6a5b4c3d2e1f"])
    acceptance: float | None = Field(
        default=None, description="accepted share of answered offers", examples=[0.8]
    )
    mean_pickup_eta_s: float | None = Field(
        default=None, description="seconds to the pickup, as accepted offers said", examples=[210.5]
    )


class ZoneSurgeBody(Body):
    """A zone and its newest window; `metrics` is null before its first."""

    zone_id: int = Field(examples=[78])
    name: str = Field(examples=["Sé"])
    subprefecture: str = Field(examples=["Sé"])
    metrics: ZoneMetricsBody | None


class SurgeBody(Body):
    """Every zone that has a window, by zone."""

    zones: list[ZoneSurgeBody]


class WindowBody(Body):
    """One region and one 1-minute window of taxi trips."""

    region_id: int = Field(examples=[132])
    window_start_ms: int = Field(description="epoch milliseconds", examples=[1546300800000])
    window_end_ms: int = Field(description="epoch milliseconds", examples=[1546300860000])
    trip_count: int = Field(examples=[12])
    average_fare_minor: float = Field(description="minor units, e.g. cents", examples=[1432.5])
    total_distance_m: float = Field(description="metres", examples=[48120.3])
    average_duration_s: float = Field(description="seconds", examples=[741.2])
    p50_duration_s: float = Field(description="seconds", examples=[655.0])
    p95_duration_s: float = Field(description="seconds", examples=[1801.5])
    p99_duration_s: float | None = Field(description="seconds", examples=[2890.0])
    currency: str = Field(examples=["USD"])
    is_final: bool = Field(examples=[True])


class WindowsBody(Body):
    """The newest windows of a region that Redis still holds, newest first."""

    region_id: int = Field(examples=[132])
    windows: list[WindowBody]


class StatsBody(Body):
    """Counts of one instant, at most a second old."""

    drivers_by_status: dict[str, int] = Field(
        examples=[{"offline": 0, "available": 310, "en_route": 60, "at_pickup": 12, "on_trip": 118}]
    )
    driver_count: int = Field(examples=[500])
    rider_count: int = Field(examples=[118])
    position_count: int = Field(examples=[618])
    zone_count: int = Field(description="zones that have a window", examples=[96])
    surging_zone_count: int = Field(description="zones with a multiplier over 1", examples=[9])
    open_request_count: int = Field(examples=[41])
    newest_event_time_ms: int | None = Field(examples=[_EVENT_TIME_MS])
    feeder: dict[str, int] = Field(
        description="counters of what was written to Redis", examples=[{"positions_total": 120000}]
    )


class DependencyBody(Body):
    """How one dependency answered."""

    is_required: bool = Field(examples=[True])
    is_ok: bool = Field(examples=[True])
    detail: str = Field(examples=["ok"])


class ReadyBody(Body):
    """Whether the API can serve; `degraded` means that only something optional is missing."""

    status: Literal["ready", "degraded", "not_ready"]
    dependencies: dict[str, DependencyBody]


class AliveBody(Body):
    """The process answers."""

    status: Literal["alive"] = "alive"


class MapSettingsBody(Body):
    """What the page needs to know before it draws."""

    domain: str = Field(examples=["rideshare"])
    tile_url: str | None = Field(
        description="raster tiles, only if the operator set them", examples=[None]
    )
    tile_attribution: str = Field(examples=[""])
    surge_cap: float = Field(description="largest multiplier", examples=[3.0])
