"""Numbers with their unit, and text with its form, as annotated types for wire structs."""

from typing import Annotated

import msgspec

EXACT_INTEGER = 2**53 - 1
"""Largest integer that every part holds exactly: Python, Flink, Trino, and JavaScript's doubles."""

Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90, description="degrees north, WGS 84")]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180, description="degrees east, WGS 84")]
Metres = Annotated[float, msgspec.Meta(ge=0, description="metres")]
Seconds = Annotated[float, msgspec.Meta(ge=0, description="seconds")]
PositiveSeconds = Annotated[float, msgspec.Meta(gt=0, description="seconds, more than 0")]
KilometresPerHour = Annotated[float, msgspec.Meta(ge=0, description="kilometres per hour")]
Degrees = Annotated[float, msgspec.Meta(ge=0, le=360, description="degrees clockwise from north")]
MinorUnits = Annotated[
    int, msgspec.Meta(ge=0, le=EXACT_INTEGER, description="minor currency units, e.g. centavos")
]
SignedMinorUnits = Annotated[
    int,
    msgspec.Meta(
        ge=-EXACT_INTEGER, le=EXACT_INTEGER, description="minor currency units, may be negative"
    ),
]
ZoneId = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1, description="code of a zone")]
RegionId = Annotated[
    int, msgspec.Meta(ge=1, le=265, description="region, as New York's taxi zones are numbered")
]
EpochMs = Annotated[
    int, msgspec.Meta(ge=-EXACT_INTEGER, le=EXACT_INTEGER, description="epoch milliseconds, UTC")
]
Currency = Annotated[
    str,
    # The lengths close a gap: `$` also matches before a final line break.
    msgspec.Meta(pattern="^[A-Z]{3}$", min_length=3, max_length=3, description="ISO 4217 code"),
]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1, description="share, 0 to 1")]
Count = Annotated[int, msgspec.Meta(ge=0, le=EXACT_INTEGER, description="count")]
Multiplier = Annotated[float, msgspec.Meta(ge=1, description="price multiplier")]
Stars = Annotated[int, msgspec.Meta(ge=1, le=5, description="stars")]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
EventTime = Annotated[
    str,
    msgspec.Meta(
        pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?Z$",
        min_length=20,
        max_length=27,
        description="RFC 3339 in UTC, written with milliseconds",
    ),
]
