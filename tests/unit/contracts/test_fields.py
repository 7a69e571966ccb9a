"""Structs as fields: what is kept, and what is refused."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
import pytest

from contracts.fields import Field, Kind, UnsupportedTypeError, fields_of, summary


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(msgspec.Struct):
    size_m: Annotated[float, msgspec.Meta(gt=0, le=9, description="metres")]


class Outer(msgspec.Struct, rename={"kind_of": "kind"}):
    """First paragraph,
    on two lines.

    Second.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5, pattern="^a")]
    inner: Inner
    colour: Colour | None
    kind_of: Literal["x", "y"]
    version: Literal[1, 2]
    count: Annotated[int, msgspec.Meta(ge=0)] = 0
    is_new: bool = False
    marks: list[str] = []


def test_every_detail_is_kept() -> None:
    assert fields_of(Outer) == (
        Field(name="name", kind=Kind.STRING, min_length=1, max_length=5, pattern="^a"),
        Field(
            name="inner",
            kind=Kind.OBJECT,
            struct_name="Inner",
            fields=(
                Field(
                    name="size_m",
                    kind=Kind.NUMBER,
                    description="metres",
                    exclusive_minimum=0,
                    maximum=9,
                ),
            ),
        ),
        Field(name="colour", kind=Kind.STRING, is_nullable=True, enum=("red", "blue")),
        Field(name="kind", kind=Kind.STRING, enum=("x", "y")),
        Field(name="version", kind=Kind.INTEGER, enum=(1, 2)),
        Field(name="count", kind=Kind.INTEGER, is_required=False, minimum=0),
        Field(name="is_new", kind=Kind.BOOLEAN, is_required=False),
        Field(
            name="marks",
            kind=Kind.ARRAY,
            is_required=False,
            item=Field(name="item", kind=Kind.STRING),
        ),
    )


def test_a_summary_is_the_first_paragraph_in_one_line() -> None:
    assert summary(Outer) == "First paragraph, on two lines."
    assert summary(type("Bare", (), {})) == ""


def test_types_that_not_every_output_knows_are_refused() -> None:
    class Dated(msgspec.Struct):
        moment: datetime

    class Either(msgspec.Struct):
        value: int | str

    with pytest.raises(UnsupportedTypeError, match=r"field 'moment' has type .*use str, int"):
        fields_of(Dated)
    with pytest.raises(UnsupportedTypeError, match="field 'value'") as caught:
        fields_of(Either)
    assert caught.value.name == "value"
