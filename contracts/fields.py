"""Structs as plain descriptions of their fields: what renderers read instead of Python types."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import inspect


class Kind(StrEnum):
    """JSON type of a field."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"
    ARRAY = "array"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a struct.

    Bounds are numbers; `enum` lists every value allowed; `fields` belong to objects.
    """

    name: str
    kind: Kind
    is_required: bool = True
    is_nullable: bool = False
    description: str = ""
    minimum: float | None = None
    exclusive_minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    enum: tuple[str | int, ...] = ()
    struct_name: str = ""
    fields: tuple["Field", ...] = ()
    item: "Field | None" = None


class UnsupportedTypeError(TypeError):
    """A struct uses a type that not every output can express."""

    def __init__(self, name: str, found: object) -> None:
        super().__init__(
            f"field {name!r} has type {found}, which the renderers do not know: "
            "use str, int, float, bool, enums, literals, structs or tuples of them, optionally None"
        )
        self.name = name


def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """Return the fields of a struct in wire order.

    Raises:
        UnsupportedTypeError: A field has a type that cannot be rendered.
    """
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)  # noqa: S101 (the argument's type says so)
    return tuple(
        _field(found.encode_name, found.type, is_required=found.required) for found in info.fields
    )


def summary(struct: type[Any]) -> str:
    """Return the first paragraph of a class docstring in one line."""
    return " ".join((struct.__doc__ or "").split("\n\n")[0].split())


def _field(name: str, kind: inspect.Type, *, is_required: bool) -> Field:
    description = ""
    is_nullable = False
    if isinstance(kind, inspect.UnionType):
        some = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
        if len(some) != 1:
            raise UnsupportedTypeError(name, kind)
        is_nullable = True
        kind = some[0]
    if isinstance(kind, inspect.Metadata):
        description = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    return Field(
        name=name,
        is_required=is_required,
        is_nullable=is_nullable,
        description=description,
        **_details(name, kind),
    )


def _details(name: str, kind: inspect.Type) -> dict[str, Any]:
    match kind:
        case inspect.StrType():
            return {
                "kind": Kind.STRING,
                "min_length": kind.min_length,
                "max_length": kind.max_length,
                "pattern": kind.pattern,
            }
        case inspect.IntType() | inspect.FloatType():
            return {
                "kind": Kind.INTEGER if isinstance(kind, inspect.IntType) else Kind.NUMBER,
                "minimum": kind.ge,
                "exclusive_minimum": kind.gt,
                "maximum": kind.le,
            }
        case inspect.BoolType():
            return {"kind": Kind.BOOLEAN}
        case inspect.EnumType():
            return {"kind": Kind.STRING, "enum": tuple(str(member.value) for member in kind.cls)}
        case inspect.LiteralType():
            is_text = all(isinstance(value, str) for value in kind.values)
            return {
                "kind": Kind.STRING if is_text else Kind.INTEGER,
                "enum": tuple(kind.values),
            }
        case inspect.StructType():
            return {
                "kind": Kind.OBJECT,
                "struct_name": kind.cls.__name__,
                "fields": fields_of(kind.cls),
            }
        case inspect.VarTupleType() | inspect.ListType():
            return {"kind": Kind.ARRAY, "item": _field("item", kind.item_type, is_required=True)}
        case _:
            raise UnsupportedTypeError(name, kind)
