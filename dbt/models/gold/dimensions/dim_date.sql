-- Every day that an event may have by the contracts, whatever clock it is read on.
select
    day as date_day, -- noqa: RF04
    cast(extract(year from day) as integer) as year_number,
    cast(extract(quarter from day) as integer) as quarter_of_year,
    cast(extract(month from day) as integer) as month_of_year,
    cast(extract(day from day) as integer) as day_of_month,
    cast(extract(week from day) as integer) as iso_week,
    -- The first day of the third millennium was a Monday.
    cast(mod(date_diff('day', date '2001-01-01', day) + 7 * 52200, 7) + 1 as integer) as iso_day_of_week,
    mod(date_diff('day', date '2001-01-01', day) + 7 * 52200, 7) >= 5 as is_weekend
from {{ days(first_day(), last_day()) }} as calendar (day)
