"""The control server over HTTP, with the memory port behind it."""

import asyncio
import sqlite3
import threading
import time

import httpx
import pytest

from sim.control.runner import Runner
from sim.control.server import build
from sim.control.unfinished import unfinished_runs
from sim.control.waiting_line import CommandTimedOut
from sim.domain.commands import Drain
from sim.main import connect
from sim.publishing.kafka import KafkaPort
from sim.publishing.memory import MemoryPort
from sim.publishing.outside import Outside
from sim.publishing.port import Aborted

KEY = "secret-key"
HEADERS = {"X-API-Key": KEY}
PATIENCE_S = 120
QUICK = {"scenario": "small", "speed": 0}


class StuckPort(MemoryPort):
    """A port whose broker is away until it is let go."""

    def __init__(self):
        super().__init__()
        self.is_away = threading.Event()
        self.is_told_to_stop = threading.Event()
        self.is_away.set()

    def open(self, run_id, topics):
        while self.is_away.is_set():
            if self.is_told_to_stop.wait(0.01):
                raise Aborted("broker is away")
        super().open(run_id, topics)

    def problem(self):
        return "broker is away" if self.is_away.is_set() else None

    def abort(self):
        self.is_told_to_stop.set()


class Client:
    """Speaks to the application without a socket, one request after another."""

    def __init__(self, app, headers=None):
        self.app = app
        self._headers = headers or {}

    def get(self, path, **more):
        return asyncio.run(self._send("GET", path, more))

    def post(self, path, **more):
        return asyncio.run(self._send("POST", path, more))

    async def _send(self, method, path, more):
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://sim", headers=self._headers
        ) as client:
            return await client.request(method, path, **more)


class Desk:
    """A client with its runner and the ports that were made."""

    def __init__(self, home, make_port=MemoryPort, **more):
        self.ports = []

        def make():
            self.ports.append(make_port())
            return self.ports[-1]

        self.runner = Runner(make, home, **more)
        self.http = Client(build(self.runner, KEY, home), HEADERS)

    def post(self, path, body=None):
        return self.http.post(path, json=body or {})

    def status(self):
        return self.http.get("/status").json()

    def wait(self, condition):
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            status = self.status()
            if condition(status):
                return status
            time.sleep(0.02)
        raise AssertionError(f"not within {PATIENCE_S} s: {status}")

    def wait_state(self, state):
        return self.wait(lambda status: status["state"] == state)


@pytest.fixture
def desk(tmp_path):
    opened = Desk(tmp_path)
    yield opened
    opened.runner.shut_down()


def test_stopped_at_first(desk):
    status = desk.status()
    assert status["state"] == "STOPPED"
    assert status["run_id"] is None
    assert status["unfinished_runs"] == []


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"X-API-Key": "geheim-é"}])
def test_without_the_key_only_probes_answer(desk, headers):
    client = Client(desk.http.app)
    given = {name: value.encode() for name, value in headers.items()}
    for path in ("/status", "/scenarios", "/openapi.json"):
        answer = client.get(path, headers=given)
        assert answer.status_code == 401
        assert "X-API-Key" in answer.json()["hint"]
    assert client.post("/runs", headers=given).status_code == 401
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path).status_code == 200


def test_a_run_from_start_to_end(desk, tmp_path):
    answer = desk.post("/runs", QUICK)
    assert answer.status_code == 201
    run_id = answer.json()["run_id"]
    desk.wait(lambda status: status["trips"].get("COMPLETED", 0) >= 3)
    assert desk.post("/drain").status_code == 202
    paused = desk.wait_state("PAUSED")
    desk.wait(lambda status: status["trips_in_flight"] == 0)
    time.sleep(0.2)
    assert desk.status()["sim_time"] >= paused["sim_time"]
    assert desk.post("/end").status_code == 202
    ended = desk.wait_state("STOPPED")
    assert ended["run_id"] == run_id
    assert ended["is_ended"]
    assert ended["error"] is None
    assert ended["unfinished_runs"] == []
    records = desk.ports[0].records
    assert ended["records_total"] == len(records)
    assert b"stream_end" in records[-1].value
    with sqlite3.connect(tmp_path / "runs" / run_id / "truth.sqlite") as db:
        assert db.execute("select state from run").fetchone() == ("ended",)
        assert db.execute("select sum(records) from produced").fetchone() == (len(records),)
    db.close()


def test_end_alone_drains_first(desk):
    desk.post("/runs", QUICK)
    desk.wait(lambda status: status["trips"].get("STARTED", 0) >= 1)
    desk.post("/end")
    ended = desk.wait_state("STOPPED")
    assert ended["is_ended"]
    open_states = set(ended["trips"]) - {"COMPLETED", "CANCELLED"}
    assert sum(ended["trips"][state] for state in open_states) == 0


