"""The golden vectors of anomalies as records: each vector is a run of one driver of its own."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from contracts import domain, events
from contracts.events import DriverStatus, EntityType
from tests.integration.lake.records import ENCODER, START_MS, Record, Run

_PATH: Final = Path(domain.__file__).parent / "rules_vectors" / "anomalies.json"
_HOME: Final = {"lat": -23.55, "lon": -46.63}


def vectors(kind: str) -> Mapping[str, dict[str, Any]]:
    """Return the vectors of a kind (`pings` or `silences`) by the run they become."""
    rows = json.loads(_PATH.read_text(encoding="utf-8"))[kind]
    return {f"{kind}-{number}": row for number, row in enumerate(rows)}


def vector_records() -> list[Record]:
    """Return the records of all vectors."""
    records: list[Record] = []
    for run_id, vector in vectors("pings").items():
        records += _sent(run_id, vector["pings"])
    for run_id, vector in vectors("silences").items():
        records += _sent(run_id, vector["signs"], vector["end_ms"])
    return records


def _sent(run_id: str, signs: list[dict[str, Any]], end_ms: int | None = None) -> Iterator[Record]:
    run = Run(0, run_id)
    for number, sign in enumerate(signs, start=1):
        if "is_on_shift" in sign:
            status = _status(run, sign)
            run.send(domain.DRIVER_STATUS, run_id, ENCODER.encode(status))
        else:
            ping = _ping(run, number, sign)
            run.send(domain.GPS_PINGS, run_id, ENCODER.encode(ping))
    if end_ms is not None:
        run.control(domain.GPS_PINGS, "stream_heartbeat", START_MS + end_ms)
    yield from run.records


def _status(run: Run, sign: dict[str, Any]) -> events.DriverStatusEvent:
    return events.DriverStatusEvent(
        **run.envelope("driver_status_changed", START_MS + sign["at_ms"]),  # type: ignore[arg-type]
        driver_id=run.run_id,
        previous_status=None,
        status=DriverStatus.AVAILABLE if sign["is_on_shift"] else DriverStatus.OFFLINE,
        zone_id=5,
        lat=_HOME["lat"],
        lon=_HOME["lon"],
    )


def _ping(run: Run, number: int, sign: dict[str, Any]) -> events.GpsPing:
    envelope = run.envelope("gps_ping", START_MS + sign["at_ms"])
    envelope["event_id"] = f"{run.run_id}/{number}"
    point = {**_HOME, "accuracy_m": 8.0, **{k: sign[k] for k in _POINT if k in sign}}
    return events.GpsPing(
        **envelope,  # type: ignore[arg-type]
        entity_type=EntityType.DRIVER,
        entity_id=run.run_id,
        speed_kmh=30.0,
        heading_deg=0.0,
        seq=number,
        driver_status=DriverStatus.ON_TRIP,
        **point,
    )


_POINT: Final = ("lat", "lon", "accuracy_m")
