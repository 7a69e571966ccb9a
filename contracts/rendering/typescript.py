"""TypeScript types of what the WebSocket carries and of the words the map shows."""

from enum import StrEnum
from typing import Final

import msgspec
from msgspec import inspect

from contracts import live
from contracts.anomalies import AnomalyKind, AnomalyPhase, Severity
from contracts.events import DriverStatus, EntityType, TripState
from contracts.fields import Field, Kind, fields_of, summary

PATH: Final = "api/web/src/contracts.ts"
ENUMS: Final[tuple[type[StrEnum], ...]] = (
    TripState,
    DriverStatus,
    EntityType,
    AnomalyKind,
    AnomalyPhase,
    Severity,
)
STRUCTS: Final[tuple[type[msgspec.Struct], ...]] = (
    live.Position,
    live.PositionFrame,
    live.ZoneMetrics,
    live.Anomaly,
    live.RegionWindow,
    live.Viewport,
    live.Snapshot,
    live.Delta,
    live.Problem,
    live.Subscribe,
)
SERVER_MESSAGES: Final = (live.Snapshot, live.Delta, live.Problem)
CLIENT_MESSAGES: Final = (live.Subscribe,)
_SCALARS: Final = {
    Kind.STRING: "string",
    Kind.INTEGER: "number",
    Kind.NUMBER: "number",
    Kind.BOOLEAN: "boolean",
}


def render() -> dict[str, str]:
    """Return the file by its path from the repository root."""
    parts = ["// Rendered from contracts by `make contracts`; do not edit.\n"]
    parts += [_enum(enum) for enum in ENUMS]
    parts += [_interface(struct) for struct in STRUCTS]
    parts.append(_union("ServerMessage", "What the server sends.", SERVER_MESSAGES))
    parts.append(_union("ClientMessage", "What a client may send.", CLIENT_MESSAGES))
    return {PATH: "\n".join(parts)}


def type_of(field: Field) -> str:
    """Return the TypeScript type of a field."""
    if field.kind is Kind.ARRAY and field.item is not None:
        inner = type_of(field.item)
        text = f"{inner}[]" if inner.isidentifier() else f"({inner})[]"
    elif field.kind is Kind.OBJECT:
        text = field.struct_name
    elif field.enum:
        text = _names().get(field.enum) or " | ".join(_literal(value) for value in field.enum)
    else:
        text = _SCALARS[field.kind]
    return f"{text} | null" if field.is_nullable else text


def _names() -> dict[tuple[str | int, ...], str]:
    return {tuple(member.value for member in enum): enum.__name__ for enum in ENUMS}


def _literal(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _enum(enum: type[StrEnum]) -> str:
    members = "".join(f"\n  | {_literal(member.value)}" for member in enum)
    return f"/** {summary(enum)} */\nexport type {enum.__name__} ={members};\n"


def _interface(struct: type[msgspec.Struct]) -> str:
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101 (the argument's type says so)
    lines = [f"/** {summary(struct)} */", f"export interface {struct.__name__} {{"]
    if info.tag_field is not None:
        lines.append(f'  {info.tag_field}: "{info.tag}";')
    for field in fields_of(struct):
        if field.description:
            lines.append(f"  /** {field.description} */")
        lines.append(f"  {field.name}{'' if field.is_required else '?'}: {type_of(field)};")
    return "\n".join([*lines, "}"]) + "\n"


def _union(name: str, text: str, structs: tuple[type[msgspec.Struct], ...]) -> str:
    members = " | ".join(struct.__name__ for struct in structs)
    return f"/** {text} */\nexport type {name} = {members};\n"
