select
    minute_of_day,
    cast((minute_of_day - minute_of_day % 60) / 60 as bigint) as hour_of_day,
    minute_of_day % 60 as minute_of_hour,
    lpad(cast(cast((minute_of_day - minute_of_day % 60) / 60 as bigint) as varchar), 2, '0')
    || ':' || lpad(cast(minute_of_day % 60 as varchar), 2, '0') as clock_label,
    case
        when minute_of_day < 6 * 60 then 'night'
        when minute_of_day < 12 * 60 then 'morning'
        when minute_of_day < 18 * 60 then 'afternoon'
        else 'evening'
    end as part_of_day,
    minute_of_day between 7 * 60 and 10 * 60 - 1
    or minute_of_day between 17 * 60 and 20 * 60 - 1 as is_rush_hour
from {{ integers(0, 24 * 60 - 1) }} as minutes (minute_of_day)
