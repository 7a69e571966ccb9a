"""What share of the latest records is malformed, topic by topic: one question to Trino."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from contracts.domain import INPUT_TOPICS, Topic
from deploy.local.lake import LakeError
from deploy.local.layout import Layout
from deploy.local.sql_command import SqlError, run_statement

_COUNTS: Final = """
select
    '{topic}' as topic,
    (select count(*) from {bronze} where {recent}) as record_count,
    (select count(*) from {dlq} where {recent}) as malformed_count,
    (
        select reason from (
            select error_message as reason, count(*) as records
            from {dlq} where {recent} group by error_message
            order by records desc, reason limit 1
        )
    ) as reason
"""


class WatchError(LakeError):
    """The share cannot be told."""


class TooManyError(LakeError):
    """More records are malformed than there should be."""

    def __init__(self, over: Sequence["Share"], percent: float) -> None:
        topics = ", ".join(f"{each.topic} {each.percent:.1f} %" for each in over)
        super().__init__(
            f"more than {percent:g} % of the latest records are malformed: {topics}. "
            "Look at them: farol dlq list, farol dlq show TOPIC"
        )
        self.over = tuple(over)


@dataclass(frozen=True, slots=True)
class Share:
    """The latest records of one topic."""

    topic: str
    record_count: int
    malformed_count: int
    reason: str | None

    @property
    def percent(self) -> float:
        """Malformed records in a hundred; the DLQ may be visible a moment before Bronze."""
        return 100 * self.malformed_count / max(self.record_count, self.malformed_count, 1)

    def for_machines(self) -> dict[str, object]:
        """Return its fields and the share."""
        return {**asdict(self), "percent": round(self.percent, 3)}


def statement(since: datetime, topics: Sequence[Topic] = INPUT_TOPICS) -> str:
    """Return the question; the day prunes partitions, the moment picks rows."""
    recent = (
        f"_ingestion_date >= date '{since:%Y-%m-%d}' "
        f"and _ingested_at >= timestamp '{since:%Y-%m-%d %H:%M:%S} UTC'"
    )
    return "union all".join(
        _COUNTS.format(topic=t.name, bronze=t.bronze_table, dlq=t.dlq_table, recent=recent)
        for t in topics
    )


def shares(layout: Layout, since: datetime) -> list[Share]:
    """Return the share of every input topic since a moment of ingestion.

    Raises:
        WatchError: Trino does not answer, or the tables are not there.
    """
    try:
        _, rows = run_statement(layout, statement(since))
    except SqlError as error:
        raise WatchError(f"{error}. Are the tables there? farol lake init") from error
    return [Share(*row) for row in rows]
