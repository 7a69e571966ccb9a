"""What is plain is well formed, and what a replay writes is plain (a city's: see the simulator)."""

import re
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.domain import DOMAINS, GPS_PINGS, INPUT_TOPICS, TAXI_TRIP_EVENTS, TAXI_TRIPS, Topic
from contracts.events import TaxiTrip, TaxiTripEvent
from contracts.plain_form import plain_form
from contracts.timestamps import rfc3339
from contracts.validation import reject_reason

every_topic = pytest.mark.parametrize("topic", INPUT_TOPICS, ids=lambda topic: topic.name)
ENVELOPE = {
    "event_id": "0195f3a0-0000-7000-8000-000000000001",
    "schema_version": 1,
    "event_time": "2019-01-31T23:10:00.000Z",
    "run_id": "r-1",
    "trip_id": "r-1-7",
}
TRIP = TaxiTrip(
    **ENVELOPE,
    event_type="taxi_trip",
    region_id=42,
    duration_s=600.5,
    distance_m=2500.0,
    fare_minor=950,
    currency="USD",
    total_minor=-1200,
    flags=("zero_distance", "night"),
)
PING = (
    b'{"event_id":"e","event_type":"gps_ping","schema_version":1,"event_time":"%s","run_id":"r",'
    b'"entity_type":"driver","entity_id":"d","lat":%s,"lon":%s,"speed_kmh":0,"heading_deg":%s,'
    b'"accuracy_m":4.5,"seq":7}'
)


def is_plain(topic: Topic, record: bytes) -> bool:
    return re.fullmatch(plain_form(topic).encode(), record) is not None


@every_topic
@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_plain_records_are_well_formed(topic: Topic, data: st.DataObject):
    form = st.from_regex(plain_form(topic), fullmatch=True, alphabet=st.characters(codec="ascii"))
    record = data.draw(form)

    assert reject_reason(topic.name, record.encode()) is None


@every_topic
def test_nothing_in_a_form_ends_a_text_of_sql_or_captures(topic: Topic):
    form = plain_form(topic)

    assert "'" not in form
    assert re.compile(form).groups == 0


def test_what_a_replay_writes_is_plain():
    ended = TaxiTripEvent(**ENVELOPE, event_type="trip_ended", duration_s=0.25, distance_m=0)

    assert is_plain(TAXI_TRIPS, msgspec.json.encode(TRIP))
    assert is_plain(TAXI_TRIP_EVENTS, msgspec.json.encode(ended))


@given(
    st.integers(
        DOMAINS["rideshare"].earliest_ms - 10 * 86_400_000,
        DOMAINS["rideshare"].latest_ms + 10 * 86_400_000,
    )
)
def test_every_instant_of_the_domain_is_plain_but_leap_days(moment_ms: int):
    record = PING % (rfc3339(moment_ms).encode(), b"-23.5", b"-46.6", b"0")
    day = datetime.fromtimestamp(moment_ms / 1000, UTC)
    is_leap_day = (day.month, day.day) == (2, 29)

    is_well_formed = reject_reason(GPS_PINGS.name, record) is None

    assert is_plain(GPS_PINGS, record) == (is_well_formed and not is_leap_day)


@pytest.mark.parametrize("degrees", ["0", "9", "10", "89.9999999", "-0.0", "-89", "0.5", "-7.25"])
def test_places_inside_their_bounds_are_plain(degrees: str):
    assert is_plain(GPS_PINGS, PING % (b"2026-03-02T09:00:00.000Z", degrees.encode(), b"179", b"0"))


@given(st.integers(-400, 400), st.integers(-400, 400), st.integers(0, 800))
def test_whole_degrees_are_plain_where_a_fraction_would_still_be_inside(lat, lon, heading):
    record = PING % (b"2026-03-02T09:00:00.000Z", *(str(n).encode() for n in (lat, lon, heading)))

    assert is_plain(GPS_PINGS, record) == (abs(lat) < 90 and abs(lon) < 180 and heading < 360)
