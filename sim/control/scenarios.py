"""Reads scenarios: by name from `sim/scenarios`, from a YAML or JSON file, or as a value.

Overrides are laid over it first.
What is wrong is refused here, before anything starts, with the path of the key.
"""

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from sim.domain.errors import ScenarioError
from sim.domain.scenario import Demand, Scenario
from sim.domain.shocks import Shock, ShockCalendar
from sim.policies.demand import PoissonGravityDemand

_FOLDER: Final = "scenarios"
_BLAMES: Final = re.compile(r"(?P<key>[a-z_]+): (?P<what>.*) - at `(?P<section>.*)`", re.DOTALL)
"""What a section says of itself begins with the key it blames; the path names the section only."""


def names() -> list[str]:
    """Return the names of the scenarios that come with the simulator."""
    entries = files("sim").joinpath(_FOLDER).iterdir()
    return sorted(e.name.removesuffix(".yaml") for e in entries if e.name.endswith(".yaml"))


def named(name: str, overrides: dict[str, Any] | None = None) -> Scenario:
    """Return a scenario by name.

    Args:
        name: One of `names()`.
        overrides: Values to put over those of the file, in the same nesting; None takes a key
            back to its default.

    Raises:
        ScenarioError: There is none of this name, or it does not fit its form.
    """
    return from_value(_stored(name), f"scenario {name}", overrides)


def from_file(path: Path, overrides: dict[str, Any] | None = None) -> Scenario:
    """Return the scenario in a file.

    Raises:
        ScenarioError: The file cannot be read, or does not fit its form.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path} cannot be read: {error}") from error
    return parse(text, str(path), overrides)


def parse(text: str, source: str, overrides: dict[str, Any] | None = None) -> Scenario:
    """Return the scenario in a text; JSON is YAML too.

    Raises:
        ScenarioError: The text is no YAML, or does not fit its form.
    """
    return from_value(_loaded(text, source), source, overrides)


def from_value(value: Any, source: str, overrides: dict[str, Any] | None = None) -> Scenario:
    """Return the scenario of plain values, laid over the one that its key `base` names, if any.

    Raises:
        ScenarioError: It does not fit its form; the message ends with the path of the wrong key.
    """
    value = _based(value, source)
    if overrides:
        value = _merged(value, overrides)
    try:
        scenario = msgspec.json.decode(msgspec.json.encode(value), type=Scenario)
    except (msgspec.ValidationError, TypeError) as error:
        raise ScenarioError(f"{source}: {_located(str(error))}") from error
    problem = _stranded(scenario.demand, scenario.shocks)
    if problem is not None:
        raise ScenarioError(f"{source}: {problem}")
    return scenario


def _located(problem: str) -> str:
    """Return a problem with the path of its key where it has that of the section alone."""
    found = _BLAMES.fullmatch(problem)
    if found is None:
        return problem
    return f"{found['what']} - at `{found['section']}.{found['key']}`"


@cache
def _stranded(demand: Demand, shocks: tuple[Shock, ...]) -> str | None:
    """Return what keeps riders of a zone from finding anywhere to go, None where nothing does."""
    found = PoissonGravityDemand(demand, 0, ShockCalendar(shocks, 0)).stranded(
        demand.longest_trip_m
    )
    if found is None:
        return None
    zone_id, active = found
    repelling = [n for n in active if shocks[n].attraction_ratio < 1]
    path = f"$.shocks[{repelling[0]}].attraction_ratio" if repelling else "$.demand.longest_trip_m"
    return f"riders of zone {zone_id} have nowhere to go within the longest trip - at `{path}`"


def _stored(name: str) -> Any:
    """Return the values of a scenario that comes with the simulator."""
    if name not in names():
        raise ScenarioError(_unknown(name))
    source = f"scenario {name}"
    text = files("sim").joinpath(_FOLDER, f"{name}.yaml").read_text(encoding="utf-8")
    return _based(_loaded(text, source), source)


def _unknown(name: Any) -> str:
    return f"no scenario {name!r}: known are {', '.join(names())}"


def _based(value: Any, source: str) -> Any:
    """Return values laid over those of the scenario that they name as their base."""
    if not isinstance(value, dict) or "base" not in value:
        return value
    base = value["base"]
    if base not in names():
        raise ScenarioError(f"{source}: {_unknown(base)} - at `$.base`")
    own = {key: content for key, content in value.items() if key != "base"}
    return _merged(_stored(base), own)


def _loaded(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{source} is no YAML: {error}") from error


def _merged(value: Any, overrides: dict[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    merged = dict(value)
    for key, over in overrides.items():
        if over is None:
            merged.pop(key, None)
            continue
        nested = isinstance(over, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], over) if nested else over
    return merged
