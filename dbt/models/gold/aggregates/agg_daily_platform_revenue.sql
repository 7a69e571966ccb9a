-- Money by the day on which it was settled, requests by the day on which they were made.
with money as (
    select
        settled_date as date_day,
        currency,
        count(*) as payment_count,
        {{ integer_sum('fare_minor') }} as fare_minor,
        {{ integer_sum('fee_minor') }} as fee_minor,
        {{ integer_sum('payout_minor') }} as payout_minor,
        {{ integer_sum('tip_minor') }} as tip_minor
    from {{ ref('fact_payments') }}
    group by settled_date, currency
),

requests as (
    select
        requested_date as date_day,
        currency,
        count(*) as request_count,
        count_if(state = 'COMPLETED') as completed_count,
        count_if(state = 'CANCELLED') as cancelled_count
    from {{ ref('fact_trips') }}
    group by requested_date, currency
)

select
    coalesce(money.date_day, requests.date_day) as date_day,
    coalesce(money.currency, requests.currency) as currency,
    coalesce(requests.request_count, 0) as request_count,
    coalesce(requests.completed_count, 0) as completed_count,
    coalesce(requests.cancelled_count, 0) as cancelled_count,
    coalesce(money.payment_count, 0) as payment_count,
    coalesce(money.fare_minor, 0) as fare_minor,
    coalesce(money.fee_minor, 0) as fee_minor,
    coalesce(money.payout_minor, 0) as payout_minor,
    coalesce(money.tip_minor, 0) as tip_minor,
    cast(money.fee_minor as double) / nullif(money.fare_minor, 0) as take_ratio
from money
full outer join requests
    on money.date_day = requests.date_day and money.currency = requests.currency
