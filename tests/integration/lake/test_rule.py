"""Staging's SQL rule and `contracts.validation` judge every record alike."""

import pytest

from contracts.domain import INPUT_TOPICS
from contracts.events import CONTROL_TYPES
from contracts.validation import reject_reason
from tests.integration.lake.bronze import BronzeWriter
from tests.integration.lake.conftest import Lake
from tests.integration.lake.mutations import variants
from tests.integration.lake.records import Record

pytestmark = [pytest.mark.trino, pytest.mark.catalog, pytest.mark.timeout(1800)]

JUDGEMENT = """{% for topic, domain in contract_fields().items() %}-- topic: {{ topic }}
select
    _kafka_offset,
    case
        when {{ is_event(topic) }} then 'event'
        when {{ is_control(topic) }} then 'control'
        else 'malformed'
    end as kind
from ({{ read_records(topic, source('bronze', domain['bronze_table'])) }}) as records
{% endfor %}"""


def by_contract(topic: str, value: bytes | None) -> str:
    if reject_reason(topic, value) is not None:
        return "malformed"
    assert value is not None
    is_control = any(f'"{kind}"'.encode() in value for kind in CONTROL_TYPES)
    return "control" if is_control else "event"


def test_the_sql_rule_is_the_rule_of_the_contract(lake: Lake) -> None:
    writer = BronzeWriter(lake.catalog)
    values = {topic.name: list(variants(topic)) for topic in INPUT_TOPICS}
    for topic, records in values.items():
        writer.append(Record(topic, 0, b"key", value) for value in records)
    statements = lake.compiled(JUDGEMENT).split("-- topic: ")[1:]
    assert len(statements) == len(INPUT_TOPICS)
    seen = set()
    differences = []
    for statement in statements:
        topic, sql = statement.split("\n", 1)
        judged = {row["_kafka_offset"]: row["kind"] for row in lake.rows(sql)}
        assert len(judged) == len(values[topic])
        for offset, value in enumerate(values[topic]):
            wanted = by_contract(topic, value)
            seen.add(wanted)
            if judged[offset] != wanted:
                reason = reject_reason(topic, value)
                differences.append((topic, reason, judged[offset], (value or b"")[:3000]))
    assert seen == {"event", "control", "malformed"}
    assert differences == []
