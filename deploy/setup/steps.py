"""Run set-up steps that are due: a step is skipped while its inputs are as they were.

A step's fingerprint is kept beside its result; a step whose result vanished is due again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_STAMP: Final = "stamps.json"


class SetupError(Exception):
    """A step of the set-up failed; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the set-up makes."""

    name: str
    fingerprint: str
    results: tuple[Path, ...]
    run: Callable[[], None]


def fingerprint_of(*inputs: Path | str) -> str:
    """Return a digest of texts and of the contents of files."""
    digest = hashlib.sha256()
    for item in inputs:
        data = item.read_bytes() if isinstance(item, Path) else item.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def read_stamps(tools: Path) -> dict[str, str]:
    """Return step name to fingerprint; empty when nothing was made or the file is damaged."""
    try:
        stamps = json.loads((tools / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in stamps.items()} if isinstance(stamps, dict) else {}


def is_due(step: Step, stamps: dict[str, str]) -> bool:
    """Return whether a step has to run."""
    return stamps.get(step.name) != step.fingerprint or not all(p.exists() for p in step.results)


def run_due(steps: Iterable[Step], tools: Path, report: Callable[[str], None]) -> list[str]:
    """Run the steps that are due, in order, and return their names."""
    tools.mkdir(parents=True, exist_ok=True)
    stamps = read_stamps(tools)
    done = []
    for step in steps:
        if not is_due(step, stamps):
            continue
        report(step.name)
        stamps.pop(step.name, None)
        _write_stamps(tools, stamps)
        step.run()
        missing = [str(p) for p in step.results if not p.exists()]
        if missing:
            raise SetupError(f"set-up step '{step.name}' did not make {', '.join(missing)}")
        stamps[step.name] = step.fingerprint
        _write_stamps(tools, stamps)
        done.append(step.name)
    return done


def _write_stamps(tools: Path, stamps: dict[str, str]) -> None:
    scratch = tools / f"{_STAMP}.new"
    scratch.write_text(json.dumps(stamps, indent=1, sort_keys=True), encoding="utf-8")
    scratch.replace(tools / _STAMP)
