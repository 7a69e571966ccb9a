"""One village with all faults on: what came out and what the ledger says are the same."""

import re
import sqlite3
from collections import Counter, defaultdict
from itertools import pairwise
from typing import get_args

import msgspec
import pytest

from contracts.anomalies import FROZEN_AFTER_MS, OUTLIER_ACCURACY_M
from contracts.domain import (
    HEARTBEAT_INTERVAL_MS,
    INPUT_TOPICS,
    PARTITIONS,
    RIDESHARE,
    STREAM_END_MARGIN_MS,
)
from contracts.events import ControlRecord
from contracts.ledger import FaultKind, relative_path
from contracts.plain_form import plain_form
from contracts.rules import SURGE_OUT_OF_ORDERNESS_MS
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason
from sim.control import scenarios
from sim.domain.errors import SimError
from sim.domain.scenario import DRAIN_LIMIT_MS
from sim.publishing.ledger import LedgerExistsError
from sim.publishing.memory import MemoryPort
from sim.publishing.run import Run, derived_run_id, new_run_id

MINUTE_MS = 60_000
AFTERMATH_MS = 2 * MINUTE_MS
"""Payment and ratings of a trip that the end of a drain has completed."""
FAULTY = {
    "demand": {"peak_requests_per_hour": 200},
    "faults": {
        "duplicate_share": 0.02,
        "malformed_share": 0.02,
        "late_share": 0.02,
        "out_of_order_share": 0.02,
        "teleport_share": 0.01,
        "inaccurate_share": 0.01,
        "freezes_per_driver_hour": 4.0,
        "silences_per_driver_hour": 1.0,
    },
}


class Lived:
    """A run that has ended: its records in order of sending, and its ledger."""

    def __init__(self, folder, overrides, minutes):
        self.scenario = scenarios.named("small", overrides)
        self.port = MemoryPort()
        self.run_id = new_run_id()
        run = Run(self.scenario, self.run_id, self.port, folder)
        run.advance(self.scenario.start_ms + minutes * MINUTE_MS)
        run.publisher.commit()
        run.end()
        self.run = run
        self.records = self.port.records
        self.db = sqlite3.connect(folder / relative_path(self.run_id))

    def rows(self, statement, *values):
        return self.db.execute(statement, values).fetchall()

    def of(self, kind):
        return [record for record in self.records if record.kind == kind]


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    ended = Lived(tmp_path_factory.mktemp("home"), FAULTY, 60)
    yield ended
    ended.db.close()


def test_every_clean_record_is_well_formed_and_every_malformed_one_is_not(lived):
    for record in lived.records:
        reason = reject_reason(record.topic, record.value)
        assert (reason is None) == (record.kind != "malformed"), record


def test_what_the_city_writes_is_plain_and_what_is_malformed_never(lived):
    forms = {topic.name: re.compile(plain_form(topic).encode()) for topic in INPUT_TOPICS}
    written = [record for record in lived.records if record.kind != "control"]
    assert {record.topic for record in written} == {t.name for t in RIDESHARE.inputs}
    for record in written:
        value = record.value or b""
        is_plain = forms[record.topic].fullmatch(value) is not None
        assert is_plain == (record.kind != "malformed" and value.isascii()), record
    well_formed = [record for record in written if record.kind != "malformed"]
    assert sum(record.value.isascii() for record in well_formed) > 0.98 * len(well_formed)


def test_malformed_copies_have_the_reason_that_the_ledger_names(lived):
    expected = Counter(
        lived.rows("select event_id, topic, detail from faults where fault = 'malformed'")
    )
    got = Counter(
        (r.event_id, r.topic, reject_reason(r.topic, r.value)) for r in lived.of("malformed")
    )
    assert got == expected
    assert len(got) > 100


def test_an_original_is_never_removed(lived):
    clean = Counter(record.event_id for record in lived.of("clean"))
    assert set(clean.values()) == {1}
    for record in lived.of("duplicate") + lived.of("malformed"):
        assert record.event_id in clean


