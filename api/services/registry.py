"""The services of one process, for the routes to ask."""

from dataclasses import dataclass

from api.services.anomalies import AnomalyService
from api.services.positions import PositionService
from api.services.readiness import ReadinessService
from api.services.stats import StatsService
from api.services.surge import SurgeService
from api.services.windows import WindowService


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the routes may ask."""

    anomalies: AnomalyService
    positions: PositionService
    readiness: ReadinessService
    stats: StatsService
    surge: SurgeService
    windows: WindowService
