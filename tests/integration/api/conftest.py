"""One Redis and one API for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.integration.api.servers import Servers, running


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Return a running Redis and API."""
    with running() as made:
        yield made
