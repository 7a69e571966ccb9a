{#-
  Freshness: minutes of wall time since Bronze got the newest record of each topic; the stalest one is the figure.
  A topic whose newest record says that the stream has ended is left out: a city that was stopped is not stale.

  Args:
      are_rare: Whether topics are judged that may have nothing to say for hours, or the others.
-#}
{% test minutes_since_newest(model, are_rare) %}
{{ config(fail_calc='coalesce(max(minutes), 0)', tags=['health'], meta={'topic': 'freshness'}) }}
with ended as (
    select distinct bounds.topic
    from {{ model }} as bounds
    inner join {{ ref('removed_records') }} as removed
        on
            bounds.topic = removed.topic
            and bounds.kafka_partition = removed.kafka_partition
            and bounds.highest_offset = removed.kafka_offset
    where removed.reason = 'control' and removed.event_type = 'stream_end'
)

select
    bounds.topic,
    date_diff('minute', max(bounds.newest_ingested_at), {{ now() }}) as minutes
from {{ model }} as bounds
where
    bounds.topic not in (select ended.topic from ended)
    and bounds.topic {{ '' if are_rare else 'not' }} in (
        'rideshare.driver_profiles', 'rideshare.rider_profiles', 'rideshare.ratings', 'rideshare.surge_updates'
    )
group by bounds.topic
{% endtest %}
