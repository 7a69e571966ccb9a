"""Drivers and riders as the engine knows them.

That is who they are (frozen) and what they are doing (not).
"""

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import simpy

from contracts.events import DriverDna, DriverStatus, RiderDna
from sim.domain.dna import draw_driver, draw_rider
from sim.domain.scenario import Agents
from sim.policies.demand import DemandPolicy, draw_zone, running_sums, zone_weights

VehicleClass = Literal["economy", "comfort", "van"]
VEHICLE_CLASSES: Final[tuple[VehicleClass, ...]] = ("economy", "comfort", "van")
_VEHICLE_SHARES: Final = (0.72, 0.22, 0.06)
_FIRST_NAMES: Final = (
    "Ana", "Bruno", "Camila", "Davi", "Eduarda", "Felipe", "Gabriela", "Heitor", "Isabela",
    "João", "Karina", "Lucas", "Márcia", "Natália", "Otávio", "Paula", "Rafael", "Sônia",
    "Thiago", "Vitória",
)  # fmt: skip
_LAST_NAMES: Final = (
    "Almeida", "Barbosa", "Cardoso", "Conceição", "Dias", "Ferreira", "Gonçalves", "Lima",
    "Machado", "Nascimento", "Oliveira", "Pereira", "Ribeiro", "Santos", "Souza", "Teixeira",
)  # fmt: skip


@dataclass(slots=True)
class Driver:
    """One driver.

    `trip_id` is set from the match to the end of the trip, `has_offer` while an offer is open.
    `loyalty` in [0, 1] orders the fleet: those with the least leave first when a shock keeps
    drivers away. `answer` is what a puppet says to its offer.
    """

    number: int
    driver_id: str
    display_name: str
    vehicle_class: VehicleClass
    home_zone_id: int
    dna: DriverDna
    loyalty: float = 1.0
    status: DriverStatus = DriverStatus.OFFLINE
    zone_id: int | None = None
    trip_id: str | None = None
    has_offer: bool = False
    is_leaving: bool = False
    is_puppet: bool = False
    freed: simpy.Event | None = field(default=None)
    answer: bool | None = None

    @property
    def is_free(self) -> bool:
        """Whether the driver can take an offer."""
        return (
            self.status is DriverStatus.AVAILABLE
            and self.trip_id is None
            and not self.has_offer
            and not self.is_leaving
        )


@dataclass(slots=True)
class Rider:
    """One rider. `entity` is the row in the fleet.

    `trip_id` is set from the request to the end of the trip.
    """

    number: int
    entity: int
    rider_id: str
    display_name: str
    dna: RiderDna
    trip_id: str | None = None
    is_puppet: bool = False
    is_removed: bool = False

    @property
    def is_at_rest(self) -> bool:
        """Whether demand may let the rider ask for a ride."""
        return self.trip_id is None and not self.is_puppet


def make_drivers(agents: Agents, rng: np.random.Generator) -> list[Driver]:
    """Return all drivers, offline. Their homes spread wider than demand, by the same rule."""
    homes = running_sums(zone_weights(agents.home_scale_m))
    return [
        Driver(
            number=number,
            driver_id=f"driver-{number + 1:06d}",
            display_name=_name(rng),
            vehicle_class=VEHICLE_CLASSES[int(rng.choice(3, p=_VEHICLE_SHARES))],
            home_zone_id=draw_zone(homes, rng),
            dna=draw_driver(rng, agents.shift_start_weights),
            loyalty=rng.random(),
        )
        for number in range(agents.drivers)
    ]


def make_riders(agents: Agents, demand: DemandPolicy, rng: np.random.Generator) -> list[Rider]:
    """Return all riders, at rest."""
    riders = []
    for number in range(agents.riders):
        home = demand.home_zone(rng)
        riders.append(
            Rider(
                number=number,
                entity=agents.drivers + number,
                rider_id=f"rider-{number + 1:06d}",
                display_name=_name(rng),
                dna=draw_rider(rng, home, demand.work_zone(home, rng)),
            )
        )
    return riders


def _name(rng: np.random.Generator) -> str:
    first = _FIRST_NAMES[int(rng.integers(len(_FIRST_NAMES)))]
    return f"{first} {_LAST_NAMES[int(rng.integers(len(_LAST_NAMES)))]}"
