"""Malformed records are repaired and sent again, once, whatever ends the process that does it.

Kafka and the catalog are enough: the rows of the DLQ table are written as `ingest_bronze` does.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from contracts import resends
from contracts.domain import HEADER_RUN_ID, RATINGS
from contracts.validation import reject_reason
from deploy.local.dlq.resends import Place, Resends, path_of
from deploy.local.layout import Layout
from tests.integration.audit.platform import Platform, Raw, bronze_row, read_topic
from tests.stack_control import ROOT, TestStack

pytestmark = [pytest.mark.kafka, pytest.mark.catalog, pytest.mark.timeout(900)]
GOOD = {
    "event_id": "0195f3a0-0000-7000-8000-000000000001",
    "event_type": "trip_rated",
    "schema_version": 1,
    "event_time": "2026-01-05T08:00:00.000Z",
    "run_id": "dlq",
    "trip_id": "t",
    "rater": "rider",
    "rater_id": "r",
    "ratee": "driver",
    "ratee_id": "d",
    "stars": 5,
}
MANY = 3000


class Dlq:
    """Malformed ratings on a topic and in its DLQ table."""

    def __init__(self, stack: TestStack) -> None:
        self.stack = stack
        self.layout = Layout.from_environment(stack.env)
        self._platform = Platform(stack.kafka, stack.url("catalog"), stack.port("redis"))
        self._known: set[Place] = set()

    def reject(self, values: list[bytes]) -> None:
        producer = Producer({"bootstrap.servers": self.stack.kafka})
        for number, value in enumerate(values):
            producer.produce(RATINGS.name, value, str(number), headers={HEADER_RUN_ID: b"dlq"})
        assert producer.flush(60) == 0
        rows = []
        for record in self.topic():
            reason = reject_reason(RATINGS.name, record.value)
            if reason is not None and (record.partition, record.offset) not in self._known:
                self._known.add((record.partition, record.offset))
                error = {"error_type": reason.split(":")[0], "error_message": reason}
                rows.append({**bronze_row(RATINGS, record), **error})
        self._platform.append(RATINGS.dlq_table, rows)

    def topic(self) -> list[Raw]:
        return list(read_topic(self.stack.kafka, RATINGS.name))

    def origins(self) -> Counter[Place]:
        """Return from where the resent records come."""
        found = (dict(r.headers) for r in self.topic())
        return Counter(
            (int(h[resends.HEADER_PARTITION]), int(h[resends.HEADER_OFFSET]))
            for h in found
            if resends.HEADER_OFFSET in h
        )

    def noted(self) -> dict[Place, Place | None]:
        """Return what was sent again as the memory of resends has it."""
        with Resends.opened(path_of(self.layout)) as memory:
            return {each.origin: each.sent for each in memory.all(RATINGS.name)}

    def replay(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.stack.run("dlq", "replay", RATINGS.name, *options, check=False)


@pytest.fixture(scope="module")
def dlq(_stacks) -> Iterator[Dlq]:
    # a stack of its own: others leave malformed ratings too
    stack = _stacks()
    stack.up("kafka", "catalog")
    yield Dlq(stack)
    stack.down()


def rating(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_malformed_records_are_counted_shown_repaired_and_sent_once(dlq):
    dlq.reject(
        [
            rating(stars="4"),
            rating(stars="none"),
            rating(stars="3")[:-1],
            b"\x1b[31m\xff",
            rating(stars=9),
        ]
    )
    listed = json.loads(dlq.stack.run("dlq", "list", "--json").stdout)
    counts = {row["reason"]: row["records"] for row in listed if row["topic"] == RATINGS.name}
    assert counts == {
        "wrong_type:stars": 2,
        "not_json": 1,
        "not_utf8": 1,
        "out_of_range:stars": 1,
    }
    shown = dlq.stack.run("dlq", "show", RATINGS.name, "--reason", "not_utf8").stdout
    assert "\\x1b[31m\\xff" in shown
    assert "\x1b" not in shown

    fix = ("--fix", ".stars |= tonumber", "--reason", "wrong_type")
    tried = dlq.replay(*fix, "--dry-run")
    assert '"stars":4' in tried.stdout
    assert "1 would be sent again" in tried.stdout
    assert "1 refused: the expression fails: " in tried.stdout
    assert dlq.origins().total() == 0

    first = dlq.replay(*fix)
    second = dlq.replay(*fix)
    assert "1 sent again" in first.stdout
    assert (first.returncode, second.returncode) == (0, 1)
    assert "1 sent again before: never a second time" in second.stdout
    assert dlq.origins().total() == 1
    (sent,) = (r for r in dlq.topic() if resends.HEADER_OFFSET in dict(r.headers))
    headers = dict(sent.headers)
    assert set(headers) == set(resends.RESEND_HEADERS), "the run did not send it"
    assert headers[resends.HEADER_REASON] == b"wrong_type:stars"
    assert sent.key == b"t", "a repaired record gets the key that its topic wants"
    assert json.loads(sent.value or b"") == {**GOOD, "stars": 4}

    mended = dlq.replay("--fix", '(. + "}") | fromjson | .stars = 3', "--reason", "not_json")
    assert "1 sent again" in mended.stdout
    assert dlq.origins().total() == 2


def test_wrong_input_is_clear(dlq):
    for arguments, message in (
        (("replay", RATINGS.name, "--fix", ".a |= ("), "is no expression of jq: syntax error"),
        (("replay", "ratings", "--fix", "."), "no input topic 'ratings': known are"),
        (("replay", RATINGS.name, "--fix", ".", "--reason", "nothing"), "nothing was sent"),
        (("show", "ratings"), "no input topic 'ratings': known are"),
    ):
        result = dlq.stack.run("dlq", *arguments, check=False)
        assert (result.returncode, message in result.stderr) == (1, True), result.stderr
        assert "Traceback" not in result.stderr


def test_a_killed_replay_sends_nothing_twice_and_leaves_nothing_out(dlq):
    dlq.reject([rating(stars="1", trip_id=f"kill-{n}") for n in range(MANY)])
    options = ("--fix", ".stars |= tonumber", "--where", '.trip_id | startswith("kill-")')
    before, noted_before = dlq.origins().total(), len(dlq.noted())
    command = [sys.executable, "-m", "deploy.local.main", "dlq", "replay", RATINGS.name, *options]
    killed = subprocess.Popen(
        command, cwd=ROOT, env=dlq.stack.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while len(dlq.noted()) == noted_before:
        assert killed.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    killed.kill()
    killed.wait(30)

    last = dlq.replay(*options)

    assert last.returncode == 0
    origins = dlq.origins()
    assert set(origins.values()) == {1}
    assert origins.total() == before + MANY
    noted = dlq.noted()
    assert set(noted) == set(origins)
    assert None not in noted.values()
