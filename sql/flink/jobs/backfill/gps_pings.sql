-- Purpose: the pings of an interval out of Bronze, with the columns that the running job has from its topic.
-- Inputs: $source. Output: view backfill_pings, control records and malformed ones included. Key: (partition, offset).
-- Event time: rowtime, from $from_ms up to before $to_ms.
-- Lateness: none. high, which decides in the running job, is the beginning of time: nothing is late.
create temporary view backfill_pings as
select
    event_id,
    event_type,
    event_time,
    run_id,
    entity_type,
    entity_id,
    driver_status,
    schema_version,
    lat,
    lon,
    speed_kmh,
    heading_deg,
    accuracy_m,
    seq,
    _kafka_offset as kafka_offset,
    event_time as rowtime,
    to_timestamp_ltz(0, 3) as high
from (
    select
        json_value(payload, '$$.event_id') as event_id,
        json_value(payload, '$$.event_type') as event_type,
        json_value(payload, '$$.run_id') as run_id,
        json_value(payload, '$$.entity_type') as entity_type,
        json_value(payload, '$$.entity_id') as entity_id,
        json_value(payload, '$$.driver_status') as driver_status,
        cast(
            try_cast(
                replace(replace(json_value(payload, '$$.event_time'), 'T', ' '), 'Z', '') as timestamp(3)
            ) as timestamp_ltz(3)
        ) as event_time,
        try_cast(json_value(payload, '$$.schema_version') as bigint) as schema_version,
        try_cast(json_value(payload, '$$.lat') as double) as lat,
        try_cast(json_value(payload, '$$.lon') as double) as lon,
        try_cast(json_value(payload, '$$.speed_kmh') as double) as speed_kmh,
        try_cast(json_value(payload, '$$.heading_deg') as double) as heading_deg,
        try_cast(json_value(payload, '$$.accuracy_m') as double) as accuracy_m,
        try_cast(json_value(payload, '$$.seq') as bigint) as seq,
        _kafka_offset
    from (
        select
            decode(_raw_value, 'UTF-8') as payload,
            _kafka_offset
        from $source
    )
)
where event_time >= to_timestamp_ltz($from_ms, 3) and event_time < to_timestamp_ltz($to_ms, 3)
