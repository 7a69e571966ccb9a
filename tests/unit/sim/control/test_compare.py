import math

import msgspec
import pytest

from contracts.events import TripEvent, TripState
from sim.control import compare, scenarios
from sim.domain.errors import ScenarioError
from sim.domain.kpis import KpiMeter

RUN = "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"
HALF_HOUR_MS = 1_800_000


def _kpis(**fields):
    return msgspec.structs.replace(KpiMeter().kpis(0), **fields)


def _row(rows, field):
    return next(row for row in rows if row.field == field)


def test_interval_is_students_on_the_paired_differences():
    a = [_kpis(wait_p50_s=value) for value in (300.0, 320.0, 310.0, 330.0)]
    b = [_kpis(wait_p50_s=value) for value in (310.0, 334.0, 322.0, 340.0)]
    row = _row(compare.differences(a, b), "wait_p50_s")
    # differences 10, 14, 12, 10: mean 11.5, s = 1.9149, t(3, 0.975) = 3.18245
    assert row.difference == pytest.approx(11.5)
    assert row.half_width == pytest.approx(3.18245 * 1.914854 / math.sqrt(4), rel=1e-4)
    assert row.is_clear
    assert not _row(compare.differences(a, a), "wait_p50_s").is_clear


def test_table_and_plot_show_every_figure():
    a, b = [_kpis(requests=n) for n in (10, 11)], [_kpis(requests=n) for n in (20, 24)]
    rows = compare.differences(a, b)
    text = compare.table("calm", "busy", rows)
    assert "calm" in text
    assert len(text.splitlines()) == 1 + len(rows)
    image = compare.plot("calm", "busy", rows)
    assert image.startswith("<svg")
    assert image.count("<circle") == 1  # figures that are zero in A have no relative change


def test_replications_are_the_same_in_parallel_processes_and_differ_by_seed():
    calm = scenarios.named("small")
    busy = scenarios.named("small", {"demand": {"peak_requests_per_hour": 180}})
    of_a, of_b = compare.replicate((calm, busy), 2, HALF_HOUR_MS, processes=2)
    assert [kpis.requests for kpis in of_a] < [kpis.requests for kpis in of_b]
    assert of_a[0] == compare.live(calm, HALF_HOUR_MS)
    assert of_a[0] != of_a[1]


class Requests:
    """Keeps where, whither and when riders asked, and how their trips went."""

    def __init__(self):
        self.asked = []
        self.matched = []

    def emit(self, topic, key, event, event_time_ms):
        if isinstance(event, TripEvent) and event.state is TripState.REQUESTED:
            self.asked.append((event.trip_id, event_time_ms, event.pickup, event.dropoff))
        elif isinstance(event, TripEvent) and event.state is TripState.MATCHED:
            self.matched.append((event.trip_id, event_time_ms, event.driver_id))


def test_both_meet_the_same_requests_whatever_the_policies_make_of_them():
    kept = []
    for policies in (
        {"matching": "nearest", "surge": "model", "repositioning": "zone_pull"},
        {"matching": "batched", "surge": "flat", "repositioning": "stay"},
    ):
        scenario = scenarios.named("small", {"policies": policies})
        sink = Requests()
        simulation = compare.Simulation(scenario, RUN, sink)
        simulation.step(scenario.start_ms + 2 * HALF_HOUR_MS)
        kept.append(sink)
    nearest, batched = kept
    assert len(nearest.asked) > 50
    assert nearest.asked == batched.asked
    assert nearest.matched != batched.matched


def test_pings_change_nothing_else():
    scenario = scenarios.named("small")
    silent = compare.live(scenario, HALF_HOUR_MS)
    sink = compare._KpiSink()
    pings = []
    told = compare.Simulation(scenario, compare.derived_run_id(scenario), sink, pings=pings.append)
    told.step(scenario.start_ms + HALF_HOUR_MS)
    told.stop_requests()
    while told.trips_in_flight:
        told.step(told.now_ms + 60_000)
    assert sink.meter.kpis(told.now_ms) == silent
    assert pings


def test_what_starts_at_another_time_is_not_compared():
    a, b = scenarios.named("weekday"), scenarios.named("storm")
    with pytest.raises(ScenarioError, match=r"storm starts at 2026-03-03T18.*`base: weekday`"):
        compare.replicate((a, b), 2, HALF_HOUR_MS, 1)


@pytest.mark.parametrize(
    ("overrides", "replications", "problem"),
    [
        ({}, 1, "no spread"),
        ({"policies": {"surge": "streamed"}}, 2, "needs a service"),
        ({"policies": {"routing": "osrm"}}, 2, "needs a service"),
    ],
)
def test_what_cannot_be_compared_is_refused(overrides, replications, problem):
    scenario = scenarios.named("small", overrides)
    with pytest.raises(ScenarioError, match=problem):
        compare.replicate((scenario, scenario), replications, HALF_HOUR_MS, 1)
