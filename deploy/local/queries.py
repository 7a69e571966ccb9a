"""Named questions for Trino: the files of `sql/trino/queries`, with typed parameters.

A file begins with comments: `-- Purpose: ...`, `-- Reads: ...` and one line for each parameter,

    -- Parameter first_day (date, default 2026-01-01): the first day that counts.

which the statement uses as `$first_day`. Values are bound, never pasted into the text, but one:
Trino binds none in `for timestamp as of`, so `hours` are written there, as the number they are.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, Self

Value = str | int | Decimal | dt.date
_PARAMETER: Final = re.compile(
    r"^-- Parameter (?P<name>[a-z_]+) "
    r"\((?P<kind>[a-z]+)(, default (?P<default>[^)]+))?\): (?P<text>.+)$"
)
_PLACEHOLDER: Final = re.compile(r"(?<!\w)\$([a-z_]+)")
"""A dollar inside a name is the name of a metadata table."""
_MOST_HOURS: Final = 1_000_000
_MOST_ROWS: Final = 1_000_000


def _hours(text: str) -> Decimal:
    value = Decimal(text)
    if not (value.is_finite() and 0 < value <= _MOST_HOURS):
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 0 < value <= _MOST_ROWS:
        raise ValueError(text)
    return value


_WRITTEN: Final = "hours"
"""The kind whose values stand in the text."""
_KINDS: Final[Mapping[str, Callable[[str], Value]]] = {
    "date": dt.date.fromisoformat,
    _WRITTEN: _hours,
    "count": _count,
    "integer": int,
    "number": Decimal,
    "text": str,
}
_WANTED: Final[Mapping[str, str]] = {
    "date": "a day like 2026-03-01",
    _WRITTEN: f"a number above 0, at most {_MOST_HOURS:,}",
    "count": f"a whole number from 1 to {_MOST_ROWS:,}",
    "integer": "a whole number",
    "number": "a number",
}
"""What values of a kind that refuses some look like."""


class QueryError(Exception):
    """There is no such query, or its parameters are wrong; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query; without a default it must be given."""

    name: str
    kind: str
    default: str | None
    description: str

    def value(self, text: str) -> Value:
        """Return a given text as a value of this parameter's type.

        Raises:
            QueryError: It is none.
        """
        try:
            return _KINDS[self.kind](text)
        except (ValueError, InvalidOperation):
            raise QueryError(
                f"{self.name} is of kind {self.kind}, not {text!r}: give {_WANTED[self.kind]}"
            ) from None


@dataclass(frozen=True, slots=True)
class Query:
    """One question: its statement with `$name` where a parameter stands."""

    name: str
    purpose: str
    parameters: tuple[Parameter, ...]
    statement: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the query of a file.

        Raises:
            QueryError: Its header does not describe it, or does not fit the statement.
        """
        lines = path.read_text(encoding="utf-8").splitlines()
        header = [line for line in lines if line.startswith("--")]
        purpose = next((h.removeprefix("-- Purpose: ") for h in header if "Purpose: " in h), "")
        found = [match for line in header if (match := _PARAMETER.match(line))]
        parameters = tuple(Parameter(m["name"], m["kind"], m["default"], m["text"]) for m in found)
        statement = "\n".join(line for line in lines if not line.startswith("--")).strip()
        used = set(_PLACEHOLDER.findall(statement))
        declared = {parameter.name for parameter in parameters}
        if used != declared:
            raise QueryError(
                f"{path}: the statement uses {sorted(used)}, its header describes "
                f"{sorted(declared)}"
            )
        if unknown := [p.kind for p in parameters if p.kind not in _KINDS]:
            raise QueryError(f"{path}: no type {unknown[0]!r}: known are {', '.join(_KINDS)}")
        return cls(path.stem, purpose, parameters, statement)

    def bound(self, given: Mapping[str, str]) -> tuple[str, list[Value]]:
        """Return the statement with `?` for each value that is bound, and these in their order.

        Args:
            given: Texts by parameter name.

        Raises:
            QueryError: A parameter is unknown, missing, or not of its type.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        if unknown := sorted(given.keys() - known.keys()):
            listed = ", ".join(known) or "none"
            raise QueryError(f"{self.name} has no parameter {unknown[0]!r}; it has: {listed}")
        texts, values = dict[str, str](), dict[str, Value]()
        for name, parameter in known.items():
            text = given.get(name, parameter.default)
            if text is None:
                raise QueryError(
                    f"{self.name} needs --set {name}=...: {parameter.description} "
                    f"({parameter.kind})"
                )
            value = parameter.value(text)
            if parameter.kind == _WRITTEN:
                texts[name] = f"{value:f}"
            else:
                values[name] = value
        order = [name for name in _PLACEHOLDER.findall(self.statement) if name in values]
        statement = _PLACEHOLDER.sub(lambda found: texts.get(found[1], "?"), self.statement)
        return statement, [values[name] for name in order]


def named(folder: Path, name: str) -> Query:
    """Return the query of this name.

    Raises:
        QueryError: There is none; the message lists the known ones.
    """
    path = folder / f"{name}.sql"
    if not re.fullmatch(r"[a-z0-9_]+", name) or not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.sql")))
        raise QueryError(f"there is no query {name!r}; queries are: {known}")
    return Query.read(path)


def all_queries(folder: Path) -> list[Query]:
    """Return every query of a folder by name."""
    return [Query.read(path) for path in sorted(folder.glob("*.sql"))]


def assignments(texts: list[str]) -> dict[str, str]:
    """Return `name=value` texts as a mapping.

    Raises:
        QueryError: A text has no equals sign.
    """
    pairs = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise QueryError(f"--set {text}: write name=value")
        pairs[name] = value
    return pairs
