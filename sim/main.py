"""The simulator's command.

python -m sim.main serve
python -m sim.main run SCENARIO --until 4h --out DIR|kafka [--speed N] [--seed N]
python -m sim.main repeat RUN_FOLDER --out DIR
python -m sim.main compare A B --replications 10 --until 4h [--out DIR]

`serve` waits for orders over HTTP, `run` makes one run, `compare` tells two scenarios apart.
SCENARIO is the name of one that comes along, or a YAML file.
"""

import argparse
import logging
import os
import re
import shutil
import sqlite3
import sys
import threading
import time
import uuid
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import uvicorn

from contracts import ledger
from contracts.domain import RIDESHARE
from contracts.ports import port
from sim.control import compare, scenarios, summary
from sim.control.runner import Runner
from sim.control.server import build
from sim.domain.errors import SimError
from sim.domain.scenario import Scenario
from sim.policies.choice import built_in_routing
from sim.publishing import record_of_commands
from sim.publishing.files import FilePort
from sim.publishing.kafka import KafkaPort
from sim.publishing.outside import Outside
from sim.publishing.pacing import Pacer
from sim.publishing.port import Port
from sim.publishing.run import CHUNK_MS, Run, derived_run_id, new_run_id
from sim.publishing.snapshots import WAYS
from sim.services.osrm import OsrmRouting
from sim.services.surge_feed import KafkaSurgeFeed

