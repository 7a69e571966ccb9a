{{ versions_of(ref('stg_rider_profiles'), 'rider', [
    'display_name', 'dna_patience_s', 'dna_surge_tolerance', 'dna_cancel_ratio', 'dna_payment_method',
    'dna_home_zone_id', 'dna_work_zone_id', 'dna_rating_leniency',
]) }}
