{{ config(
    tags=['health'],
    meta={'topic': 'uniqueness'},
    fail_calc='coalesce(cast(ceil(100.0e0 * count(*) / max(row_count)) as bigint), 0)',
    warn_if='> 0',
    error_if='> 20',
) }}
-- A payment is one event. What tells one again under another identity is not among the facts.
select
    staged.payment_id,
    staged.event_id,
    totals.row_count
from {{ ref('stg_payments') }} as staged
left join {{ ref('fact_payments') }} as payments on staged.event_id = payments.event_id
cross join (
    select count(*) as row_count
    from {{ ref('stg_payments') }}
) as totals
where payments.event_id is null
