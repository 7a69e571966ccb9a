"""Iceberg tables of `contracts.tables` as one JSON file, for readers that are not Python."""

import json
from typing import Final

import msgspec

from contracts.tables import TABLES

PATH: Final = "contracts/rendered/iceberg/tables.json"


def render() -> dict[str, str]:
    """Return the file by its path from the repository root."""
    tables = {spec.identifier: msgspec.to_builtins(spec) for spec in TABLES}
    return {PATH: json.dumps(tables, indent=2, ensure_ascii=False) + "\n"}
