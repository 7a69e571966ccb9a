"""Everything a run is configured by: frozen, complete, checked on reading.

An unknown key is an error.

Rates and shares carry their unit in the name. Nothing else in the simulator has a tunable number.
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

from contracts.domain import RIDESHARE, STREAM_END_MARGIN_MS
from contracts.rules import SURGE_OUT_OF_ORDERNESS_MS
from contracts.timestamps import rfc3339
from sim.domain.shocks import LONGEST_S, Shock
from sim.domain.tariff import Tariff

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
ScaleMetres = Annotated[float, msgspec.Meta(ge=500, le=1_000_000)]
"""By how much a weight falls to 1/e. A smaller one than a zone leaves most zones none at all."""
HourlyWeights = Annotated[
    tuple[Annotated[float, msgspec.Meta(ge=0, le=1000)], ...],
    msgspec.Meta(min_length=24, max_length=24),
]

HourlyShares = Annotated[tuple[Share, ...], msgspec.Meta(min_length=24, max_length=24)]
WeekdayRatios = Annotated[
    tuple[Annotated[float, msgspec.Meta(ge=0, le=10)], ...],
    msgspec.Meta(min_length=7, max_length=7),
]

DRAIN_LIMIT_MS: Final = 7_200_000
"""Simulated time after which a drain stops waiting for trips."""
_AFTER_END_MS: Final = DRAIN_LIMIT_MS + STREAM_END_MARGIN_MS + 600_000
"""Longest time from the end to `stream_end`: a drain, the last payments and ratings, the margin."""
NEVER_BY_HOUR: Final = (0.0,) * 24
EVERY_DAY_ALIKE: Final = (1.0,) * 7
WEEKDAY_DEMAND: Final = (
    0.22, 0.15, 0.11, 0.10, 0.14, 0.32, 0.62, 0.92, 1.00, 0.82, 0.66, 0.66,
    0.72, 0.70, 0.66, 0.68, 0.76, 0.92, 1.00, 0.90, 0.72, 0.60, 0.48, 0.34,
)  # fmt: skip
WEEKDAY_SHIFT_STARTS: Final = (
    0.3, 0.2, 0.2, 0.5, 2.0, 4.0, 5.0, 4.0, 3.0, 2.0, 1.5, 1.2,
    1.5, 1.5, 2.0, 2.5, 3.0, 3.5, 3.0, 2.0, 1.2, 0.8, 0.6, 0.4,
)  # fmt: skip
WEEKDAY_SPEED_KMH: Final = (
    42.0, 44.0, 45.0, 45.0, 42.0, 36.0, 29.0, 23.0, 21.0, 24.0, 26.0, 26.0,
    25.0, 25.0, 25.0, 24.0, 22.0, 19.0, 18.0, 21.0, 26.0, 31.0, 35.0, 39.0,
)  # fmt: skip


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections of a scenario."""


class Agents(_Section, frozen=True, kw_only=True):
    """Who lives in the city."""

    drivers: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    riders: Annotated[int, msgspec.Meta(ge=1, le=500_000)]
    home_scale_m: ScaleMetres = 12_000.0
    shift_start_weights: HourlyWeights = WEEKDAY_SHIFT_STARTS
    profile_updates_per_hour: NotNegative = 30.0

    def __post_init__(self) -> None:
        """Refuse a city in which no shift begins.

        Raises:
            ValueError: All weights are zero.
        """
        if not any(self.shift_start_weights):
            raise ValueError("shift_start_weights: must not all be zero")


