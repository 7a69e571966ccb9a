"""The rules of anomalies as Flink functions. They move state, timers and rows, and decide nothing.

`sign_ms_of` tells the windows to look at, `Tracks` looks at their pings, `Vigils` at silences.
"""

from collections.abc import Iterator
from typing import Any, Final

from pyflink.common import Row, Types
from pyflink.datastream import FlatMapFunction, KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueState, ValueStateDescriptor
from pyflink.table import DataTypes
from pyflink.table.udf import udf

from contracts import metrics
from contracts.events import EntityType
from contracts.fields import Kind, fields_of
from contracts.live import Anomaly
from flink_jobs.functions.surge_rows import BYTES
from flink_jobs.functions.surge_state import StateCodec
from flink_jobs.logic import vigil
from flink_jobs.logic.gps_track import Track, candidates, on_candidate, sign_ms
from flink_jobs.logic.ping_windows import unpack
from flink_jobs.logic.surge_deltas import Step

_TYPES: Final = {
    Kind.STRING: Types.STRING(),
    Kind.INTEGER: Types.LONG(),
    Kind.NUMBER: Types.DOUBLE(),
}
ANOMALY: Final = Types.ROW_NAMED(
    [field.name for field in fields_of(Anomaly)],
    [_TYPES[field.kind] for field in fields_of(Anomaly)],
)
"""Columns of `sql/flink/tables/rideshare_anomalies.sql`."""


SIGNS: Final = Types.ROW_NAMED(
    ["run_id", "driver_group", "signs", "clock_ms", "due_ms"],
    [Types.STRING(), Types.STRING(), Types.STRING(), Types.LONG(), Types.LONG()],
)
"""A row of the view `signs`, of one group."""


def entity_key(row: Row) -> str:
    """Return the key of a row of the view `candidates`."""
    return f"{row[0]}|{row[1]}"


def group_key(row: Row) -> str:
    """Return the key of a row of `SIGNS`: group, then run."""
    return f"{row[1]}|{row[0]}"


@udf(result_type=DataTypes.BIGINT())  # type: ignore[untyped-decorator]  # pyflink has no types
def sign_ms_of(pings: str, ping_before: str | None) -> int | None:
    """Return the newest sign in a window that something is wrong, None without any."""
    before = next(iter(unpack(ping_before)), None)
    return sign_ms(unpack(pings), before)


class Tracks(KeyedProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Windows of one entity to anomalies. Keyed by `entity_key`; they come by event time."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the one state of the key and make the counters."""
        self._state = _bytes_state(runtime_context, "track")
        self._codec = StateCodec(Track)
        group = runtime_context.get_metrics_group()
        self._candidates = group.counter(metrics.JOB_CANDIDATES.name)
        self._anomalies = group.counter(metrics.JOB_ANOMALIES.name)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Judge the pings of one window."""
        run_id, entity_id, entity_type, pings, ping_before = value
        before = next(iter(unpack(ping_before)), None)
        track = self._codec.decode(self._state.value())
        for ping in candidates(run_id, entity_id, EntityType(entity_type), unpack(pings), before):
            self._candidates.inc()
            step = on_candidate(track, ping)
            track = step.state
            for anomaly in step.emit:
                self._anomalies.inc()
                yield _anomaly_row(anomaly)
        if track is not None:
            self._state.update(self._codec.encode(track))


class Groups(FlatMapFunction):  # type: ignore[misc]  # PyFlink has no types
    """Rows of the view `signs` to the groups they concern; a clock concerns every one."""

    def flat_map(self, value: Row) -> Iterator[Row]:
        """Give out one row per group."""
        run_id, group, *rest = value
        for each in vigil.GROUPS if group is None else (group,):
            yield Row(run_id, each, *rest)


class Vigils(KeyedProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Signs of a group of drivers to zombies. Keyed by `group_key`."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the one state of the key and make the counter."""
        self._state = _bytes_state(runtime_context, "vigil")
        self._codec = StateCodec(vigil.Group)
        self._anomalies = runtime_context.get_metrics_group().counter(metrics.JOB_ANOMALIES.name)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Keep a minute's signs, or a tick, until the clock of the run gets there."""
        _, _, signs, clock_ms, due_ms = value
        state = self._codec.decode(self._state.value())
        if signs is None:
            step = vigil.on_tick(state, vigil.Tick(due_ms, clock_ms))
        else:
            step = vigil.on_signs(state, vigil.unpack(signs))
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
