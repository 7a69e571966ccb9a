# ruff: noqa: INP001, S608 (sqlfluff loads the file by its folder; nothing runs what it renders)
"""What sqlfluff takes for dbt's `adapter`: an engine's part of a macro is some function."""

from collections.abc import Callable


def dispatch(macro_name: str) -> Callable[..., str]:
    """Return a macro whose SQL is a call, or a query of its last argument if its name says so."""

    def rendered(*arguments: object) -> str:
        if macro_name.endswith("_query"):
            return f"select * from {arguments[-1]}"
        return f"{macro_name}()"

    return rendered
