-- Purpose: all retained records of a source, whatever a group has read before: a window that is computed again from
-- half of its records would be another one. Inputs: ${source}. Output: table ${source}_retained.
-- Key, event time, lateness: as in ${source}.
-- $start_wall_ms: Kafka timestamp to begin at, 0 = everything.
create temporary table ${source}_retained with (
    'scan.startup.mode' = 'timestamp',
    'scan.startup.timestamp-millis' = '$start_wall_ms'
) like ${source}
