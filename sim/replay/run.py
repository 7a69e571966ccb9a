"""A replay from its source to a topic: paces, sends, and writes the ledger; or goes on with one."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, Protocol
from uuid import UUID

from contracts.domain import HEADER_RUN_ID, HEADER_TRACEPARENT, input_topic
from contracts.events import ControlType
from contracts.ledger import RecordKind
from sim.replay.errors import ReplayError
from sim.replay.ledger import ReplayLedger, interrupted
from sim.replay.pacing import Heartbeats, Pace
from sim.replay.plan import Outcome, Plan
from sim.replay.record import Record
from sim.replay.sent import Sent
from sim.replay.sources import BRONZE, BronzeSource, FileSource, Source

REPORT_EVERY_S: Final = 0.5
NewSpeed = float | Literal["max", "as before"]
Headers = list[tuple[str, str | bytes | None]]


class Publisher(Protocol):
    """A topic that takes records."""

    @property
    def partitions(self) -> tuple[int, ...]:
        """Partition numbers of the topic."""

    def end_offsets(self) -> dict[int, int]:
        """Return the offset the next record of each partition will get."""

    def send(
        self,
        kind: RecordKind,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        partition: int | None = None,
    ) -> None:
        """Queue a record."""

    def sent(self, run_id: str, first_offsets: Mapping[int, int]) -> Sent:
        """Return what of a run the topic holds already, from where the run began."""

    def poll(self) -> None:
        """Take confirmations in."""

    def flush(self) -> None:
        """Wait until every record is confirmed."""

    def confirmed(self) -> Mapping[str, int]:
        """Return the confirmed records by kind."""


class Progress(Protocol):
    """Someone who watches."""

    def reading(self, done: int, total: int) -> None:
        """Take note that `done` of `total` bytes or rows were read."""

    def published(self, rows: int, total: int | None) -> None:
        """Take note that `rows` rows were sent; the total is known once the file was sorted."""


class Unwatched:
    """Nobody watches."""

    def reading(self, done: int, total: int) -> None:
        """Do nothing."""

    def published(self, rows: int, total: int | None) -> None:
        """Do nothing."""


def resumed(
    home: Path,
    run_id: str,
    progress: Progress,
    catalog_uri: str,
    speed: NewSpeed = "as before",
) -> tuple[Plan, Source]:
    """Return the plan and the source of a run that was interrupted.

    Args:
        home: State folder.
        run_id: The run.
        progress: Who watches.
        catalog_uri: Iceberg catalog, for what came out of Bronze.
        speed: Event seconds per wall second from here on.

    Raises:
        ReplayError: There is nothing to resume, or the file is not what it was.
    """
    kept = interrupted(home, run_id).configuration
    pace: float | None = kept["speed"]
    if speed != "as before":
        pace = None if speed == "max" else speed
    plan = Plan(
        file=Path(kept["file"]),
        format_name=kept["format"],
        run_id=run_id,
        order=kept["order"],
        speed=pace,
        limit=kept["limit"],
        from_ms=kept.get("from_ms"),
        to_ms=kept.get("to_ms"),
        is_split=bool(kept.get("split")),
        is_resumed=True,
    )
    if plan.format_name == BRONZE:
        topic = input_topic(kept["topic"])
        return plan, BronzeSource(plan, topic, catalog_uri, kept["snapshot_id"])
    source = FileSource(plan, progress.reading, kept.get("definition"))
    if source.sha256 != kept["sha256"]:
        raise ReplayError(
            f"{plan.file} has changed since run {run_id!r} began: put the old file back, "
            "or replay the new one as a run of its own"
        )
    return plan, source


def replay(
    plan: Plan,
    publisher: Publisher,
    home: Path,
    progress: Progress | None = None,
    source: Source | None = None,
) -> Outcome:
    """Replay and return what was done, also after an interrupt (then it is not complete).

    An interrupted run can be resumed: what its topic holds is not sent again. It does not say that
    its stream has ended, or what follows would be late.

    Args:
        plan: What and how.
        publisher: Where to.
        home: State folder; the ledger and the scratch files of the sort go there.
        progress: Who watches.
        source: Where from; the file of the plan if not given.

    Raises:
        ReplayError: The source, the ledger or the broker cannot be used; the message says what to
            do.
    """
    watcher = progress or Unwatched()
    origin = source or FileSource(plan, watcher.reading)
    configuration = {**plan.configuration(), **origin.configuration()}
    scratch = home / "runs" / plan.run_id / "sort"
    sent = Sent()
    if plan.is_resumed:
        sent = publisher.sent(plan.run_id, interrupted(home, plan.run_id).first_offsets)
    with ReplayLedger(home, plan.run_id, origin.topic, is_resumed=plan.is_resumed) as ledger:
        if plan.is_resumed:
            ledger.resume(configuration)
        else:
            ledger.begin(configuration, publisher.end_offsets())
        run = _Run(plan, origin, publisher, ledger, watcher, sent)
        outcome = run.outcome
        failure: ReplayError | None = None
        try:
            run.publish(origin.records(scratch, outcome))
        except ReplayError as error:
            failure = error
        configuration |= {"rows": outcome.rows, "is_complete": outcome.is_complete}
        ledger.delivered(run.delivered())
        if failure is not None:
            configuration["failure"] = str(failure)
            ledger.end(configuration, outcome.event_times_ms(), {})
            raise failure
        if outcome.is_complete:
            ledger.end(configuration, outcome.event_times_ms(), publisher.end_offsets())
        else:
            ledger.pause(configuration)
    return outcome


class _Run:
    def __init__(
        self,
        plan: Plan,
        source: Source,
        publisher: Publisher,
        ledger: ReplayLedger,
        progress: Progress,
        sent: Sent,
    ) -> None:
        self._source = source
        self._publisher = publisher
        self._ledger = ledger
        self._progress = progress
        self._sent = sent
        self._is_paced = plan.speed is not None
        self._pace = Pace(plan.speed)
        self._heartbeats = Heartbeats(plan.speed)
        self._run_id_header = (HEADER_RUN_ID, plan.run_id.encode())
        self._skipped: Counter[str] = Counter(control=sent.controls)
        self._reported_s = 0.0
        self.outcome = Outcome(plan.run_id, controls=sent.controls)

    def delivered(self) -> dict[str, int]:
        """Return the records of each kind that are in the topic, in this part or an earlier one."""
        return dict(self._skipped + Counter(self._publisher.confirmed()))

    def publish(self, records: Iterator[Record]) -> None:
        """Send every record, then the end."""
        began_s = time.monotonic()
        try:
            for record in records:
                self._publish(record)
            self.outcome.is_complete = True
        except KeyboardInterrupt:
            pass  # what was sent is written down; the run can be resumed
        newest_ms = self.outcome.last_event_time_ms
        if newest_ms is not None and self.outcome.is_complete:
            self._control("stream_end", newest_ms + self._source.end_margin_ms)
        self._publisher.flush()
        self._progress.published(self.outcome.rows, self.outcome.rows)
        self.outcome.seconds = time.monotonic() - began_s

    def _publish(self, record: Record) -> None:
        outcome = self.outcome
        kind: RecordKind = "clean" if record.reason is None else "malformed"
        is_sent = record.event_id in self._sent
        if record.event_time_ms is not None:
            self._advance(record.event_time_ms, is_sent=is_sent)
        if is_sent:
            outcome.already_sent += 1
            self._skipped[kind] += 1
        else:
            headers = self._headers(record.event_id)
            self._publisher.send(kind, record.key, record.value, headers, record.partition)
        outcome.rows += record.is_first_of_row
        if record.reason is None:
            outcome.accepted += 1
        else:
            outcome.rejected[record.reason] += 1
            self._ledger.reject(record.row_number, record.reason, str(record.event_id))
        if outcome.rows % 256 == 0 or (self._is_paced and not is_sent):
            self._report()

    def _advance(self, event_time_ms: int, *, is_sent: bool) -> None:
        """Let time pass to an event; one that was sent before is not waited for."""
        outcome = self.outcome
        if not outcome.took(event_time_ms):
            return
        for beat_ms in self._heartbeats.before(event_time_ms):
            if not is_sent:
                self._pace.wait_for(beat_ms)
                self._control("stream_heartbeat", beat_ms)
        if not is_sent:
            self._pace.wait_for(event_time_ms)
        outcome.last_event_time_ms = event_time_ms

    def _headers(self, event_id: UUID) -> Headers:
        trace = event_id.hex
        return [self._run_id_header, (HEADER_TRACEPARENT, f"00-{trace}-{trace[:16]}-01".encode())]

    def _control(self, event_type: ControlType, event_time_ms: int) -> None:
        for partition in self._publisher.partitions:
            event_id, value = self._source.identity.control(
                event_type, self.outcome.controls, event_time_ms
            )
            self._publisher.send("control", None, value, self._headers(event_id), partition)
            self.outcome.controls += 1

    def _report(self) -> None:
        now_s = time.monotonic()
        if now_s - self._reported_s >= REPORT_EVERY_S:
            self._reported_s = now_s
            self._publisher.poll()
            self._ledger.delivered(self.delivered())
            self._progress.published(self.outcome.rows, None)
