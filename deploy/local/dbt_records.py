"""What dbt-duckdb loads into its connection: `record_kind` and `utf8_text`.

`record_kind` is the judgement of the contracts; `utf8_text` reads bytes that need not be text.
Trino judges in SQL rendered from the contracts; DuckDB calls the contracts themselves, so either
engine is a witness for the other.
"""

from typing import Any, Final

import msgspec
import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin

from contracts.events import CONTROL_TYPES
from contracts.validation import reject_reason


class _Typed(msgspec.Struct):
    event_type: str


_TYPED: Final = msgspec.json.Decoder(_Typed)


def record_kind(topic: str, value: bytes | None) -> str:
    """Return `event`, `control` or `malformed` for a record of an input topic."""
    if value is None or reject_reason(topic, value) is not None:
        return "malformed"
    return "control" if _TYPED.decode(value).event_type in CONTROL_TYPES else "event"


def _kinds(topics: Any, values: Any) -> Any:
    kinds = [
        record_kind(topic, value)
        for topic, value in zip(topics.to_pylist(), values.to_pylist(), strict=True)
    ]
    return pa.array(kinds, pa.string())


def _texts(values: Any) -> Any:
    texts = [
        None if value is None else value.decode(errors="replace") for value in values.to_pylist()
    ]
    return pa.array(texts, pa.string())


class Plugin(BasePlugin):
    """Looked up by its name in the module that `profiles.yml` names."""

    def configure_connection(self, conn: Any) -> None:
        """Make the functions known."""
        conn.create_function(
            "record_kind",
            _kinds,
            ["VARCHAR", "BLOB"],
            "VARCHAR",
            type="arrow",
            null_handling="special",
        )
        conn.create_function(
            "utf8_text", _texts, ["BLOB"], "VARCHAR", type="arrow", null_handling="special"
        )
