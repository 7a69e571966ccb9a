import json

import msgspec
import pytest

from sim.control import scenarios
from sim.domain.errors import ScenarioError

CALM = {"name": "calm", "kind": "event", "begin_s": 60, "end_s": 600}
EVERYWHERE = {**CALM, "name": "nowhere_to_go", "attraction_ratio": 0}
# homes far out, all dropoffs in the middle, and nobody may ride that far
NOBODY_NEAR = {
    "centre_scale_m": 500,
    "residential_pickup_share": [1] * 24,
    "gravity_scale_m": 1_000_000,
    "longest_trip_m": 2000,
}


def test_those_that_come_along_are_valid():
    assert set(scenarios.names()) >= {"demo", "small"}
    for name in scenarios.names():
        assert scenarios.named(name).name == name


def test_the_demo_is_the_city_of_the_readme():
    demo = scenarios.named("demo")
    assert (demo.agents.drivers, demo.agents.riders, demo.speed_ratio) == (500, 1500, 20)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(
        ScenarioError, match="no scenario 'weekend': known are carnival_night, demo"
    ):
        scenarios.named("weekend")


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"demand": {"peak_requests_per_hour": -1}}, "$.demand.peak_requests_per_hour"),
        ({"demand": {"hourly_weights": [1] * 23 + [-1]}}, "$.demand.hourly_weights[23]"),
        (
            {"demand": {"hourly_weights": [0] * 24}},
            "scenario small: must not all be zero - at `$.demand.hourly_weights`",
        ),
        ({"demand": {"weekday_ratios": [0] * 7}}, "at `$.demand.weekday_ratios`"),
        (
            {"shocks": [CALM, {**CALM, "zone_ids": [78, 999]}]},
            "outside the service area: [999] - at `$.shocks[1].zone_ids`",
        ),
        ({"shocks": [{**CALM, "end_s": 5}]}, "at `$.shocks[0].end_s`"),
        ({"faults": {"late_min_s": 20}}, "at `$.faults.late_min_s`"),
        ({"faults": {"freeze_min_s": 400}}, "lies above freeze_max_s 300 - at `$.faults.freeze_m"),
        ({"faults": {"dropped_share": 0.1}}, "at `$.faults.dropped_share`"),
        ({"faults": {"duplicate_share": 0.6, "late_share": 0.6}}, "add up to 1.2"),
        ({"policies": {"matching": "best"}}, "$.policies.matching"),
        ({"agents": {"drivers": 0}}, "$.agents.drivers"),
        ({"agents": "many"}, "$.agents"),
        ({"agents": {"drones": 3}}, "$.agents"),
        ({"faults": {"late_share": 2}}, "$.faults.late_share"),
        ({"start_time": "2026-03-02 09:00"}, "$.start_time"),
        ({"seed": "eleven"}, "$.seed"),
        ({"name": "Big City"}, "$.name"),
        (
            {"agents": {"shift_start_weights": [0] * 24}},
            "must not all be zero - at `$.agents.shift_start_weights`",
        ),
        ({"agents": {"home_scale_m": 0.1}}, "$.agents.home_scale_m"),
        ({"demand": {"centre_scale_m": 0.1}}, "$.demand.centre_scale_m"),
        ({"demand": {"residential_scale_m": 0.1}}, "$.demand.residential_scale_m"),
        ({"demand": {"gravity_scale_m": 0.1}}, "$.demand.gravity_scale_m"),
        ({"start_time": "2019-12-31T23:59:59Z"}, "$.start_time"),
        ({"start_time": "2045-01-01T00:00:00Z"}, "$.start_time"),
        ({"start_time": "0001-01-01T00:00:00+05:00"}, "$.start_time"),
        ({"start_time": "2039-12-31T22:00:00Z"}, "$.start_time"),
        ({"start_time": "2039-12-31T09:00:00Z", "duration_s": 50_000}, "$.duration_s"),
        ({"shocks": [CALM, EVERYWHERE]}, "$.shocks[1].attraction_ratio"),
        ({"shocks": [{**CALM, "end_s": 1e9}]}, "$.shocks[0].end_s"),
        ({"demand": NOBODY_NEAR}, "$.demand.longest_trip_m"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(overrides, path):
    with pytest.raises(ScenarioError) as caught:
        scenarios.named("small", overrides)
    assert str(caught.value).startswith("scenario small: ")
    assert path in str(caught.value)


def test_overrides_reach_into_sections_and_null_means_default():
    scenario = scenarios.named("small", {"agents": {"drivers": 3}, "faults": None})
    assert scenario.agents.drivers == 3
    assert scenario.agents.riders == 100
    assert scenario.faults.duplicate_share == 0


def test_files_are_yaml_or_json(tmp_path):
    text = '{"name": "x", "seed": 1, "agents": {"drivers": 1, "riders": 1},'
    path = tmp_path / "x.json"
    path.write_text(text + '"demand": {"peak_requests_per_hour": 5}}', encoding="utf-8")
    assert scenarios.from_file(path).name == "x"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "is no YAML"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"just text", "Expected `object`"),
        (b"", "Expected `object`"),
        (b"name: x", "missing required field"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ScenarioError, match=message) as caught:
        scenarios.from_file(path, {"seed": 1})
    assert "bad.yaml" in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="cannot be read"):
        scenarios.from_file(tmp_path / "none.yaml")


def test_the_scenarios_of_the_manual_are_there():
    wanted = {"weekday", "carnival_night", "storm", "dry", "driver_strike", "stress_10k"}
    assert wanted <= set(scenarios.names())
    assert scenarios.named("stress_10k").agents.drivers == 10_000


def test_a_scenario_may_be_laid_over_another():
    weekday, storm = scenarios.named("weekday"), scenarios.named("storm")
    assert storm.agents == weekday.agents
    assert storm.demand == weekday.demand
    assert [shock.kind for shock in storm.shocks] == ["weather", "incident"]
    dry = scenarios.named("dry")
    assert dry == msgspec.structs.replace(storm, name="dry", shocks=())
    own = scenarios.from_value({"base": "small", "name": "mine", "seed": 5}, "config")
    assert (own.name, own.seed, own.agents.drivers) == ("mine", 5, 40)


@pytest.mark.parametrize("base", ["atlantis", ["small"], None])
def test_a_base_that_is_none_is_named_with_its_file_and_key(tmp_path, base):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"base": base, "name": "mine"}), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        scenarios.from_file(path)
    assert str(caught.value).startswith(f"{path}: no scenario {base!r}: known are carnival_night")
    assert str(caught.value).endswith(" - at `$.base`")


def test_zones_may_repel_as_long_as_there_is_somewhere_to_go():
    assert scenarios.named("small", {"shocks": [{**EVERYWHERE, "zone_ids": [78, 66, 7]}]}).shocks