_LOOPBACK: Final = "127.0.0.1"
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_COMMIT_EVERY_S: Final = 0.5
_TELL_EVERY_S: Final = 5.0
_HIGHEST_SPEED_RATIO: Final = 10_000
_LOG: Final = logging.getLogger("farol.sim")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment says."""

    home: Path
    port_offset: int
    kafka: str

    @property
    def api_key(self) -> str:
        """The key of the control server.

        Raises:
            SimError: There is none.
        """
        given = os.environ.get("FAROL_API_KEY", "").strip()
        path = self.home / "secrets" / "api_key"
        if not given and path.is_file():
            given = path.read_text(encoding="utf-8").strip()
        if not given:
            raise SimError(f"no API key: set FAROL_API_KEY, or let `farol up` write {path}")
        return given


def read_settings() -> Settings:
    """Return the settings of the environment.

    Raises:
        SimError: A variable has no usable value.
    """
    text = os.environ.get("FAROL_PORT_OFFSET", "0")
    if not text.lstrip("-").isdigit():
        raise SimError(f"FAROL_PORT_OFFSET is {text!r}: give a whole number")
    offset = int(text)
    home = os.environ.get("FAROL_HOME") or str(Path(__file__).parents[1] / ".farol" / "state")
    kafka = os.environ.get("FAROL_KAFKA") or f"{_LOOPBACK}:{port('kafka', offset)}"
    return Settings(home=Path(home), port_offset=offset, kafka=kafka)


def duration_ms(text: str) -> int:
    """Return a duration such as `90s`, `10m`, `4h` or `1h30m` in milliseconds.

    Raises:
        SimError: The text is none.
    """
    if not re.fullmatch(r"(\d+[smhd])+", text):
        raise SimError(f"{text!r} is no duration: write 90s, 10m, 4h or 1h30m")
    parts = re.findall(r"(\d+)([smhd])", text)
    return sum(int(number) * _UNITS_S[unit] for number, unit in parts) * 1000


def serve(settings: Settings) -> None:
    """Serve until told to stop."""
    runner = Runner(
        lambda: KafkaPort(settings.kafka),
        settings.home,
        lambda scenario, run_id: connect(scenario, run_id, settings.home, settings.kafka),
    )
    app = build(runner, settings.api_key, settings.home)
    uvicorn.run(
        app,
        host=_LOOPBACK,
        port=port("sim", settings.port_offset),
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


def connect(scenario: Scenario, run_id: str, home: Path, kafka: str) -> Outside:
    """Return the services that a scenario names.

    Raises:
        SimError: One of them cannot be reached.
    """
    routing = surge = None
    if scenario.policies.surge == "streamed":
        surge = KafkaSurgeFeed(kafka, run_id)
    if scenario.policies.routing == "osrm":
        ways = (home / ledger.relative_path(run_id)).with_name(WAYS)
        routing = OsrmRouting(scenario.osrm, built_in_routing(scenario), ways)
    return Outside(routing=routing, surge=surge)


def run_once(settings: Settings, arguments: argparse.Namespace) -> None:
    """Make one run from start to `stream_end` and say how it went.

    Raises:
        SimError: An argument cannot be used, or a service of the scenario is not there.
    """
    speed = 0.0 if arguments.speed is None else arguments.speed
    if not 0 <= speed <= _HIGHEST_SPEED_RATIO:
        raise SimError(
            f"--speed {speed:g}: give 0 (as fast as possible) to {_HIGHEST_SPEED_RATIO:,}"
        )
    given_run_id = None if arguments.run_id is None else _run_id(arguments.run_id)
    overrides = {} if arguments.seed is None else {"seed": arguments.seed}
    scenario = _scenario(arguments.scenario or arguments.config, overrides)
    is_kafka = arguments.out == "kafka"
    target: Port = KafkaPort(settings.kafka) if is_kafka else FilePort(Path(arguments.out))
    run_id = given_run_id or (new_run_id() if is_kafka else derived_run_id(scenario))
    home = settings.home if is_kafka else Path(arguments.out)
    until_ms = scenario.start_ms + _until_ms(arguments, scenario)
    threading.Thread(target=_tell_problems, args=(target,), daemon=True).start()
    reach = partial(connect, scenario, run_id, home, settings.kafka)
    # without its services it makes no files, so that the same command can be given again
    reached = None if is_kafka else reach()
    run = Run(scenario, run_id, target, home, connect=lambda: reached or reach())
    pacer = Pacer(speed, run.now_ms)
    began_s = committed_s = told_s = time.monotonic()
    while run.now_ms < until_ms:
        wanted_ms = min(until_ms, pacer.target_ms(run.now_ms, CHUNK_MS))
        if wanted_ms > run.now_ms:
            run.advance(wanted_ms)
        else:
            target.poll()
            time.sleep(pacer.rest_s())
        now_s = time.monotonic()
        if now_s - committed_s >= _COMMIT_EVERY_S:
            run.publisher.commit()
            committed_s = now_s
        if now_s - told_s >= _TELL_EVERY_S:
            done_ms = run.now_ms - scenario.start_ms
            share = done_ms / max(1, until_ms - scenario.start_ms)
            _LOG.info("run_progress share=%.2f records=%d", share, _records(run))
            told_s = now_s
    run.end()
    took_s = time.monotonic() - began_s
    _LOG.info(
        "run_ended run_id=%s records=%d seconds=%.1f per_second=%.0f ledger=%s",
        run_id,
        _records(run),
        took_s,
        _records(run) / took_s,
        run.ledger_path,
    )
    kpis = run.kpis()
    (run.ledger_path.parent / "kpis.json").write_bytes(msgspec.json.encode(kpis) + b"\n")
    sys.stdout.write(summary.table(kpis))


def compare_two(arguments: argparse.Namespace) -> None:
    """Run two scenarios with the same seeds and say where they differ.

    Raises:
        SimError: A scenario cannot be used, or cannot be compared.
    """
    if arguments.jobs < 1:
        raise SimError(f"--jobs {arguments.jobs}: give at least one process")
    overrides = {} if arguments.seed is None else {"seed": arguments.seed}
    a, b = (_scenario(name, overrides) for name in (arguments.a, arguments.b))
    lasts_ms = _until_ms(arguments, a)
    folder = None if arguments.out is None else Path(arguments.out)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    of_a, of_b = compare.replicate((a, b), arguments.replications, lasts_ms, arguments.jobs)
    rows = compare.differences(of_a, of_b)
    text = compare.table(a.name, b.name, rows)
    sys.stdout.write(text)
    if folder is not None:
        (folder / "compare.txt").write_text(text, encoding="utf-8")
        (folder / "compare.svg").write_text(compare.plot(a.name, b.name, rows), encoding="utf-8")
        (folder / "replications.json").write_bytes(
            msgspec.json.encode({a.name: of_a, f"{b.name} (b)": of_b}) + b"\n"
        )
        _LOG.info("compared out=%s", folder)


def _scenario(name: str | None, overrides: dict[str, Any]) -> Scenario:
    if name is None:
        raise SimError(f"name a scenario, or a YAML file: known are {', '.join(scenarios.names())}")
    path = Path(name)
    if path.suffix in (".yaml", ".yml", ".json"):
        return scenarios.from_file(path, overrides)
    return scenarios.named(name, overrides)


def _run_id(text: str) -> str:
    """Return a run_id as it is written.

    Raises:
        SimError: The text is no UUID.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise SimError(f"--run-id {text}: give a UUID, e.g. {new_run_id()}") from error


