{{ config(materialized='incremental', incremental_strategy='append') }}

-- What Bronze holds and staging does not is found by offset alone; only these few records are parsed again, to say why.
{% for topic, staging in staged_topics().items() -%}
{%- set unread = unread_records(topic, 'kafka_partition', 'kafka_offset', "topic = '" ~ topic ~ "'") -%}
{%- set removed -%}
    (
        select bronze.*
        from {{ source('bronze', contract_fields()[topic]['bronze_table']) }} as bronze
        where {{ unread }}
            and not exists (
                select 1
                from {{ ref(staging) }} as staged
                where staged._kafka_partition = bronze._kafka_partition
                    and staged._kafka_offset = bronze._kafka_offset
            )
    )
{%- endset -%}
select
    '{{ topic }}' as topic,
    _kafka_partition as kafka_partition,
    _kafka_offset as kafka_offset,
    case
        when {{ is_event(topic) }} then 'duplicate'
        when {{ is_control(topic) }} then 'control'
        else 'malformed'
    end as reason,
    coalesce(
        {{ header_text('run_id') }},
        {{ text_field('run_id') }}
    ) as run_id,
    {{ text_field('event_id') }} as event_id,
    {{ text_field('event_type') }} as event_type,
    event_time
from (
    {{ read_records(topic, removed) }}
) as records
{%- if not loop.last %}
union all
{% endif %}
{%- endfor %}
