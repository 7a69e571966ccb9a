create temporary table nowhere (
    entity_id string,
    window_start timestamp(3),
    pings bigint,
    mean_speed_kmh double
) with ('connector' = 'blackhole');
insert into nowhere
select
    entity_id,
    window_start,
    count(*) as pings,
    avg(speed_kmh) as mean_speed_kmh
from (
    select
        entity_id,
        speed_kmh,
        window_start,
        window_end,
        row_number() over (partition by window_start, window_end, event_id order by rowtime asc) as copy_number
    from table(tumble(table rideshare_gps_pings, descriptor(rowtime), interval '60' second))
) as pings
where copy_number = 1
group by entity_id, window_start, window_end
