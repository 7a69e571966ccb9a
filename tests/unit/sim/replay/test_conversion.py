import msgspec
import pytest

from contracts.events import ControlRecord, TaxiTrip
from contracts.validation import reject_reason
from sim.replay.conversion import Cells, Converter, metres, minor_units, whole_number
from sim.replay.formats import FIELDS, NYC_YELLOW
from sim.replay.local_time import LocalClock
from sim.replay.record import Record

GOOD = {
    "started_at": "2019-01-15 03:36:12",
    "ended_at": "2019-01-15 03:42:19",
    "region": "230",
    "dropoff_zone": "48",
    "distance": "1.7",
    "fare": "6.5",
    "total": "9.75",
    "tip": "1.95",
    "payment_type": "1",
    "passenger_count": "1",
}


def convert(
    changes: dict[str, str | None] | None = None, row_number: int = 1, run_id: str = "r1"
) -> Record:
    cells: Cells = tuple({**GOOD, **(changes or {})}.get(field) for field in FIELDS)
    started_at = cells[FIELDS.index("started_at")]
    started_ms = (
        None if started_at is None else LocalClock("America/New_York").epoch_ms(started_at.strip())
    )
    return Converter(NYC_YELLOW, run_id, "ab" * 32).convert(row_number, started_ms, cells)


def test_a_good_row_becomes_a_trip_with_exact_money_and_length() -> None:
    record = convert()
    trip = msgspec.json.decode(record.value, type=TaxiTrip)
    assert record.reason is None
    assert record.key == b"230"
    assert record.event_time_ms == 1547541372000
    assert trip.event_time == "2019-01-15T08:36:12.000Z"
    assert (trip.region_id, trip.pickup_zone_id, trip.dropoff_zone_id) == (230, 230, 48)
    assert (trip.fare_minor, trip.total_minor, trip.tip_minor) == (650, 975, 195)
    assert trip.duration_s == 367.0
    assert trip.distance_m == 2735.8848
    assert (trip.currency, trip.payment_type, trip.passenger_count) == ("USD", "1", 1)
    assert trip.flags == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fare": "-0.01"}, "out_of_range:fare_minor"),
        ({"fare": "INVALID_FARE"}, "wrong_type:fare_minor"),
        ({"fare": None}, "wrong_type:fare_minor"),
        ({"fare": ""}, "wrong_type:fare_minor"),
        ({"fare": "nan"}, "wrong_type:fare_minor"),
        ({"fare": "1e999999999"}, "wrong_type:fare_minor"),
        ({"fare": "1_000"}, "wrong_type:fare_minor"),
        ({"ended_at": "2019-01-15 03:36:12"}, "out_of_range:duration_s"),
        ({"ended_at": "2019-01-15 03:00:00"}, "out_of_range:duration_s"),
        ({"ended_at": "soon"}, "wrong_type:duration_s"),
        ({"ended_at": None}, "wrong_type:duration_s"),
        ({"distance": "far"}, "wrong_type:distance_m"),
        ({"region": "Queens"}, "wrong_type:region_id"),
        ({"region": None}, "wrong_type:region_id"),
        ({"started_at": "INVALID"}, "event_time_invalid"),
        ({"started_at": None}, "event_time_missing"),
        ({"started_at": "  "}, "event_time_missing"),
        ({"started_at": "2088-01-24 00:15:42"}, "event_time_out_of_range"),
        ({"started_at": "2003-01-01 00:07:17"}, "event_time_out_of_range"),
    ],
)
def test_a_row_that_breaks_a_rule_is_published_as_it_is_and_its_reason_foretold(
    changes: dict[str, str | None], reason: str
) -> None:
    record = convert(changes)
    assert record.reason == reason
    assert record.reason == reject_reason("taxi.trips", record.value)
    assert record.event_time_ms is None


def test_the_offending_text_stays_in_place() -> None:
    sent = msgspec.json.decode(convert({"fare": "INVALID_FARE", "started_at": "INVALID"}).value)
    assert sent["fare_minor"] == "INVALID_FARE"
    assert sent["event_time"] == "INVALID"
    assert msgspec.json.decode(convert({"fare": "-7.25"}).value)["fare_minor"] == -725
    assert (
        msgspec.json.decode(convert({"ended_at": "2019-01-15 03:36:02"}).value)["duration_s"] == -10
    )


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"distance": "0.0"}, ("zero_distance",)),
        ({"ended_at": "2019-01-15 07:36:12"}, ()),
        ({"ended_at": "2019-01-15 07:36:13"}, ("over_4_hours",)),
        ({"region": "264"}, ("unknown_zone",)),
        ({"dropoff_zone": "265"}, ("unknown_zone",)),
        ({"distance": "0", "region": "265"}, ("zero_distance", "unknown_zone")),
    ],
)
def test_odd_trips_are_accepted_with_a_flag(
    changes: dict[str, str | None], flags: tuple[str, ...]
) -> None:
    record = convert(changes)
    assert record.reason is None
    assert msgspec.json.decode(record.value, type=TaxiTrip).flags == flags


def test_missing_optional_cells_are_null() -> None:
    record = convert(
        {
            "total": None,
            "tip": "",
            "payment_type": None,
            "dropoff_zone": None,
            "passenger_count": None,
        }
    )
    trip = msgspec.json.decode(record.value, type=TaxiTrip)
    assert (trip.total_minor, trip.tip_minor, trip.payment_type) == (None, None, None)
    assert (trip.dropoff_zone_id, trip.passenger_count) == (None, None)


def test_tips_may_be_negative() -> None:
    assert convert({"tip": "-1.00", "total": "-3.30"}).reason is None


def test_the_same_row_of_the_same_run_is_the_same_event() -> None:
    assert convert(row_number=7).value == convert(row_number=7).value
    assert convert(row_number=7).event_id != convert(row_number=8).event_id
    other = convert(row_number=7, run_id="r2")
    assert other.event_id != convert(row_number=7).event_id
    trips = [
        msgspec.json.decode(r.value, type=TaxiTrip).trip_id for r in (other, convert(row_number=7))
    ]
    assert trips[0] == trips[1]


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("0.29", 29),
        ("1.15", 115),
        ("16.560000000000002", 1656),
        ("0.005", 1),
        ("-0.005", -1),
        (".5", 50),
        ("+3.", 300),
        ("1e2", 10000),
        (None, None),
        ("0x10", "0x10"),
        ("inf", "inf"),
    ],
)
def test_money_is_decimal_and_half_up(text: str | None, minor: int | str | None) -> None:
    assert minor_units(text) == minor


def test_whole_numbers_may_be_written_as_decimals() -> None:
    assert [whole_number(t) for t in ("2", "2.0", "2.5", "two", None)] == [2, 2, "2.5", "two", None]
    assert metres("x", "1609.344") == "x"


def test_control_records_are_well_formed_and_all_different() -> None:
    converter = Converter(NYC_YELLOW, "r1", "ab" * 32)
    ids = set()
    for sequence in range(4):
        event_id, value = converter.identity.control("stream_end", sequence, 1547541372000)
        record = msgspec.json.decode(value, type=ControlRecord)
        assert reject_reason("taxi.trips", value) is None
        assert (record.event_type, record.run_id) == ("stream_end", "r1")
        ids.add(event_id)
    assert len(ids) == 4
