"""The rows between the operators of the surge job, and how values become rows and back."""

from typing import Any, Final

from pyflink.common import Row, Types

from contracts.live import ZoneMetrics
from flink_jobs.logic.surge_deltas import ZoneDelta
from flink_jobs.logic.surge_drivers import StatusFact
from flink_jobs.logic.surge_trips import TripFact

_TRIP: Final = "trip"
_DRIVER: Final = "driver"
_LONG: Final = Types.LONG()
_TEXT: Final = Types.STRING()
BYTES: Final = Types.PRIMITIVE_ARRAY(Types.BYTE())

FACT: Final = Types.ROW_NAMED(
    [
        "kind",
        "entity_id",
        "event_id",
        "is_waiting",
        "zone_id",
        "event_ms",
        "effective_ms",
        "settled_ms",
        "run_id",
        "answered_offer",
        "eta_ms",
    ],
    [_TEXT, _TEXT, _TEXT, Types.BOOLEAN(), _LONG, _LONG, _LONG, _LONG, _TEXT, _LONG, _LONG],
)
"""What one record says about a trip or a driver."""

DELTA: Final = Types.ROW_NAMED(
    [
        *("zone_id", "at_ms", "run_id", "open_change", "idle_change", "late_records"),
        *("offers_answered", "offers_accepted", "eta_ms", "eta_count"),
    ],
    [_LONG, _LONG, _TEXT, *(_LONG,) * 7],
)
"""A change of one zone's counts."""

METRICS: Final = Types.ROW_NAMED(
    list(ZoneMetrics.__struct_fields__),
    [*(_LONG,) * 5, *(Types.DOUBLE(),) * 3, _LONG, _TEXT, *(Types.DOUBLE(),) * 2],
)
"""Columns of `sql/flink/tables/rideshare_zone_metrics.sql`."""

LATE: Final = Types.ROW_NAMED(
    ["kafka_key", "raw_value", "source_topic", "source_partition", "source_offset"],
    [BYTES, BYTES, _TEXT, Types.INT(), _LONG],
)
"""A record that came later than its partition allows, as it was."""


def fact_row(fact: TripFact | StatusFact) -> Row:
    """Return a `FACT` row."""
    if isinstance(fact, TripFact):
        return Row(
            _TRIP,
            fact.trip_id,
            "",
            fact.is_waiting,
            fact.zone_id,
            fact.event_ms,
            fact.effective_ms,
            None,
            fact.run_id,
            fact.answered_offer,
            fact.eta_ms,
        )
    return Row(
        _DRIVER,
        fact.driver_id,
        fact.event_id,
        False,
        fact.idle_zone_id,
        fact.event_ms,
        fact.effective_ms,
        fact.settled_ms,
        fact.run_id,
        None,
        None,
    )


def fact_of(row: Row) -> TripFact | StatusFact:
    """Return what `fact_row` was given."""
    kind, entity_id, event_id, is_waiting, zone_id, event_ms, effective_ms, *rest = row
    settled_ms, run_id, answered_offer, eta_ms = rest
    if kind == _TRIP:
        return TripFact(
            entity_id,
            is_waiting,
            zone_id,
            event_ms,
            effective_ms,
            run_id,
            answered_offer,
            eta_ms,
        )
    return StatusFact(entity_id, event_id, zone_id, event_ms, effective_ms, settled_ms, run_id)


def entity_key(row: Row) -> str:
    """Return the key of a `FACT` row: trips and drivers share an operator and never a key."""
    return f"{row[0]}:{row[1]}"


def zone_key(row: Row) -> int:
    """Return the key of a `DELTA` row."""
    return int(row[0])


def is_trip_key(key: str) -> bool:
    """Return whether a key of `entity_key` is a trip's."""
    return key.startswith(f"{_TRIP}:")


def delta_row(delta: ZoneDelta) -> Row:
    """Return a `DELTA` row."""
    return Row(
        delta.zone_id,
        delta.at_ms,
        delta.run_id,
        delta.open_change,
        delta.idle_change,
        delta.late_records,
        delta.offers_answered,
        delta.offers_accepted,
        delta.eta_ms,
        delta.eta_count,
    )


def delta_of(row: Row) -> ZoneDelta:
    """Return what `delta_row` was given."""
    return ZoneDelta(*row)


def metrics_row(metrics: ZoneMetrics) -> Row:
    """Return a `METRICS` row."""
    values: list[Any] = [getattr(metrics, name) for name in ZoneMetrics.__struct_fields__]
    return Row(*values)
