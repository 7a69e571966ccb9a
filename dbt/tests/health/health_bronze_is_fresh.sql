{{ config(
    tags=['health'],
    meta={'topic': 'freshness'},
    fail_calc='coalesce(max(minutes), 0)',
    warn_if='> 60',
    error_if='> 1440',
) }}
-- Freshness: minutes of wall time since Bronze got its newest record. A topic whose newest record says that the stream
-- has ended is left out: a city that was stopped is not stale. Where nothing is left there is nothing to judge.
with ended as (
    select distinct bounds.topic
    from {{ ref('bronze_offsets') }} as bounds
    inner join {{ ref('removed_records') }} as removed
        on
            bounds.topic = removed.topic
            and bounds.kafka_partition = removed.kafka_partition
            and bounds.highest_offset = removed.kafka_offset
    where removed.reason = 'control' and removed.event_type = 'stream_end'
)

select date_diff('minute', max(bounds.newest_ingested_at), {{ now() }}) as minutes
from {{ ref('bronze_offsets') }} as bounds
where bounds.topic not in (select ended.topic from ended)
