select
    cast(zone_id as bigint) as zone_id,
    name as zone_name,
    acronym,
    subprefecture,
    cast(lat as double) as centroid_lat,
    cast(lon as double) as centroid_lon,
    cast(area_km2 as double) as area_km2
from {{ ref('zones') }}
