"""Replayed files: rows accepted and rejected, late records, and every window, against DuckDB."""

from collections.abc import Mapping
from typing import Any, Final

import duckdb
import msgspec
import numpy as np
import pyarrow as pa

from contracts.live import RegionWindow
from contracts.rules import REGION_OUT_OF_ORDERNESS_MS, REGION_WINDOW_MS
from deploy.audit.columns import Booleans, Integers
from deploy.audit.file_windows import FileTruth
from deploy.audit.ledger import Truth
from deploy.audit.log import PARTITION_SHIFT, Kind, TopicLog, place_name
from deploy.audit.report import Check, Verdict, compared, not_built, note, shown

AREA: Final = "replay"
TOPIC: Final = "taxi.region_windows"
TOLERANCE: Final = 1e-6
"""Relative: sums of doubles depend on their order in the last bits."""
_MEASURES: Final = (
    "average_fare_minor",
    "total_distance_m",
    "average_duration_s",
    "p50_duration_s",
    "p95_duration_s",
    "p99_duration_s",
)
_NEWEST: Final = """
create or replace temp table actual as
select * from read_windows
qualify row_number() over (partition by region_id, window_start_ms order by place desc) = 1
"""
_CONFLICTS: Final = """
select region_id, window_start_ms from read_windows
group by all having count(distinct value_digest) > 1 order by all
"""
_COMPARED: Final = """
select
    coalesce(e.region_id, a.region_id),
    coalesce(e.window_start_ms, a.window_start_ms),
    case when a.region_id is null then 'missing'
        when e.region_id is null then 'extra'
        else 'different' end as what,
    {shown_expected},
    {shown_actual}
from expected as e
full join actual as a using (region_id, window_start_ms)
where a.region_id is null or e.region_id is null or {differs}
order by 2, 1
"""


class LateRows(msgspec.Struct, frozen=True, kw_only=True):
    """The run's records on the late topic: where they came from, and their row in the file."""

    place: Integers
    row_number: Integers

    def at(self, chosen: Booleans) -> "LateRows":
        """Return some of the records."""
        return LateRows(place=self.place[chosen], row_number=self.row_number[chosen])


