"""Repair malformed records of a topic and send each again, once.

Once means: whatever ends this process at whatever moment, and however often it is run, a malformed
record is never twice on its topic again. What is in doubt after such an end is looked up in the
topic itself before anything is sent.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from filelock import FileLock, Timeout

from contracts.domain import Topic
from contracts.timestamps import rfc3339
from deploy.local.dlq.fix import Expression, Outcome, is_chosen, repaired
from deploy.local.dlq.kafka import TopicWriter
from deploy.local.dlq.resends import Resend, Resends, path_of
from deploy.local.dlq.tables import DlqError, DlqRecord, DlqTables
from deploy.local.layout import Layout

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent again.

    Attributes:
        topic: The input topic.
        fix: The repair.
        reason: Only records of this reason.
        where: Only records for which this holds.
        limit: At most so many records.
    """

    topic: Topic
    fix: Expression
    reason: str | None = None
    where: Expression | None = None
    limit: int | None = None


@dataclass(slots=True)
class Summary:
    """What came of a replay.

    Attributes:
        sent: Records sent, or that would be sent.
        settled: Records found sent by an earlier process that had been ended.
        before: Records that were sent again before, and are not sent a second time.
        refused: Records that cannot be sent, by problem.
        doubtful: Records that Kafka did not confirm; the next replay finds out.
    """

    sent: int = 0
    settled: int = 0
    before: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    doubtful: int = 0


Told = Callable[[Outcome], None]


def preview(layout: Layout, request: Request, tell: Told) -> Summary:
    """Return what a replay would do, and tell of each record; nothing is sent or noted."""
    summary = Summary()
    with Resends.opened(path_of(layout)) as resends:
        done = {resend.origin for resend in resends.all(request.topic.name)}
    for outcome in _outcomes(layout, request, done, summary):
        tell(outcome)
        _count(summary, outcome)
    return summary


def replay(layout: Layout, request: Request, tell: Told = lambda outcome: None) -> Summary:
    """Send the records of a request again.

    Args:
        layout: The stack.
        request: What to send.
        tell: Called with each record that cannot be sent.

    Raises:
        DlqError: Another replay runs; a server does not answer.
    """
    path = path_of(layout)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{path}.lock", timeout=0), Resends.opened(path) as resends:
            return _replay(layout, request, resends, tell)
    except Timeout:
        raise DlqError("another replay of malformed records runs; wait for its end") from None


def _replay(layout: Layout, request: Request, resends: Resends, tell: Told) -> Summary:
    name, summary = request.topic.name, Summary()
    writer = TopicWriter(f"127.0.0.1:{layout.port('kafka')}", name)
    try:
        summary.settled = _settle(writer, resends, name)
        done = {resend.origin for resend in resends.all(name)}
        outcomes = _outcomes(layout, request, done, summary)
        while batch := list(islice(outcomes, _BATCH)):
            for outcome in batch:
                if outcome.problem is not None:
                    _count(summary, outcome)
                    tell(outcome)
            _send(writer, resends, request, [o for o in batch if o.problem is None], summary)
    finally:
        writer.close()
    return summary


def _settle(writer: TopicWriter, resends: Resends, topic: str) -> int:
    """Find out what an earlier process has sent before it was ended, and return how many."""
    doubtful = resends.doubtful(topic)
    if not doubtful:
        return 0
    found = writer.resent(resends.ends(topic))
    sent = {origin: place for origin, place in found.items() if origin in doubtful}
    resends.settle(topic, sent)
    resends.take_back(topic, doubtful - sent.keys())
    return len(sent)


def _send(
    writer: TopicWriter,
    resends: Resends,
    request: Request,
    outcomes: list[Outcome],
    summary: Summary,
) -> None:
    if not outcomes:
        return
    topic, now = request.topic.name, _now()
    notes = [
        Resend(
            topic,
            (o.record.partition, o.record.offset),
            o.record.reason,
            request.fix.text,
            now,
            None,
        )
        for o in outcomes
    ]
    if not resends.doubtful(topic):
        resends.intend(notes, writer.ends())
    else:  # what is in doubt already lies behind the ends that were noted first
        resends.intend(notes, {})
    sent = writer.send(outcomes, now)
    resends.settle(topic, sent)
    summary.sent += len(sent)
    summary.doubtful += len(outcomes) - len(sent)


def _outcomes(
    layout: Layout, request: Request, done: set[tuple[int, int]], summary: Summary
) -> Iterator[Outcome]:
    """Yield what becomes of each record that is asked for, in the order of the topic."""
    chosen = _chosen(layout, request)
    pending = []
    for record in chosen:
        if (record.partition, record.offset) in done:
            summary.before += 1
        else:
            pending.append(record)
    # Iceberg's order is that of its files; the consumers of an entity want the topic's
    pending.sort(key=lambda record: (record.partition, record.offset))
    for record in islice(pending, request.limit):
        yield repaired(request.fix, record)


def _chosen(layout: Layout, request: Request) -> Iterable[DlqRecord]:
    tables = DlqTables(layout.url("catalog"))
    seen: set[tuple[int, int]] = set()
    for record in tables.records(request.topic, request.reason):
        place = (record.partition, record.offset)
        if place not in seen and is_chosen(request.where, record):
            seen.add(place)
            yield record


def _count(summary: Summary, outcome: Outcome) -> None:
    if outcome.problem is None:
        summary.sent += 1
    else:
        summary.refused[outcome.problem] += 1


def _now() -> str:
    return rfc3339(int(datetime.now(UTC).timestamp() * 1000))
