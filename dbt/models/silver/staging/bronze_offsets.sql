{{ config(materialized='table') }}

-- The bound is taken once, before any staging model reads: Bronze grows while a build runs, and what is counted as
-- removed must be what the staging models have seen.
{% for topic in staged_topics() -%}
select
    '{{ topic }}' as topic,
    _kafka_partition as kafka_partition,
    max(_kafka_offset) as highest_offset,
    count(*) as record_count,
    {{ now() }} as built_at,
    max(_ingested_at) as newest_ingested_at
from {{ source('bronze', contract_fields()[topic]['bronze_table']) }}
group by _kafka_partition
{%- if not loop.last %}
union all
{% endif %}
{%- endfor %}
