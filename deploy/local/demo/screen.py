"""The live summary of the demo: topics, jobs, trips, surge, alarms, as far as they answered."""

from typing import Any, Final

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from contracts.timestamps import rfc3339
from deploy.local.demo.observe import Snapshot

_TOP_ZONES: Final = 5


class Rates:
    """Records per second of each topic, from the difference of two snapshots."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        self._before_s = 0.0

    def update(self, produced: dict[str, dict[str, int]], now_s: float) -> dict[str, float]:
        """Return the rates since the last call; the first call answers with none."""
        totals = {topic: sum(kinds.values()) for topic, kinds in produced.items()}
        passed_s = now_s - self._before_s
        rates = {
            topic: max(0.0, (total - self._before[topic]) / passed_s)
            for topic, total in totals.items()
            if topic in self._before and passed_s > 0
        }
        self._before, self._before_s = totals, now_s
        return rates


def summary(
    snapshot: Snapshot, rates: dict[str, float], elapsed_s: float, run_s: float
) -> RenderableType:
    """Return what is shown while the city runs.

    Args:
        snapshot: What the parts said.
        rates: Records per second by topic.
        elapsed_s: Seconds since the first driver moved.
        run_s: Seconds the city shall run.
    """
    city = snapshot.city
    left_s = max(0.0, run_s - elapsed_s)
    head = Text.assemble(
        (f"city {city.get('state', 'does not answer')}", "bold"),
        f"  {city.get('sim_time', '')}  {city.get('speed_ratio', 0):g}x"
        f"  {city.get('events_per_s', 0):,.0f} events/s"
        f"  {city.get('records_total', 0):,} records  {left_s:.0f} s left",
    )
    problem = city.get("problem")
    tables = Columns(
        [
            _topics(city, rates),
            _jobs(snapshot),
            _trips(city),
            _surge(snapshot),
            _alarms(snapshot),
        ]
    )
    return Group(head, Text(problem, style="bold red"), tables) if problem else Group(head, tables)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _topics(city: Any, rates: dict[str, float]) -> Table:
    table = _table("topics", "topic", "events/s", "sent")
    for topic, kinds in city.get("produced", {}).items():
        table.add_row(topic, f"{rates.get(topic, 0.0):,.0f}", f"{sum(kinds.values()):,}")
    return table


def _jobs(snapshot: Snapshot) -> Table:
    table = _table("jobs", "job", "state", "lag", "checkpoints", "restarts")
    for job in snapshot.jobs:
        known = 0 if job.has_read_everything else job.lag_records
        lag = "?" if known is None else f"{known:,}"
        table.add_row(job.name, job.state, lag, str(job.checkpoints), str(job.restarts))
    return table


def _trips(city: Any) -> Table:
    table = _table("trips by state", "state", "trips")
    for state, count in city.get("trips", {}).items():
        table.add_row(state, f"{count:,}")
    for status, count in city.get("drivers", {}).items():
        table.add_row(f"drivers {status}", f"{count:,}")
    return table


def _surge(snapshot: Snapshot) -> Table:
    surging = [z for z in snapshot.zones if (z.get("metrics") or {}).get("multiplier", 1) > 1]
    table = _table(f"surge: {len(surging)} zones", "zone", "multiplier", "open", "idle")
    ranked = sorted(surging, key=lambda z: (-z["metrics"]["multiplier"], z["zone_id"]))
    for zone in ranked[:_TOP_ZONES]:
        metrics = zone["metrics"]
        table.add_row(
            zone["name"],
            f"{metrics['multiplier']:.1f}",
            str(metrics["open_requests"]),
            str(metrics["idle_drivers"]),
        )
    table.add_row("on the map", "", f"{snapshot.live.get('position_count', 0):,}", "")
    return table


def _alarms(snapshot: Snapshot) -> Table:
    table = _table("newest alarms", "alarm", "who", "why", "event time")
    for alarm in snapshot.alarms:
        moment = rfc3339(alarm["event_time_ms"])[11:19]
        table.add_row(alarm["kind"], alarm["entity_id"], alarm["reason"], moment)
    return table
