"""The rules of anomalies as Flink functions. They move state, timers and rows, and decide nothing.

`Tracks` looks at single pings, `Vigils` at silences.
"""

from collections.abc import Iterator
from typing import Any, Final

from pyflink.common import Row, Types
from pyflink.datastream import FlatMapFunction, KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueState, ValueStateDescriptor

from contracts import metrics
from contracts.events import EntityType
from contracts.fields import Kind, fields_of
from contracts.live import Anomaly
from flink_jobs.functions.surge_rows import BYTES
from flink_jobs.functions.surge_state import StateCodec
from flink_jobs.logic import vigil
from flink_jobs.logic.gps_track import Candidate, Point, Track, on_candidate
from flink_jobs.logic.surge_deltas import Step

_TEXT: Final = Types.STRING()
_LONG: Final = Types.LONG()
_TYPES: Final = {Kind.STRING: _TEXT, Kind.INTEGER: _LONG, Kind.NUMBER: Types.DOUBLE()}
ANOMALY: Final = Types.ROW_NAMED(
    [field.name for field in fields_of(Anomaly)],
    [_TYPES[field.kind] for field in fields_of(Anomaly)],
)
"""Columns of `sql/flink/tables/rideshare_anomalies.sql`."""
SIGN: Final = Types.ROW_NAMED(
    ["run_id", "group", "kind", "driver_id", "first_ms", "last_ms", "is_on_shift", "due_ms"],
    [_TEXT, _LONG, _TEXT, _TEXT, _LONG, _LONG, Types.BOOLEAN(), _LONG],
)
"""One row of the view `signs`, for one group of drivers."""


def entity_key(row: Row) -> str:
    """Return the key of a row of the view `candidates`."""
    return f"{row[0]}|{row[1]}"


def group_key(row: Row) -> str:
    """Return the key of a `SIGN` row: group, then run."""
    return f"{row[1]}|{row[0]}"


class Tracks(KeyedProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Candidates of one entity to anomalies. Keyed by `entity_key`; pings come by event time."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the one state of the key and make the counters."""
        self._state = _bytes_state(runtime_context, "track")
        self._codec = StateCodec(Track)
        group = runtime_context.get_metrics_group()
        self._candidates = group.counter(metrics.JOB_CANDIDATES.name)
        self._anomalies = group.counter(metrics.JOB_ANOMALIES.name)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Judge one ping."""
        self._candidates.inc()
        step = on_candidate(self._codec.decode(self._state.value()), _candidate(value))
        _keep(self._state, self._codec, step, ctx.timer_service())
        for anomaly in step.emit:
            self._anomalies.inc()
            yield _anomaly_row(anomaly)


class Groups(FlatMapFunction):  # type: ignore[misc]  # PyFlink has no types
    """Rows of the view `signs` to the group they concern; a clock concerns every group."""

    def flat_map(self, value: Row) -> Iterator[Row]:
        """Give out one row per group."""
        kind, run_id, driver_id, *rest = value
        groups = range(vigil.GROUPS) if kind == "clock" else (vigil.group_of(driver_id),)
        for group in groups:
            yield Row(run_id, group, kind, driver_id, *rest)


class Vigils(KeyedProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Signs of a group of drivers to zombies. Keyed by `group_key`."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the one state of the key and make the counter."""
        self._state = _bytes_state(runtime_context, "vigil")
        self._codec = StateCodec(vigil.Group)
        self._anomalies = runtime_context.get_metrics_group().counter(metrics.JOB_ANOMALIES.name)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Keep one sign until the clock of its run gets there."""
        _, _, kind, driver_id, first_ms, last_ms, is_on_shift, due_ms = value
        state = self._codec.decode(self._state.value())
        if kind == "clock":
            step = vigil.on_tick(state, vigil.Tick(due_ms, last_ms))
        elif kind == "status":
            step = vigil.on_signs(state, (vigil.Sign(driver_id, first_ms, is_on_shift),))
        else:
            step = vigil.on_signs(state, vigil.heard(driver_id, first_ms, last_ms))
        _keep(self._state, self._codec, step, ctx.timer_service())
        return iter(())

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Look at the group at every tick that the watermark has passed."""
        timers = ctx.timer_service()
        run_id = ctx.get_current_key().partition("|")[2]
        state = self._codec.decode(self._state.value())
        step = vigil.on_watermark(state, run_id, timers.current_watermark())
        _keep(self._state, self._codec, step, timers)
        for anomaly in step.emit:
            self._anomalies.inc()
            yield _anomaly_row(anomaly)


def _candidate(row: Row) -> Candidate:
    run_id, entity_id, entity_type, event_id, at_ms, lat, lon, accuracy_m, status, *rest = row
    is_first, *before = rest
    return Candidate(
        run_id=run_id,
        entity_id=entity_id,
        entity_type=EntityType(entity_type),
        event_id=event_id,
        point=Point(at_ms, lat, lon),
        accuracy_m=accuracy_m,
        status=status,
        previous=None if is_first else Point(*before),
    )


def _anomaly_row(anomaly: Anomaly) -> Row:
    values = (getattr(anomaly, name) for name in Anomaly.__struct_fields__)
    return Row(*(str(value) if isinstance(value, str) else value for value in values))


def _bytes_state(runtime_context: RuntimeContext, name: str) -> ValueState:
    return runtime_context.get_state(ValueStateDescriptor(name, BYTES))


def _keep(state: ValueState, codec: StateCodec[Any], step: Step[Any, Any], timers: Any) -> None:
    if step.state is None:
        state.clear()
    else:
        state.update(codec.encode(step.state))
    if step.timer_ms is not None:
        timers.register_event_time_timer(step.timer_ms)
