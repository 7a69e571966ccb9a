"""Take a picture of a map: `python -m tests.browser.screenshot OUT [ADDRESS] [WIDTHxHEIGHT]`."""

import sys

from playwright.sync_api import sync_playwright

from tests.browser.launching import launch
from tests.browser.watching import DEADLINE_S, open_map, state
from tests.integration.api.servers import until


def main(out: str, address: str = "http://127.0.0.1:8000", size: str = "1366x768") -> None:
    """Wait until drivers are drawn, then save the page as PNG."""
    width, _, height = size.partition("x")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": int(width), "height": int(height)})
        open_map(page, address)
        until(lambda: state(page)["positions"] > 0, "there are drivers", DEADLINE_S)
        settled = state(page)["frames"] + 40
        until(lambda: state(page)["frames"] > settled, "it has settled", DEADLINE_S)
        page.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
