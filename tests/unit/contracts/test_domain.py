"""Topics: names, derived names, how they are created."""

import pytest

from contracts import domain, rules
from contracts.events import Envelope
from contracts.fields import fields_of
from contracts.live import DERIVED_STRUCTS


def test_the_topics_are_those_of_the_design() -> None:
    assert [topic.name for topic in domain.INPUT_TOPICS] == [
        "rideshare.trips",
        "rideshare.gps_pings",
        "rideshare.driver_status",
        "rideshare.surge_updates",
        "rideshare.ratings",
        "rideshare.payments",
        "rideshare.driver_profiles",
        "rideshare.rider_profiles",
        "taxi.trips",
        "taxi.trip_events",
    ]


def test_names_that_follow_from_a_topic() -> None:
    topic = domain.input_topic("rideshare.gps_pings")
    assert topic is domain.GPS_PINGS
    assert topic.dlq == "rideshare.gps_pings.dlq"
    assert topic.late == "rideshare.gps_pings.late"
    assert topic.bronze_table == "bronze.rideshare_gps_pings"
    assert topic.dlq_table == "bronze.dlq_rideshare_gps_pings"


@pytest.mark.parametrize("topic", domain.INPUT_TOPICS, ids=lambda topic: topic.name)
def test_every_key_is_a_required_field_of_its_event(topic: domain.Topic) -> None:
    assert issubclass(topic.event, Envelope)
    keys = {field.name: field for field in fields_of(topic.event)}
    assert keys[topic.key_field].is_required
    assert not keys[topic.key_field].is_nullable


@pytest.mark.parametrize("topic", domain.DERIVED_TOPICS, ids=lambda topic: topic.name)
def test_every_derived_key_is_a_field_of_its_struct(topic: domain.DerivedTopic) -> None:
    names = {field.name for field in fields_of(DERIVED_STRUCTS[topic.name])}
    assert set(topic.key_fields) <= names


def test_every_topic_is_created_once_and_takes_what_it_must() -> None:
    specs = {spec.name: spec for spec in domain.topic_specs()}
    names = [spec.name for spec in domain.topic_specs()]
    assert len(specs) == len(names) == 3 * len(domain.INPUT_TOPICS) + len(domain.DERIVED_TOPICS)
    assert int(specs["rideshare.trips"].config["max.message.bytes"]) == 8 * 2**20
    assert int(specs["rideshare.trips.dlq"].config["max.message.bytes"]) == 16 * 2**20
    assert specs["rideshare.trips"].config["message.timestamp.type"] == "CreateTime"
    assert all(int(spec.config["retention.ms"]) > 0 for spec in specs.values())
    assert {spec.partitions for spec in specs.values()} == {4}


def test_a_domain_accepts_both_ends_of_its_range() -> None:
    city = domain.RIDESHARE
    assert city.accepts(city.earliest_ms)
    assert city.accepts(city.latest_ms)
    assert not city.accepts(city.earliest_ms - 1)
    assert not city.accepts(city.latest_ms + 1)


def test_a_stream_end_lies_past_the_longest_window_and_its_lateness() -> None:
    surge = rules.SURGE_WINDOW_MS + rules.SURGE_OUT_OF_ORDERNESS_MS
    region = rules.REGION_WINDOW_MS + rules.REGION_OUT_OF_ORDERNESS_MS
    assert max(surge, region) < domain.STREAM_END_MARGIN_MS
