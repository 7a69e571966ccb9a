"""A user's mapping file: what it may say, and how a mistake in it is told."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from contracts.events import TaxiTrip
from sim.replay.errors import FormatError
from sim.replay.formats import FORMATS
from sim.replay.mapping import format_of, from_value
from sim.replay.plan import Plan
from sim.replay.run import replay
from tests.unit.sim.replay.kit import MemoryTopic

GOOD: dict[str, Any] = {
    "name": "city_cabs",
    "columns": {
        "trip_id": "Ride",
        "started_at": ["begin", "start_time"],
        "ended_at": "end",
        "region": "zone",
        "distance": "km",
        "fare": "price",
        "tip": "extra",
    },
    "time_zone": "Europe/Paris",
    "currency": "EUR",
    "metres_per_unit": 1000,
    "optional": ["tip"],
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def columns(**changes: Any) -> dict[str, Any]:
    kept = {k: v for k, v in {**GOOD["columns"], **changes}.items() if v is not None}
    return changed(columns=kept)


def test_a_mapping_file_is_a_format(tmp_path: Path) -> None:
    mapping = tmp_path / "cabs.yaml"
    mapping.write_text(yaml.safe_dump(GOOD))
    trips = tmp_path / "trips.csv"
    trips.write_text("START_TIME,end,ride,zone,km,price\n2019-07-01 12:00:00,2019-07-01 12:10:00,")
    with trips.open("a") as handle:
        handle.write("r7,12,1.5,8.40\n")
    topic = MemoryTopic()
    outcome = replay(Plan(trips, str(mapping), "r1"), topic, tmp_path)
    trip = msgspec.json.decode(topic.records[0].value or b"", type=TaxiTrip)
    assert outcome.accepted == 1
    assert (trip.trip_id, trip.region_id, trip.currency) == ("r7", 12, "EUR")
    assert (trip.event_time, trip.duration_s) == ("2019-07-01T10:00:00.000Z", 600.0)
    assert (trip.distance_m, trip.fare_minor, trip.tip_minor) == (1500.0, 840, None)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_known_format_can_be_written_as_a_mapping(name: str) -> None:
    assert from_value(FORMATS[name].plain(), name) == FORMATS[name]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (changed(colour="red"), r"m.yaml: unknown key colour; known are name, columns"),
        (columns(pickup="begin"), r"m.yaml: unknown key columns.pickup; known are started_at"),
        (columns(fare=7), r"m.yaml: columns.fare: Expected `array`, got `int`"),
        (columns(fare=["a", 7]), r"m.yaml: columns.fare\[1\]: Expected `str`, got `int`"),
        (columns(fare=None), r"m.yaml: columns: Object missing required field `fare`"),
        (columns(fare=[]), r"m.yaml: columns.fare: a trip needs it"),
        (columns(duration_s="d"), r"m.yaml: columns: give ended_at or duration_s"),
        (columns(ended_at=None), r"m.yaml: columns: give ended_at or duration_s"),
        (columns(tip="PRICE"), r"m.yaml: columns.tip: 'price' is already the column of fare"),
        (changed(currency="euro"), r"m.yaml: currency: 'euro' is no ISO 4217 code"),
        (changed(metres_per_unit=0), r"m.yaml: metres_per_unit: '0' is no positive number"),
        (changed(metres_per_unit="mile"), r"m.yaml: metres_per_unit: 'mile' is no positive"),
        (changed(time_zone="Mars/Base"), r"m.yaml: time_zone: time zone 'Mars/Base' is not known"),
        (changed(optional=["colour"]), r"m.yaml: optional: 'colour' is no field"),
        ({"name": "x"}, r"m.yaml: columns: Expected `object`, got `null`"),
        (["a"], r"m.yaml: a mapping of keys to values is needed"),
    ],
)
def test_a_mistake_is_told_with_the_path_of_its_key(value: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_value(value, "m.yaml")


def test_a_file_that_is_no_mapping_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1")
    with pytest.raises(FormatError, match=r"broken.yaml is no YAML"):
        format_of(str(broken))
    with pytest.raises(FormatError, match=r"absent.yaml cannot be read"):
        format_of(str(tmp_path / "absent.yaml"))
    with pytest.raises(FormatError, match=r"unknown format 'csv': use one of nyc_yellow"):
        format_of("csv")
