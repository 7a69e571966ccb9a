create temporary table nowhere (
    entity_id string,
    lat double,
    lon double,
    lat_before double,
    lon_before double
) with ('connector' = 'blackhole');
insert into nowhere
select
    entity_id,
    lat,
    lon,
    lat_before,
    lon_before
from (
    select
        entity_id,
        lat,
        lon,
        lag(lat) over (partition by entity_id order by rowtime) as lat_before,
        lag(lon) over (partition by entity_id order by rowtime) as lon_before
    from rideshare_gps_pings
) as steps
where abs(lat - lat_before) > 0.002 or abs(lon - lon_before) > 0.002
