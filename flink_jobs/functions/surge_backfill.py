"""The clock of a zone in a backfill, where all changes are there before the first window ends."""

from collections.abc import Iterator
from typing import Final

from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor

from flink_jobs.functions import surge_rows
from flink_jobs.logic.surge_backfill import windows_between

_AT_THE_END_MS: Final = 2**63 - 2
"""An instant that only the watermark after the last record passes."""


class ZoneReplay(KeyedProcessFunction):  # type: ignore[misc]  # PyFlink has no types
    """Changes of one zone to its metrics between two instants. Keyed by zone.

    State: all changes of the zone, until the input ends.
    """

    def __init__(self, from_ms: int, to_ms: int) -> None:
        self._from_ms, self._to_ms = from_ms, to_ms

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open the one state of the key."""
        self._deltas = runtime_context.get_list_state(
            ListStateDescriptor("deltas", surge_rows.DELTA)
        )

    def process_element(self, value: Row, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Keep one change until the input ends."""
        self._deltas.add(value)
        ctx.timer_service().register_event_time_timer(_AT_THE_END_MS)
        return iter(())

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Give out what the zone said."""
        deltas = [surge_rows.delta_of(row) for row in self._deltas.get()]
        self._deltas.clear()
        for metrics in windows_between(ctx.get_current_key(), deltas, self._from_ms, self._to_ms):
            yield surge_rows.metrics_row(metrics)