def late_places(log: TopicLog) -> Integers:
    """Return the records that the windows job must call late, from the order of the log alone.

    A record is late where its partition has already seen an event the allowed time past the end of
    its window.
    """
    found = []
    partitions = log.place >> PARTITION_SHIFT
    window_ends = (log.event_time_ms // REGION_WINDOW_MS + 1) * REGION_WINDOW_MS
    for partition in np.unique(partitions):
        rows = partitions == partition
        newest = np.maximum.accumulate(log.event_time_ms[rows])
        is_late = newest >= window_ends[rows] + REGION_OUT_OF_ORDERNESS_MS
        found.append(log.place[rows][is_late & (log.kind[rows] == Kind.EVENT)])
    return np.concatenate(found) if found else np.array([], dtype=np.int64)


def check_rows(truth: Truth, file: FileTruth) -> list[Check]:
    """Return whether the rows of the file were accepted and rejected as they must be."""
    if "failure" in truth.configuration:
        failure = str(truth.configuration["failure"])
        return [compared(AREA, "the replay came to its end", "yes", "no", detail=failure)]
    accepted, rejected = file.counts()
    clean = truth.produced.get(("taxi.trips", "clean"), 0)
    malformed = truth.produced.get(("taxi.trips", "malformed"), 0)
    told = {row for row, _ in truth.rejected}
    must = set(file.rejected())
    offenders = [f"row {row} should be rejected" for row in sorted(must - told)]
    offenders += [f"row {row} should be accepted" for row in sorted(told - must)]
    return [
        compared(AREA, "rows accepted", accepted, clean),
        compared(AREA, "rows rejected", rejected, malformed, offenders=offenders),
        compared(
            AREA,
            "accepted + rejected = rows",
            truth.configuration.get("rows"),
            clean + malformed,
        ),
    ]


def check_late(truth: Truth, log: TopicLog, own: TopicLog, late: LateRows | None) -> Check:
    """Return whether the late topic holds exactly the records that came too late.

    Args:
        truth: The run.
        log: The topic from its beginning: earlier runs move the watermark too.
        own: The run's part of it.
        late: The late topic, None where there is no such topic.
    """
    subject = f"taxi.trips.late ({truth.configuration.get('order', 'event-time')} order)"
    mine = own.place[own.is_own]
    must = np.intersect1d(late_places(log), mine)
    if late is None:
        return not_built(AREA, subject, len(must), "no topic taxi.trips.late: farol up")
    found = np.unique(late.place)
    started_here = np.intersect1d(late_places(own), mine)
    if np.array_equal(found, started_here):
        must = started_here  # a job may have been started for this run alone
    missing, extra = np.setdiff1d(must, found), np.setdiff1d(found, must)
    detail = ""
    if len(must) and truth.configuration.get("order") == "event-time":
        detail = "an earlier run had moved event time past this file: use a fresh state folder"
    # The job reads behind the producer: what only lacks its end is on its way.
    newest = int(found.max()) if len(found) else -1
    is_coming = len(missing) and not len(extra) and bool((missing > newest).all())
    return Check(
        area=AREA,
        subject=subject,
        expected=str(len(must)),
        actual=str(len(found)),
        verdict=Verdict.BEHIND
        if is_coming
        else Verdict.DIFFERENT
        if len(missing) or len(extra)
        else Verdict.OK,
        detail=detail,
        offenders=shown(
            [f"{place_name(own.topic, p)} missing" for p in missing[:5].tolist()]
            + [f"{place_name(own.topic, p)} was in time" for p in extra[:5].tolist()]
        ),
    )


def check_windows(
    truth: Truth, file: FileTruth, log: TopicLog, windows: pa.Table | None, late: LateRows | None
) -> list[Check]:
    """Return the comparison of every window with DuckDB's over the rows that came in time.

    Args:
        truth: The run.
        file: The judged file.
        log: `taxi.trips` from its beginning.
        windows: The topic as columns (`windows_table`), None where there is no such topic.
        late: The run's late records.
    """
    subject = f"{TOPIC} = DuckDB"
    file.make_windows([] if late is None else late.row_number.tolist())
    db = file.connection
    expected = _number(db, "select count(*) from expected")
    if windows is None:
        return [not_built(AREA, subject, expected, f"no topic {TOPIC}: farol up")]
    db.register("read_windows", windows)
    db.execute(_NEWEST)
    if expected and not len(windows):
        return [not_built(AREA, subject, expected, "no window at all: job region_windows")]
    has_strangers = bool(((log.kind == Kind.EVENT) & ~log.is_own).any())
    newest_ms = _number(db, "select max(window_start_ms) from actual")
    offenders, coming, foreign = [], 0, 0
    for region, start_ms, what, must, found in db.execute(_comparison()).fetchall():
        name = f"region {region} window {start_ms}"
        if what == "extra" and has_strangers:
            foreign += 1
        elif what == "missing" and start_ms >= newest_ms:
            coming += 1
        else:
            offenders.append(f"{name} {what}: {found}, expected {must}")
    actual = _number(db, "select count(*) from actual") - foreign
    sums = _number(db, "select sum(trip_count) from expected")
    lates = 0 if late is None else len(late.row_number)
    verdict = Verdict.BEHIND if coming else Verdict.OK
    checks = [
        Check(
            area=AREA,
            subject=subject,
            expected=f"{expected} windows",
            actual=f"{actual} windows",
            verdict=Verdict.DIFFERENT if offenders else verdict,
            detail=f"{coming} not there yet" if coming else "",
            offenders=shown(offenders),
        ),
        compared(
            AREA,
            "accepted = windowed + late",
            truth.produced.get(("taxi.trips", "clean"), 0),
            sums + lates,
            detail=f"{sums} windowed, {lates} late",
        ),
    ]
    if foreign:
        checks.append(note(AREA, f"{TOPIC}: others", foreign, "windows of other runs"))
    conflicts = db.execute(_CONFLICTS).fetchall()
    subject = f"{TOPIC}: one value per window"
    names = [f"region {region} window {start}" for region, start in conflicts]
    if has_strangers and conflicts:
        what = "replayed more than once, the newest counts"
        checks.append(note(AREA, subject, len(conflicts), what, names))
    else:
        checks.append(compared(AREA, subject, 0, len(conflicts), offenders=names))
    return checks


def check_redis(
    windows: Mapping[tuple[int, int], RegionWindow],
    hashed: Mapping[tuple[int, int], RegionWindow] | None,
    *,
    is_recent: bool,
) -> Check:
    """Return whether the windows that Redis still has are those of the topic.

    Args:
        windows: Newest value per region and start on the topic, as far as they were asked for.
        hashed: What Redis answered, None where it does not answer.
        is_recent: Whether the run ended so lately that nothing can have expired.
    """
    subject = f"Redis = {TOPIC}"
    if hashed is None:
        return not_built(AREA, subject, len(windows), "Redis does not answer: farol up")
    if windows and not hashed and is_recent:
        return not_built(AREA, subject, len(windows), "Redis has no window: feeder")
    offenders = [
        f"region {region} window {start}: {found.trip_count} trips"
        for (region, start), found in sorted(hashed.items())
        if windows.get((region, start)) != found
    ]
    gone = len(windows) - len(hashed)
    verdict = Verdict.BEHIND if gone and is_recent else Verdict.OK
    return Check(
        area=AREA,
        subject=subject,
        expected=f"{len(windows)} windows",
        actual=f"{len(hashed)} windows",
        verdict=Verdict.DIFFERENT if offenders else verdict,
        detail=f"{gone} not there" + ("" if is_recent else " (expired)") if gone else "",
        offenders=shown(offenders),
    )


def windows_table(records: list[tuple[int, RegionWindow]]) -> pa.Table:
    """Return records of the topic, in order of arrival, as columns for `check_windows`."""
    values = [window for _, window in records]
    columns: dict[str, pa.Array[Any]] = {
        "place": pa.array(range(len(records)), pa.int64()),
        "value_digest": pa.array([hash(window) for window in values], pa.int64()),
    }
    for name in ("region_id", "window_start_ms", "window_end_ms", "trip_count"):
        columns[name] = pa.array([getattr(window, name) for window in values], pa.int64())
    for name in _MEASURES:
        columns[name] = pa.array([getattr(window, name) for window in values], pa.float64())
    return pa.table(columns)


def _comparison() -> str:
    fields = ("trip_count", *_MEASURES)
    unlike = ["e.trip_count != a.trip_count"]
    unlike.append(f"a.window_end_ms != a.window_start_ms + {REGION_WINDOW_MS}")
    unlike += [
        f"not (abs(e.{m} - a.{m}) <= {TOLERANCE} * greatest(abs(e.{m}), 1e-9))" for m in _MEASURES
    ]
    return _COMPARED.format(
        differs=" or ".join(unlike),
        shown_expected="concat_ws(' ', " + ", ".join(f"e.{f}" for f in fields) + ")",
        shown_actual="concat_ws(' ', " + ", ".join(f"a.{f}" for f in fields) + ")",
    )


def _number(db: duckdb.DuckDBPyConnection, query: str) -> int:
    ((number,),) = db.execute(query).fetchall()
    return int(number or 0)
