-- Purpose: each ping as one text, so that a window can keep many as one. Inputs: judged_pings.
-- Output: view packed_pings, without a ping where the record is not a valid one: it still says how far its run is.
-- Texts sort by event time, then by the place in the log. Fields end at $field_end, records at $record_end; the
-- identifier is last and may hold whatever else it likes: flink_jobs.logic.ping_windows reads it.
-- Kept is what is $kept. Key: (run_id, entity_type, entity_id). Event time: rowtime, kept.
-- Lateness: more than $allowance_ms behind the newest of its partition is not here. The watermark is one millisecond
-- farther behind, so the windows after this drop nothing.
create temporary view packed_pings as
select
    run_id,
    case when is_valid then entity_type else '' end as entity_type,
    case when is_valid then entity_id else '' end as entity_id,
    1000 * extract(epoch from event_time) + extract(millisecond from event_time) as event_time_ms,
    case
        when is_valid
            then concat_ws(
                '$field_end',
                lpad(
                    cast(1000 * extract(epoch from event_time) + extract(millisecond from event_time) as string),
                    15,
                    '0'
                ),
                lpad(cast(kafka_offset as string), 15, '0'),
                cast(lat as string),
                cast(lon as string),
                cast(accuracy_m as string),
                cast(speed_kmh as string),
                coalesce(driver_status, ''),
                replace(event_id, '$record_end', ' ')
            )
    end as ping,
    rowtime
from judged_pings
where $kept and rowtime >= high - interval '0.001' second * $allowance_ms
