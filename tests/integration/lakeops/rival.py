"""A commit of somebody else, placed between what a writer has read and what it commits."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from deploy.local.layout import Layout


def _put(place: str, metadata: str) -> str:
    return f"update iceberg_tables set metadata_location = '{metadata}' where {place}"  # noqa: S608


@contextmanager
def committing_first(
    layout: Layout, identifier: str, commit: Callable[[], object]
) -> Iterator[None]:
    """Let whoever commits to a table next find that this commit has come first, once.

    The commit is made and taken out of the catalog again. The catalog's database puts it back
    at the moment of the next one, which changes nothing then: no timing is involved.

    Args:
        layout: Of the stack whose catalog it is.
        identifier: The table.
        commit: Makes one commit to it.
    """
    namespace, table = identifier.split(".")
    place = f"table_namespace = '{namespace}' and table_name = '{table}'"
    path = layout.home / "catalog" / "catalog.db"
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:

        def current() -> str:
            found = database.execute(
                f"select metadata_location from iceberg_tables where {place}"  # noqa: S608
            )
            return str(found.fetchone()[0])

        read = current()
        commit()
        rival = current()
        assert rival != read
        database.execute(_put(place, read))
        database.execute(
            "create trigger rival before update on iceberg_tables "
            f"when old.metadata_location = '{read}' and new.metadata_location <> '{rival}' "
            f"begin {_put(place, rival)}; select raise(ignore); end"
        )
        try:
            yield
            assert current() != read, "nobody has committed"
        finally:
            database.execute("drop trigger rival")
