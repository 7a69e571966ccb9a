-- Purpose: the fields of well-formed trips. Control records and malformed ones moved the watermark or were counted.
-- Inputs: region_records. Output: view region_trips. Key: (partition, offset). Event time: rowtime. Lateness: none.
create temporary view region_trips as
select
    raw_value,
    kafka_key,
    topic,
    partition_id,
    offset_id,
    rowtime,
    high,
    region_records.trip.event_id as event_id,
    region_records.trip.region_id as region_id,
    region_records.trip.duration_s as duration_s,
    region_records.trip.distance_m as distance_m,
    region_records.trip.fare_minor as fare_minor,
    region_records.trip.currency as currency
from region_records
where region_records.trip.event_id is not null
