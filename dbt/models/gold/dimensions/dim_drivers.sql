{{ versions_of(ref('stg_driver_profiles'), 'driver', [
    'display_name', 'vehicle_class', 'home_zone_id', 'dna_acceptance_ratio', 'dna_speed_factor',
    'dna_shift_start_hour', 'dna_shift_hours', 'dna_service_quality', 'dna_repositioning_ratio',
    'dna_gps_noise_m', 'dna_rating_leniency',
]) }}
