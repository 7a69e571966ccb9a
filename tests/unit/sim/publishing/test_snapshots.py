"""Recorded commands and snapshots lead to the same bytes again."""

import shutil
import sqlite3

import msgspec
import pytest

from contracts.ledger import relative_path
from sim.control import scenarios
from sim.domain.commands import (
    AddDriver,
    AddRider,
    CommandInvalid,
    DriveTo,
    GoOnline,
    Recorded,
    RemoveDriver,
    RequestRide,
    SetSurge,
)
from sim.publishing import record_of_commands, snapshots
from sim.publishing.memory import MemoryPort
from sim.publishing.outside import Outside
from sim.publishing.run import Run, derived_run_id
from sim.publishing.snapshots import SnapshotError

MINUTE_MS = 60_000
SE = {"lat": -23.5505, "lon": -46.6333}
STREAMED = {"policies": {"surge": "streamed"}}


class Feed:
    """A zone that surges from the third call on, as a job would say it."""

    def __init__(self):
        self.calls = 0

    def poll(self):
        self.calls += 1
        return [(78, 1.7), (7, 1.2)] if self.calls == 3 else []

    def close(self):
        pass


def _run(home, overrides=None, **options):
    scenario = scenarios.named("small", overrides)
    return Run(scenario, derived_run_id(scenario), MemoryPort(), home, **options)


def _minutes(run, minutes):
    run.advance(run.now_ms + minutes * MINUTE_MS)


def _lived_with_commands(home):
    """A run with a puppet, streamed surge, and uneven steps, as the wall clock would make them."""
    run = _run(home, STREAMED, connect=lambda: Outside(surge=Feed()))
    run.advance(run.now_ms + 7_331)
    run.execute(AddDriver(agent_id="puppet-1", home_zone_id=78, is_puppet=True))
    run.execute(GoOnline(agent_id="puppet-1", **SE))
    run.execute(AddRider(agent_id="puppet-2", home_zone_id=78, is_puppet=True))
    run.advance(run.now_ms + 40_017)
    with pytest.raises(CommandInvalid, match="outside the service area"):
        run.execute(RequestRide(agent_id="puppet-2", **SE, dropoff_lat=0.0, dropoff_lon=0.0))
    run.execute(RequestRide(agent_id="puppet-2", **SE, dropoff_lat=-23.5905, dropoff_lon=-46.6533))
    run.execute(AddDriver(agent_id="new-1", home_zone_id=7))
    _minutes(run, 10)
    run.execute(RemoveDriver(agent_id="new-1"))
    run.execute(RemoveDriver(agent_id="driver-000003"))
    _minutes(run, 5)
    run.drain()
    return run


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    home = tmp_path_factory.mktemp("lived")
    run = _lived_with_commands(home)
    folder = home / "snapshot"
    run.snapshot(folder)
    sent_before = len(run.port.records)
    run.resume()
    _minutes(run, 12)
    run.end()
    return run, folder, sent_before


def test_a_run_with_commands_is_repeated_byte_for_byte(lived, tmp_path):
    first, _, _ = lived
    script = record_of_commands.read(first.ledger_path.parent)
    assert [type(entry.command) for entry in script] == [type(e.command) for e in first.commands]
    assert SetSurge(zone_id=78, multiplier=1.7) in [entry.command for entry in script]
    second = _run(tmp_path, STREAMED, script=script)
    second.advance(second.scripted_end_ms)
    second.end()
    assert second.port.records == first.port.records
    assert second.commands == first.commands


def test_a_snapshot_leads_to_the_identical_future(lived, tmp_path):
    first, folder, sent_before = lived
    port = MemoryPort()
    run = Run.resumed(folder, port, tmp_path)
    assert run.is_drained
    assert port.records == []
    run.resume()
    _minutes(run, 12)
    run.end()
    assert port.records == first.port.records[sent_before:]
    assert len(port.records) > 1000
    with sqlite3.connect(first.ledger_path) as a, sqlite3.connect(run.ledger_path) as b:
        for table in ("run", "produced", "trip_transitions", "payments", "faults"):
            query = f"select * from {table} order by 1, 2"  # noqa: S608 - names of this file
            assert a.execute(query).fetchall() == b.execute(query).fetchall()
    a.close()
    b.close()
    assert record_of_commands.read(run.ledger_path.parent) == first.commands