def test_paused_runs_go_on(desk):
    desk.post("/runs", QUICK)
    desk.wait(lambda status: status["trips"].get("COMPLETED", 0) >= 1)
    desk.post("/drain")
    paused = desk.wait_state("PAUSED")
    resumed = desk.post("/resume")
    assert (resumed.status_code, resumed.json()["state"]) == (200, "RUNNING")
    desk.wait(lambda status: status["trips_started_total"] > paused["trips_started_total"])


def test_speed_can_be_changed(desk):
    desk.post("/runs", {"scenario": "small", "speed": 1})
    desk.wait_state("RUNNING")
    changed = desk.post("/speed", {"speed": 0})
    assert (changed.status_code, changed.json()["speed_ratio"]) == (200, 0)
    desk.wait(lambda status: status["sim_elapsed_s"] > 600)
    assert desk.post("/speed", {"speed": -1}).status_code == 422


@pytest.mark.parametrize("command", ["drain", "resume", "end"])
def test_commands_without_a_run_are_refused_with_what_is_possible(desk, command):
    answer = desk.post(f"/{command}")
    assert answer.status_code == 409
    assert f"cannot {command} while STOPPED: possible while" in answer.json()["error"]


def test_one_run_at_a_time(desk):
    desk.post("/runs", QUICK)
    answer = desk.post("/runs", QUICK)
    assert answer.status_code == 409
    assert "possible while STOPPED" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"scenario": "nowhere"}, "no scenario 'nowhere'"),
        ({"scenario": "small", "config": {}}, "not both"),
        ({"config": {"name": "x"}}, "missing required field"),
        ({"scenario": "small", "overrides": {"agents": {"riders": 0}}}, "$.agents.riders"),
        ({"scenario": "small", "faults": {"loud": 1}}, "$.faults"),
        ({"scenario": "small", "speed": -2}, "$.speed"),
        ({"scenario": "small", "run_id": "monday"}, "UUID"),
        ({"city": "small"}, "unknown field `city`"),
    ],
)
def test_bad_orders_are_refused_before_anything_starts(desk, body, message):
    answer = desk.post("/runs", body)
    assert answer.status_code == 422
    assert message in answer.json()["error"]
    assert desk.status()["state"] == "STOPPED"


def test_no_json_is_refused(desk):
    answer = desk.http.post("/runs", content=b"{scenario: small")
    assert answer.status_code == 422


def test_same_seed_and_run_id_give_the_same_records(tmp_path):
    outputs = []
    for folder in ("a", "b"):
        desk = Desk(tmp_path / folder)
        order = {**QUICK, "seed": 5, "run_id": "0f3f3a0e-6c52-4f55-9c57-6d6a3f7a1b11"}
        desk.post("/runs", order)
        desk.wait(lambda status: status["sim_elapsed_s"] > 300)
        desk.runner.shut_down()
        outputs.append(desk.ports[0].records)
    shorter = min(len(records) for records in outputs)
    assert shorter > 1000
    assert outputs[0][:shorter] == outputs[1][:shorter]


def test_a_broker_that_is_away_is_seen_and_waited_for(tmp_path):
    desk = Desk(tmp_path, StuckPort)
    desk.post("/runs", QUICK)
    status = desk.wait_state("STARTING")
    assert status["problem"] == "broker is away"
    answer = desk.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problem"] == "broker is away"
    desk.ports[0].is_away.clear()
    desk.wait_state("RUNNING")
    assert desk.http.get("/readyz").status_code == 200
    desk.runner.shut_down()


def test_services_are_asked_for_once_the_broker_is_there(tmp_path):
    reached = []

    def connect_now(scenario, run_id):
        reached.append((desk.ports[0].is_away.is_set(), run_id))
        return Outside()

    desk = Desk(tmp_path, StuckPort, connect=connect_now)
    run_id = desk.post("/runs", QUICK).json()["run_id"]
    desk.wait_state("STARTING")
    assert desk.http.get("/readyz").status_code == 503
    assert reached == []
    desk.ports[0].is_away.clear()
    desk.wait_state("RUNNING")
    assert reached == [(False, run_id)]
    desk.runner.shut_down()


def test_streamed_surge_waits_for_an_absent_broker_like_everything_else(tmp_path):
    nobody = "127.0.0.1:9"
    desk = Desk(
        tmp_path,
        lambda: KafkaPort(nobody),
        connect=lambda scenario, run_id: connect(scenario, run_id, tmp_path, nobody),
    )
    desk.post("/runs", {**QUICK, "overrides": {"policies": {"surge": "streamed"}}})
    # from the first moment on, not only once the first try has failed
    desk.wait(lambda status: f"waiting for Kafka at {nobody}" in (status["problem"] or ""))
    desk.wait(lambda status: f"no answer from Kafka at {nobody}" in (status["problem"] or ""))
    assert desk.status()["state"] == "STARTING"
    assert desk.http.get("/readyz").status_code == 503
    assert desk.post("/reset").status_code == 202
    assert nobody in desk.wait_state("STOPPED")["error"]


