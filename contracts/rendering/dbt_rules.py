"""The constants of the rules that the lakehouse computes again, as one dbt macro."""

from typing import Any, Final

from contracts.anomalies import (
    ANOMALY_RULE_VERSION,
    OUTLIER_ACCURACY_M,
    SEVERITIES,
    ZOMBIE_SILENCE_MS,
    ZOMBIE_STATUSES,
    accepted_cells,
)
from contracts.events import DriverStatus
from contracts.rendering.dbt import NOTE, macro
from contracts.rules import EARTH_RADIUS_M, IMPOSSIBLE_SPEED_KMH, REGION_WINDOW_MS
from contracts.zones.lattice import lattice_of

RULES_PATH: Final = "dbt/macros/rendered/contract_rules.sql"


def render() -> dict[str, str]:
    """Return the macro's file by its path from the repository root."""
    return {RULES_PATH: contract_rules()}


def contract_rules() -> str:
    """Return the macro `contract_rules()`: constants by name, and the area that is no outlier."""
    lattice = lattice_of(accepted_cells())
    rules: dict[str, Any] = {
        "anomaly_rule_version": ANOMALY_RULE_VERSION,
        "outlier_accuracy_m": OUTLIER_ACCURACY_M,
        "impossible_speed_kmh": IMPOSSIBLE_SPEED_KMH,
        "zombie_silence_ms": ZOMBIE_SILENCE_MS,
        "zombie_statuses": [str(s) for s in DriverStatus if s in ZOMBIE_STATUSES],
        "severities": {str(kind): str(severity) for kind, severity in SEVERITIES.items()},
        "earth_radius_m": EARTH_RADIUS_M,
        "region_window_ms": REGION_WINDOW_MS,
        "accepted_area": {
            "column": list(lattice.column),
            "row": list(lattice.row),
            "weight": list(lattice.weight),
            "column_count": len(lattice.rows),
            "row_count": len(lattice.rows[0]),
            "cells": "".join(lattice.rows),
        },
    }
    return (
        "{#-\n"
        f"  {NOTE}\n"
        "  Constants of contracts.anomalies and contracts.rules. The area that is no outlier is\n"
        "  one character per cell of a lattice, column by column (contracts.zones.lattice).\n"
        "-#}\n"
        f"{macro('contract_rules', rules)}"
    )
