"""One Redis and one API for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.api.servers import Servers
from tests.stack_control import reserve_offset


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Return a running Redis and API."""
    offset, lock = reserve_offset()
    made = Servers(Path(tmp_path_factory.mktemp("api")), offset)
    try:
        made.start_redis()
        made.start_api()
        yield made
    finally:
        made.stop()
        lock.close()
