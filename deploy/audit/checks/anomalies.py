"""`rideshare.anomalies` against the log and against its table and Redis.

The topic is at least once: an identical repeat is no difference, two values of one alert are. The
table is exactly once, and Redis tells no alert twice. What the topic holds must be what the rules
say of the log (`deploy.audit.anomalies`), alert by alert: the answer is a function of the log, so
nothing that came late and no equal times excuse a difference.

Where the job was never started on this stack and nothing of the run is there, the run was not to
be judged, which is a note. Whoever has started it once (`farol jobs submit`) wants its results.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from contracts.anomalies import AnomalyKind, AnomalyPhase
from contracts.domain import ANOMALIES
from contracts.live import Anomaly
from deploy.audit.anomalies.judged import Judged
from deploy.audit.checks.alerts import (
    Alerts,
    Evidence,
    Identity,
    Shown,
    Written,
    evidence_of,
    identity_of,
    name_of,
)
from deploy.audit.report import Check, Verdict, compared, not_built, note, shown

AREA: Final = "anomalies"
TOPIC: Final = ANOMALIES.name
TABLE: Final = ANOMALIES.stream_table
JOB: Final = "gps_anomalies"
SETTLING_MS: Final = 300_000
"""Event time by which alerts may overtake each other: silences are looked at once a minute, and a
job that catches up reads minutes in a second."""
SETTLING_WALL_MS: Final = 60_000
"""Wall time by which what was written before the newest commit may have come after it."""
FOREVER_MS: Final = 1 << 60
_LASTING: Final = (AnomalyKind.ZOMBIE_DRIVER, AnomalyKind.FROZEN_GPS)


def is_judged(alerts: Alerts | None, written: Written | None, *, is_started: bool) -> bool:
    """Return whether the run was to be judged by the job: started here once, or results there."""
    has_results = (alerts is not None and alerts.own) or (written is not None and written.rows)
    return is_started or bool(has_results)


def not_started() -> Check:
    """Return what to say of a run that was not to be judged."""
    return note(AREA, JOB, "not started", f"farol jobs submit {JOB} judges the pings of a city")


def check_log(judged: Judged, alerts: Alerts | None, until_ms: int) -> list[Check]:
    """Return the comparison with the log, a check per kind.

    Args:
        judged: What the rules say of the log.
        alerts: What the topic holds, None where there is no such topic.
        until_ms: Event time up to which the job has an answer; what is newer is not looked at.
    """
    expected = {evidence_of(a): a for a in judged.alerts if a.event_time_ms <= until_ms}
    subject = f"{TOPIC} = log"
    if alerts is None:
        return [not_built(AREA, subject, len(expected), f"no topic {TOPIC}: farol up")]
    if expected and not alerts.own:
        what = f"no anomaly of this run: job {JOB}"
        return [not_built(AREA, subject, len(expected), what)]
    found: dict[Evidence, list[Anomaly]] = defaultdict(list)
    for alert in alerts.own.values():
        if alert.event_time_ms <= until_ms:
            found[evidence_of(alert)].append(alert)
    newest_ms = alerts.newest_ms
    checks = [_kind(kind, expected, found, newest_ms) for kind in AnomalyKind]
    late = len(judged.pings.late_rows) + len(judged.statuses.late_rows)
    if late:
        what = "pings and statuses that came too late: the stream judges nothing by them"
        checks.append(note(AREA, "late records", late, what))
    names = (name_of(alerts.own[identity]) for identity in alerts.conflicts)
    count = len(alerts.conflicts)
    checks.append(compared(AREA, f"{TOPIC}: one value per alert", 0, count, offenders=names))
    return checks


def _kind(
    kind: AnomalyKind,
    all_expected: Mapping[Evidence, Anomaly],
    all_found: Mapping[Evidence, list[Anomaly]],
    newest_ms: int,
) -> Check:
    expected = {key: alert for key, alert in all_expected.items() if key[0] == kind.value}
    found = {key: alerts for key, alerts in all_found.items() if key[0] == kind.value}
    missing = sorted(
        (expected[key] for key in expected.keys() - found.keys()), key=lambda a: a.event_time_ms
    )
    coming = [alert for alert in missing if is_coming(alert, newest_ms)]
    offenders = [f"{name_of(a)} missing" for a in missing if not is_coming(a, newest_ms)]
    for key, alerts in sorted(found.items(), key=lambda item: item[1][0].event_time_ms):
        if key not in expected:
            offenders.append(f"{name_of(alerts[0])} does not follow from the log")
        elif len(alerts) > 1:
            ids = ", ".join(sorted(alert.anomaly_id for alert in alerts))
            offenders.append(f"{name_of(alerts[0])} told {len(alerts)} times: {ids}")
        else:
            offenders += _differences(expected[key], alerts[0])
    offenders += _unpaired(alert for alerts in found.values() for alert in alerts)
    return _counted(
        f"{kind.value}: {TOPIC} = log",
        len(expected),
        sum(map(len, found.values())),
        offenders,
        under_way=(len(coming), "not there yet"),
    )


def _counted(
    subject: str, expected: int, actual: int, offenders: list[str], under_way: tuple[int, str]
) -> Check:
    """Return a check of alerts; those under way fail nothing by themselves."""
    coming, what = under_way
    verdict = Verdict.BEHIND if coming else Verdict.OK
    return Check(
        area=AREA,
        subject=subject,
        expected=f"{expected} alerts",
        actual=f"{actual} alerts",
        verdict=Verdict.DIFFERENT if offenders else verdict,
        detail=f"{coming} {what}" if coming else "",
        offenders=shown(offenders),
    )


def is_coming(alert: Anomaly, newest_ms: int) -> bool:
    """Return whether a missing alert may be on its way, by the newest that is there."""
    return alert.event_time_ms > newest_ms - SETTLING_MS


def _differences(expected: Anomaly, actual: Anomaly) -> list[str]:
    """Return what an alert says otherwise than the log; its identifier is the job's own."""
    wrong = [
        f"{name} {getattr(actual, name)}, by the log {getattr(expected, name)}"
        for name in Anomaly.__struct_fields__
        if name != "anomaly_id" and getattr(actual, name) != getattr(expected, name)
    ]
    return [f"{name_of(actual)}: {'; '.join(wrong)}"] if wrong else []


