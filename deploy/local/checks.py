"""What dbt's own files say about its last builds: models and checks, the newest result of each.

A chain builds layer by layer, and every run of dbt writes its results over those of the one before:
they are kept by the name of the step (`kept`), and the newest result of a node counts.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

RESULTS: Final = "run_results.json"
MANIFEST: Final = "manifest.json"
_SOUND: Final = frozenset({"pass", "success"})


class ReportError(Exception):
    """dbt's files are missing or cannot be read."""


class Topic(StrEnum):
    """What a check is about, in the order in which a reader wants it."""

    VOLUME = "volume"
    FRESHNESS = "freshness"
    DISTRIBUTION = "distribution"
    RULES = "rules"
    UNIQUENESS = "uniqueness"
    COMPLETENESS = "completeness"
    RELATIONSHIPS = "relationships"
    VALUES = "values"


class Status(StrEnum):
    """How a check or a model ended, worst first."""

    ERROR = "error"
    FAIL = "fail"
    WARN = "warn"
    SKIPPED = "skipped"
    PASS = "pass"  # noqa: S105 - no password


_BY_TEST: Final[Mapping[str, Topic]] = {
    "percent_off_usual_volume": Topic.VOLUME,
    "percent_of_rows": Topic.DISTRIBUTION,
    "unique": Topic.UNIQUENESS,
    "unique_together": Topic.UNIQUENESS,
    "not_null": Topic.COMPLETENESS,
    "never_null": Topic.COMPLETENESS,
    "relationships": Topic.RELATIONSHIPS,
    "accepted_values": Topic.VALUES,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One test of dbt, or the freshness of one source.

    Attributes:
        name: Of the test.
        topic: What it is about.
        table: The model or source it looks at, with its schema.
        column: Where it is about one.
        status: How it ended.
        found: Rows, or the value, that it counts; None where it did not run.
        warn_if: From which count on it warns, e.g. `!= 0`.
        error_if: From which count on it fails.
        message: What dbt says of it.
        description: Of the test, from its yml.
        sql: The statement it ran.
        seconds: What it took.
        ended_at: When.
    """

    name: str
    topic: Topic
    table: str
    column: str
    status: Status
    found: int | None
    warn_if: str
    error_if: str
    message: str
    description: str
    sql: str
    seconds: float
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Model:
    """One table that dbt builds.

    Attributes:
        table: Schema and name.
        layer: Its schema.
        materialized: How.
        status: How its last build ended.
        message: What dbt says of it.
        seconds: What it took.
        ended_at: When.
        description: First paragraph.
    """

    table: str
    layer: str
    materialized: str
    status: Status
    message: str
    seconds: float
    ended_at: datetime | None
    description: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All of it, checks worst first within their topic."""

    checks: tuple[Check, ...]
    models: tuple[Model, ...]

    def count(self, status: Status) -> int:
        """Return how many checks and models ended so."""
        ended = [*(each.status for each in self.checks), *(each.status for each in self.models)]
        return ended.count(status)


def kept(folder: Path) -> Path:
    """Return where the results of steps are kept, below dbt's folder of a stack."""
    return folder / "results"


def keep(folder: Path, step: str) -> None:
    """Keep what the last run of dbt wrote under the name of a step."""
    written = folder / "target" / RESULTS
    if written.is_file():
        kept(folder).mkdir(parents=True, exist_ok=True)
        scratch = kept(folder) / f"{step}.json.new"
        scratch.write_bytes(written.read_bytes())
        scratch.replace(kept(folder) / f"{step}.json")


def errors_since(folder: Path, began: float) -> tuple[str, ...]:
    """Return what the last run of dbt says of the nodes that ended in an error.

    Args:
        folder: dbt's of a stack.
        began: Epoch seconds; results that were written before are of another run.
    """
    path = folder / "target" / RESULTS
    if not path.is_file() or path.stat().st_mtime < began:
        return ()
    results = _json(path)["results"]
    return tuple(str(result["message"]) for result in results if result["status"] == "error")


def read(folder: Path) -> Findings:
    """Return the newest result of every model and check.

    Raises:
        ReportError: dbt never ran on this stack, or its files are damaged.
    """
    target = folder / "target"
    manifest = _json(target / MANIFEST)
    files = [*kept(folder).glob("*.json"), target / RESULTS, target / "sources.json"]
    newest: dict[str, dict[str, Any]] = {}
    for path in files:
        if path.is_file():
            for result in _json(path)["results"]:
                _keep_newer(newest, result)
    nodes = {**manifest["nodes"], **manifest["sources"]}
    known = [(nodes[name], result) for name, result in newest.items() if name in nodes]
    checks = [
        _check(node, result, nodes)
        for node, result in known
        if node["resource_type"] in ("test", "source")
    ]
    order, topics = list(Status), list(Topic)
    return Findings(
        checks=tuple(
            sorted(
                checks,
                key=lambda c: (topics.index(c.topic), order.index(c.status), c.table, c.name),
            )
        ),
        models=tuple(
            sorted(
                (
                    _model(node, result)
                    for node, result in known
                    if node["resource_type"] in ("model", "seed", "snapshot")
                ),
                key=lambda model: (model.layer, model.table),
            )
        ),
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReportError(
            f"{path} is not there: nothing was built on this stack yet. Run: farol dbt build"
        ) from error
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{path} cannot be read ({type(error).__name__}). Run: farol dbt build"
        ) from error
    return found


def _keep_newer(newest: dict[str, dict[str, Any]], result: dict[str, Any]) -> None:
    before = newest.get(result["unique_id"])
    if before is None or _ended(result) >= _ended(before):
        newest[result["unique_id"]] = result


def _ended(result: Mapping[str, Any]) -> str:
    """Return when a result was ready; texts of one form, so that they compare."""
    moments = [timing.get("completed_at") or "" for timing in result.get("timing", ())]
    return max([*moments, result.get("snapshotted_at") or ""])


def _moment(result: Mapping[str, Any]) -> datetime | None:
    text = _ended(result)
    return datetime.fromisoformat(text) if text else None


def _status(result: Mapping[str, Any]) -> Status:
    text = str(result["status"]).replace("runtime error", "error")
    return Status.PASS if text in _SOUND else Status(text if text in list(Status) else "error")


def _check(
    node: Mapping[str, Any], result: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]
) -> Check:
    config = node.get("config", {})
    is_source = node["resource_type"] == "source"
    found = result.get("max_loaded_at_time_ago_in_s" if is_source else "failures")
    return Check(
        name=f"freshness of {node['name']}" if is_source else _name(node),
        topic=Topic.FRESHNESS if is_source else _topic(node),
        table=_table(node) if is_source else _tested(node, nodes),
        column=node.get("column_name") or "",
        status=_status(result),
        found=None if found is None else int(found),
        warn_if=str(config.get("warn_if", "")),
        error_if=_error_if(config),
        message=str(result.get("message") or result.get("error") or ""),
        description=str(node.get("description") or ""),
        sql=str(result.get("compiled_code") or node.get("compiled_code") or "").strip(),
        seconds=float(result.get("execution_time", 0.0)),
        ended_at=_moment(result),
    )


