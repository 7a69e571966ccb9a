"""Reading of replayed trips as a function of Flink SQL; it counts what it passes over."""

from typing import Any

from pyflink.common import Row
from pyflink.table import DataTypes
from pyflink.table.udf import FunctionContext, ScalarFunction, udf

from contracts import metrics
from flink_jobs.logic.region_windows import read_trip


class TaxiTripReader(ScalarFunction):  # type: ignore[misc]  # PyFlink has no types
    """The fields of a trip that windows need, None for what is passed over."""

    def open(self, function_context: FunctionContext) -> None:
        """Make the counters."""
        self._metrics = function_context.get_metric_group()
        self._trips = self._metrics.counter(metrics.JOB_EVENTS.name)
        self._passed_over: dict[str, Any] = {}

    def eval(self, value: bytes | None) -> Row | None:
        """Return the fields of one trip."""
        trip = read_trip(value)
        if isinstance(trip, str):
            self._count_passed_over(trip)
            return None
        self._trips.inc()
        return Row(
            trip.event_id,
            trip.region_id,
            trip.duration_s,
            trip.distance_m,
            trip.fare_minor,
            trip.currency,
        )

    def _count_passed_over(self, reason: str) -> None:
        counter = self._passed_over.get(reason)
        if counter is None:
            group = self._metrics.add_group("reason", reason)
            counter = self._passed_over[reason] = group.counter(metrics.JOB_PASSED_OVER.name)
        counter.inc()


taxi_trip = udf(
    TaxiTripReader(),
    result_type=DataTypes.ROW(
        [
            DataTypes.FIELD("event_id", DataTypes.STRING()),
            DataTypes.FIELD("region_id", DataTypes.BIGINT()),
            DataTypes.FIELD("duration_s", DataTypes.DOUBLE()),
            DataTypes.FIELD("distance_m", DataTypes.DOUBLE()),
            DataTypes.FIELD("fare_minor", DataTypes.BIGINT()),
            DataTypes.FIELD("currency", DataTypes.STRING()),
        ]
    ),
)