class Waiting:
    """A feed that has said something before the run asks for the first time."""

    def __init__(self):
        self.said = [(7, 2.0)]

    def poll(self):
        said, self.said = self.said, []
        return said

    def close(self):
        pass


def test_what_the_stream_says_while_the_past_is_lived_again_comes_after_it(lived, tmp_path):
    _, folder, _ = lived
    snapshot = snapshots.read(folder)
    feed = Waiting()
    run = Run.resumed(folder, MemoryPort(), tmp_path, connect=lambda: Outside(surge=feed))
    assert run.commands == snapshot.commands
    run.resume()
    _minutes(run, 1)
    since = run.commands[len(snapshot.commands) + 1 :]
    assert since == [Recorded(at_ms=snapshot.at_ms, command=SetSurge(zone_id=7, multiplier=2.0))]
    assert run.simulation.city.multipliers[7] == 2.0
    run.abandon()


def test_a_city_that_comes_out_differently_is_refused(lived, tmp_path):
    _, folder, _ = lived
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    snapshot = snapshots.read(other)
    changed = msgspec.structs.replace(
        snapshot, scenario=msgspec.structs.replace(snapshot.scenario, seed=12)
    )
    (other / "snapshot.json").write_bytes(msgspec.json.encode(changed))
    with pytest.raises(SnapshotError, match="comes out differently"):
        Run.resumed(other, MemoryPort(), tmp_path)


def test_a_run_that_went_on_is_not_taken_up_beside_itself(lived):
    first, folder, _ = lived
    home = first.ledger_path.parents[2]
    with pytest.raises(SnapshotError, match="has gone on since"):
        Run.resumed(folder, MemoryPort(), home)
    assert first.ledger_path == home / relative_path(first.run_id)


def test_bad_folders_are_named(lived, tmp_path):
    _, folder, _ = lived
    with pytest.raises(SnapshotError, match="no snapshot in"):
        Run.resumed(tmp_path, MemoryPort(), tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "snapshot.json").write_text("{}")
    with pytest.raises(SnapshotError, match="no snapshot of this version"):
        Run.resumed(broken, MemoryPort(), tmp_path)
    run = _run(tmp_path / "home")
    with pytest.raises(SnapshotError, match="drain it first"):
        run.snapshot(tmp_path / "new")
    run.drain()
    with pytest.raises(SnapshotError, match="name a new folder"):
        run.snapshot(folder)
    run.abandon()


def test_a_refused_command_leaves_no_record(tmp_path):
    run = _run(tmp_path)
    with pytest.raises(CommandInvalid, match="no agent nobody"):
        run.execute(DriveTo(agent_id="nobody", **SE))
    with pytest.raises(CommandInvalid, match=r"policies\.surge: streamed"):
        run.execute(SetSurge(zone_id=78, multiplier=1.5))
    assert run.commands == []
    run.abandon()
    assert record_of_commands.read(run.ledger_path.parent) == []


def test_a_broken_record_names_the_line(tmp_path):
    (tmp_path / "commands.jsonl").write_text('{"at_ms": 1, "command": {"type": "drain"}}\n{"at')
    with pytest.raises(record_of_commands.RecordError, match="line 2"):
        record_of_commands.read(tmp_path)


def test_end_now_waits_for_nobody(tmp_path):
    run = _run(tmp_path)
    _minutes(run, 20)
    assert run.simulation.trips_in_flight
    run.end_now()
    assert run.now_ms < run.scenario.start_ms + 23 * MINUTE_MS
    assert run.simulation.trips_in_flight == 0
