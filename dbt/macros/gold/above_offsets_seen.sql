{#-
  The end of a query over staged events: only those above the offsets that this table holds, in each partition.
  For facts that are one event each: staging has dropped the copies, and no event changes.
-#}
{% macro above_offsets_seen(events) -%}
{% if is_incremental() -%}
left join (
    select
        _kafka_partition,
        max(_kafka_offset) as highest_offset
    from {{ this }}
    group by _kafka_partition
) as seen on {{ events }}._kafka_partition = seen._kafka_partition
where {{ events }}._kafka_offset > coalesce(seen.highest_offset, -1)
{%- endif %}
{%- endmacro %}
