{#-
  Bronze records of one topic, parsed once: `<key>_json` is the JSON text of each key of the topic's event (nested keys as
  `<parent>_<key>_json`), NULL where the key is missing, 'null' where it is null; `event_time` is an instant;
  `_kafka_partition`, `_kafka_offset`, `_kafka_headers` as in Bronze; and what `is_event` and `is_control` judge by.

  Args:
      topic: Name of the Kafka topic.
      source: A relation, CTE or subquery with the Bronze columns.
-#}
{% macro read_records(topic, source) -%}
    {{ return(adapter.dispatch('records_query')(topic, source)) }}
{%- endmacro %}


{#- `<parent>_object` tells whether a nested object is one. -#}
{% macro trino__records_query(topic, source) -%}
    {%- set fields = contract_fields()[topic]['fields'] -%}
    select
        texts.*,
        {{ instant_field('event_time') }} as event_time
    from (
        select
            _kafka_partition,
            _kafka_offset,
            _kafka_headers
            {%- for field in fields %},
            {%- set name = field['path'] | join('_') %}
            {%- if field['type'] == 'object' %}
            {{ name }}_object is not null as {{ name }}_object
            {%- elif field['path'] | length == 1 %}
            json_format(element_at(record, '{{ name }}')) as {{ name }}_json
            {%- else %}
            json_format(element_at({{ field['path'][0] }}_object, '{{ field['path'][1] }}')) as {{ name }}_json
            {%- endif %}
            {%- endfor %}
        from (
            select
                maps.*
                {%- for field in fields if field['type'] == 'object' and field['path'] | length == 1 %},
                try_cast(element_at(record, '{{ field['path'][0] }}') as map(varchar, json)) as {{ field['path'][0] }}_object
                {%- endfor %}
            from (
                select
                    _kafka_partition,
                    _kafka_offset,
                    _kafka_headers,
                    {{ parsed_record('_raw_value') }} as record
                from {{ source }}
            ) as maps
        ) as objects
    ) as texts
{%- endmacro %}


{#- `record_kind` is the judgement of contracts.validation itself, called from DuckDB; malformed records have no fields. -#}
{% macro duckdb__records_query(topic, source) -%}
    select
        texts.*,
        {{ instant_field('event_time') }} as event_time
    from (
        select
            _kafka_partition,
            _kafka_offset,
            _kafka_headers,
            record_kind
            {%- for field in contract_fields()[topic]['fields'] if field['type'] != 'object' %},
            cast(json_extract(record, '$."{{ field['path'] | join('"."') }}"') as varchar) as {{ field['path'] | join('_') }}_json
            {%- endfor %}
        from (
            select
                *,
                case when record_kind != 'malformed' then decode(_raw_value) end as record
            from (
                select
                    _kafka_partition,
                    _kafka_offset,
                    _kafka_headers,
                    _raw_value,
                    record_kind('{{ topic }}', _raw_value) as record_kind
                from {{ source }}
            ) as judged
        ) as parsed
    ) as texts
{%- endmacro %}
