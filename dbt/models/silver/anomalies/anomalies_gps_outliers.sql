{{ config(materialized='table') }}

-- A ping is an outlier by itself, whatever came before it. Its accuracy is looked at first.
select
    event_id,
    event_time,
    run_id,
    entity_type,
    entity_id,
    case
        when accuracy_m > {{ contract_rules()['outlier_accuracy_m'] }} then 'accuracy'
        else 'outside_service_area'
    end as reason,
    '{{ contract_rules()["severities"]["outlier"] }}' as severity,
    lat,
    lon,
    accuracy_m
from {{ ref('stg_gps_pings') }}
where accuracy_m > {{ contract_rules()['outlier_accuracy_m'] }} or not is_in_area
