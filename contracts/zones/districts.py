"""The 96 districts of São Paulo as facts: code, names, centroid, area.

Read from `districts.csv` beside this file; names carry their accents. What is made from them is in
`generate`.
"""

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class District:
    """One district as the municipality lists it."""

    zone_id: int
    acronym: str
    name: str
    subprefecture: str
    lat: float
    lon: float
    area_km2: float

    @property
    def equivalent_radius_km(self) -> float:
        """Radius of the circle that has the district's area."""
        return math.sqrt(self.area_km2 / math.pi)


def rows(file_name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file of this package, keyed by its header."""
    text = files("contracts.zones").joinpath(file_name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def districts() -> tuple[District, ...]:
    """Return all districts by ascending code."""
    found = [
        District(
            zone_id=int(row["zone_id"]),
            acronym=row["acronym"],
            name=row["name"],
            subprefecture=row["subprefecture"],
            lat=float(row["lat"]),
            lon=float(row["lon"]),
            area_km2=float(row["area_km2"]),
        )
        for row in rows("districts.csv")
    ]
    return tuple(sorted(found, key=lambda district: district.zone_id))
