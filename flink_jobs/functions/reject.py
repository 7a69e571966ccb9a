"""The malformed rule of the contracts as a scalar function of Flink SQL."""

from pyflink.table import DataTypes
from pyflink.table.udf import udf

from contracts.validation import reject_reason


@udf(result_type=DataTypes.STRING())  # type: ignore[untyped-decorator]  # pyflink has no types
def rejection(topic: str, value: bytes | None) -> str | None:
    """Return why a record is malformed, None where it is well formed."""
    return reject_reason(topic, value)
