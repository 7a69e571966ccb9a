"""One audit: reads ledger and servers, runs the checks that fit the run, waits where asked to."""

import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from contracts.domain import (
    DRIVER_STATUS,
    GPS_PINGS,
    PAYMENTS,
    TAXI_TRIPS,
    TRIPS,
    input_topic,
)
from contracts.ledger import relative_path
from contracts.live import RegionWindow
from deploy.audit.anomalies.judged import judge
from deploy.audit.checks import (
    anomalies,
    anomaly_truth,
    bronze,
    gold,
    produced,
    regions,
    silver,
    surge,
)
from deploy.audit.checks.alerts import Alerts, Written
from deploy.audit.errors import AuditError
from deploy.audit.file_windows import opened
from deploy.audit.ledger import newest_run, read_truth
from deploy.audit.log import TopicLog, inside
from deploy.audit.report import Check, Report, Verdict, note
from deploy.audit.sources.kafka import KafkaSource
from deploy.audit.sources.lake import LakeSource
from deploy.audit.sources.redis import RedisSource
from deploy.local import desired_jobs
from deploy.local.layout import Layout

RETRY_AFTER_S: Final = 5.0
REDIS_WINDOWS_READ: Final = 200_000
RECENT_S: Final = 30 * 60
"""A run that ended within this time cannot have lost a window of Redis to expiry (one hour)."""
_WATERMARKED: Final = (TRIPS, DRIVER_STATUS, TAXI_TRIPS)
"""Read from their beginning: records of earlier runs decide what is late in this one."""
_FITTING: Final = (Verdict.OK, Verdict.NOTE, Verdict.BEHIND)
Told = Callable[[str], None]


def run(
    layout: Layout,
    run_id: str | None = None,
    wait_s: float = 0.0,
    tell: Told = lambda text: None,
) -> Report:
    """Return the report on a run.

    Args:
        layout: Where the state is, and which ports the servers have.
        run_id: The run; the newest one if not given.
        wait_s: How long to repeat the audit while all that is wrong may still settle (the last
            checkpoint, the last build).
        tell: Called with what is being done.

    Raises:
        AuditError: The audit cannot be made; the message says what to do.
    """
    chosen = run_id or newest_run(layout.home)
    deadline_s = time.monotonic() + wait_s
    while True:
        report = _once(layout, chosen, tell)
        left_s = deadline_s - time.monotonic()
        if not report.may_still_settle() or left_s <= 0:
            return report
        open_ = len(report.failures())
        tell(f"{open_} checks are behind, asking again for {left_s:.0f} s more")
        time.sleep(min(RETRY_AFTER_S, left_s))


def _once(layout: Layout, run_id: str, tell: Told) -> Report:
    began_s = time.monotonic()
    read_truth(layout.home, run_id)  # a wrong run id is told before any server is asked
    kafka = KafkaSource(f"127.0.0.1:{layout.port('kafka')}")
    redis = RedisSource(layout.port("redis"))
    try:
        audit = _Audit(layout, run_id, kafka, LakeSource(layout.url("catalog")), redis, tell)
        checks = audit.checks()
    finally:
        kafka.close()
        redis.close()
    return Report(
        run_id=run_id,
        producer=audit.truth.producer,
        state=audit.truth.state,
        checks=tuple(checks),
        seconds=round(time.monotonic() - began_s, 2),
    )


def _desired(layout: Layout) -> Collection[str]:
    """Return the jobs that were started on this stack, whether they run now or not."""
    try:
        return desired_jobs.read(layout)
    except desired_jobs.DesiredJobsError as error:
        raise AuditError(str(error)) from error


