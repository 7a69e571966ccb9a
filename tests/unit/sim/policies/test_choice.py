from sim.domain.scenario import Agents, Demand, Policies, Scenario
from sim.policies.choice import choose
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
    assert isinstance(chosen.surge, ModelSurge)
    assert isinstance(chosen.routing, GridRouting)
    assert isinstance(chosen.repositioning, ZonePull)


def test_names_choose():
    chosen = _chosen(surge="flat", routing="straight", repositioning="stay")
    assert isinstance(chosen.surge, FlatSurge)
    assert isinstance(chosen.routing, StraightRouting)
    assert isinstance(chosen.repositioning, Stay)
