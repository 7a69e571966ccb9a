"""Outliers by place and accuracy, the limit of a rejection, and words that all parts share."""

import itertools
import math

import h3
import pytest

from contracts import anomalies
from contracts.anomalies import AnomalyKind, accepted_cells, outlier_reason
from contracts.events import DriverStatus
from contracts.rules import IMPOSSIBLE_SPEED_KMH, great_circle_m, leg_m, speed_kmh
from contracts.zones import service_area_cells


@pytest.mark.parametrize(
    ("lat", "lon", "accuracy_m", "reason"),
    [
        (-23.5505, -46.6333, 5.0, None),  # Praça da Sé
        (-23.5505, -46.6333, 100.0, None),
        (-23.5505, -46.6333, 100.001, "accuracy"),
        (-22.9056, -47.0608, 5.0, "outside_service_area"),  # Campinas
        (-22.9056, -47.0608, 500.0, "accuracy"),
        (0.0, 0.0, 5.0, "outside_service_area"),
        (-23.9608, -46.3336, 5.0, "outside_service_area"),  # Santos, by the sea
    ],
)
def test_outliers(lat: float, lon: float, accuracy_m: float, reason: str | None) -> None:
    assert outlier_reason(lat, lon, accuracy_m) == reason


def test_nothing_in_the_service_area_or_three_cells_beside_it_is_an_outlier() -> None:
    assert service_area_cells() < accepted_cells()
    edge = next(c for c in service_area_cells() if not_inside(c, 1))
    assert {h3.grid_distance(edge, c) for c in h3.grid_disk(edge, 3)} == {0, 1, 2, 3}
    assert set(h3.grid_disk(edge, 3)) <= accepted_cells()
    far = max(
        (c for c in h3.grid_disk(edge, 12) if c not in accepted_cells()),
        key=lambda c: h3.grid_distance(edge, c),
    )
    lat, lon = h3.cell_to_latlng(far)
    assert outlier_reason(lat, lon, 1.0) == "outside_service_area"


def not_inside(cell: str, rings: int) -> bool:
    return not set(h3.grid_disk(cell, rings)) <= service_area_cells()


def test_no_two_accepted_points_are_farther_apart_than_the_limit_of_a_rejection() -> None:
    points = [h3.cell_to_latlng(cell) for cell in accepted_cells()]
    turns = [math.radians(degrees) for degrees in range(0, 360, 3)]
    corners = {
        max(points, key=lambda p, t=turn: p[0] * math.cos(t) + p[1] * math.sin(t))  # type: ignore[misc]
        for turn in turns
    }
    widest_m = max(great_circle_m(*a, *b) for a, b in itertools.combinations(corners, 2))
    # the points lie anywhere in their cells, whose longest radius is below 700 m
    assert speed_kmh(widest_m + 1_400, anomalies.REJECTION_LIMIT_MS) < IMPOSSIBLE_SPEED_KMH


def test_every_kind_has_a_severity_and_only_offline_drivers_may_be_silent() -> None:
    assert set(anomalies.SEVERITIES) == set(AnomalyKind)
    assert set(DriverStatus) - anomalies.ZOMBIE_STATUSES == {DriverStatus.OFFLINE}


@pytest.mark.parametrize(
    ("north_deg", "elapsed_ms", "is_counted"),
    [
        (0.0005, 4_000, True),
        (0.0005, 120_000, True),
        (0.0005, 120_001, False),
        (0.003, 4_000, False),
        (0.0005, 0, False),
        (0.0, 0, True),
    ],
)
def test_a_leg_counts_unless_its_gap_or_speed_says_nothing(
    north_deg: float, elapsed_ms: int, is_counted: bool
) -> None:
    distance_m = great_circle_m(-23.55, -46.63, -23.55 + north_deg, -46.63)
    found = leg_m(-23.55, -46.63, -23.55 + north_deg, -46.63, elapsed_ms)
    assert found == (distance_m if is_counted else 0.0)
