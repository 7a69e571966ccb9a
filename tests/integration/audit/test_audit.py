"""A run of the real simulator on real servers; then one thing is spoilt at a time.

Jobs and dbt have their own tests: here `platform` does their work, so that each defect is exactly
one.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pytest
import yaml
from confluent_kafka import Producer

from contracts.domain import ANOMALIES, RIDESHARE, TAXI_TRIPS, input_topic
from contracts.live import Anomaly, ZoneMetrics
from contracts.redis_keys import anomalies, surge
from contracts.resends import HEADER_OFFSET
from contracts.timestamps import epoch_ms
from contracts.validation import reject_reason
from deploy.audit.audit import run
from deploy.audit.errors import AuditError
from deploy.audit.ledger import newest_run, read_truth
from deploy.audit.report import Report, Verdict
from deploy.audit.truth_windows import expected_windows
from deploy.local import desired_jobs
from deploy.local.desired_jobs import DesiredJob
from deploy.local.dlq.fix import Expression
from deploy.local.dlq.replay import Request, replay
from deploy.local.layout import Layout
from tests.integration.audit.platform import Platform, Raw, bronze_row, read_topic
from tests.stack_control import ROOT, TestStack

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.catalog,
    pytest.mark.redis,
    pytest.mark.timeout(900),
]
LENGTH = "12m"
"""Long enough for a silence of ten minutes."""
FAULTS = {"teleport_share": 0.002, "silences_per_driver_hour": 6.0}


@dataclass
class Audited:
    """A run that has ended, and the platform that has taken all of it in."""

    stack: TestStack
    layout: Layout
    platform: Platform
    run_id: str
    windows: list[ZoneMetrics]
    alerts: list[Anomaly]
    untold: Report
    """Before there were alerts, on a stack on which no job was ever started."""
    owed: Report
    """The same, on a stack on which their job was started once."""

    def report(self) -> Report:
        return run(self.layout, self.run_id)

    def failing(self) -> dict[str, tuple[Verdict, tuple[str, ...]]]:
        return {c.subject: (c.verdict, c.offenders) for c in self.report().failures()}

    def rows(self, table: str, condition: str) -> pa.Table:
        return self.platform.table(table).scan(row_filter=condition).to_arrow()

    def spoil(
        self, table: str, condition: str, change: Callable[[pa.Table], pa.Table]
    ) -> Callable[[], None]:
        """Replace rows of a table by a change of them; the answer undoes it."""
        loaded = self.platform.table(table)
        good = loaded.scan(row_filter=condition).to_arrow()
        assert len(good) == 1, f"{condition} should choose one row of {table}"
        loaded.overwrite(change(good), overwrite_filter=condition)

        def undo() -> None:
            self.platform.table(table).overwrite(good, overwrite_filter=condition)

        return undo


def setting(column: str, value: object) -> Callable[[pa.Table], pa.Table]:
    """Return a change that puts another value into a column of one row."""

    def change(rows: pa.Table) -> pa.Table:
        field = rows.schema.field(column)
        place = rows.schema.get_field_index(column)
        return rows.set_column(place, field, pa.array([value], field.type))

    return change


@pytest.fixture(scope="module")
def city(_stacks: Callable[..., TestStack]) -> Iterator[Audited]:
    stack = _stacks()
    stack.up("kafka", "catalog", "redis")
    scenario = yaml.safe_load((ROOT / "sim" / "scenarios" / "small.yaml").read_text())
    scenario["faults"].update(FAULTS)
    config = stack.home / "faulty.yaml"
    config.write_text(yaml.safe_dump(scenario))
    subprocess.run(
        [sys.executable, "-m", "sim.main", "run", str(config), "--until", LENGTH, "--out", "kafka"],
        cwd=ROOT,
        env=stack.env,
        check=True,
        timeout=300,
    )
    layout = Layout.from_environment(stack.env)
    run_id = newest_run(layout.home)
    platform = Platform(stack.kafka, stack.url("catalog"), stack.port("redis"))
    truth = read_truth(layout.home, run_id)
    assert truth.is_ended
    platform.ingest(RIDESHARE.inputs)
    platform.build(RIDESHARE.inputs, run_id)
    end_ms = stream_end_ms(stack.kafka)
    found = expected_windows(truth.transitions, truth.statuses, end_ms - 15_001, run_id)
    windows = [found[key] for key in sorted(found, key=lambda key: key[1])]
    platform.publish(windows)
    untold = run(layout, run_id)
    desired_jobs.write(layout, "gps_anomalies", DesiredJob(is_wanted=False))
    owed = run(layout, run_id)
    alerts = platform.judge(run_id)
    platform.tell(alerts)
    yield Audited(stack, layout, platform, run_id, windows, alerts, untold, owed)
    stack.run("down", check=False)


def stream_end_ms(bootstrap: str) -> int:
    return max(
        epoch_ms(msgspec.json.decode(record.value)["event_time"])
        for record in read_topic(bootstrap, "rideshare.trips")
        if record.value is not None and b"stream_end" in record.value
    )


def test_a_true_run_is_clean(city: Audited) -> None:
    report = city.report()
    assert report.failures() == ()
    assert {check.area for check in report.checks} == {
        "produced",
        "bronze",
        "silver",
        "gold",
        "truth",
        "stream",
        "anomalies",
    }
    malformed = [c for c in report.checks if c.subject.endswith("= malformed")]
    assert sum(int(check.actual) for check in malformed) > 0
    assert len(city.windows) > 500


def test_alerts_are_owed_by_a_job_that_was_started_only(city: Audited) -> None:
    assert city.untold.failures() == ()
    (said,) = (check for check in city.untold.checks if check.area == "anomalies")
    assert (said.verdict, said.actual) == (Verdict.NOTE, "not started")
    (failing,) = city.owed.failures()
    assert failing.verdict == Verdict.NOT_BUILT
    assert failing.expected == str(len(city.alerts))


def test_planned_faults_were_told_as_anomalies(city: Audited) -> None:
    found = {c.subject: c for c in city.report().checks if c.area == "anomalies"}
    for fault in ("teleport: told", "silent_driver: told"):
        assert found[fault].detail.startswith("recall 1.000"), found[fault]
        assert int(found[fault].expected.split()[0]) > 0
    kinds = {alert.kind.value for alert in city.alerts}
    assert {"outlier", "impossible_speed", "zombie_driver"} <= kinds
    for kind in kinds - {"frozen_gps"}:
        assert found[f"{kind}: precision"].actual == "1.000", found[f"{kind}: precision"]


def test_the_command_exits_0_and_prints_json(city: Audited) -> None:
    done = city.stack.run("audit", "--run", city.run_id, "--json")
    body = json.loads(done.stdout)
    assert body["is_clean"] is True
    assert body["run_id"] == city.run_id


def gps_place(city: Audited) -> str:
    """Return the condition for one GPS record in the middle of a partition."""
    records = [r for r in read_topic(city.stack.kafka, "rideshare.gps_pings") if r.partition == 1]
    middle = records[len(records) // 2]
    return f"_kafka_partition = 1 and _kafka_offset = {middle.offset}"


def test_a_lost_row_of_bronze_is_found_and_the_command_exits_1(city: Audited) -> None:
    where = gps_place(city)
    undo = city.spoil("bronze.rideshare_gps_pings", where, lambda rows: rows.slice(0, 0))
    try:
        done = city.stack.run("audit", check=False)
    finally:
        undo()
    assert done.returncode == 1
    offset = where.rsplit(" ", 1)[1]
    assert f"rideshare.gps_pings/1/{offset} missing" in done.stdout
    assert city.failing() == {}


@pytest.mark.parametrize(
    ("table", "subject"),
    [
        ("bronze.rideshare_gps_pings", "bronze.rideshare_gps_pings = rideshare.gps_pings"),
        ("silver.stg_gps_pings", "silver.stg_gps_pings = events"),
    ],
)
def test_a_doubled_row_is_found(city: Audited, table: str, subject: str) -> None:
    where = gps_place(city)
    if table.startswith("silver"):
        (row,) = city.rows(table, "_kafka_partition = 1").slice(7, 1).to_pylist()
        where = f"_kafka_partition = 1 and _kafka_offset = {row['_kafka_offset']}"
    undo = city.spoil(table, where, lambda rows: pa.concat_tables([rows, rows]))
    try:
        failing = city.failing()
    finally:
        undo()
    assert list(failing) == [subject]
    assert failing[subject][1][0].endswith("more than once")


def test_changed_bytes_are_found(city: Audited) -> None:
    undo = city.spoil("bronze.rideshare_gps_pings", gps_place(city), setting("_raw_value", b"{}"))
    try:
        failing = city.failing()
    finally:
        undo()
    assert [o[0].rsplit(" ", 2)[1:] for _, o in failing.values()] == [["other", "bytes"]]


def test_a_wrong_reason_is_found(city: Audited) -> None:
    table = "bronze.dlq_rideshare_gps_pings"
    row = city.rows(table, "_kafka_partition >= 0").slice(0, 1).to_pylist()[0]
    where = (
        f"_kafka_partition = {row['_kafka_partition']} and _kafka_offset = {row['_kafka_offset']}"
    )

    undo = city.spoil(table, where, setting("error_message", "bad"))
    try:
        failing = city.failing()
    finally:
        undo()
    assert list(failing) == [f"{table} = malformed"]
    assert failing[f"{table} = malformed"][1][0].endswith("another reason")


def test_one_centavo_is_found(city: Audited) -> None:
    row = city.rows("gold.fact_payments", "tip_minor >= 0").slice(0, 1).to_pylist()[0]

    where = f"payment_id = '{row['payment_id']}'"
    change = setting("payout_minor", row["payout_minor"] + 1)
    undo = city.spoil("gold.fact_payments", where, change)
    try:
        failing = city.failing()
    finally:
        undo()
    assert list(failing) == [
        "gold.fact_payments",
        "gold.fact_payments: sum of payout_minor",
        "gold.fact_payments: fare = fee + payout",
    ]


def test_a_wrong_zone_in_redis_is_found(city: Audited) -> None:
    last = city.windows[-1]
    wrong = msgspec.structs.replace(last, idle_drivers=last.idle_drivers + 1)
    key: Any = surge("rideshare")
    city.platform.redis.hset(key, str(last.zone_id), msgspec.json.encode(wrong))
    try:
        failing = city.failing()
    finally:
        city.platform.redis.hset(key, str(last.zone_id), msgspec.json.encode(last))
    assert list(failing) == ["Redis = newest of rideshare.zone_metrics"]
    assert failing[next(iter(failing))][1][0].startswith(f"zone {last.zone_id}: ")


def test_an_alert_that_is_twice_in_the_table_is_found(city: Audited) -> None:
    alert = city.alerts[0]
    table = ANOMALIES.stream_table
    where = f"anomaly_id = '{alert.anomaly_id}' and phase = '{alert.phase.value}'"
    undo = city.spoil(table, where, lambda rows: pa.concat_tables([rows, rows]))
    try:
        failing = city.failing()
    finally:
        undo()
    assert list(failing) == [f"{table} = rideshare.anomalies"]
    assert failing[f"{table} = rideshare.anomalies"][1][0].endswith("2 times")


def test_an_alert_that_redis_tells_twice_is_found(city: Audited) -> None:
    alert = city.alerts[0]
    key = anomalies("rideshare")
    entry: Any = city.platform.redis.xadd(key, {"anomaly": msgspec.json.encode(alert)})
    try:
        failing = city.failing()
    finally:
        city.platform.redis.xdel(key, entry)
    assert list(failing) == ["Redis = newest of rideshare.anomalies"]
    assert city.failing() == {}


def test_garbage_of_others_is_a_note(city: Audited) -> None:
    producer = Producer({"bootstrap.servers": city.stack.kafka})
    producer.produce("rideshare.trips", b"garbage", b"x")
    assert producer.flush(30) == 0
    assert city.failing() == {}, "records after the run's end are none of its business"


def test_a_record_that_was_sent_again_is_a_note(city: Audited) -> None:
    topic = input_topic("rideshare.gps_pings")
    summary = replay(
        city.layout, Request(topic, Expression("."), where=Expression("true"), limit=1)
    )
    assert (summary.sent, summary.refused.total()) == (0, 1), "the run's malformed stay malformed"
    good = next(
        record.value
        for record in read_topic(city.stack.kafka, topic.name)
        if record.value is not None and reject_reason(topic.name, record.value) is None
    )
    fix = Expression(f"{json.dumps(json.loads(good))} | .seq = 1")
    assert replay(city.layout, Request(topic, fix, limit=1)).sent == 1
    assert city.failing() == {}
    (sent,) = (r for r in read_topic(city.stack.kafka, topic.name) if is_resent(r))
    city.platform.append(topic.bronze_table, [bronze_row(topic, sent)])
    assert city.failing() == {}, "Bronze has it as well"


def is_resent(record: Raw) -> bool:
    return HEADER_OFFSET in dict(record.headers)


def test_a_wrong_alert_and_a_wrong_window_are_found(city: Audited) -> None:
    """The last that asks for a clean run: a topic cannot be mended."""
    alert = next(a for a in city.alerts if a.kind.value == "outlier")
    city.platform.tell([msgspec.structs.replace(alert, lat=0.0)], to_all=False)
    invented = msgspec.structs.replace(alert, anomaly_id="x", event_id="y")
    city.platform.tell([invented], to_all=False)
    failing = city.failing()
    assert failing.pop("outlier: rideshare.anomalies = log")[1] == (
        f"outlier raised {alert.entity_id} event y does not follow from the log",
    )
    told = f"outlier raised {alert.entity_id} event {alert.event_id}"
    assert failing.pop("rideshare.anomalies: one value per alert")[1] == (told,)
    assert failing == {
        "stream.rideshare_anomalies = rideshare.anomalies": (Verdict.BEHIND, ()),
        "Redis = newest of rideshare.anomalies": (Verdict.BEHIND, ()),
    }
    middle = city.windows[len(city.windows) // 2]
    wrong = msgspec.structs.replace(middle, open_requests=middle.open_requests + 1)
    city.platform.publish([wrong], to_redis=False)
    failing = {s: found for s, found in city.failing().items() if "anomalies" not in s}
    named = f"zone {middle.zone_id} window end {middle.window_end_ms}"
    assert failing["rideshare.zone_metrics: one value per window"][1] == (named,)
    assert failing["rideshare.zone_metrics = truth"][1][0].startswith(f"{named} is open ")
    assert len(failing) == 2


def test_a_run_that_nobody_took_in_is_not_built(city: Audited) -> None:
    trips = city.layout.home / "trips.csv"
    trips.write_text(
        "pickup_datetime,dropoff_datetime,pickup_location_id,trip_distance,fare_amount\n"
        "2019-01-01 00:00:10,2019-01-01 00:10:00,7,1.0,9.5\n"
    )
    city.stack.run("replay", str(trips), "--as", "nyc_yellow", "--run-id", "unread")
    report = run(city.layout, "unread")
    assert not report.is_clean()
    assert {c.verdict for c in report.failures()} == {Verdict.BEHIND, Verdict.NOT_BUILT}
    assert [c.subject for c in report.checks if c.verdict == Verdict.NOT_BUILT] == [
        "taxi.region_windows = DuckDB"
    ]
    assert TAXI_TRIPS.bronze_table in " ".join(c.subject for c in report.failures())


def test_what_cannot_be_audited_exits_2_with_what_to_do(
    city: Audited, new_stack: Callable[..., TestStack]
) -> None:
    unknown = city.stack.run("audit", "--run", "nobody", check=False)
    assert unknown.returncode == 2
    assert city.run_id in unknown.stderr.replace("\n", "")
    empty = new_stack()
    none = empty.run("audit", check=False)
    assert none.returncode == 2
    assert "no run in" in none.stderr
    assert "Traceback" not in unknown.stderr + none.stderr
    with pytest.raises(AuditError, match="no Kafka broker answers"):
        run(
            Layout(
                city.layout.repository,
                city.layout.home,
                city.layout.cache,
                empty.port_offset,
            ),
            city.run_id,
        )
