"""The surge rules as Flink functions. They move state, timers and rows, count, and decide nothing.

`Admission` reads records, `Presence` keeps trips and drivers, `ZoneClock` keeps zones and speaks.
"""

from collections.abc import Iterator
from typing import Any, Final

from pyflink.common import Instant, Row
from pyflink.datastream import (
    KeyedProcessFunction,
    OutputTag,
    ProcessFunction,
    RuntimeContext,
)
from pyflink.datastream.state import ValueState, ValueStateDescriptor

from contracts import metrics
from flink_jobs.functions import surge_rows
from flink_jobs.functions.surge_state import StateCodec
from flink_jobs.logic.surge_admission import PassedOver, admit
from flink_jobs.logic.surge_deltas import Step, ZoneDelta
from flink_jobs.logic.surge_drivers import Driver, on_driver_timer, on_status
from flink_jobs.logic.surge_trips import OpenTrip, TripFact, on_trip, on_trip_timer
from flink_jobs.logic.surge_zones import END_OF_INPUT_MS, Zone, is_too_late, on_delta, on_watermark

LATE_TAG: Final = OutputTag("late", surge_rows.LATE)


class Admission(ProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Records of the view `surge_records` to facts; what is passed over is counted by reason."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Make the counters."""
        self._metrics = runtime_context.get_metrics_group()
        self._passed_over: dict[str, Any] = {}
        self._facts = self._metrics.counter(metrics.JOB_EVENTS.name)
        self._late = self._metrics.counter(metrics.JOB_LATE.name)

    def process_element(self, value: Row, ctx: ProcessFunction.Context) -> Iterator[Any]:
        """Give out the fact of one record, and the record itself to the side where it came late."""
        raw_value, kafka_key, topic, partition, offset, _, high = value
        fact = admit(topic, raw_value, _epoch_ms(high))
        if isinstance(fact, PassedOver):
            self._count_passed_over(fact.reason)
            return
        self._facts.inc()
        if fact.effective_ms > fact.event_ms:
            self._late.inc()
            yield LATE_TAG, Row(kafka_key, raw_value, topic, partition, offset)
        yield surge_rows.fact_row(fact)

    def _count_passed_over(self, reason: str) -> None:
        counter = self._passed_over.get(reason)
        if counter is None:
            group = self._metrics.add_group("reason", reason)
            counter = self._passed_over[reason] = group.counter(metrics.JOB_PASSED_OVER.name)
        counter.inc()


class Presence(KeyedProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Facts of one trip or one driver to changes of zones. Keyed by `surge_rows.entity_key`."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the one state of the key."""
        self._state = _bytes_state(runtime_context, "presence")
        self._trips = StateCodec(OpenTrip)
        self._drivers = StateCodec(Driver)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Apply one fact."""
        fact = surge_rows.fact_of(value)
        kept = self._state.value()
        timers = ctx.timer_service()
        if isinstance(fact, TripFact):
            yield from self._advance(self._trips, on_trip(self._trips.decode(kept), fact), timers)
        else:
            step = on_status(self._drivers.decode(kept), fact)
            yield from self._advance(self._drivers, step, timers)

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Forget what has had no news for too long; the end of an input is no passing of time."""
        timers = ctx.timer_service()
        watermark_ms = timers.current_watermark()
        if watermark_ms >= END_OF_INPUT_MS:
            return
        kept = self._state.value()
        if surge_rows.is_trip_key(ctx.get_current_key()):
            step = on_trip_timer(self._trips.decode(kept), timestamp)
            yield from self._advance(self._trips, step, timers)
        else:
            forgotten = on_driver_timer(self._drivers.decode(kept), timestamp, watermark_ms)
            yield from self._advance(self._drivers, forgotten, timers)

    def _advance(
        self, codec: StateCodec[Any], step: Step[Any, ZoneDelta], timers: Any
    ) -> Iterator[Row]:
        _keep(self._state, codec, step, timers)
        for delta in step.emit:
            yield surge_rows.delta_row(delta)


class ZoneClock(KeyedProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Changes of one zone to its metrics at every window end. Keyed by zone."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the one state of the key."""
        self._state = _bytes_state(runtime_context, "zone")
        self._zones = StateCodec(Zone)
        group = runtime_context.get_metrics_group()
        self._too_late = group.counter(metrics.JOB_MISPLACED.name)

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Keep one change until its window ends."""
        delta = surge_rows.delta_of(value)
        timers = ctx.timer_service()
        watermark_ms = timers.current_watermark()
        if is_too_late(delta, watermark_ms):
            self._too_late.inc()
        step = on_delta(self._zones.decode(self._state.value()), delta, watermark_ms)
        _keep(self._state, self._zones, step, timers)
        return iter(())

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Sample the zone at every window end that the watermark has passed."""
        timers = ctx.timer_service()
        zone = self._zones.decode(self._state.value())
        step = on_watermark(zone, ctx.get_current_key(), timers.current_watermark())
        _keep(self._state, self._zones, step, timers)
        for said in step.emit:
            yield surge_rows.metrics_row(said)


def _bytes_state(runtime_context: RuntimeContext, name: str) -> ValueState:
    return runtime_context.get_state(ValueStateDescriptor(name, surge_rows.BYTES))


def _keep(state: ValueState, codec: StateCodec[Any], step: Step[Any, Any], timers: Any) -> None:
    if step.state is None:
        state.clear()
    else:
        state.update(codec.encode(step.state))
    if step.timer_ms is not None:
        timers.register_event_time_timer(step.timer_ms)


def _epoch_ms(instant: Instant) -> int:
    return int(instant.seconds * 1000 + instant.nanos // 1_000_000)
