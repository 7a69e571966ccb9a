{#-
  Condition on the Bronze records of a topic that this build has to read: in each partition, above the highest offset that
  the table at hand holds and up to the bound that `bronze_offsets` has set for the whole build.

  The offsets go into the statement as literals, so that Trino skips files by their offset bounds. A batch that ends in records
  which leave no row (malformed, say) is read again by the next build, to the same effect.

  Args:
      topic: Name of the Kafka topic.
      partition, offset: Columns of the table at hand.
      condition: Which of its rows belong to the topic.
-#}
{% macro unread_records(topic, partition='_kafka_partition', offset='_kafka_offset', condition='true') -%}
    {%- set bounds = ref('bronze_offsets') -%}
    {%- set ranges = [] -%}
    {%- if execute and load_relation(bounds) is not none -%}
        {%- set query -%}
            select bounds.kafka_partition, coalesce(taken.highest_offset, -1) as taken_offset, bounds.highest_offset
            from {{ bounds }} as bounds
            left join (
                {% if is_incremental() -%}
                select {{ partition }} as kafka_partition, max({{ offset }}) as highest_offset
                from {{ this }} where {{ condition }} group by 1
                {%- else -%}
                select cast(null as integer) as kafka_partition, cast(null as bigint) as highest_offset
                {%- endif %}
            ) as taken on bounds.kafka_partition = taken.kafka_partition
            where bounds.topic = '{{ topic }}'
                and bounds.highest_offset > coalesce(taken.highest_offset, -1)
            order by bounds.kafka_partition
        {%- endset -%}
        {%- for row in run_query(query) -%}
            {%- do ranges.append(
                '_kafka_partition = ' ~ row[0] ~ ' and _kafka_offset between ' ~ (row[1] + 1) ~ ' and ' ~ row[2]
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if ranges -%}({{ ranges | join(' or ') }}){%- else -%}false{%- endif -%}
{%- endmacro %}
