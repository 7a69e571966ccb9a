"""Windows of packed pings to sums, as functions of Flink SQL."""

from collections.abc import Iterator

from pyflink.table import DataTypes
from pyflink.table.udf import udf, udtf

from flink_jobs.logic import driver_parts
from flink_jobs.logic.ping_windows import unpack

_BIGINT, _TEXT = DataTypes.BIGINT(), DataTypes.STRING()


@udtf(result_types=[_TEXT, _TEXT, *[_BIGINT] * 4, _TEXT])  # type: ignore[untyped-decorator]  # pyflink has no types
def parts_of(
    driver_id: str, pings: str | None, ping_before: str | None
) -> Iterator[driver_parts.Part]:
    """Yield the sums of a driver's window, whole and by zone."""
    before = next(iter(unpack(ping_before)), None)
    yield from driver_parts.parts_of(driver_id, unpack(pings), before)


@udf(result_type=DataTypes.DOUBLE())  # type: ignore[untyped-decorator]  # pyflink has no types
def p95_of(values: str) -> float:
    """Return the exact 95th percentile of numbers with spaces between."""
    return driver_parts.percentile([float(value) for value in values.split(" ")], 0.95)
