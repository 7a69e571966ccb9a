"""Prints the rows of an Iceberg table as JSON lines; run by the tests in the `app` environment."""

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


uri, table = sys.argv[1:]
rows = load_catalog("lake", type="rest", uri=uri).load_table(table).scan().to_arrow().to_pylist()
sys.stdout.writelines(json.dumps({k: plain(v) for k, v in r.items()}) + "\n" for r in rows)
