"""Reads scenarios: by name from `sim/scenarios`, from a YAML or JSON file, or as a value.

Overrides are laid over it first.
What is wrong is refused here, before anything starts, with the path of the key.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from sim.domain.errors import ScenarioError
from sim.domain.scenario import Scenario

_FOLDER: Final = "scenarios"


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
    value = _based(value)
    if overrides:
        value = _merged(value, overrides)
    try:
        return msgspec.json.decode(msgspec.json.encode(value), type=Scenario)
    except (msgspec.ValidationError, TypeError) as error:
        raise ScenarioError(f"{source}: {error}") from error


def _stored(name: Any) -> Any:
    """Return the values of a scenario that comes with the simulator."""
    if name not in names():
        raise ScenarioError(f"no scenario {name!r}: known are {', '.join(names())}")
    text = files("sim").joinpath(_FOLDER, f"{name}.yaml").read_text(encoding="utf-8")
    return _based(_loaded(text, f"scenario {name}"))


def _based(value: Any) -> Any:
    """Return values laid over those of the scenario that they name as their base."""
    if not isinstance(value, dict) or "base" not in value:
        return value
    own = {key: content for key, content in value.items() if key != "base"}
    return _merged(_stored(value["base"]), own)


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