class Demand(_Section, frozen=True, kw_only=True):
    """How many riders want to go where: Poisson in time, gravity in space.

    `weekday_ratios` begin with Monday. The residential shares say which part of the pickups and of
    the dropoffs of an hour spreads like homes instead of like the centre.
    """

    peak_requests_per_hour: Positive
    hourly_weights: HourlyWeights = WEEKDAY_DEMAND
    weekday_ratios: WeekdayRatios = EVERY_DAY_ALIKE
    centre_scale_m: ScaleMetres = 9000.0
    residential_scale_m: ScaleMetres = 9000.0
    residential_pickup_share: HourlyShares = NEVER_BY_HOUR
    residential_dropoff_share: HourlyShares = NEVER_BY_HOUR
    gravity_scale_m: ScaleMetres = 4500.0
    longest_trip_m: Annotated[float, msgspec.Meta(ge=2000)] = 15_000.0

    def __post_init__(self) -> None:
        """Refuse hours that never bring a request.

        Raises:
            ValueError: All weights are zero.
        """
        if not any(self.hourly_weights):
            raise ValueError("hourly_weights: must not all be zero")
        if not any(self.weekday_ratios):
            raise ValueError("weekday_ratios: must not all be zero")


class Policies(_Section, frozen=True, kw_only=True):
    """Which implementation takes each decision."""

    matching: Literal["nearest", "batched"] = "nearest"
    surge: Literal["model", "flat", "streamed"] = "model"
    pricing: Literal["tariff"] = "tariff"
    demand: Literal["poisson_gravity"] = "poisson_gravity"
    routing: Literal["grid", "straight", "osrm"] = "grid"
    repositioning: Literal["zone_pull", "surge_pull", "stay"] = "zone_pull"


class Movement(_Section, frozen=True, kw_only=True):
    """How fast the city moves and how often it tells where it is.

    `detour_ratio` is for the routing `straight` alone: the staircase of `grid` is by itself about
    1.27 times the straight line, as the mean over all directions of (sin + cos) is 4 / pi.
    """

    speed_kmh_by_hour: Annotated[
        tuple[Annotated[float, msgspec.Meta(ge=5, le=90)], ...],
        msgspec.Meta(min_length=24, max_length=24),
    ] = WEEKDAY_SPEED_KMH
    centre_speed_ratio: Annotated[float, msgspec.Meta(ge=0.2, le=2)] = 1.0
    detour_ratio: Annotated[float, msgspec.Meta(ge=1, le=3)] = 1.3
    ping_active_ms: Annotated[int, msgspec.Meta(ge=1000, le=60_000)] = 4000
    ping_idle_ms: Annotated[int, msgspec.Meta(ge=1000, le=600_000)] = 30_000
    reposition_after_s: Positive = 240.0


class Trips(_Section, frozen=True, kw_only=True):
    """How riders and drivers behave around one trip.

    A driver who would need longer than `longest_pickup_s` gets no offer (None: no limit).
    Platforms limit it, because long ways to riders eat up the supply that others wait for
    (Castillo, Knoepfle and Weyl, Surge Pricing Solves the Wild Goose Chase, 2017).
    """

    offer_expiry_s: Positive = 15.0
    offer_ignored_share: Share = 0.04
    offer_retry_s: Positive = 5.0
    search_rings: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    longest_pickup_s: Positive | None = None
    batch_interval_s: Annotated[float, msgspec.Meta(ge=0.5, le=60)] = 4.0
    driver_cancel_share: Share = 0.02
    no_show_share: Share = 0.015
    no_show_wait_s: Positive = 300.0
    boarding_mean_s: Positive = 45.0
    tip_share: Share = 0.15


class Osrm(_Section, frozen=True, kw_only=True):
    """Where the routing service is, for `policies.routing: osrm`."""

    url: Annotated[str, msgspec.Meta(pattern="^https?://[^ ]+$")] = "http://127.0.0.1:5000"
    profile: Annotated[str, msgspec.Meta(pattern="^[a-z_]{1,32}$")] = "driving"
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 1.0