def _until_ms(arguments: argparse.Namespace, scenario: Scenario) -> int:
    """Return how long to run (ms).

    Raises:
        SimError: The text is no duration, or ends outside the time range of the domain.
    """
    if arguments.until is None:
        return round(scenario.duration_s * 1000)
    until_ms = duration_ms(arguments.until)
    if until_ms > scenario.longest_ms:
        raise SimError(
            f"--until {arguments.until}: {scenario.name} starts at"
            f" {scenario.start_time.isoformat()}, its last event would be outside"
            f" {RIDESHARE.name}'s time range"
        )
    return until_ms


def repeat(settings: Settings, arguments: argparse.Namespace) -> None:
    """Live a recorded run again, commands at their times, to files: the same bytes.

    Raises:
        SimError: There is no ledger or record in the folder that can be read.
    """
    folder = Path(arguments.run)
    path = folder / Path(ledger.relative_path("x")).name
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            run_id, text = db.execute("select run_id, configuration from run").fetchone()
    except sqlite3.Error as error:
        raise SimError(f"{folder} holds no run: {error}") from error
    scenario = scenarios.parse(text, str(path))
    script = record_of_commands.read(folder)
    home = Path(arguments.out)
    if (folder / WAYS).exists():
        kept = (home / ledger.relative_path(run_id)).parent
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / WAYS, kept / WAYS)
    routing = connect(
        msgspec.structs.replace(
            scenario, policies=msgspec.structs.replace(scenario.policies, surge="model")
        ),
        run_id,
        home,
        settings.kafka,
    ).routing
    run = Run(
        scenario,
        run_id,
        FilePort(home),
        home,
        connect=lambda: Outside(routing=routing),
        script=script,
    )
    end_ms = run.scripted_end_ms
    run.advance(script[-1].at_ms if end_ms is None and script else end_ms or run.now_ms)
    run.end()
    _LOG.info("run_repeated run_id=%s records=%d out=%s", run_id, _records(run), home)


def _tell_problems(target: Port) -> None:
    """Say what holds the port up for as long as it does.

    The main thread waits inside it meanwhile.
    """
    while True:
        time.sleep(_TELL_EVERY_S)
        problem = target.problem()
        if problem is not None:
            _LOG.warning("run_stalled problem=%r", problem)


def _records(run: Run) -> int:
    return sum(run.publisher.produced.values())


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m sim.main", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="wait for orders over HTTP")
    once = commands.add_parser("run", help="make one run and end")
    once.add_argument("scenario", nargs="?", help="name of a scenario, or a YAML file")
    once.add_argument("--config", help="the same, as an option")
    once.add_argument(
        "--until", help="simulated duration: 90s, 10m, 1h30m; default: the scenario's"
    )
    once.add_argument("--out", required=True, help="folder for files, or kafka")
    once.add_argument("--speed", type=float, help="times real time; default: as fast as possible")
    once.add_argument("--seed", type=int, help="another seed than the scenario's")
    once.add_argument("--run-id", help="a UUID; default: new for kafka, derived for files")
    again = commands.add_parser("repeat", help="live a recorded run again, to files")
    again.add_argument("run", help="folder of the run: $FAROL_HOME/runs/<run_id>")
    again.add_argument("--out", required=True, help="folder for the files")
    both = commands.add_parser("compare", help="tell two scenarios apart")
    both.add_argument("a")
    both.add_argument("b")
    both.add_argument("--replications", type=int, default=10)
    both.add_argument("--until", help="simulated duration; default: that of A")
    both.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    both.add_argument("--seed", type=int, help="the first seed; each replication takes the next")
    both.add_argument("--out", help="folder for the table, the plot and all figures")
    return parser.parse_args(arguments)


def main() -> int:
    """Run the command and return its exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    arguments = parse_arguments()
    try:
        settings = read_settings()
        if arguments.command == "serve":
            serve(settings)
        elif arguments.command == "compare":
            compare_two(arguments)
        elif arguments.command == "repeat":
            repeat(settings, arguments)
        else:
            run_once(settings, arguments)
    except (SimError, OSError) as error:
        sys.stderr.write(f"sim: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
