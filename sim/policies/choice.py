"""The policies that a scenario names, made once per run."""

from dataclasses import dataclass

from sim.domain.scenario import Scenario
from sim.domain.shocks import ShockCalendar
from sim.policies.demand import DemandPolicy, PoissonGravityDemand
from sim.policies.matching import MatchingPolicy, NearestMatching
from sim.policies.pricing import PricingPolicy, TariffPricing
from sim.policies.repositioning import RepositioningPolicy, Stay, ZonePull
from sim.policies.routing import GridRouting, RoutingPolicy, StraightRouting
from sim.policies.surge import FlatSurge, ModelSurge, SurgePolicy


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


def choose(scenario: Scenario) -> Decisions:
    """Return the implementations that the scenario names."""
    names = scenario.policies
    shocks = ShockCalendar(scenario.shocks, scenario.start_ms)
    demand = PoissonGravityDemand(scenario.demand, scenario.utc_offset_hours, shocks)
    routing: RoutingPolicy = (
        GridRouting()
        if names.routing == "grid"
        else StraightRouting(scenario.movement.detour_ratio)
    )
    return Decisions(
        matching=NearestMatching(scenario.trips.search_rings),
        surge=ModelSurge() if names.surge == "model" else FlatSurge(),
        pricing=TariffPricing(scenario.tariff),
        demand=demand,
        routing=routing,
        repositioning=ZonePull(demand) if names.repositioning == "zone_pull" else Stay(),
        shocks=shocks,
    )