class Faults(_Section, frozen=True, kw_only=True):
    """The plan of imperfections.

    Shares are per event (of teleports and inaccuracies per ping), silences per hour of a driver
    with a trip, freezes per hour of a driver who drives to or with a rider.
    """

    duplicate_share: Share = 0.0
    malformed_share: Share = 0.0
    late_share: Share = 0.0
    out_of_order_share: Share = 0.0
    teleport_share: Share = 0.0
    inaccurate_share: Share = 0.0
    freezes_per_driver_hour: NotNegative = 0.0
    silences_per_driver_hour: NotNegative = 0.0
    dropped_share: Share = 0.0
    lossy: bool = False
    late_min_s: Positive = 30.0
    late_max_s: Positive = 120.0
    out_of_order_max_s: Annotated[float, msgspec.Meta(gt=0.1, lt=10)] = 9.0
    duplicate_delay_max_s: Annotated[float, msgspec.Meta(gt=0, le=10)] = 5.0
    silence_min_s: Annotated[float, msgspec.Meta(gt=600)] = 660.0
    silence_max_s: Positive = 1200.0
    freeze_min_s: Annotated[float, msgspec.Meta(gt=60)] = 90.0
    freeze_max_s: Positive = 300.0

    def __post_init__(self) -> None:
        """Refuse plans that contradict themselves.

        Raises:
            ValueError: Shares exceed 1 together, a range is empty, or records are dropped without
            `lossy`.
        """
        shares = self.duplicate_share + self.malformed_share + self.late_share
        shares += self.out_of_order_share + self.teleport_share + self.dropped_share
        shares += self.inaccurate_share
        if shares > 1:
            raise ValueError(f"the shares add up to {shares:g}, more than 1")
        if self.dropped_share and not self.lossy:
            raise ValueError("dropped_share: needs lossy: true, so that the audit knows")
        for key, lowest, highest in (
            ("late", self.late_min_s, self.late_max_s),
            ("silence", self.silence_min_s, self.silence_max_s),
            ("freeze", self.freeze_min_s, self.freeze_max_s),
        ):
            if lowest > highest:
                raise ValueError(f"{key}_min_s: {lowest:g} lies above {key}_max_s {highest:g}")
        if self.late_min_s * 1000 < SURGE_OUT_OF_ORDERNESS_MS + 10_000:
            raise ValueError(
                "late_min_s: must be at least 25, else a late record may still be in time"
            )


class Scenario(_Section, frozen=True, kw_only=True):
    """One city, one stretch of time, one seed."""

    name: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,64}$")]
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    agents: Agents
    demand: Demand
    start_time: Annotated[datetime, msgspec.Meta(tz=True)] = datetime(2026, 3, 2, 9, tzinfo=UTC)
    utc_offset_hours: Annotated[int, msgspec.Meta(ge=-12, le=14)] = -3
    duration_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S)] = 14_400.0
    speed_ratio: Annotated[float, msgspec.Meta(ge=0, le=10_000)] = 1.0
    policies: Policies = Policies()
    movement: Movement = Movement()
    trips: Trips = Trips()
    tariff: Tariff = Tariff()
    shocks: tuple[Shock, ...] = ()
    osrm: Osrm = Osrm()
    faults: Faults = Faults()

    def __post_init__(self) -> None:
        """Refuse times of which no reader would take an event.

        Raises:
            ValueError: The run begins before, or may end after, the time range of the domain.
        """
        years = f"{rfc3339(RIDESHARE.earliest_ms)} to {rfc3339(RIDESHARE.latest_ms)}"
        if self.start_ms < RIDESHARE.earliest_ms or self.longest_ms <= 0:
            raise ValueError(
                f"{self.start_time.isoformat()} is outside {years} - at `$.start_time`"
            )
        if self.duration_s * 1000 > self.longest_ms:
            raise ValueError(
                f"{self.duration_s:g} s from {self.start_time.isoformat()} end outside {years}"
                " - at `$.duration_s`"
            )

    @property
    def longest_ms(self) -> int:
        """How long it may run so that the events of its end are in the domain's range as well."""
        return RIDESHARE.latest_ms - _AFTER_END_MS - self.start_ms

    @property
    def start_ms(self) -> int:
        """Start of the run in epoch milliseconds, whole 10 s."""
        return int(self.start_time.timestamp()) // 10 * 10_000

    def local_hour(self, epoch_ms: int) -> int:
        """Return the hour on the city's clocks."""
        return (epoch_ms // 3_600_000 + self.utc_offset_hours) % 24
