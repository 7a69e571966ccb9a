"""Every record exactly once in Bronze, every malformed one in its DLQ table and topic."""

from collections.abc import Iterable

import msgspec
import numpy as np

from contracts.domain import input_topic
from deploy.audit.columns import Booleans, Integers
from deploy.audit.log import PARTITION_SHIFT, Kind, Ranges, TopicLog, inside, place_name
from deploy.audit.report import Check, Verdict, not_built, shown

AREA = "bronze"


class BronzeRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a Bronze table as columns, in any order; `log.digest` of the value."""

    place: Integers
    digest: Integers


class DlqRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a DLQ table, or records of a DLQ topic, as columns, in any order."""

    place: Integers
    digest: Integers
    error_type: list[str | None]
    error_message: list[str | None]


def behind(missing: Integers, present: Integers) -> Booleans:
    """Return which missing places lie above all present ones of their partition: not yet there."""
    newest: dict[int, int] = {}
    partitions = present >> PARTITION_SHIFT
    for partition in np.unique(partitions).tolist():
        newest[partition] = int(present[partitions == partition].max())
    bounds = np.array([newest.get(int(p), -1) for p in missing >> PARTITION_SHIFT], dtype=np.int64)
    return missing > bounds


def check_bronze(log: TopicLog, rows: BronzeRows | None, ranges: Ranges) -> Check:
    """Return whether the table holds each record of the run once, byte for byte."""
    table = input_topic(log.topic).bronze_table
    subject = f"{table} = {log.topic}"
    if rows is None:
        return not_built(AREA, subject, len(log.place), f"no table {table}: farol lake init")
    is_inside = inside(rows.place, ranges, log.ends)
    place, digests = rows.place[is_inside], rows.digest[is_inside]
    unique, first, copies = np.unique(place, return_index=True, return_counts=True)
    found = np.isin(log.place, unique)
    missing = log.place[~found]
    at = np.searchsorted(unique, log.place[found])
    changed = log.place[found][digests[first][at] != log.digest[found]]
    return _judged(
        log,
        subject,
        expected=len(log.place),
        actual=len(place),
        missing=missing,
        is_behind=behind(missing, rows.place),
        wrong=(
            (unique[copies > 1], "more than once"),
            (unique[~np.isin(unique, log.place)], "not in the topic"),
            (changed, "other bytes"),
        ),
    )


def check_dlq(
    log: TopicLog,
    rows: DlqRows | None,
    ranges: Ranges,
    bronze: BronzeRows | None,
    *,
    is_topic: bool = False,
) -> Check:
    """Return whether a DLQ holds exactly the malformed records, with their reason.

    Args:
        log: The input topic.
        rows: What the DLQ holds; None where it does not exist.
        ranges: Offsets of the run.
        bronze: Rows of the Bronze table; None where it does not exist.
        is_topic: Whether the DLQ is the topic, which may repeat a record after a recovery, and
            not the table, which holds each once.
    """
    topic = input_topic(log.topic)
    name = f"topic {topic.dlq}" if is_topic else topic.dlq_table
    malformed = log.place[log.kind == Kind.MALFORMED]
    subject = f"{name} = malformed"
    if rows is None:
        remedy = "farol up" if is_topic else "farol lake init"
        return not_built(AREA, subject, len(malformed), f"no {name}: {remedy}")
    is_inside = inside(rows.place, ranges, log.ends)
    place, digests = rows.place[is_inside], rows.digest[is_inside]
    unique, copies = np.unique(place, return_counts=True)
    missing = malformed[~np.isin(malformed, unique)]
    seen = np.concatenate([rows.place, bronze.place]) if bronze is not None else rows.place
    wrong_reason, other_bytes = [], []
    expected_digest = dict(
        zip(malformed.tolist(), log.digest[log.kind == Kind.MALFORMED].tolist(), strict=True)
    )
    for row, where, bits in zip(
        np.flatnonzero(is_inside).tolist(), place.tolist(), digests.tolist(), strict=True
    ):
        reason = log.reasons.get(where)
        if reason is None:
            continue
        if rows.error_message[row] != reason or rows.error_type[row] != reason.split(":")[0]:
            wrong_reason.append(where)
        if expected_digest[where] != bits:
            other_bytes.append(where)
    repeats = unique[copies > 1]
    return _judged(
        log,
        subject,
        expected=len(malformed),
        actual=len(unique) if is_topic else len(place),
        missing=missing,
        # Both tables follow one checkpoint: what Bronze has not seen, the DLQ cannot have.
        is_behind=behind(missing, seen),
        wrong=(
            (() if is_topic else repeats, "more than once"),
            (unique[~np.isin(unique, malformed)], "well formed"),
            (wrong_reason, "another reason"),
            (other_bytes, "other bytes"),
        ),
    )


def _judged(
    log: TopicLog,
    subject: str,
    *,
    expected: int,
    actual: int,
    missing: Integers,
    is_behind: Booleans,
    wrong: tuple[tuple[Iterable[int] | Integers, str], ...],
) -> Check:
    offenders: list[str] = []
    for where, what in ((missing[~is_behind], "missing"), *wrong):
        offenders += shown(f"{place_name(log.topic, int(place))} {what}" for place in where)
    late = int(np.count_nonzero(is_behind))
    verdict, detail = Verdict.OK, ""
    if late:
        detail = f"{late} not there yet, from {place_name(log.topic, int(missing[is_behind][0]))}"
        verdict = Verdict.BEHIND
    if offenders:
        verdict = Verdict.DIFFERENT
    return Check(
        area=AREA,
        subject=subject,
        expected=str(expected),
        actual=str(actual),
        verdict=verdict,
        detail=detail,
        offenders=shown(offenders),
    )
