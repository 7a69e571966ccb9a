{#-
  Freshness: minutes of wall time since Bronze got the newest record of each topic that the build has read; the stalest one
  is the figure.
  A topic has ended, and is left out, where the newest control record of each of its partitions says so: a city that was
  stopped is not stale. A run that goes on sends heartbeats; a malformed record that is sent again does not.
  A domain that is silent for a day beside one that is not (or has ended) counts up to the second threshold, so that it
  warns and no more: an interrupted replay must not fail the chain of a living city.

  Args:
      are_rare: Whether topics are judged that may have nothing to say for hours, or the others.
      fail_minutes: The second threshold.
-#}
{% test minutes_since_newest(model, are_rare, fail_minutes) %}
{{ config(fail_calc='coalesce(max(figure), 0)', tags=['health'], meta={'topic': 'freshness'}) }}
with newest_controls as (
    select
        topic,
        kafka_partition,
        {{ value_at_highest('event_type', 'kafka_offset') }} as event_type
    from {{ ref('removed_records') }}
    where reason = 'control'
    group by topic, kafka_partition
),

topics as (
    select
        bounds.topic,
        split_part(bounds.topic, '.', 1) as domain,
        date_diff('minute', max(bounds.newest_ingested_at), {{ now() }}) as minutes,
        bool_and(coalesce(controls.event_type = 'stream_end', false)) as has_ended
    from {{ model }} as bounds
    left join newest_controls as controls
        on bounds.topic = controls.topic and bounds.kafka_partition = controls.kafka_partition
    group by bounds.topic
),

domains as (
    select
        domain,
        min(minutes) > 1440 and not bool_and(has_ended) as is_silent
    from topics
    group by domain
)

select
    topics.topic,
    topics.minutes,
    case
        when domains.is_silent and others.domain_count > 0 then least(topics.minutes, {{ fail_minutes }})
        else topics.minutes
    end as figure
from topics
inner join domains on topics.domain = domains.domain
cross join (
    select count(*) as domain_count
    from domains
    where not is_silent
) as others
where
    not topics.has_ended
    and topics.topic {{ '' if are_rare else 'not' }} in (
        'rideshare.driver_profiles', 'rideshare.rider_profiles', 'rideshare.ratings', 'rideshare.surge_updates'
    )
{% endtest %}
