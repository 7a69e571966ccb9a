"""Two scenarios side by side: the same seeds for both, differences with confidence intervals.

Replication i of both has the same seed, and every request has a generator of its own, so that
scenarios with the same demand and shocks meet the same riders at the same moments, whatever their
policies make of them (common random numbers, A. M. Law, Simulation Modeling and Analysis, 11.2).
Where demand or shocks differ, times of requests are drawn to another rate: the seed is shared, the
requests are not, and the intervals are wider.
The interval is Student's on the paired differences. Only the city runs: nothing is published.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

import msgspec
from scipy.special import stdtrit

from contracts.domain import Topic
from contracts.events import Envelope
from sim.control.summary import LABELS
from sim.domain.errors import ScenarioError
from sim.domain.kpis import KpiMeter, Kpis
from sim.domain.scenario import Scenario
from sim.engine.simulation import Simulation
from sim.publishing.run import derived_run_id

LEVEL: Final = 0.95
_STEP_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of both scenarios (means), and B minus A with the half width of its interval."""

    field: str
    a: float
    b: float
    difference: float
    half_width: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return abs(self.difference) > self.half_width


class _KpiSink:
    def __init__(self) -> None:
        self.meter = KpiMeter()

    def emit(self, topic: Topic, key: str, event: Envelope, event_time_ms: int) -> None:
        self.meter.take(event, event_time_ms)


def live(scenario: Scenario, duration_ms: int) -> Kpis:
    """Return the figures of a scenario after so much simulated time and a drain."""
    sink = _KpiSink()
    simulation = Simulation(scenario, derived_run_id(scenario), sink)
    simulation.step(scenario.start_ms + duration_ms)
    simulation.stop_requests()
    while simulation.trips_in_flight:
        simulation.step(simulation.now_ms + _STEP_MS)
    return sink.meter.kpis(simulation.now_ms)


def replicate(
    scenarios: Sequence[Scenario], replications: int, duration_ms: int, processes: int
) -> list[list[Kpis]]:
    """Return the figures of each replication of each scenario, run in parallel processes.

    Raises:
        ScenarioError: There are fewer than two replications, a scenario needs a service, or they
            start at different times: at another hour nobody meets the same riders.
    """
    if replications < 2:
        raise ScenarioError(f"{replications} replication(s) have no spread: ask for 2 or more")
    for scenario in scenarios:
        if scenario.policies.surge == "streamed" or scenario.policies.routing == "osrm":
            raise ScenarioError(
                f"scenario {scenario.name} needs a service: compare without policies.surge:"
                " streamed and policies.routing: osrm"
            )
        if scenario.start_time != scenarios[0].start_time:
            raise ScenarioError(
                f"{scenario.name} starts at {scenario.start_time.isoformat()}, {scenarios[0].name}"
                f" at {scenarios[0].start_time.isoformat()}: compare with a file that says"
                f" `base: {scenarios[0].name}`, or give both one start_time"
            )
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [
            [
                pool.submit(
                    live, msgspec.structs.replace(scenario, seed=scenarios[0].seed + i), duration_ms
                )
                for i in range(replications)
            ]
            for scenario in scenarios
        ]
        return [[future.result() for future in row] for row in futures]


def differences(a: Sequence[Kpis], b: Sequence[Kpis]) -> list[Difference]:
    """Return the paired difference of every figure."""
    count = len(a)
    quantile = float(stdtrit(count - 1, 0.5 + LEVEL / 2))
    found = []
    for field in LABELS:
        of_a = [float(getattr(kpis, field)) for kpis in a]
        of_b = [float(getattr(kpis, field)) for kpis in b]
        steps = [second - first for first, second in zip(of_a, of_b, strict=True)]
        mean = math.fsum(steps) / count
        variance = math.fsum((step - mean) ** 2 for step in steps) / (count - 1)
        half_width = quantile * math.sqrt(variance / count)
        found.append(
            Difference(field, math.fsum(of_a) / count, math.fsum(of_b) / count, mean, half_width)
        )
    return found


def table(name_a: str, name_b: str, rows: Sequence[Difference]) -> str:
    """Return the differences as text; a star marks those that are clear of zero."""
    lines = [f"{'':<26}{name_a:>16}{name_b:>16}{'B - A':>14}{'95 % +-':>12}"]
    for row in rows:
        label, form = LABELS[row.field]
        plain = form.replace(",.0f", ",.1f")
        lines.append(
            f"{label:<26}{form.format(row.a):>16}{form.format(row.b):>16}"
            f"{plain.format(row.difference):>14}{plain.format(row.half_width):>12}"
            f"{' *' if row.is_clear else ''}"
        )
    return "\n".join(lines) + "\n"


def plot(name_a: str, name_b: str, rows: Sequence[Difference]) -> str:
    """Return the relative differences with their intervals as an SVG image."""
    shown = [row for row in rows if row.a]
    shares = [(r, r.difference / r.a, r.half_width / r.a) for r in shown]
    reach = max((abs(mid) + half for _, mid, half in shares), default=0.0) or 1.0
    height = 60 + 24 * len(shares)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}"'
        ' font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="22" font-weight="bold">{name_b} against {name_a}'
        f" (change, {LEVEL:.0%} interval)</text>",
        f'<line x1="480" y1="34" x2="480" y2="{height - 12}" stroke="#999"/>',
    ]
    for position, (row, mid, half) in enumerate(shares):
        y = 50 + 24 * position
        left, right, point = (480 + 220 * value / reach for value in (mid - half, mid + half, mid))
        colour = "#b3261e" if row.is_clear else "#777"
        parts += [
            f'<text x="12" y="{y + 4}">{LABELS[row.field][0]}</text>',
            f'<line x1="{left:.1f}" y1="{y}" x2="{right:.1f}" y2="{y}" stroke="{colour}"'
            ' stroke-width="3"/>',
            f'<circle cx="{point:.1f}" cy="{y}" r="5" fill="{colour}"/>',
            f'<text x="705" y="{y + 4}">{mid:+.1%}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
