"""The figures of `weekday` against published ranges.

    python -m tests.bench.sim_kpis [KPIS_JSON]

KPIS_JSON is what `farol sim run weekday --out DIR` leaves beside its ledger; without it the city is
lived here (half a minute of CPU). Sources: docs/simulator-kpis.md. Exit code 1 if a figure is out.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from sim.control import compare, scenarios
from sim.domain.kpis import Kpis

KM_PER_MILE: Final = 1.609344


@dataclass(frozen=True, slots=True)
class Published:
    """What studies of real cities report; both ends belong to it."""

    field: str
    lowest: float
    highest: float


RANGES: Final = (
    Published("wait_p50_s", 5 * 60, 10 * 60),
    Published("wait_p90_s", 0, 10 * 60),
    Published("occupancy_share", 0.50, 0.55),
    Published("matched_cancelled_share", 0.0, 0.10),
    Published("trip_mean_m", 5.2 * KM_PER_MILE * 1000, 6.4 * KM_PER_MILE * 1000),
)


def main(arguments: list[str]) -> int:
    """Compare, print and return the exit code."""
    if arguments:
        kpis = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Kpis)
    else:
        weekday = scenarios.named("weekday")
        kpis = compare.live(weekday, round(weekday.duration_s * 1000))
    is_out = False
    for published in RANGES:
        value = getattr(kpis, published.field)
        is_within = published.lowest <= value <= published.highest
        is_out |= not is_within
        sys.stdout.write(
            f"{published.field:<28}{value:>10.5g}   {published.lowest:.5g} to"
            f" {published.highest:.5g}   {'within' if is_within else 'OUT'}\n"
        )
    return int(is_out)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
