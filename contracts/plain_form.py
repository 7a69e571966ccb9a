"""Plain records: those that one regular expression proves well formed.

A record is plain when it is JSON in the form in which Farol itself writes it: fields in the order
of the contract, no escapes, no exponents, ASCII, values inside their bounds. What is plain is well
formed (`validation.reject_reason` finds nothing); what is not plain may be either. So servers that
can search text but not decode a contract need ask `reject_reason` only for the few others.
"""

from datetime import UTC, datetime
from functools import singledispatch
from typing import Final

import msgspec
from msgspec import inspect

from contracts.domain import DOMAINS, Topic

_MAX_DIGITS: Final = 15
_MAX_TEXT: Final = 256
_MAX_ITEMS: Final = 16
"""Repetition is bounded: Java's matcher may use its stack for each turn of a group."""
_CHARACTER: Final = r"[ !#-\[\]-~]"
"""Printable ASCII that JSON neither ends nor escapes."""
_FRACTION: Final = r"(?:\.[0-9]{1,17})?"
_EXACT_BOUND_DIGITS: Final = 6
_TIME: Final = r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
_DAY: Final = (
    "(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
"""Months and days that every year has."""


def plain_form(topic: Topic) -> str:
    """Return the regular expression (common to Java and Python) of a topic's plain records.

    It has to match the whole record, captures nothing, and has no quote that SQL would end at.
    """
    return _object(inspect.type_info(topic.event), event_time=_event_time(topic))


def _object(kind: inspect.Type, *, event_time: str = "") -> str:
    if not isinstance(kind, inspect.StructType):
        raise TypeError(f"{kind} is no struct")
    parts = []
    for number, field in enumerate(kind.fields):
        form = event_time if field.encode_name == "event_time" else _form(field.type)
        part = f'{"," if number else ""}"{field.encode_name}":{form}'
        if not field.required:
            if not number:
                raise TypeError(f"the first field of {kind.cls.__name__} may be absent")
            part = f"(?:{part})?"
        parts.append(part)
    return rf"\{{{''.join(parts)}\}}"


def _event_time(topic: Topic) -> str:
    """Return the form of an instant in one of the whole years that the domain accepts."""
    domain = DOMAINS[topic.domain]
    first, last = (
        datetime.fromtimestamp(ms / 1000, UTC).year
        for ms in (domain.earliest_ms - 1, domain.latest_ms + 1)
    )
    years = "|".join(str(year) for year in range(first + 1, last))
    return f'"(?:{years})-{_DAY}{_TIME}"'


@singledispatch
def _form(kind: inspect.Type) -> str:
    raise TypeError(f"no plain form of {kind}")


@_form.register
def _(kind: inspect.Metadata) -> str:
    return _form(kind.type)


@_form.register
def _(kind: inspect.NoneType) -> str:
    return "null"


@_form.register
def _(kind: inspect.UnionType) -> str:
    return _any_of(*(_form(each) for each in kind.types))


@_form.register
def _(kind: inspect.StructType) -> str:
    return _object(kind)


@_form.register
def _(kind: inspect.LiteralType) -> str:
    return _any_of(*(msgspec.json.encode(value).decode() for value in kind.values))


@_form.register
def _(kind: inspect.EnumType) -> str:
    return _any_of(*(msgspec.json.encode(member.value).decode() for member in kind.cls))


@_form.register
def _(kind: inspect.StrType) -> str:
    if kind.pattern:
        return f'"{kind.pattern.removeprefix("^").removesuffix("$")}"'
    longest = _MAX_TEXT if kind.max_length is None else kind.max_length
    return f'"{_CHARACTER}{{{kind.min_length or 0},{longest}}}"'


@_form.register
def _(kind: inspect.VarTupleType) -> str:
    item = _form(kind.item_type)
    return rf"\[(?:{item}(?:,{item}){{0,{_MAX_ITEMS - 1}}})?\]"


@_form.register
def _(kind: inspect.IntType) -> str:
    low, high = _bounds(kind)
    positive = _whole(1, high)
    forms = [positive] if low == 1 else [positive, "0"]
    if low is None or low < 0:
        forms.append(f"-{_whole(1, None if low is None else -low)}")
    return _any_of(*forms)


@_form.register
def _(kind: inspect.FloatType) -> str:
    if kind.gt == 0:
        limit = None if kind.le is None else int(kind.le) - 1
        return _any_of(_whole(1, limit) + _FRACTION, r"0\.[0-9]{0,15}[1-9][0-9]{0,15}")
    low, high = _bounds(kind)
    # what is below the bound stays there whatever its fraction is
    form = _whole(low if low == 1 else 0, None if high is None else high - 1) + _FRACTION
    if low is None or low < 0:
        form = f"{form}|-{_whole(0, None if low is None else -low - 1)}{_FRACTION}"
    return f"(?:{form})"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> tuple[int | None, int | None]:
    low, high = (None if bound is None else int(bound) for bound in (kind.ge, kind.le))
    is_known = (low is None or low <= 1) and (low, high) == (kind.ge, kind.le)
    if not is_known or kind.gt is not None or kind.lt is not None or kind.multiple_of is not None:
        raise TypeError(f"no plain form of {kind}")
    return low, high


def _whole(low: int, high: int | None) -> str:
    """Return the form of whole numbers from 0 or 1 on, up to a bound or (large) to fewer digits."""
    if high is None or high >= 10**_EXACT_BOUND_DIGITS:
        digits = _MAX_DIGITS if high is None else min(_MAX_DIGITS, len(str(high)) - 1)
        forms = [f"[1-9][0-9]{{0,{digits - 1}}}"]
    else:
        text = str(high)
        forms = [f"[1-9][0-9]{{0,{len(text) - 2}}}"] if len(text) > 1 else []
        for at, digit in enumerate(text):
            first, rest = ("0" if at else "1"), len(text) - at - 1
            if digit > first:
                forms.append(f"{text[:at]}[{first}-{int(digit) - 1}][0-9]{{{rest}}}")
        forms += [text] if high else []
    return _any_of(*forms, *([] if low else ["0"]))


def _any_of(*forms: str) -> str:
    return forms[0] if len(forms) == 1 else f"(?:{'|'.join(forms)})"
