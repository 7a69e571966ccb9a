"""How old the newest record of Bronze is, by domain, out of metadata and one small read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from pyiceberg.catalog import Catalog
from pyiceberg.conversions import from_bytes
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table
from pyiceberg.types import TimestamptzType

from contracts.domain import DOMAINS
from contracts.events import CONTROL_TYPES
from deploy.local.lake import LakeError

_COLUMN: Final = "_ingested_at"
_STREAM_END: Final = CONTROL_TYPES[0].encode()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = timedelta(seconds=5)
"""Ends of all partitions are read within so long."""


class Verdict(StrEnum):
    """What the age of a domain's newest record means."""

    EMPTY = "empty"
    ENDED = "ended"
    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"


def is_nothing_new(verdicts: Iterable[Verdict]) -> bool:
    """Return whether a domain is stale and no other has, or has had, records to build from."""
    found = set(verdicts)
    return Verdict.STALE in found and found <= {Verdict.STALE, Verdict.EMPTY}


class StaleError(LakeError):
    """Bronze has got nothing for too long, though its producers have not ended."""

    def __init__(self, domains: Iterable[str]) -> None:
        self.domains = tuple(domains)
        super().__init__(
            f"Bronze is stale for {', '.join(self.domains)}: no record for too long, and the "
            "producer did not say that it has ended. See: farol jobs list, farol status"
        )


@dataclass(frozen=True, slots=True)
class Freshness:
    """One domain.

    Attributes:
        domain: Its name.
        newest_at: When the ingest job read the newest record; None where there is none.
        has_ended: That record says that the stream has ended.
    """

    domain: str
    newest_at: datetime | None
    has_ended: bool

    def verdict(self, now: datetime, warn_after: timedelta, fail_after: timedelta) -> Verdict:
        """Return what its age means; a run that has ended is not late."""
        if self.newest_at is None:
            return Verdict.EMPTY
        age = now - self.newest_at
        if age <= warn_after:
            return Verdict.FRESH
        if self.has_ended:
            return Verdict.ENDED
        return Verdict.LATE if age <= fail_after else Verdict.STALE


def of_domains(catalog: Catalog) -> list[Freshness]:
    """Return every domain's freshness."""
    found = []
    for name, domain in DOMAINS.items():
        newest = None
        for topic in domain.inputs:
            try:
                table = catalog.load_table(topic.bronze_table)
            except NoSuchTableError:
                continue
            moment = newest_in(table)
            if moment is not None and (newest is None or moment > newest[0]):
                newest = (moment, table)
        if newest is None:
            found.append(Freshness(name, None, has_ended=False))
        else:
            found.append(Freshness(name, newest[0], has_ended=_ends(newest[1], newest[0])))
    return found


def newest_in(table: Table) -> datetime | None:
    """Return the highest `_ingested_at` that the files' own statistics tell."""
    snapshot = table.current_snapshot()
    if snapshot is None:
        return None
    field_id = table.schema().find_field(_COLUMN).field_id
    bounds = (
        entry.data_file.upper_bounds.get(field_id)
        for manifest in snapshot.manifests(table.io)
        for entry in manifest.fetch_manifest_entry(table.io)
        if entry.data_file.upper_bounds
    )
    moments_us = [int(from_bytes(TimestamptzType(), bound)) for bound in bounds if bound]
    return _EPOCH + timedelta(microseconds=max(moments_us)) if moments_us else None


def _ends(table: Table, newest: datetime) -> bool:
    last = f"{_COLUMN} >= '{(newest - _LAST).isoformat()}'"
    values = table.scan(row_filter=last, selected_fields=("_raw_value",)).to_arrow()
    return any(_STREAM_END in (value or b"") for value in values["_raw_value"].to_pylist())
