"""Assembled trips into PostgreSQL: one row per trip, the newest that is known of it.

A store of its own, read by a feeder of its own consumer group: a database that is away holds up
nothing else. A repeat or an older version changes nothing, and an incomplete trip never replaces a
complete one, so at-least-once delivery leaves one right row per trip.
"""

import logging
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from contracts.domain import ASSEMBLED_TRIPS
from contracts.fields import Kind, fields_of
from contracts.live import AssembledTrip
from flink_jobs.logic.newest import newest

TABLE: Final = ASSEMBLED_TRIPS.name.replace(".", "_")
CONNECT_TIMEOUT_S: Final = 5
_TYPES: Final = {
    Kind.STRING: "text",
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "double precision",
    Kind.BOOLEAN: "boolean",
}
_FIELDS: Final = fields_of(AssembledTrip)
_log: Final = logging.getLogger("feeder")


class TripStore:
    """The table `taxi_assembled_trips` of one database; connects when it is first needed."""

    def __init__(self, url: str) -> None:
        """Take the address, `postgresql://user:password@host:port/database`."""
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def write(self, records: Sequence[tuple[AssembledTrip, int]]) -> int:
        """Write trips in one transaction; return how many were older than what is there.

        Raises:
            psycopg.Error: The database cannot be reached or refuses; nothing of it was written.
        """
        latest = newest(
            (trip for trip, _ in records),
            key=lambda trip: trip.trip_id,
            version=lambda trip: (trip.is_complete, trip.revision),
        )
        values = [tuple(getattr(trip, field.name) for field in _FIELDS) for trip in latest]
        try:
            connection = self._connected()
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(_UPSERT, values)
                return len(latest) - cursor.rowcount
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> "psycopg.Connection[Any]":
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S
            )
            self._connection.execute(_CREATE)
            _log.info("postgres_connected table=%s", TABLE)
        return self._connection


def _statement(text: str, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(table=sql.Identifier(TABLE), **parts)


_CREATE: Final = _statement(
    "create table if not exists {table} ({columns}, primary key (trip_id))",
    columns=sql.SQL(", ").join(
        sql.SQL("{} {}{}").format(
            sql.Identifier(field.name),
            sql.SQL(_TYPES[field.kind]),
            sql.SQL("" if field.is_nullable else " not null"),
        )
        for field in _FIELDS
    ),
)
_UPSERT: Final = _statement(
    "insert into {table} as kept ({names}) values ({places}) on conflict (trip_id) do update set "
    "{changes} where (excluded.is_complete, excluded.revision) > (kept.is_complete, kept.revision)",
    names=sql.SQL(", ").join(sql.Identifier(field.name) for field in _FIELDS),
    places=sql.SQL(", ").join(sql.Placeholder() for _ in _FIELDS),
    changes=sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(field.name))
        for field in _FIELDS
        if field.name != "trip_id"
    ),
)
