-- Bronze up to the bound of the build = staged + removed, in every partition: fails where a record was lost or taken
-- twice.
with accounted as (
    {% for topic, staging in staged_topics().items() %}
    select
        '{{ topic }}' as topic,
        _kafka_partition as kafka_partition,
        count(*) as record_count
    from {{ ref(staging) }}
    group by _kafka_partition
    union all
    {% endfor %}
    select
        topic,
        kafka_partition,
        count(*) as record_count
    from {{ ref('removed_records') }}
    group by topic, kafka_partition
),

totals as (
    select
        topic,
        kafka_partition,
        sum(record_count) as accounted_count
    from accounted
    group by topic, kafka_partition
)

select
    bounds.topic,
    bounds.kafka_partition,
    bounds.record_count,
    totals.accounted_count
from {{ ref('bronze_offsets') }} as bounds
full outer join totals
    on bounds.topic = totals.topic and bounds.kafka_partition = totals.kafka_partition
where bounds.record_count is distinct from totals.accounted_count
