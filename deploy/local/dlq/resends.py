"""Which malformed records were sent again: one SQLite file per state folder, the memory of resends.

A record is noted as on its way, durably, before it is given to Kafka, and as sent after Kafka has
it. A process that is killed in between leaves notes in doubt; the next one reads the topic from
where it ended at the time of the note, and finds the record, or sends it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.layout import Layout

_SCHEMA: Final = """
create table if not exists resends (
    topic text not null,
    partition_id integer not null,        -- of the malformed record
    offset_id integer not null,
    reason text not null,
    fix text not null,
    intended_at text not null,            -- wall time, RFC 3339
    sent_partition_id integer,            -- of the resent record, null while in doubt
    sent_offset_id integer,
    primary key (topic, partition_id, offset_id)
);
create table if not exists ends (         -- where a topic ended before its resends in doubt
    topic text not null,
    partition_id integer not null,
    end_offset integer not null,
    primary key (topic, partition_id)
);
"""

Place = tuple[int, int]
"""Partition and offset of a record."""


@dataclass(frozen=True, slots=True)
class Resend:
    """One record that was sent again, or may have been."""

    topic: str
    origin: Place
    reason: str
    fix: str
    intended_at: str
    sent: Place | None


def path_of(layout: Layout) -> Path:
    """Return the file of a state folder."""
    return layout.home / "dlq" / "resends.sqlite"


class Resends:
    """The memory of resends; one writer at a time (`replay` holds a lock)."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator["Resends"]:
        """Open the file, which is made where it is not there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=30)) as db:
            db.execute("pragma journal_mode = wal")
            # a note that a power cut takes back would let a record be sent twice
            db.execute("pragma synchronous = full")
            db.executescript(_SCHEMA)
            yield cls(db)

    def all(self, topic: str | None = None) -> list[Resend]:
        """Return what was sent again, of one topic or of all."""
        rows = self._db.execute(
            "select topic, partition_id, offset_id, reason, fix, intended_at, sent_partition_id,"
            " sent_offset_id from resends where topic = coalesce(?, topic)"
            " order by topic, partition_id, offset_id",
            (topic,),
        )
        return [
            Resend(t, (p, o), reason, fix, at, None if sp is None else (sp, so))
            for t, p, o, reason, fix, at, sp, so in rows
        ]

    def doubtful(self, topic: str) -> set[Place]:
        """Return the records that may have been sent."""
        return {resend.origin for resend in self.all(topic) if resend.sent is None}

    def ends(self, topic: str) -> dict[int, int]:
        """Return from where a topic may hold the resends in doubt, by partition."""
        rows = self._db.execute(
            "select partition_id, end_offset from ends where topic = ?", (topic,)
        )
        return dict(rows.fetchall())

    def intend(self, resends: Iterable[Resend], ends: Mapping[int, int]) -> None:
        """Note what is about to be sent, and where its topic ends before that."""
        with self._db:
            for resend in resends:
                self._db.execute(
                    "insert into resends (topic, partition_id, offset_id, reason, fix, intended_at)"
                    " values (?, ?, ?, ?, ?, ?)",
                    (resend.topic, *resend.origin, resend.reason, resend.fix, resend.intended_at),
                )
                for partition, end in ends.items():
                    self._db.execute(
                        "insert or replace into ends values (?, ?, ?)",
                        (resend.topic, partition, end),
                    )

    def settle(self, topic: str, sent: Mapping[Place, Place]) -> None:
        """Note where Kafka has put what was sent."""
        with self._db:
            self._db.executemany(
                "update resends set sent_partition_id = ?, sent_offset_id = ?"
                " where topic = ? and partition_id = ? and offset_id = ?",
                [(*place, topic, *origin) for origin, place in sent.items()],
            )

    def take_back(self, topic: str, origins: Iterable[Place]) -> None:
        """Forget what was noted and is known not to have been sent."""
        with self._db:
            self._db.executemany(
                "delete from resends where topic = ? and partition_id = ? and offset_id = ?"
                " and sent_offset_id is null",
                [(topic, *origin) for origin in origins],
            )