def test_a_start_that_waits_is_given_up_by_a_reset(tmp_path):
    desk = Desk(tmp_path, StuckPort)
    desk.post("/runs", QUICK)
    desk.wait_state("STARTING")
    assert desk.post("/reset").status_code == 202
    status = desk.wait_state("STOPPED")
    assert status["error"] == "stopped while waiting: broker is away"
    assert status["problem"] is None
    # nothing was begun, so that nothing is left unfinished
    assert status["unfinished_runs"] == []
    assert desk.post("/runs", QUICK).status_code == 201
    desk.ports[1].is_away.clear()
    desk.wait_state("RUNNING")
    desk.runner.shut_down()


def test_a_stop_while_waiting_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("sim.control.runner._GIVE_UP_S", 0.2)
    desk = Desk(tmp_path, StuckPort)
    desk.post("/runs", QUICK)
    desk.wait_state("STARTING")
    desk.runner.shut_down()
    status = desk.wait_state("STOPPED")
    assert "broker is away" in status["error"]


def test_a_failing_port_ends_the_run_with_its_reason(tmp_path):
    class Failing(MemoryPort):
        def send(self, record):
            raise OSError("disk full")

    desk = Desk(tmp_path, Failing)
    desk.post("/runs", QUICK)
    status = desk.wait_state("STOPPED")
    assert status["error"] == "OSError: disk full"
    assert status["unfinished_runs"] == [status["run_id"]]


def test_a_stopped_process_leaves_an_unfinished_run_and_the_next_says_so(tmp_path):
    desk = Desk(tmp_path)
    run_id = desk.post("/runs", QUICK).json()["run_id"]
    desk.wait(lambda status: status["records_total"] > 0)
    desk.runner.shut_down()
    assert unfinished_runs(tmp_path) == [run_id]
    following = Desk(tmp_path).status()
    assert following["state"] == "STOPPED"
    assert following["unfinished_runs"] == [run_id]


def test_metrics_are_those_of_the_contract(desk):
    desk.post("/runs", QUICK)
    desk.wait(lambda status: status["records_total"] > 0)
    text = desk.http.get("/metrics").text
    assert 'farol_sim_events_total{topic="rideshare.gps_pings",kind="clean"}' in text
    assert "# TYPE farol_sim_clock_lag_seconds gauge" in text
    assert 'farol_sim_trips_count{state="STARTED"}' in text


PUPPET = {"type": "add_driver", "agent_id": "puppet-1", "home_zone_id": 78, "is_puppet": True}
SE = {"lat": -23.5505, "lon": -46.6333}


def _agent(desk, kind, agent_id, **more):
    return desk.post("/agents", {"type": kind, "agent_id": agent_id, **more})


def test_a_puppet_is_led_through_a_trip_and_refuses_what_it_cannot(desk):
    lonely = {
        "agents": {"drivers": 1, "shift_start_weights": [0] * 18 + [1] + [0] * 5},
        "demand": NO_DEMAND,
        "trips": {"offer_expiry_s": 600},
    }
    desk.post("/runs", {**QUICK, "speed": 2, "overrides": lonely})
    desk.wait_state("RUNNING")
    assert desk.post("/agents", PUPPET).status_code == 200
    rider = {"home_zone_id": 78, "is_puppet": True}
    assert _agent(desk, "add_rider", "puppet-2", **rider).status_code == 200
    refused = _agent(desk, "accept", "puppet-1")
    assert refused.status_code == 409
    assert refused.json()["allowed"] == ["go_online", "remove_driver"]
    assert _agent(desk, "go_online", "puppet-1", lat=-23.5705, lon=-46.6433).status_code == 200
    trip = {**SE, "dropoff_lat": -23.5905, "dropoff_lon": -46.6533}
    assert _agent(desk, "request", "puppet-2", **trip).status_code == 200
    desk.wait(lambda status: status["trips"].get("OFFER_SENT") == 1)
    assert _agent(desk, "accept", "puppet-1").status_code == 200
    desk.wait(lambda status: status["trips"].get("DRIVER_EN_ROUTE") == 1)
    busy = _agent(desk, "drive_to", "puppet-1", **SE)
    assert busy.status_code == 409
    assert busy.json()["allowed"] == ["cancel"]
    assert _agent(desk, "cancel", "puppet-2").status_code == 200
    desk.wait(lambda status: status["trips"].get("CANCELLED") == 1)
    assert _agent(desk, "go_offline", "puppet-1").status_code == 200
    assert _agent(desk, "remove_rider", "puppet-2").status_code == 200
    assert _agent(desk, "request", "puppet-2", **trip).json()["allowed"] == []


