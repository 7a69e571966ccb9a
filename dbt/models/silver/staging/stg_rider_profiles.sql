{{ config(
    materialized='incremental',
    incremental_strategy='append',
    properties={'partitioning': "array['day(event_time)']"},
) }}

{{ staged_events('rideshare.rider_profiles', [
    'event_type', 'rider_id', 'display_name', 'dna_patience_s', 'dna_surge_tolerance', 'dna_cancel_ratio',
    'dna_payment_method', 'dna_home_zone_id', 'dna_work_zone_id', 'dna_rating_leniency',
]) }}
