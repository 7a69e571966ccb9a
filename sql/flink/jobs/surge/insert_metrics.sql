-- Purpose: what the zones say. Inputs: view surge_metrics. Output: rideshare_zone_metrics. Key: zone and window end.
-- Event time: window_end_ms. Lateness: see records.sql. At least once: a repeat is the same record.
insert into rideshare_zone_metrics
select
    zone_id,
    window_start_ms,
    window_end_ms,
    open_requests,
    idle_drivers,
    ratio,
    smoothed_ratio,
    multiplier,
    late_records,
    run_id,
    acceptance,
    mean_pickup_eta_s
from surge_metrics
