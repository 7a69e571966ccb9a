{{ config(
    tags=['health'],
    meta={'topic': 'distribution'},
    fail_calc='coalesce(max(percentage), 0)',
    warn_if='> 5',
    error_if='> 20',
) }}
-- Outliers by the rule of the contracts; the percentage is rounded up.
select
    cast(
        ceil(
            100.0e0 * count_if(not is_in_area or accuracy_m > {{ contract_rules()['outlier_accuracy_m'] }})
            / nullif(count(*), 0)
        ) as bigint
    ) as percentage
from {{ ref('stg_gps_pings') }}
