"""Statements from `sql/flink`: one per file, with `$name` placeholders for values, never for logic.

`string.Template.substitute` renders them: a missing value raises, an unused one too. A literal
dollar is `$$`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Final

SQL_ROOT: Final = Path(__file__).resolve().parents[2] / "sql" / "flink"


class SqlFileError(Exception):
    """A statement file is missing, or its placeholders and the given values differ."""


def statement(path: str, **values: object) -> str:
    """Return the statement of a file below `sql/flink`, rendered.

    Args:
        path: For instance `jobs/live_positions/insert.sql` or `tables/rideshare_gps_pings.sql`.
        values: One value per placeholder, no more and no fewer.

    Raises:
        SqlFileError: The file does not exist, or placeholders and values differ.
    """
    file = SQL_ROOT / path
    try:
        template = Template(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SqlFileError(f"no statement file sql/flink/{path}") from error
    return render(template, values, origin=f"sql/flink/{path}")


def text_list(values: Iterable[str]) -> str:
    """Return SQL text literals with commas between, for an `in (...)`."""
    return ", ".join("'" + str(value).replace("'", "''") + "'" for value in values)


def quoted(name: str) -> str:
    """Return a dotted name with every part in quotes: `stream` is a word of the language."""
    return ".".join(f"`{part}`" for part in name.split("."))


def render(template: Template, values: Mapping[str, object], origin: str) -> str:
    """Return the template with every placeholder replaced, without a closing semicolon.

    Raises:
        SqlFileError: Placeholders and values differ.
    """
    wanted = set(template.get_identifiers())
    if missing := sorted(wanted - set(values)):
        raise SqlFileError(f"{origin} needs {', '.join(missing)}")
    if unused := sorted(set(values) - wanted):
        raise SqlFileError(f"{origin} has no placeholder {', '.join(unused)}")
    return template.substitute(values).strip().removesuffix(";")
