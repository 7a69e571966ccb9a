"""The policies that a scenario names, made once per run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sim.domain.scenario import Scenario
from sim.domain.shocks import ShockCalendar
from sim.policies.demand import CENTRE_LAT, CENTRE_LON, DemandPolicy, PoissonGravityDemand
from sim.policies.matching import BatchedMatching, MatchingPolicy, NearestMatching
from sim.policies.pricing import PricingPolicy, TariffPricing
from sim.policies.repositioning import RepositioningPolicy, Stay, SurgePull, ZonePull
from sim.policies.routing import (
    GridRouting,
    RoutingPolicy,
    StraightRouting,
    zone_speed_ratios,
)
from sim.policies.surge import FlatSurge, ModelSurge, StreamedSurge, SurgePolicy

_SURGE: Final[dict[str, Callable[[], SurgePolicy]]] = {
    "model": ModelSurge,
    "flat": FlatSurge,
    "streamed": StreamedSurge,
}
_REPOSITIONING: Final[dict[str, Callable[[DemandPolicy], RepositioningPolicy]]] = {
    "zone_pull": ZonePull,
    "surge_pull": SurgePull,
    "stay": lambda _: Stay(),
}


@dataclass(frozen=True, slots=True)
class Decisions:
    """One implementation per decision."""

    matching: MatchingPolicy
    surge: SurgePolicy
    pricing: PricingPolicy
    demand: DemandPolicy
    routing: RoutingPolicy
    repositioning: RepositioningPolicy
    shocks: ShockCalendar


def choose(scenario: Scenario, routing: RoutingPolicy | None = None) -> Decisions:
    """Return the implementations that the scenario names.

    Args:
        scenario: The city.
        routing: A routing service to ask instead of the built-in one.
    """
    names = scenario.policies
    shocks = ShockCalendar(scenario.shocks, scenario.start_ms)
    demand = PoissonGravityDemand(scenario.demand, scenario.utc_offset_hours, shocks)
    return Decisions(
        matching=_matching(scenario),
        surge=_SURGE[names.surge](),
        pricing=TariffPricing(scenario.tariff),
        demand=demand,
        routing=routing or built_in_routing(scenario),
        repositioning=_REPOSITIONING[names.repositioning](demand),
        shocks=shocks,
    )


def built_in_routing(scenario: Scenario) -> RoutingPolicy:
    """Return the routing that needs no service; `osrm` falls back on the grid."""
    movement = scenario.movement
    if scenario.policies.routing == "straight":
        return StraightRouting(movement.detour_ratio)
    if movement.centre_speed_ratio == 1.0:
        return GridRouting()
    return GridRouting(zone_speed_ratios(movement.centre_speed_ratio, (CENTRE_LAT, CENTRE_LON)))


def _matching(scenario: Scenario) -> MatchingPolicy:
    trips = scenario.trips
    if scenario.policies.matching == "batched":
        return BatchedMatching(trips.search_rings, trips.batch_interval_s, trips.longest_pickup_s)
    return NearestMatching(trips.search_rings, trips.longest_pickup_s)
