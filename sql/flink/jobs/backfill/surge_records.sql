-- Purpose: trips and driver status out of Bronze, with the columns that the running job has from its topics.
-- Inputs: $trips, $driver_status. Output: view surge_records. Key: (topic, partition, offset).
-- Event time: inside the records. Lateness: none. high, which decides in the running job, is the beginning of time.
create temporary view surge_records as
select
    _raw_value as raw_value,
    _kafka_key as kafka_key,
    _kafka_topic as topic,
    _kafka_partition as partition_id,
    _kafka_offset as offset_id,
    to_timestamp_ltz(0, 3) as rowtime,
    to_timestamp_ltz(0, 3) as high
from $trips
union all
select
    _raw_value as raw_value,
    _kafka_key as kafka_key,
    _kafka_topic as topic,
    _kafka_partition as partition_id,
    _kafka_offset as offset_id,
    to_timestamp_ltz(0, 3) as rowtime,
    to_timestamp_ltz(0, 3) as high
from $driver_status
