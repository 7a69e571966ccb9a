{#-
  The body of a staging model: the unread records of a topic, parsed, well-formed, the first copy of each event.

  Args:
      topic: Name of the Kafka topic.
      fields: Columns beside identity, event time, run and place in Kafka: names of the contract (nested: <parent>_<key>).
      points: Pairs of a column's name and the prefix of `lat` and `lon`: the column says whether that point lies
          in the area that is no outlier. Coordinates are marked, never dropped.
-#}
{% macro staged_events(topic, fields, points=[]) -%}
with unread as (
    select *
    from {{ source('bronze', contract_fields()[topic]['bronze_table']) }}
    where {{ unread_records(topic) }}
),

records as (
    {{ read_records(topic, 'unread') }}
),

events as (
    select
        {{ text_field('event_id') }} as event_id,
        event_time,
        {{ text_field('run_id') }} as run_id,
        {%- for name in fields %}
        {{ contract_field(topic, name) }} as {{ name }},
        {%- endfor %}
        _kafka_partition,
        _kafka_offset
    from records
    where {{ is_event(topic) }}
),

numbered as (
    select
        *,
        row_number() over (partition by event_id order by _kafka_partition, _kafka_offset) as copy_number
    from events
),

fresh as (
    select *
    from numbered
    where
        copy_number = 1
        {{ and_not_yet_taken('numbered') }}
)
{%- set places = namespace(last='fresh') -%}
{%- for column, prefix in points %},

{{ column }}_places as (
    {{ with_area(places.last, column, prefix) }}
)
{%- set places.last = column ~ '_places' -%}
{%- endfor %}

select
    event_id,
    event_time,
    run_id,
    {%- for name in fields %}
    {{ name }},
    {%- endfor %}
    {%- for column, prefix in points %}
    {{ column }},
    {%- endfor %}
    _kafka_partition,
    _kafka_offset
from {{ places.last }}
{%- endmacro %}