def _error_if(config: Mapping[str, Any]) -> str:
    only_warns = str(config.get("severity", "")).lower() == "warn"
    return "" if only_warns else str(config.get("error_if", ""))


def _name(node: Mapping[str, Any]) -> str:
    """Return the name that its author gave; dbt's own repeats the table and the column."""
    kind, name = str((node.get("test_metadata") or {}).get("name", "")), str(node["name"])
    chosen = kind if kind and kind in name else name
    return chosen.removeprefix("health_").replace("_", " ")


def _topic(node: Mapping[str, Any]) -> Topic:
    """Return what a test says it is about (`meta.topic` or a tag), else what its kind tells."""
    config = node.get("config", {})
    said: Iterable[object] = (config.get("meta", {}).get("topic"), *node.get("tags", ()))
    for word in said:
        if word in list(Topic):
            return Topic(str(word))
    name = str((node.get("test_metadata") or {}).get("name", node["name"]))
    return _BY_TEST.get(name, Topic.RULES)


def _tested(node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> str:
    attached = node.get("attached_node")
    names: Sequence[str] = [attached] if attached else node["depends_on"]["nodes"]
    return ", ".join(_table(nodes[name]) for name in names if name in nodes)


def _table(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node.get('alias') or node['name']}"


def _model(node: Mapping[str, Any], result: Mapping[str, Any]) -> Model:
    return Model(
        table=_table(node),
        layer=str(node["schema"]),
        materialized=str(node["config"].get("materialized", "")),
        status=_status(result),
        message=str(result.get("message") or ""),
        seconds=float(result.get("execution_time", 0.0)),
        ended_at=_moment(result),
        description=str(node.get("description") or "").split("\n\n")[0],
    )
