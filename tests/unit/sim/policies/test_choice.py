from sim.domain.scenario import Agents, Demand, Policies, Scenario
from sim.policies.choice import built_in_routing, choose
from sim.policies.matching import BatchedMatching, NearestMatching
from sim.policies.repositioning import Stay, ZonePull
from sim.policies.routing import GridRouting, StraightRouting
from sim.policies.surge import FlatSurge, ModelSurge


def _chosen(**names):
    return choose(
        Scenario(
            name="test",
            seed=1,
            agents=Agents(drivers=1, riders=1),
            demand=Demand(peak_requests_per_hour=1.0),
            policies=Policies(**names),
        )
    )


def test_defaults():
    chosen = _chosen()
    assert isinstance(chosen.matching, NearestMatching)
    assert isinstance(chosen.surge, ModelSurge)
    assert isinstance(chosen.routing, GridRouting)
    assert isinstance(chosen.repositioning, ZonePull)


def test_names_choose():
    chosen = _chosen(matching="batched", surge="flat", routing="straight", repositioning="stay")
    assert isinstance(chosen.matching, BatchedMatching)
    assert isinstance(chosen.surge, FlatSurge)
    assert isinstance(chosen.routing, StraightRouting)
    assert isinstance(chosen.repositioning, Stay)


def test_a_given_routing_service_is_asked_and_osrm_falls_back_on_the_grid():
    service = StraightRouting(2.0)
    scenario = Scenario(
        name="test",
        seed=1,
        agents=Agents(drivers=1, riders=1),
        demand=Demand(peak_requests_per_hour=1.0),
        policies=Policies(routing="osrm"),
    )
    assert choose(scenario, service).routing is service
    assert isinstance(built_in_routing(scenario), GridRouting)
