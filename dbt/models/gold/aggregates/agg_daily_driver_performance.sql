{{ config(properties={'partitioning': "array['month(date_day)']"}) }}

-- Days are those of the city's calendar. Time counts on the day on which it passed, so that a shift over midnight has a
-- part on either; money counts when it is settled, offers and trips when they are made. A day on which a driver is paid
-- in several currencies has a row for each; what is no money stands in the first of them, so that sums are right.
with run_ends as (
    select
        run_id,
        max(event_time) as ended_at
    from {{ ref('stg_driver_status') }}
    group by run_id
),

intervals as (
    select
        activity.driver_id,
        activity.status,
        {{ city_time('activity.started_at') }} as started_at,
        {{ city_time('coalesce(activity.ended_at, run_ends.ended_at)') }} as ended_at
    from {{ ref('fact_driver_activity') }} as activity
    inner join run_ends on activity.run_id = run_ends.run_id
    where activity.status != 'offline'
),

hours as (
    select
        driver_id,
        date_day,
        sum(passed_s) as online_s,
        sum(case when status = 'on_trip' then passed_s else 0 end) as on_trip_s,
        sum(case when status = 'available' then passed_s else 0 end) as idle_s
    from (
        select
            pieces.*,
            date_diff('millisecond', pieces.piece_start, pieces.piece_end) / 1000.0e0 as passed_s
        from (
            select
                intervals.driver_id,
                intervals.status,
                days.date_day,
                greatest(intervals.started_at, cast(days.date_day as timestamp(6))) as piece_start,
                least(intervals.ended_at, cast(days.date_day as timestamp(6)) + interval '1' day) as piece_end
            from intervals
            inner join {{ ref('dim_date') }} as days
                on days.date_day between cast(intervals.started_at as date) and cast(intervals.ended_at as date)
        ) as pieces
    ) as days_of_intervals
    group by driver_id, date_day
),

offers as (
    select
        driver_id,
        {{ city_date('offered_at') }} as date_day,
        count(*) as offer_count,
        count_if(outcome = 'accepted') as accepted_count
    from {{ ref('fact_offers') }}
    where driver_id is not null
    group by driver_id, {{ city_date('offered_at') }}
),

trips as (
    select
        driver_id,
        {{ city_date('completed_at') }} as date_day,
        count(*) as completed_count,
        sum(distance_m) as distance_m
    from {{ ref('fact_trips') }}
    where completed_at is not null and driver_id is not null
    group by driver_id, {{ city_date('completed_at') }}
),

cancellations as (
    select
        driver_id,
        {{ city_date('cancelled_at') }} as date_day,
        count(*) as cancelled_count
    from {{ ref('fact_cancellations') }}
    where cancelled_by = 'driver' and driver_id is not null
    group by driver_id, {{ city_date('cancelled_at') }}
),

money as (
    select
        driver_id,
        settled_date as date_day,
        currency,
        row_number() over (partition by driver_id, settled_date order by currency) as place,
        {{ integer_sum('payout_minor') }} as payout_minor,
        {{ integer_sum('tip_minor') }} as tip_minor
    from {{ ref('fact_payments') }}
    group by driver_id, settled_date, currency
),

stars as (
    select
        ratee_id as driver_id,
        rated_date as date_day,
        count(*) as rating_count,
        avg(cast(stars as double)) as mean_stars
    from {{ ref('fact_ratings') }}
    where ratee = 'driver'
    group by ratee_id, rated_date
),

driver_days as (
    {% for part in ['hours', 'offers', 'trips', 'cancellations', 'money', 'stars'] -%}
    select driver_id, date_day from {{ part }} -- noqa: LT09
    {{ 'union' if not loop.last }}
    {% endfor %}
)

select
    driver_days.driver_id,
    driver_days.date_day,
    coalesce(hours.online_s, 0) as online_s,
    coalesce(hours.on_trip_s, 0) as on_trip_s,
    coalesce(hours.idle_s, 0) as idle_s,
    coalesce(offers.offer_count, 0) as offer_count,
    coalesce(offers.accepted_count, 0) as accepted_count,
    coalesce(trips.completed_count, 0) as completed_count,
    coalesce(cancellations.cancelled_count, 0) as cancelled_count,
    coalesce(trips.distance_m, 0) as distance_m,
    money.currency,
    coalesce(money.payout_minor, 0) as payout_minor,
    coalesce(money.tip_minor, 0) as tip_minor,
    coalesce(stars.rating_count, 0) as rating_count,
    stars.mean_stars
from driver_days
left join money
    on driver_days.driver_id = money.driver_id and driver_days.date_day = money.date_day
{% for part in ['hours', 'offers', 'trips', 'cancellations', 'stars'] -%}
left join {{ part }}
    on
        driver_days.driver_id = {{ part }}.driver_id and driver_days.date_day = {{ part }}.date_day
        and coalesce(money.place, 1) = 1
{% endfor %}
