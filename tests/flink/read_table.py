"""Prints the rows of Iceberg tables as JSON lines; run by the tests in the `app` environment."""

import datetime
import json
import sys
from typing import Any

from pyiceberg.catalog import load_catalog


def plain(value: Any) -> Any:
    """Return a value that JSON can hold."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list):  # a map
        return {"map": [[key, None if item is None else item.hex()] for key, item in value]}
    return value


uri, *tables = sys.argv[1:]
catalog = load_catalog("lake", type="rest", uri=uri)
for table in tables:
    for row in catalog.load_table(table).scan().to_arrow().to_pylist():
        sys.stdout.write(json.dumps([table, {k: plain(v) for k, v in row.items()}]) + "\n")
