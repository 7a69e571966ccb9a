-- To the centavo: the rider's fare is split between platform and driver, nothing is left over. A tip comes on top.
select
    payment_id,
    fare_minor,
    fee_minor,
    payout_minor
from {{ ref('fact_payments') }}
where fare_minor != fee_minor + payout_minor