def test_duplicates_are_byte_identical_and_later(lived):
    position = {r.event_id: i for i, r in enumerate(lived.records) if r.kind == "clean"}
    duplicates = [(i, r) for i, r in enumerate(lived.records) if r.kind == "duplicate"]
    assert len(duplicates) > 100
    for index, record in duplicates:
        original = lived.records[position[record.event_id]]
        assert record[:3] == original[:3]
        assert record.traceparent == original.traceparent
        assert position[record.event_id] < index
    rows = lived.rows("select event_id from faults where fault = 'duplicate'")
    assert Counter(r.event_id for _, r in duplicates) == Counter(event for (event,) in rows)


def test_delays_are_as_late_as_their_kind_says(lived):
    newest = defaultdict(int)
    behind = {}
    for record in lived.records:
        if record.kind == "clean":
            behind[record.event_id] = newest[record.topic] - record.event_time_ms
        if record.kind in ("clean", "control"):
            newest[record.topic] = max(newest[record.topic], record.event_time_ms)
    faults = dict(lived.rows("select event_id, fault from faults"))
    late = [behind[e] for e, fault in faults.items() if fault == "late"]
    unordered = [behind[e] for e, fault in faults.items() if fault == "out_of_order"]
    assert len(late) > 50
    assert min(late) > SURGE_OUT_OF_ORDERNESS_MS
    assert len(unordered) > 50
    assert max(unordered) < 10_000
    others = [
        ms for event, ms in behind.items() if faults.get(event) not in ("late", "out_of_order")
    ]
    assert max(others) <= 0


def test_ledger_counts_what_was_sent(lived):
    sent = Counter((record.topic, record.kind) for record in lived.records)
    rows = {(t, k): n for t, k, n in lived.rows("select topic, kind, records from produced")}
    assert rows == sent
    assert lived.run.publisher.produced == sent


def test_ledger_knows_every_trip_status_and_payment(lived):
    clean = defaultdict(dict)
    for record in lived.of("clean"):
        clean[record.topic][record.event_id] = msgspec.json.decode(record.value)
    trips = {
        (
            *(
                e["event_id"],
                e["trip_id"],
                e["state"],
                e["previous_state"],
                epoch_ms(e["event_time"]),
            ),
            *(e["pickup"]["zone_id"], e["rider_id"], e["driver_id"], e["fare_minor"]),
        )
        for e in clean["rideshare.trips"].values()
    }
    assert set(lived.rows("select * from trip_transitions")) == trips
    statuses = {
        (
            *(e["event_id"], e["driver_id"], e["status"], e["previous_status"]),
            *(epoch_ms(e["event_time"]), e["zone_id"]),
        )
        for e in clean["rideshare.driver_status"].values()
    }
    assert set(lived.rows("select * from driver_status")) == statuses
    payments = {
        (
            *(e["event_id"], e["payment_id"], e["trip_id"], e["fare_minor"], e["fee_minor"]),
            *(e["payout_minor"], e["tip_minor"], e["currency"], epoch_ms(e["event_time"])),
        )
        for e in clean["rideshare.payments"].values()
    }
    assert set(lived.rows("select * from payments")) == payments


def test_ledger_describes_the_run(lived):
    ((run_id, producer, state, seed, configuration, first, last, is_lossy),) = lived.rows(
        "select run_id, producer, state, seed, configuration, first_event_time_ms,"
        " last_event_time_ms, is_lossy from run"
    )
    assert (run_id, producer, state, seed) == (lived.run_id, "sim", "ended", lived.scenario.seed)
    assert msgspec.json.decode(configuration, type=type(lived.scenario)) == lived.scenario
    assert first == lived.scenario.start_ms
    assert last == max(record.event_time_ms for record in lived.of("clean"))
    assert is_lossy == 0


def test_teleports_move_a_ping_far_and_touch_nothing_else(lived):
    rows = lived.rows("select event_id, topic, detail from faults where fault = 'teleport'")
    assert len(rows) > 50
    assert {topic for _, topic, _ in rows} == {"rideshare.gps_pings"}
    assert all(float(detail.removeprefix("distance_m=")) >= 20_000 for _, _, detail in rows)


