create temporary table nowhere (
    zone_id bigint,
    window_end timestamp(3),
    requests bigint
) with ('connector' = 'blackhole');
insert into nowhere
select
    pickup.zone_id as zone_id,
    window_end,
    count(*) as requests
from table(
    hop(table rideshare_trips, descriptor(rowtime), interval '10' second, interval '5' minute)
)
group by pickup.zone_id, window_start, window_end
