"""What is wrong with positions: kinds, severities, and the rules that say so.

The jobs, the lakehouse and the tests share these; golden vectors lie in
`rules_vectors/anomalies.json`. Impossible speed is in `rules`, beside the distance it needs.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Final

import h3

from contracts.events import DriverStatus
from contracts.zones import cell_at, service_area_cells

ANOMALY_RULE_VERSION: Final = 1
OUTLIER_ACCURACY_M: Final = 100.0
"""A receiver that knows its position no better than this does not know the street."""
OUTLIER_MARGIN_CELLS: Final = 3
"""Rings of cells (each about 0.9 km) around the service area that still belong to it."""
ZOMBIE_SILENCE_MS: Final = 600_000
ZOMBIE_STATUSES: Final = frozenset(DriverStatus) - {DriverStatus.OFFLINE}
"""Statuses in which a driver's phone pings, at least every 30 s."""
FROZEN_AFTER_MS: Final = 60_000
FROZEN_STATUSES: Final = frozenset({DriverStatus.EN_ROUTE, DriverStatus.ON_TRIP})
"""Statuses in which a driver moves."""
REJECTION_LIMIT_MS: Final = 1_500_000
"""No ping is rejected for its speed longer than this after the last accepted one: any two points
that are no outliers lie less than 25 minutes apart at the speed limit (tested)."""


class AnomalyKind(StrEnum):
    """What is wrong."""

    OUTLIER = "outlier"
    IMPOSSIBLE_SPEED = "impossible_speed"
    ZOMBIE_DRIVER = "zombie_driver"
    FROZEN_GPS = "frozen_gps"


class AnomalyPhase(StrEnum):
    """Whether an anomaly has begun or ended; a single bad ping only begins."""

    RAISED = "raised"
    CLEARED = "cleared"


class Severity(StrEnum):
    """How much an anomaly asks for: a look some time, or somebody now."""

    WARNING = "warning"
    CRITICAL = "critical"


SEVERITIES: Final[Mapping[AnomalyKind, Severity]] = MappingProxyType(
    {
        AnomalyKind.OUTLIER: Severity.WARNING,
        AnomalyKind.IMPOSSIBLE_SPEED: Severity.WARNING,
        AnomalyKind.ZOMBIE_DRIVER: Severity.CRITICAL,
        AnomalyKind.FROZEN_GPS: Severity.WARNING,
    }
)


@cache
def accepted_cells() -> frozenset[str]:
    """Return the cells of the service area and of the margin around it."""
    return frozenset(
        near for cell in service_area_cells() for near in h3.grid_disk(cell, OUTLIER_MARGIN_CELLS)
    )


def outlier_reason(lat: float, lon: float, accuracy_m: float) -> str | None:
    """Return why a point is an outlier (`accuracy`, `outside_service_area`), None if it is none.

    Raises:
        ValueError: A coordinate is not finite.
    """
    if accuracy_m > OUTLIER_ACCURACY_M:
        return "accuracy"
    return None if cell_at(lat, lon) in accepted_cells() else "outside_service_area"