def test_an_inaccurate_ping_is_an_outlier_and_says_how_bad_it_is(lived):
    rows = lived.rows("select event_id, detail from faults where fault = 'inaccurate'")
    assert len(rows) > 50
    said = {r.event_id: msgspec.json.decode(r.value) for r in lived.of("clean") if "gps" in r.topic}
    for event_id, detail in rows:
        assert said[event_id]["accuracy_m"] > OUTLIER_ACCURACY_M
        assert detail == f"accuracy_m={said[event_id]['accuracy_m']:g}"


def test_a_frozen_receiver_repeats_one_point_while_its_driver_moves(lived):
    pings = defaultdict(list)
    for record in lived.of("clean"):
        if "gps" in record.topic:
            ping = msgspec.json.decode(record.value)
            pings[ping["entity_id"]].append((record.event_time_ms, record.event_id, ping))
    spells = defaultdict(list)
    for event, entity, detail in lived.rows(
        "select event_id, entity_id, detail from faults where fault = 'frozen_gps'"
    ):
        spells[entity, detail].append(event)
    long = 0
    for (entity, _), events in spells.items():
        own = sorted(pings[entity], key=lambda ping: ping[0])
        number = {event_id: position for position, (_, event_id, _) in enumerate(own)}
        frozen = sorted(number[event] for event in events)
        told = [own[position] for position in (frozen[0] - 1, *frozen)]
        at_one_point = {
            (ping["lat"], ping["lon"]) for _, event_id, ping in told[1:] if event_id in set(events)
        }
        assert len(at_one_point) == 1
        assert {ping["driver_status"] for *_, ping in told[1:]} <= {"en_route", "on_trip"}
        long += told[-1][0] - told[0][0] > FROZEN_AFTER_MS
    assert long > 5


def test_every_kind_of_fault_is_in_the_ledger_and_each_event_once(lived):
    kinds = {fault for (fault,) in lived.rows("select distinct fault from faults")}
    assert kinds == set(get_args(FaultKind)) - {"dropped"}
    reasons = {
        detail.split(":")[0]
        for (detail,) in lived.rows("select detail from faults where fault = 'malformed'")
    }
    assert len(reasons) >= 11, reasons
    ((most,),) = lived.rows(
        "select max(times) from (select count(*) times from faults group by event_id, topic)"
    )
    assert most == 1


def test_silences_withhold_pings_for_more_than_ten_minutes(lived):
    published = {record.event_id for record in lived.of("clean")}
    spans = defaultdict(list)
    for event, entity, detail, at_ms, released in lived.rows(
        "select event_id, entity_id, detail, event_time_ms, released_event_time_ms"
        " from faults where fault = 'silent_driver'"
    ):
        assert event not in published
        assert released is None
        spans[entity, detail].append(at_ms)
    whole = [max(times) - min(times) for times in spans.values()]
    assert max(whole) > 600_000
    assert all(entity.startswith("driver-") for entity, _ in spans)


def test_heartbeats_reach_every_partition_every_ten_seconds_and_the_end_once(lived):
    beats, ends = defaultdict(list), Counter()
    for record in lived.of("control"):
        control = msgspec.json.decode(record.value, type=ControlRecord)
        assert control.run_id == lived.run_id
        assert record.key is None
        if control.event_type == "stream_end":
            ends[record.topic, record.partition] += 1
            newest = max(r.event_time_ms for r in lived.of("clean"))
            assert record.event_time_ms >= newest + STREAM_END_MARGIN_MS
        else:
            beats[record.topic, record.partition].append(record.event_time_ms)
    places = {(t.name, p) for t in RIDESHARE.inputs for p in range(PARTITIONS)}
    assert set(beats) == places
    assert ends == Counter(dict.fromkeys(places, 1))
    assert {r.kind for r in lived.records[-len(places) :]} == {"control"}
    for times in beats.values():
        assert times[0] == lived.scenario.start_ms + HEARTBEAT_INTERVAL_MS
        steps = {b - a for a, b in pairwise(times)}
        assert steps == {HEARTBEAT_INTERVAL_MS}


