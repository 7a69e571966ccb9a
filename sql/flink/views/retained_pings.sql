-- Purpose: all retained pings, whatever a group has read before: a window that is computed again from half of its pings
-- would be another one. Inputs: rideshare_gps_pings. Output: table gps_pings_retained. Key: entity_id.
-- Event time: rowtime. Lateness: as in rideshare_gps_pings.
-- $start_wall_ms: Kafka timestamp to begin at, 0 = everything.
create temporary table gps_pings_retained with (
    'scan.startup.mode' = 'timestamp',
    'scan.startup.timestamp-millis' = '$start_wall_ms'
) like rideshare_gps_pings
