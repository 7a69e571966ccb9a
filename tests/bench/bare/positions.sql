create temporary table nowhere (
    entity_id string,
    lat double,
    lon double,
    event_time timestamp_ltz(3)
) with ('connector' = 'blackhole');
insert into nowhere
select
    entity_id,
    lat,
    lon,
    event_time
from (
    select
        *,
        row_number() over (partition by event_id order by proctime() asc) as copy_number
    from rideshare_gps_pings
    where event_type = 'gps_ping'
) as pings
where copy_number = 1
