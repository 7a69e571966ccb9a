"""The zone of a point as a scalar function of Flink SQL."""

from pyflink.table import DataTypes
from pyflink.table.udf import udf

from contracts.zones import zone_at


@udf(result_type=DataTypes.BIGINT())  # type: ignore[untyped-decorator]  # pyflink has no types
def zone_of(lat: float, lon: float) -> int | None:
    """Return the zone of a point, None outside all zones."""
    return zone_at(lat, lon)