def _unpaired(alerts: Iterable[Anomaly]) -> Iterator[str]:
    """Yield ends that do not carry the identifier of their beginning."""
    lasting: dict[tuple[str, int | None], dict[AnomalyPhase, Anomaly]] = defaultdict(dict)
    for alert in alerts:
        if alert.kind in _LASTING:
            lasting[alert.entity_id, alert.previous_event_time_ms][alert.phase] = alert
    for phases in lasting.values():
        raised, cleared = phases.get(AnomalyPhase.RAISED), phases.get(AnomalyPhase.CLEARED)
        if raised and cleared and raised.anomaly_id != cleared.anomaly_id:
            yield f"{name_of(cleared)} is {cleared.anomaly_id}, raised as {raised.anomaly_id}"


def check_table(alerts: Alerts | None, written: Written | None) -> Check:
    """Return whether the table holds each alert of the topic once, with its values."""
    subject = f"{TABLE} = {TOPIC}"
    own = alerts.own if alerts is not None else {}
    if written is None:
        return not_built(AREA, subject, len(own), f"no table {TABLE}: farol lake init")
    rows: dict[Identity, list[Anomaly]] = defaultdict(list)
    for row in written.rows:
        rows[identity_of(row)].append(row)
    committed_ms = max(written.at_ms, default=0)
    written_ms = alerts.written_ms if alerts is not None else {}
    missing = [identity for identity in own if identity not in rows]
    coming = [
        identity
        for identity in missing
        if not rows or written_ms[identity] > committed_ms - SETTLING_WALL_MS
    ]
    lost = set(missing).difference(coming)
    offenders = [f"{name_of(own[identity])} missing" for identity in missing if identity in lost]
    for identity, copies in rows.items():
        if len(copies) > 1:
            offenders.append(f"{name_of(copies[0])} {len(copies)} times")
        if identity not in own:
            offenders.append(f"{name_of(copies[0])} not in the topic")
        elif any(copy != own[identity] for copy in copies):
            offenders.append(f"{name_of(copies[0])} has other values than in the topic")
    return _counted(
        subject,
        len(own),
        len(written.rows),
        offenders,
        under_way=(len(coming), "wait for the next checkpoint"),
    )


def check_redis(
    run_id: str, alerts: Alerts | None, stream: Shown | None, *, is_ended: bool
) -> Check:
    """Return whether Redis tells each alert once, and of the run the newest that the topic has."""
    subject = f"Redis = newest of {TOPIC}"
    own, order_of_all = (alerts.own, alerts.order) if alerts is not None else ({}, {})
    if stream is None or (own and not stream.entries):
        return not_built(AREA, subject, len(own), "Redis has no anomalies: feeder")
    told: dict[Identity, list[Anomaly]] = defaultdict(list)
    for entry in stream.entries:
        told[identity_of(entry)].append(entry)
    expected, missing, behind = 0, list[Identity](), 0
    for order in order_of_all.values():
        due, lost = _due(order, told.keys(), is_capped=stream.is_capped)
        expected += sum(identity in own for identity in due)
        missing += [identity for identity in lost if identity in own]
        behind += sum(identity in own and identity not in told for identity in due)
    behind -= len(missing)
    offenders = [f"{name_of(own[identity])} missing" for identity in missing]
    for identity, copies in told.items():
        if len(copies) > 1:
            offenders.append(f"{name_of(copies[0])} told {len(copies)} times")
        if identity in own and any(copy != own[identity] for copy in copies):
            offenders.append(f"{name_of(copies[0])} has other values than in the topic")
        elif is_ended and identity not in own and copies[0].run_id == run_id:
            offenders.append(f"{name_of(copies[0])} not in the topic")
    return _counted(
        subject,
        expected,
        sum(identity in own for identity in told),
        offenders,
        under_way=(behind, "behind"),
    )


def _due(
    order: list[Identity], told: Collection[Identity], *, is_capped: bool
) -> tuple[list[Identity], list[Identity]]:
    """Return what Redis must have of a partition, and what of it lies before something it has."""
    held = [number for number, identity in enumerate(order) if identity in told]
    oldest = min(held, default=len(order)) if is_capped else 0
    newest = max(held, default=-1)
    lost = [identity for identity in order[oldest : newest + 1] if identity not in told]
    return order[oldest:], lost
