"""The rules against golden vectors that were computed by other means, and their refusals."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from contracts import rules

VECTORS = Path(rules.__file__).parent / "rules_vectors"
SURGE: dict[str, Any] = json.loads((VECTORS / "surge.json").read_text())
MOVEMENT: dict[str, Any] = json.loads((VECTORS / "movement.json").read_text())


def test_the_vectors_are_of_this_version_of_the_rule() -> None:
    assert SURGE["rule_version"] == rules.SURGE_RULE_VERSION
    assert rules.SURGE_SLIDES_PER_WINDOW == 30


@pytest.mark.parametrize("vector", SURGE["ratio"], ids=str)
def test_ratio(vector: dict[str, Any]) -> None:
    found = rules.surge_ratio(vector["open_requests"], vector["idle_drivers"])
    assert found == vector["ratio"]


@pytest.mark.parametrize("vector", SURGE["smoothed"], ids=lambda vector: vector["name"])
def test_smoothing(vector: dict[str, Any]) -> None:
    assert rules.smoothed_ratio(vector["ratios"]) == vector["smoothed"]


@pytest.mark.parametrize("vector", SURGE["multiplier"], ids=lambda vector: vector["name"])
def test_multiplier(vector: dict[str, Any]) -> None:
    assert rules.surge_multiplier(vector["smoothed"]) == vector["multiplier"]


def test_a_zone_that_heats_up_and_falls_silent() -> None:
    ratios: list[float] = []
    for tick in SURGE["sequence"]:
        ratios.append(rules.surge_ratio(tick["open_requests"], tick["idle_drivers"]))
        smoothed = rules.smoothed_ratio(ratios[-rules.SURGE_SLIDES_PER_WINDOW :])
        multiplier = rules.surge_multiplier(smoothed)
        assert (ratios[-1], smoothed, multiplier) == (
            tick["ratio"],
            tick["smoothed"],
            tick["multiplier"],
        ), tick
    assert multiplier == 1.0
    assert smoothed == 0.0


def test_the_sequence_meets_the_cap_and_the_floor() -> None:
    found = {tick["multiplier"] for tick in SURGE["sequence"]}
    assert {1.0, rules.SURGE_CAP} <= found
    assert len(found) > 10


@pytest.mark.parametrize("vector", MOVEMENT["movement"], ids=lambda vector: vector["name"])
def test_movement(vector: dict[str, Any]) -> None:
    points = (vector["lat1"], vector["lon1"], vector["lat2"], vector["lon2"])
    distance_m = rules.great_circle_m(*points)
    assert distance_m == pytest.approx(vector["distance_m"], rel=1e-9, abs=1e-6)
    expected_kmh = math.inf if vector["speed_kmh"] is None else vector["speed_kmh"]
    found_kmh = rules.speed_kmh(distance_m, vector["elapsed_ms"])
    assert found_kmh == pytest.approx(expected_kmh, rel=1e-6, abs=1e-6)
    found = rules.is_impossible_speed(*points, vector["elapsed_ms"])
    assert found is vector["is_impossible"]


def test_exactly_the_limit_is_possible() -> None:
    assert rules.speed_kmh(200_000.0, 3_600_000) == rules.IMPOSSIBLE_SPEED_KMH
    assert rules.speed_kmh(0.0, 0) == 0.0


@pytest.mark.parametrize(("open_requests", "idle_drivers"), [(-1, 0), (0, -1)])
def test_negative_counts_are_refused(open_requests: int, idle_drivers: int) -> None:
    with pytest.raises(ValueError, match="counts must not be negative"):
        rules.surge_ratio(open_requests, idle_drivers)


def test_more_samples_than_slides_are_refused() -> None:
    with pytest.raises(ValueError, match="31 samples in a window of 30"):
        rules.smoothed_ratio([1.0] * 31)


@pytest.mark.parametrize(("distance_m", "elapsed_ms"), [(-1.0, 0), (0.0, -1)])
def test_negative_movement_is_refused(distance_m: float, elapsed_ms: int) -> None:
    with pytest.raises(ValueError, match="distance and time must not be negative"):
        rules.speed_kmh(distance_m, elapsed_ms)
