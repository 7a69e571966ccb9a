"""A user's own format: a YAML file with the fields of `formats.Format`, checked key by key.

```yaml
name: city_cabs
columns:
  trip_id: id               # optional; without it a trip is named after the file and its row
  started_at: [begin, start_time]   # one name or several, in any case
  ended_at: end             # or duration_s
  region: zone              # 1 to 265
  distance: km
  fare: price
time_zone: America/New_York # of times that carry no offset
currency: USD
metres_per_unit: 1000       # length of one unit of distance
flagged_zones: [264, 265]   # optional
optional: [distance]        # optional: fields a file may lack
```
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec
import yaml

from sim.replay.errors import FormatError, ReplayError
from sim.replay.formats import FIELDS, FORMATS, Columns, Format
from sim.replay.local_time import LocalClock

_ENDINGS: Final = (".yaml", ".yml")
_AT: Final = re.compile(r" - at `\$\.?([^`]*)`$")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def format_of(name: str) -> Format:
    """Return a format by its name, or the one in a mapping file (a path that ends in .yaml).

    Raises:
        FormatError: There is none, or the file does not describe one; the message names the key.
    """
    if name.endswith(_ENDINGS):
        return load(Path(name))
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(sorted(FORMATS))
        raise FormatError(
            f"unknown format {name!r}: use one of {known}, or a mapping file that ends in .yaml"
        ) from None


def load(path: Path) -> Format:
    """Return the format that a mapping file describes.

    Raises:
        FormatError: It cannot be read, or does not describe a format.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} cannot be read ({error})") from error
    except yaml.YAMLError as error:
        raise FormatError(f"{path} is no YAML: {error}") from error
    return from_value(value, str(path))


def from_value(value: Any, source: str) -> Format:
    """Return the format of plain values; `source` names them in messages.

    Raises:
        FormatError: A key is unknown, missing, or has a value that cannot be used.
    """
    if not isinstance(value, Mapping):
        raise FormatError(f"{source}: a mapping of keys to values is needed, see docs/replay.md")
    _refuse_unknown(value, Format, source, "")
    columns = value.get("columns")
    if isinstance(columns, Mapping):
        _refuse_unknown(columns, Columns, source, "columns.")
        columns = {field: _names(names) for field, names in columns.items()}
    plain = {**value, "columns": columns}
    if isinstance(plain.get("metres_per_unit"), int | float):
        plain["metres_per_unit"] = str(plain["metres_per_unit"])
    try:
        found = msgspec.convert(plain, Format)
    except msgspec.ValidationError as error:
        raise FormatError(f"{source}: {_readable(str(error))}") from None
    _check(found, source)
    return found


def _names(names: Any) -> Any:
    """Return one name as a list of it, all in lower case, as headers are compared."""
    found = [names] if isinstance(names, str) else names
    if not isinstance(found, list):
        return found
    return [name.strip().lower() if isinstance(name, str) else name for name in found]


def _refuse_unknown(
    value: Mapping[Any, Any], struct: type[msgspec.Struct], source: str, path: str
) -> None:
    known = struct.__struct_fields__
    for key in value:
        if key not in known:
            raise FormatError(f"{source}: unknown key {path}{key}; known are {', '.join(known)}")


def _readable(message: str) -> str:
    """Return msgspec's message with the path in front."""
    at = _AT.search(message)
    return f"{at.group(1)}: {message[: at.start()]}" if at and at.group(1) else message


def _check(found: Format, source: str) -> None:
    def refuse(key: str, problem: str) -> NoReturn:
        raise FormatError(f"{source}: {key}: {problem}")

    _check_columns(found, refuse)
    if not _CURRENCY.fullmatch(found.currency):
        refuse("currency", f"{found.currency!r} is no ISO 4217 code such as USD")
    try:
        is_length = 0 < Decimal(found.metres_per_unit) < 10**9
    except InvalidOperation:
        is_length = False
    if not is_length:
        refuse("metres_per_unit", f"{found.metres_per_unit!r} is no positive number of metres")
    try:
        LocalClock(found.time_zone)
    except ReplayError as error:
        refuse("time_zone", str(error))
    for field in sorted(found.optional - set(FIELDS)):
        refuse("optional", f"{field!r} is no field; known are {', '.join(FIELDS)}")


def _check_columns(found: Format, refuse: Any) -> None:
    columns = found.columns
    for field in ("started_at", "region", "distance", "fare"):
        if not getattr(columns, field):
            refuse(f"columns.{field}", "a trip needs it: name the column")
    if bool(columns.ended_at) == bool(columns.duration_s):
        refuse("columns", "give ended_at or duration_s, one of them")
    taken: dict[str, str] = {}
    for field in FIELDS:
        names: Iterable[str] = getattr(columns, field)
        for name in names:
            if name in taken:
                refuse(f"columns.{field}", f"{name!r} is already the column of {taken[name]}")
            taken[name] = field
