"""The truth ledger: what a producer knows about its own run, in one SQLite file per run.

Written by the simulator and by replay, read by the audit. Kinds add up: clean + duplicate +
malformed + control is the number of records sent to a topic, so it equals the growth of the topic's
offsets (unless others wrote to it too).
"""

import uuid
from typing import Final, Literal

RecordKind = Literal["clean", "duplicate", "malformed", "control"]
"""`clean` is the one intact copy of an event, on time or delayed; the others are additions."""

FaultKind = Literal[
    "duplicate",
    "malformed",
    "late",
    "out_of_order",
    "teleport",
    "inaccurate",
    "frozen_gps",
    "silent_driver",
    "dropped",
]
"""`late` lies beyond `rules.SURGE_OUT_OF_ORDERNESS_MS` of event time, `out_of_order` within it.

Both delay the clean copy. `teleport` moves a ping, `inaccurate` makes its receiver admit that it
knows no street, `frozen_gps` repeats a point while the driver moves, `silent_driver` withholds
pings; `dropped` exists only in plans marked lossy.
"""

SCHEMA: Final = """
create table if not exists run (
    run_id text primary key,
    domain text not null,
    producer text not null check (producer in ('sim', 'replay')),
    state text not null check (state in ('running', 'ended')),
    seed integer,
    configuration text not null,          -- JSON as given, after validation
    first_event_time_ms integer,
    last_event_time_ms integer,
    is_lossy integer not null default 0
);
create table if not exists produced (
    topic text not null,
    kind text not null check (kind in ('clean', 'duplicate', 'malformed', 'control')),
    records integer not null,
    primary key (topic, kind)
);
create table if not exists offsets (
    topic text not null,
    partition_id integer not null,
    first_offset integer not null,        -- end offset when the run began
    end_offset integer,                   -- end offset when it ended, null while it runs
    primary key (topic, partition_id)
);
create table if not exists faults (
    event_id text not null,               -- of the event touched or copied
    topic text not null,
    fault text not null,
    detail text,                          -- malformed: the expected reject reason
    entity_id text not null,
    event_time_ms integer not null,
    released_event_time_ms integer        -- simulated time at which it was published
);
create table if not exists trip_transitions (
    event_id text primary key,
    trip_id text not null,
    state text not null,
    previous_state text,
    event_time_ms integer not null,
    pickup_zone_id integer,
    rider_id text not null,
    driver_id text,
    fare_minor integer
);
create table if not exists driver_status (
    event_id text primary key,
    driver_id text not null,
    status text not null,
    previous_status text,
    event_time_ms integer not null,
    zone_id integer
);
create table if not exists payments (
    event_id text primary key,
    payment_id text not null,
    trip_id text not null,
    fare_minor integer not null,
    fee_minor integer not null,
    payout_minor integer not null,
    tip_minor integer not null,
    currency text not null,
    event_time_ms integer not null
);
create table if not exists rejected_rows (
    row_number integer not null,          -- replay: 1 is the first data row
    reason text not null,
    detail text
);
"""


def row_namespace(run_id: str, sha256: str) -> uuid.UUID:
    """Return the namespace of the event ids of one replayed file, named by its SHA-256.

    A row's event id is `uuid5(namespace, row number)`, with 1 for the first data row; parts of a
    row add `/<part>` to the number.
    """
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{run_id}/{sha256}")


def relative_path(run_id: str) -> str:
    """Return where the ledger of a run lies below `FAROL_HOME`."""
    return f"runs/{run_id}/truth.sqlite"
