"""Assembled trips in a real PostgreSQL: one row per trip, the newest that is known of it."""

import importlib.util
import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from contracts.live import AssembledTrip
from flink_jobs.feeder.postgres import TABLE, TripStore

NOBODY = 65534
# A server that refuses to run as root.
AS_USER: dict[str, Any] = (
    {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
)
pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]


class Server:
    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.data = folder / "data"
        self._binaries = _readable_binaries(folder)
        self.url = f"postgresql://farol@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-D", str(self.data), "-U", "farol", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.data} -F"
        log = str(self.data / "log")
        self._run(
            "pg_ctl", "-D", str(self.data), "-w", "-t", "120", "-l", log, "-o", options, "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._binaries / program), *arguments],
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
            **AS_USER,
        )


def _readable_binaries(folder: Path) -> Path:
    """Return the server's programs; another user may not see where packages are installed."""
    # The package itself is not imported: it warns about the environment.
    spec = importlib.util.find_spec("pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if AS_USER:
        for name in ("pgserver", "pgserver.libs"):
            shutil.copytree(package.with_name(name), folder / name)
        package = folder / "pgserver"
    return package / "pginstall" / "bin"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Not below pytest's folders, which only their owner may enter.
    with tempfile.TemporaryDirectory(prefix="farol-postgres-") as name:
        folder = Path(name)
        if AS_USER:
            os.chown(folder, NOBODY, NOBODY)
        made = Server(folder)
        made.start()
        yield made
        made.stop()


@pytest.fixture
def store(server: Server) -> Iterator[TripStore]:
    made = TripStore(server.url)
    yield made
    made.close()
    with psycopg.connect(server.url) as connection:
        connection.execute(f"drop table if exists {TABLE}")


def trip(trip_id: str, revision: int, **fields: Any) -> AssembledTrip:
    values: dict[str, Any] = {"run_id": "r", "is_complete": True, "missing": "", **fields}
    return AssembledTrip(trip_id=trip_id, revision=revision, **values)


def kept(server: Server) -> dict[str, AssembledTrip]:
    names = AssembledTrip.__struct_fields__
    with psycopg.connect(server.url) as connection:
        rows = connection.execute(f"select {', '.join(names)} from {TABLE}").fetchall()  # noqa: S608 (names of the contract)
    trips = [AssembledTrip(**dict(zip(names, row, strict=True))) for row in rows]
    assert len({t.trip_id for t in trips}) == len(trips)
    return {t.trip_id: t for t in trips}


def test_every_column_survives_and_a_repeat_changes_nothing(
    server: Server, store: TripStore
) -> None:
    whole = trip(
        "é'; drop table x --",
        1,
        region_id=230,
        started_at_ms=1_547_541_372_000,
        ended_at_ms=1_547_541_739_000,
        paid_at_ms=1_547_541_739_000,
        passenger_count=2,
        dropoff_zone_id=48,
        distance_m=1609.344,
        duration_s=367.5,
        fare_minor=2**53 - 1,
        total_minor=-5,
        tip_minor=195,
        currency="USD",
        payment_type="1",
    )
    assert store.write([(whole, 0), (whole, 0)]) == 0
    assert store.write([(whole, 0)]) == 1
    assert kept(server) == {whole.trip_id: whole}


def test_an_older_version_and_an_incomplete_trip_replace_nothing(
    server: Server, store: TripStore
) -> None:
    missing = {"is_complete": False, "missing": "payment_processed"}
    assert store.write([(trip("a", 1, **missing), 0)]) == 0
    assert store.write([(trip("a", 2, fare_minor=7), 0)]) == 0
    assert store.write([(trip("a", 1, **missing), 0), (trip("b", 1, **missing), 0)]) == 1
    assert store.write([(trip("a", 9, **missing), 0)]) == 1
    assert store.write([(trip("a", 3, fare_minor=8), 0)]) == 0
    found = kept(server)
    assert (found["a"].fare_minor, found["a"].revision) == (8, 3)
    assert not found["b"].is_complete


def test_any_order_of_deliveries_leaves_the_same_rows(server: Server, store: TripStore) -> None:
    rng = random.Random(3)
    versions = [
        trip(f"t{n}", revision, is_complete=revision == last, missing="", fare_minor=revision)
        for n in range(50)
        for last in (rng.randint(1, 3),)
        for revision in range(1, last + 1)
    ]
    for _ in range(5):
        rng.shuffle(versions)
        for start in range(0, len(versions), 20):
            store.write([(version, 0) for version in versions[start : start + 20]])
    newest = {v.trip_id: v for v in sorted(versions, key=lambda v: v.revision)}
    assert kept(server) == newest


def test_a_database_that_was_away_is_written_when_it_is_back(
    server: Server, store: TripStore
) -> None:
    store.write([(trip("a", 1), 0)])
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        store.write([(trip("b", 1), 0)])
    server.start()
    deadline_s = time.monotonic() + 60
    while True:
        try:
            store.write([(trip("b", 1), 0)])
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
    assert kept(server).keys() == {"a", "b"}
