"""Assembled taxi trips as their job writes them: versions, and how they come to the lake."""

import datetime as dt
import random
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import schema_to_pyarrow

from contracts.domain import ASSEMBLED_TRIPS
from contracts.live import AssembledTrip
from contracts.timestamps import epoch_ms

START_MS = epoch_ms("2019-01-15T22:00:00Z")


def versions(rng: random.Random) -> list[dict[str, Any]]:
    """Return versions of 600 trips as parts of them become known, each trip's in their order."""
    rows = []
    for n in range(600):
        started = {
            "region_id": rng.randint(1, 5),
            "started_at_ms": START_MS + rng.randrange(4 * 3_600_000),
        }
        ended = {"distance_m": rng.randrange(9000) / 2, "duration_s": 1.0 + rng.randrange(5000)}
        paid = {"fare_minor": rng.randrange(9000), "currency": "USD", "tip_minor": 10}
        parts = [("trip_started", started), ("trip_ended", ended), ("payment_processed", paid)]
        told = rng.sample(parts, rng.randint(1, 3))
        known: dict[str, Any] = {}
        for revision, (_, fields) in enumerate(told, start=1):
            known |= fields
            missing = [name for name, _ in parts if name not in [t for t, _ in told[:revision]]]
            trip = AssembledTrip(
                trip_id=f"t{n}",
                run_id="r",
                revision=revision,
                is_complete=not missing,
                missing=",".join(missing),
                **known,
            )
            rows.append({name: getattr(trip, name) for name in AssembledTrip.__struct_fields__})
    return rows


def write(catalog: Catalog, rows: Iterable[Mapping[str, Any]]) -> None:
    """Commit versions in one snapshot."""
    now = dt.datetime.now(dt.UTC)
    table = catalog.load_table(ASSEMBLED_TRIPS.stream_table)
    written = [{"_written_at": now, "_written_date": now.date(), **row} for row in rows]
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    table.append(pa.Table.from_pylist(written, schema=schema))
