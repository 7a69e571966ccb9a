"""Silver holds Bronze without the malformed, the copies and the control records, event by event."""

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deploy.audit.checks.bronze import behind
from deploy.audit.columns import Integers
from deploy.audit.log import Kind, Ranges, TopicLog, inside
from deploy.audit.report import Check, Verdict, not_built, shown

AREA = "silver"


class StagedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a staging table as columns, in any order."""

    place: Integers
    event_id: pa.StringArray


def check_silver(
    log: TopicLog,
    table: str,
    rows: StagedRows | None,
    ranges: Ranges,
) -> Check:
    """Return whether a staging table holds the first copy of each well-formed event, and no more.

    Args:
        log: The topic.
        table: Name of the staging table.
        rows: What it holds, None where there is no such table.
        ranges: The run's offsets.
    """
    subject = f"{table} = events"
    keep = log.first_copies()
    expected = log.place[keep]
    removed = {
        "malformed": int(np.count_nonzero(log.kind == Kind.MALFORMED)),
        "duplicates": int(np.count_nonzero(log.kind == Kind.EVENT)) - len(expected),
        "control": int(np.count_nonzero(log.kind == Kind.CONTROL)),
    }
    sums = f"{len(log.place)} - " + " - ".join(f"{n} {what}" for what, n in removed.items())
    if rows is None:
        return not_built(AREA, subject, len(expected), f"no table {table}: farol dbt build")
    is_inside = inside(rows.place, ranges, log.ends)
    place = rows.place[is_inside]
    unique, first, copies = np.unique(place, return_index=True, return_counts=True)
    missing = expected[~np.isin(expected, unique)]
    is_behind = behind(missing, rows.place)
    names = dict(
        zip(
            missing[~is_behind].tolist(),
            _ids(log.event_id, np.searchsorted(log.place, missing[~is_behind])),
            strict=True,
        )
    )
    offenders = [f"{name} missing" for name in names.values()]
    ids = rows.event_id.take(np.flatnonzero(is_inside))
    doubled, extra = unique[copies > 1], unique[~np.isin(unique, expected)]
    for where, what in ((doubled, "more than once"), (extra, "should not be there")):
        at = first[np.searchsorted(unique, where)]
        offenders += shown(f"{name} {what}" for name in _ids(ids, at))
    shared = np.isin(unique, expected)
    theirs = ids.take(first[shared])
    ours = log.event_id.take(np.searchsorted(log.place, unique[shared]))
    other = np.flatnonzero(~np.asarray(pc.equal(theirs, ours).to_numpy(False), dtype=bool))
    offenders += shown(f"{name} in the place of another event" for name in _ids(theirs, other))
    late = int(np.count_nonzero(is_behind))
    verdict = Verdict.BEHIND if late else Verdict.OK
    return Check(
        area=AREA,
        subject=subject,
        expected=str(len(expected)),
        actual=str(len(place)),
        verdict=Verdict.DIFFERENT if offenders else verdict,
        detail=sums + (f"; {late} came after the newest build" if late else ""),
        offenders=shown(offenders),
    )


def _ids(column: pa.StringArray, rows: Integers) -> list[str]:
    return [str(name) for name in column.take(rows).to_pylist()]
