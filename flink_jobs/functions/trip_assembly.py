"""The rules of trip assembly as Flink functions: they move state, timers and rows, and count.

State: one document per trip (`surge_state.StateCodec`), cleared by a timer `TRIP_MEMORY_MS` after
the trip's newest part. Losing it, a trip of which a part still comes is given out again, without
the parts that were lost; readers keep the revision with the most parts. Acceptable, as checkpoints
keep it and the parts are in Bronze.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from pyflink.common import Instant, Row, Types
from pyflink.datastream import KeyedProcessFunction, OutputTag, ProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueStateDescriptor

from contracts import metrics
from contracts.events import TaxiTripEvent
from contracts.fields import Kind, fields_of
from contracts.live import AssembledTrip
from contracts.timestamps import epoch_ms
from flink_jobs.functions.surge_state import StateCodec
from flink_jobs.logic.trip_assembly import OpenTrip, Step, is_late, on_part, on_timer, read_part

_BYTES: Final = Types.PRIMITIVE_ARRAY(Types.BYTE())
_TYPES: Final = {
    Kind.STRING: Types.STRING(),
    Kind.INTEGER: Types.LONG(),
    Kind.NUMBER: Types.DOUBLE(),
    Kind.BOOLEAN: Types.BOOLEAN(),
}
PART: Final = Types.ROW_NAMED(["trip_id", "event"], [Types.STRING(), _BYTES])
"""A part of a trip, as its record."""
TRIP: Final = Types.ROW_NAMED(
    [field.name for field in fields_of(AssembledTrip)],
    [_TYPES[field.kind] for field in fields_of(AssembledTrip)],
)
"""Columns of `sql/flink/tables/taxi_assembled_trips.sql`."""
LATE: Final = Types.ROW_NAMED(
    ["kafka_key", "raw_value", "topic", "partition_id", "offset_id"],
    [_BYTES, _BYTES, Types.STRING(), Types.INT(), Types.LONG()],
)
LATE_TAG: Final = OutputTag("late", LATE)


def trip_key(row: Row) -> str:
    """Return the key of a `PART` row."""
    return str(row[0])


class Admission(ProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Records of the view `assembly_records` to parts; what is passed over is counted by reason."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make the counters."""
        self._metrics = runtime_context.get_metrics_group()
        self._passed_over: dict[str, Any] = {}
        self._parts = self._metrics.counter(metrics.JOB_EVENTS.name)
        self._late = self._metrics.counter(metrics.JOB_LATE.name)

    def process_element(self, value: Row, ctx: ProcessFunction.Context) -> Iterator[Any]:
        """Give out the part of one record, or the record itself to the side where it came late."""
        raw_value, kafka_key, topic, partition, offset, _, high = value
        part = read_part(raw_value)
        if isinstance(part, str):
            self._count_passed_over(part)
        elif is_late(epoch_ms(part.event_time), _epoch_ms(high)):
            self._late.inc()
            yield LATE_TAG, Row(kafka_key, raw_value, topic, partition, offset)
        else:
            self._parts.inc()
            yield Row(part.trip_id, raw_value)

    def _count_passed_over(self, reason: str) -> None:
        counter = self._passed_over.get(reason)
        if counter is None:
            group = self._metrics.add_group("reason", reason)
            counter = self._passed_over[reason] = group.counter(metrics.JOB_PASSED_OVER.name)
        counter.inc()


class Assembly(KeyedProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Parts of one trip to the trip. Keyed by `trip_key`."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the one state of the key."""
        self._state = runtime_context.get_state(ValueStateDescriptor("trip", _BYTES))
        self._codec = StateCodec(OpenTrip)
        self._decode = msgspec.json.Decoder(TaxiTripEvent).decode
        group = runtime_context.get_metrics_group()
        self._complete = group.counter(metrics.JOB_TRIPS_COMPLETE.name)
        self._incomplete = group.counter(metrics.JOB_TRIPS_INCOMPLETE.name)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Take one part in."""
        step = on_part(self._codec.decode(self._state.value()), self._decode(value[1]))
        yield from self._advance(step, ctx.timer_service())

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Give out or forget a trip."""
        kept = self._codec.decode(self._state.value())
        step = on_timer(kept, ctx.get_current_key(), timestamp)
        yield from self._advance(step, ctx.timer_service())

    def _advance(self, step: Step, timers: Any) -> Iterator[Row]:
        if step.state is None:
            self._state.clear()
        else:
            self._state.update(self._codec.encode(step.state))
        if step.timer_ms is not None:
            timers.register_event_time_timer(step.timer_ms)
        if step.emit is not None:
            (self._complete if step.emit.is_complete else self._incomplete).inc()
            yield Row(*(getattr(step.emit, field) for field in AssembledTrip.__struct_fields__))


def _epoch_ms(instant: Instant) -> int:
    return int(instant.seconds * 1000 + instant.nanos // 1_000_000)