NO_DEMAND = {"peak_requests_per_hour": 0.001}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"type": "dance", "agent_id": "puppet-1"}, "dance"),
        ({"type": "go_online", "agent_id": "puppet-1", "lat": 0.0, "lon": 0.0}, "service area"),
        ({"type": "go_online", "agent_id": "puppet-1", "lat": 99, "lon": 0.0}, "$.lat"),
        ({"type": "accept", "agent_id": "nobody"}, "no agent nobody"),
        ({"type": "request", "agent_id": "nobody", **SE}, "dropoff_lat"),
        (PUPPET, "already"),
        ({**PUPPET, "agent_id": "other", "home_zone_id": 999}, "outside the service area"),
    ],
)
def test_impossible_commands_answer_422_with_what_is_wrong(desk, body, problem):
    desk.post("/runs", {**QUICK, "overrides": {"demand": NO_DEMAND}})
    desk.wait_state("RUNNING")
    desk.post("/agents", PUPPET)
    answer = desk.post("/agents", body)
    assert answer.status_code == 422
    assert problem in answer.json()["error"]


def test_commands_need_a_run_and_time_out_clearly(desk):
    assert desk.post("/agents", PUPPET).status_code == 409
    assert desk.post("/snapshots").status_code == 409
    assert desk.post("/reset").status_code == 409
    desk.post("/runs", QUICK)
    desk.wait_state("RUNNING")
    held, let_go = threading.Event(), threading.Event()

    def hold(_):
        held.set()
        let_go.wait(PATIENCE_S)

    holder = threading.Thread(target=desk.runner._ask, args=("hold", hold, PATIENCE_S))
    holder.start()
    held.wait(PATIENCE_S)
    with pytest.raises(CommandTimedOut, match=r"drain was not applied within 0\.01 s"):
        desk.runner.execute(Drain(), within_s=0.01)
    with pytest.raises(CommandTimedOut, match=r"set the speed was not applied within 0\.01 s"):
        desk.runner.set_speed(7, within_s=0.01)
    let_go.set()
    holder.join()
    assert desk.status()["state"] == "RUNNING"
    assert desk.post("/speed", {"speed": 3}).json()["speed_ratio"] == 3


def test_who_waits_for_a_run_that_fails_is_told(desk, tmp_path):
    run_id = desk.post("/runs", QUICK).json()["run_id"]
    desk.wait_state("RUNNING")
    # the record of commands cannot be written
    (tmp_path / "runs" / run_id / "commands.jsonl").mkdir()
    answer = desk.post("/agents", PUPPET)
    assert answer.status_code == 500
    assert answer.json()["error"].startswith("the run has failed: IsADirectoryError")
    assert desk.wait_state("STOPPED")["error"].startswith("IsADirectoryError")


def test_reset_ends_a_run_at_once_and_the_next_can_start(desk):
    desk.post("/runs", QUICK)
    desk.wait(lambda status: status["trips_in_flight"] > 3)
    assert desk.post("/reset").status_code == 202
    ended = desk.wait_state("STOPPED")
    assert ended["is_ended"]
    assert ended["trips"]["CANCELLED"] + ended["trips"]["COMPLETED"] == ended["trips_started_total"]
    assert desk.post("/runs", QUICK).status_code == 201


def test_a_snapshot_is_taken_while_paused_and_taken_up_again(desk, tmp_path):
    run_id = desk.post("/runs", QUICK).json()["run_id"]
    desk.wait(lambda status: status["trips"].get("COMPLETED", 0) > 3)
    assert desk.post("/snapshots").status_code == 409
    desk.post("/drain")
    desk.wait_state("PAUSED")
    assert desk.post("/snapshots", {"name": "here"}).status_code == 201
    assert desk.post("/snapshots", {"name": "here"}).status_code == 422
    paused = desk.status()
    desk.runner.shut_down()
    again = Desk(tmp_path)
    assert again.post("/restore", {"run_id": run_id, "name": "there"}).status_code == 422
    assert again.post("/restore", {"run_id": run_id, "name": "here"}).status_code == 202
    taken_up = again.wait_state("PAUSED")
    assert taken_up["run_id"] == run_id
    assert taken_up["sim_time"] == paused["sim_time"]
    assert taken_up["records_total"] == paused["records_total"]
    assert again.ports[0].records == []
    again.post("/resume")
    again.wait(lambda status: status["records_total"] > paused["records_total"] + 100)
    again.post("/end")
    assert again.wait_state("STOPPED")["is_ended"]
    again.runner.shut_down()