def test_keys_are_the_entities_and_traces_the_trips(lived):
    key_field = {topic.name: topic.key_field for topic in RIDESHARE.inputs}
    for record in lived.of("clean"):
        event = msgspec.json.decode(record.value)
        assert record.key == str(event[key_field[record.topic]]).encode()
        trace = (event["correlation_id"] or event["event_id"]).replace("-", "")
        version, got, span, flags = record.traceparent.decode().split("-")
        assert (version, got, len(span), flags) == ("00", trace, 16, "01")


def test_a_drain_leaves_no_trip_in_flight(lived):
    final = {"COMPLETED", "CANCELLED"}
    rows = lived.rows(
        "select state from trip_transitions t where event_time_ms ="
        " (select max(event_time_ms) from trip_transitions where trip_id = t.trip_id)"
    )
    assert {state for (state,) in rows} <= final
    assert lived.run.simulation.trips_in_flight == 0


def test_a_drain_has_a_limit(tmp_path):
    crawling = {
        "movement": {"speed_kmh_by_hour": [5] * 24},
        "demand": {"longest_trip_m": 30_000, "peak_requests_per_hour": 200},
        "trips": {"search_rings": 20},
    }
    lived = Lived(tmp_path, crawling, 30)
    ended_ms = lived.run.now_ms
    assert ended_ms <= lived.scenario.start_ms + 30 * MINUTE_MS + DRAIN_LIMIT_MS + AFTERMATH_MS
    reasons = lived.rows("select state, count(*) from trip_transitions group by 1")
    trips = [msgspec.json.decode(r.value) for r in lived.of("clean") if r.topic.endswith(".trips")]
    assert "drain" in {trip["cancel_reason"] for trip in trips}
    lived.db.close()
    assert dict(reasons)["COMPLETED"] + dict(reasons)["CANCELLED"] == dict(reasons)["REQUESTED"]


def test_a_plan_that_drops_says_what(tmp_path):
    lossy = {"faults": {"lossy": True, "dropped_share": 0.05}}
    lived = Lived(tmp_path, lossy, 10)
    dropped = {e for (e,) in lived.rows("select event_id from faults where fault = 'dropped'")}
    published = {record.event_id for record in lived.records}
    ((is_lossy,),) = lived.rows("select is_lossy from run")
    lived.db.close()
    assert is_lossy == 1
    assert len(dropped) > 50
    assert dropped.isdisjoint(published)


def test_the_same_seed_gives_the_same_records_however_time_is_cut(tmp_path):
    outputs = []
    for number, step_ms in enumerate((5 * MINUTE_MS, 850)):
        scenario = scenarios.named("small", FAULTY)
        port = MemoryPort()
        run = Run(scenario, derived_run_id(scenario), port, tmp_path / str(number))
        until_ms = scenario.start_ms + 10 * MINUTE_MS
        while run.now_ms < until_ms:
            run.advance(min(until_ms, run.now_ms + step_ms))
        # what waits for slower copies differs by where the last cut lies, the order does not
        outputs.append(port.records[:])
        run.abandon()
    assert outputs[0] == outputs[1]


def test_another_seed_gives_another_run_id_and_other_records():
    first, second = (scenarios.named("small", {"seed": seed}) for seed in (1, 2))
    assert derived_run_id(first) != derived_run_id(second)
    assert derived_run_id(first) == derived_run_id(scenarios.named("small", {"seed": 1}))


def test_a_run_is_recorded_once(tmp_path):
    scenario = scenarios.named("small")
    run_id = new_run_id()
    Run(scenario, run_id, MemoryPort(), tmp_path).abandon()
    with pytest.raises(LedgerExistsError, match="take a new run_id") as caught:
        Run(scenario, run_id, MemoryPort(), tmp_path)
    assert isinstance(caught.value, SimError)


def test_the_ledger_is_readable_while_the_run_lives(tmp_path):
    scenario = scenarios.named("small")
    run = Run(scenario, new_run_id(), MemoryPort(), tmp_path)
    run.advance(scenario.start_ms + 5 * MINUTE_MS)
    run.publisher.commit()
    with sqlite3.connect(f"file:{run.ledger_path}?mode=ro", uri=True) as db:
        assert db.execute("select state from run").fetchone() == ("running",)
        assert db.execute("select count(*) from driver_status").fetchone()[0] > 0
    db.close()
    run.abandon()
