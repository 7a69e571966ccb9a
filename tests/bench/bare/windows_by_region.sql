create temporary table nowhere (
    region_id bigint,
    window_start timestamp(3),
    trips bigint,
    mean_fare_minor double
) with ('connector' = 'blackhole');
insert into nowhere
select
    region_id,
    window_start,
    count(*) as trips,
    avg(cast(fare_minor as double)) as mean_fare_minor
from table(tumble(table taxi_trips, descriptor(rowtime), interval '60' second))
group by region_id, window_start, window_end
