{#-
  A query: the pings that no car could have reached from the last accepted one, with that one's `accepted_at`,
  `accepted_lat` and `accepted_lon` beside their own columns.

  A rejected ping is compared with nothing: the next is compared with the last accepted one, as
  flink_jobs.logic.gps_track does. So which pings are accepted depends on all before them. Trino matches rows for that;
  DuckDB goes from jump to jump, and only where consecutive pings lie too far apart.

  Args:
      pings: CTE or relation with run_id, entity_id, event_time, lat, lon, _kafka_offset: outliers left out.
-#}
{% macro impossible_moves(pings) -%}
    {{ return(adapter.dispatch('impossible_moves_query')(pings)) }}
{%- endmacro %}


{#- Whether a move is faster than the rule allows; any distance in no time is. -#}
{% macro is_impossible(before, after) -%}
    {{ great_circle_m(before ~ '.lat', before ~ '.lon', after ~ '.lat', after ~ '.lon') }} * 3600.0
    > {{ contract_rules()['impossible_speed_kmh'] }} * date_diff('millisecond', {{ before }}.event_time, {{ after }}.event_time)
{%- endmacro %}


{% macro trino__impossible_moves_query(pings) -%}
    select *
    from {{ pings }}
    match_recognize (
        partition by run_id, entity_id
        order by event_time, _kafka_offset
        measures
            classifier() as verdict,
            accepted.event_time as accepted_at,
            accepted.lat as accepted_lat,
            accepted.lon as accepted_lon
        all rows per match
        after match skip past last row
        pattern (accepted rejected*)
        define rejected as {{ is_impossible('accepted', 'rejected') }}
    ) as moves
    where verdict = 'REJECTED'
{%- endmacro %}


{% macro duckdb__impossible_moves_query(pings) -%}
    with recursive numbered as (
        select
            *,
            row_number() over entity as place,
            lag({event_time: event_time, lat: lat, lon: lon}) over entity as previous
        from {{ pings }}
        window entity as (partition by run_id, entity_id order by event_time, _kafka_offset)
    ),

    -- From a ping whose successor is too far away: the next ping that could have been reached.
    jumps as (
        select
            origin.run_id,
            origin.entity_id,
            origin.place,
            min(target.place) as next_place
        from numbered as suspect
        inner join numbered as origin
            on suspect.run_id = origin.run_id
            and suspect.entity_id = origin.entity_id
            and suspect.place = origin.place + 1
        left join numbered as target
            on origin.run_id = target.run_id
            and origin.entity_id = target.entity_id
            and origin.place < target.place
            and not ({{ is_impossible('origin', 'target') }})
        where {{ is_impossible('suspect.previous', 'suspect') }}
        group by origin.run_id, origin.entity_id, origin.place
    ),

    -- Jumps from pings that another jump has left out do not count.
    taken as (
        select
            run_id,
            entity_id,
            min(place) as place
        from jumps
        group by run_id, entity_id
        union all
        select
            taken.run_id,
            taken.entity_id,
            (
                select min(following.place)
                from jumps as following
                where following.run_id = taken.run_id
                    and following.entity_id = taken.entity_id
                    and following.place >= jumps.next_place
            ) as place
        from taken
        inner join jumps
            on taken.run_id = jumps.run_id and taken.entity_id = jumps.entity_id and taken.place = jumps.place
    )

    select
        rejected.*,
        accepted.event_time as accepted_at,
        accepted.lat as accepted_lat,
        accepted.lon as accepted_lon
    from taken
    inner join jumps
        on taken.run_id = jumps.run_id and taken.entity_id = jumps.entity_id and taken.place = jumps.place
    inner join numbered as accepted
        on taken.run_id = accepted.run_id and taken.entity_id = accepted.entity_id and taken.place = accepted.place
    inner join numbered as rejected
        on taken.run_id = rejected.run_id
        and taken.entity_id = rejected.entity_id
        and taken.place < rejected.place
        and (jumps.next_place is null or rejected.place < jumps.next_place)
{%- endmacro %}
