"""A headless browser that can reach nothing but the API under test."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.launching import executable, launch
from tests.browser.watching import DEADLINE_S, Watching
from tests.integration.api.servers import ROOT, Servers, running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the browser of $CHROMIUM, else the one of the toolchain."""
    if not executable().is_file():
        pytest.skip(f"no browser at {executable()}: run `make setup`, or set CHROMIUM=/path")
    if not (ROOT / "api" / "web" / "dist" / "index.html").is_file():
        pytest.skip(
            "the map is not built: run `make setup`, or npm ci and npm run build in api/web"
        )
    expect.set_options(timeout=DEADLINE_S * 1000)
    with sync_playwright() as playwright:
        launched = launch(playwright)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Return a running Redis and API."""
    with running() as made:
        yield made


@pytest.fixture
def page(browser: Browser, servers: Servers) -> Iterator[Page]:
    """Return an empty page of desktop size that is watched for errors and outside requests."""
    servers.redis.flushall()
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.set_default_timeout(DEADLINE_S * 1000)
    opened = context.new_page()
    watching = Watching(opened, servers.address)
    yield opened
    context.close()
    watching.check()