class _Audit:
    def __init__(
        self,
        layout: Layout,
        run_id: str,
        kafka: KafkaSource,
        lake: LakeSource,
        redis: RedisSource,
        tell: Told,
    ) -> None:
        self._layout = layout
        self._kafka = kafka
        self._lake = lake
        self._redis = redis
        self._tell = tell
        self.truth = read_truth(layout.home, run_id)
        self._whole: dict[str, TopicLog] = {}
        self._logs: dict[str, TopicLog] = {}
        self._earlier: dict[str, dict[int, int]] = {}

    def checks(self) -> list[Check]:
        # A run that goes on grows while it is read. Downstream is read before upstream, so that
        # whatever is found there must be found above as well; the ledger, the source of all, last.
        truth = self.truth
        is_city = truth.producer == "sim"
        topics = [input_topic(name) for name in truth.offsets]
        self._tell("reading Gold, Silver and Bronze")
        trips, payments = self._lake.trips(truth.run_id), self._lake.payments(truth.run_id)
        staged = {topic.name: self._lake.staged(topic) for topic in topics}
        bronzes = {topic.name: self._lake.bronze(topic) for topic in topics}
        # after Bronze: what that has seen, the DLQs must have
        dlqs = {topic.name: self._lake.dlq(topic) for topic in topics}
        dlq_topics = {topic.name: self._kafka.dlq(topic) for topic in topics}
        written = self._lake.alerts(truth.run_id) if is_city else None
        alerts = self._kafka.alerts(truth.run_id) if is_city else None
        zones = self._kafka.zone_windows(truth.run_id) if truth.domain == TRIPS.domain else None
        for topic in topics:
            self._tell(f"reading {topic.name}")
            starts = None
            if topic not in _WATERMARKED:
                starts = {p: first for p, (first, _) in truth.offsets[topic.name].items()}
            self._whole[topic.name] = self._kafka.log(topic.name, truth.run_id, starts)
        self.truth = truth = read_truth(self._layout.home, truth.run_id)
        for topic in topics:
            ranges = truth.offsets[topic.name]
            self._logs[topic.name] = self._whole[topic.name].within(ranges)
        self._tell("comparing")
        checks: list[Check] = []
        for log in self._logs.values():
            checks += produced.check_produced(truth, log)
        for name, log in self._logs.items():
            ranges = truth.offsets[name]
            kept = bronzes[name]
            checks.append(bronze.check_bronze(log, kept, ranges))
            checks.append(bronze.check_dlq(log, dlqs[name], ranges, kept))
            checks.append(bronze.check_dlq(log, dlq_topics[name], ranges, kept, is_topic=True))
        # What comes out of Bronze again is a duplicate to Silver, by design.
        for name, rows in () if truth.producer == "replay" else staged.items():
            log, ranges = self._logs[name], truth.offsets[name]
            checks.append(silver.check_silver(log, input_topic(name).staging_table, rows, ranges))
        if is_city:
            checks += self._gold(trips, payments)
            checks += self._surge(zones)
            hashed = self._redis.zones(truth.domain)
            checks.append(surge.check_redis(zones, hashed, is_ended=truth.is_ended))
            checks += self._anomalies(alerts, written)
        if truth.producer == "replay":
            checks += self._regions()
        return checks

    def _gold(
        self, trips: gold.Built[gold.TripRow] | None, payments: gold.Built[gold.PaymentRow] | None
    ) -> list[Check]:
        """Compare Gold with the truth up to what its newest build has read."""
        truth = self.truth
        transitions, moneys = truth.transitions, truth.payments
        checks = [gold.check_trips_end(transitions)] if truth.is_ended else []
        if trips is not None:
            seen = self._logs[TRIPS.name].events_up_to(trips.newest)
            transitions = [change for change in transitions if change.event_id in seen]
            sent = self._sent(TRIPS.name, [change.event_id for change in truth.transitions])
            checks.append(gold.check_is_complete("gold.fact_trips", sent, len(transitions)))
        checks += gold.check_trips(transitions, None if trips is None else trips.rows)
        if payments is not None:
            seen = self._logs[PAYMENTS.name].events_up_to(payments.newest)
            moneys = [money for money in moneys if money.event_id in seen]
            sent = self._sent(PAYMENTS.name, [money.event_id for money in truth.payments])
            checks.append(gold.check_is_complete("gold.fact_payments", sent, len(moneys)))
        checks += gold.check_payments(moneys, None if payments is None else payments.rows)
        return checks

    def _surge(self, zones: surge.Windows | None) -> list[Check]:
        """Compare the windows of surge, whether its job saw earlier runs or was started for this.

        What is late depends on it: the event times of earlier runs are seen as well.
        """
        started_here = surge.check_windows(
            self.truth, self._logs[TRIPS.name], self._logs[DRIVER_STATUS.name], zones
        )
        if all(check.verdict != Verdict.DIFFERENT for check in started_here):
            return started_here
        whole = self._whole[TRIPS.name], self._whole[DRIVER_STATUS.name]
        seen_all = surge.check_windows(self.truth, *whole, zones)
        is_better = all(check.verdict != Verdict.DIFFERENT for check in seen_all)
        return seen_all if is_better else started_here

    def _anomalies(self, alerts: Alerts | None, written: Written | None) -> list[Check]:
        """Compare the anomalies, where their job was to find any."""
        truth = self.truth
        is_started = anomalies.JOB in _desired(self._layout)
        if not anomalies.is_judged(alerts, written, is_started=is_started):
            return [anomalies.not_started()]
        stream = self._redis.alerts(truth.domain)
        return [
            *self._judged(alerts),
            anomalies.check_table(alerts, written),
            anomalies.check_redis(truth.run_id, alerts, stream, is_ended=truth.is_ended),
        ]

    def _judged(self, alerts: Alerts | None) -> list[Check]:
        """Compare anomalies with log and truth, as by `_surge`.

        What came before the run is read only if it is needed: of pings that is a great deal.
        """
        started_here = self._judged_after(alerts, ({}, {}))
        if all(check.verdict in _FITTING for check in started_here):
            return started_here
        before = self._newest_before(GPS_PINGS.name), self._newest_before(DRIVER_STATUS.name)
        if not any(before):
            return started_here
        seen_all = self._judged_after(alerts, before)
        is_better = all(check.verdict in _FITTING for check in seen_all)
        return seen_all if is_better else started_here

    def _judged_after(
        self, alerts: Alerts | None, before: tuple[dict[int, int], dict[int, int]]
    ) -> list[Check]:
        truth, run_id = self.truth, self.truth.run_id
        pings, statuses = self._logs[GPS_PINGS.name], self._logs[DRIVER_STATUS.name]
        until_ms = anomalies.FOREVER_MS
        if not truth.is_ended:
            newest_ms = (truth.last_event_time_ms or 0) - surge.SETTLING_MS
            until_ms = min(surge.watermark_ms((pings, statuses)), newest_ms)
        judged = judge(run_id, pings, statuses, before)
        checks = anomalies.check_log(judged, alerts, until_ms)
        if alerts is not None and (alerts.own or not judged.alerts):
            checks += anomaly_truth.check_truth(truth, pings, judged, alerts, until_ms)
        kinds = list(dict.fromkeys(check.subject.split(": ")[0] for check in checks))
        return sorted(checks, key=lambda check: kinds.index(check.subject.split(": ")[0]))

    def _newest_before(self, topic: str) -> dict[int, int]:
        """Return the newest event time of each partition before the run."""
        firsts = {p: first for p, (first, _) in self.truth.offsets[topic].items() if first > 0}
        if topic not in self._earlier:
            self._tell(f"reading what came before the run in {topic}")
            self._earlier[topic] = self._kafka.log(topic, "", ends=firsts).newest_ms()
        return self._earlier[topic]

    def _sent(self, topic: str, event_ids: list[str]) -> int:
        """Return how many events of the truth can be in Gold: all but those dropped on purpose."""
        dropped = {
            fault.event_id
            for fault in self.truth.faults
            if fault.topic == topic and fault.fault == "dropped"
        }
        return sum(event_id not in dropped for event_id in event_ids)

    def _regions(self) -> list[Check]:
        truth = self.truth
        if TAXI_TRIPS.name not in truth.offsets or "definition" not in truth.configuration:
            return [note(regions.AREA, "rows and windows", "-", "only for trips out of a file")]
        if not truth.is_ended:
            return [
                note(regions.AREA, "rows and windows", "-", "compared once the replay has ended")
            ]
        whole, own = self._whole[TAXI_TRIPS.name], self._logs[TAXI_TRIPS.name]
        ledger = self._layout.home / relative_path(truth.run_id)
        late = self._kafka.late_rows(truth.run_id, str(truth.configuration["sha256"]))
        if late is not None:  # what was sent again after the run is none of it
            late = late.at(inside(late.place, truth.offsets[TAXI_TRIPS.name], whole.ends))
        records = self._kafka.region_windows()
        table = None if records is None else regions.windows_table(records)
        with opened(truth.configuration, ledger.parent / "audit") as file:
            checks = regions.check_rows(truth, file)
            checks.append(regions.check_late(truth, whole, own, late))
            checks += regions.check_windows(truth, file, whole, table, late)
        checks.append(self._region_redis(records or [], ledger))
        return checks

    def _region_redis(self, records: list[tuple[int, RegionWindow]], ledger: Path) -> Check:
        newest = {(w.region_id, w.window_start_ms): w for _, w in records}
        asked = sorted(newest, key=lambda key: key[1])[-REDIS_WINDOWS_READ:]
        is_recent = time.time() - ledger.stat().st_mtime < RECENT_S
        hashed = self._redis.region_windows(asked)
        return regions.check_redis({key: newest[key] for key in asked}, hashed, is_recent=is_recent)
