"""The live map in a real browser: a driver moves, zones change colour, people can use it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from contracts.events import DriverStatus
from contracts.zones import ZONE_BY_ID
from tests.browser.watching import DEADLINE_S, Watching, drawn_at, open_map, pixels_like, state
from tests.integration.api.city import metrics, position, publish_metrics, publish_positions
from tests.integration.api.servers import KEY, Servers, running, until

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.timeout(900)]

GREEN = (52, 211, 153)
TIMES = "\u00d7"
# In zones without surge, a few hundred metres apart.
HERE, THERE = (-23.6800, -46.6800), (-23.6800, -46.6650)


def test_a_driver_moves_on_the_map(page: Page, servers: Servers) -> None:
    publish_positions(servers.redis, [position("taxi", *HERE)])
    open_map(page, servers.address)
    until(lambda: drawn_at(page, "taxi"), "the driver is known", DEADLINE_S)
    start = drawn_at(page, "taxi")
    assert start is not None
    assert start["lat"] == pytest.approx(HERE[0], abs=1e-6)
    until(lambda: pixels_like(page, start["x"], start["y"], GREEN), "it is drawn", DEADLINE_S)

    steps = 6
    seen: list[float] = []
    for step in range(1, steps + 1):
        lon = HERE[1] + (THERE[1] - HERE[1]) * step / steps
        publish_positions(servers.redis, [position("taxi", HERE[0], lon, seq=1 + step)])

        def arrived(target: float = lon) -> bool:
            now = drawn_at(page, "taxi")
            assert now is not None
            seen.append(now["lon"])
            return abs(now["lon"] - target) < 1e-6

        until(arrived, f"step {step}", DEADLINE_S)
    assert seen == sorted(seen), "it never steps back"
    end = drawn_at(page, "taxi")
    assert end is not None
    assert end["x"] - start["x"] > 10, "it went east on the page"
    until(lambda: pixels_like(page, end["x"], end["y"], GREEN), "it is drawn there", DEADLINE_S)
    until(
        lambda: pixels_like(page, start["x"], start["y"], GREEN, half_px=4) == 0,
        "it is no longer drawn where it was",
        DEADLINE_S,
    )


def test_counts_and_status_switches(page: Page, servers: Servers) -> None:
    publish_positions(
        servers.redis,
        [
            position("one", *HERE),
            position("two", *THERE, driver_status=DriverStatus.ON_TRIP),
            position("three", -23.60, -46.70, driver_status=DriverStatus.ON_TRIP),
        ],
    )
    publish_metrics(servers.redis, [metrics(78, open_requests=6, multiplier=1.5), metrics(1)])
    open_map(page, servers.address)
    counts = page.get_by_role("region", name="Counts")
    expect(counts.locator(".figures dd")).to_have_text(["3", "6", "1"])
    available = counts.get_by_role("button", name="Available")
    expect(available).to_contain_text("1")
    at = drawn_at(page, "one")
    assert at is not None
    until(lambda: pixels_like(page, at["x"], at["y"], GREEN), "it is drawn", DEADLINE_S)
    available.focus()
    page.keyboard.press("Enter")
    expect(available).to_have_attribute("aria-pressed", "false")
    until(lambda: not pixels_like(page, at["x"], at["y"], GREEN), "it is hidden", DEADLINE_S)
    page.keyboard.press("Enter")
    until(lambda: pixels_like(page, at["x"], at["y"], GREEN), "it is back", DEADLINE_S)


def test_a_surging_zone_glows_and_tells_its_figures(page: Page, servers: Servers) -> None:
    publish_metrics(servers.redis, [metrics(78, run_id="glow")])
    open_map(page, servers.address)
    page.get_by_label("Go to zone").select_option("78")
    detail = page.get_by_role("complementary", name=f"Zone {ZONE_BY_ID[78].name}")
    expect(detail.locator(".multiplier")).to_have_text(f"1.0{TIMES}")
    red = (114, 32, 43)
    assert pixels_like(page, 800, 300, red, half_px=40) == 0
    publish_metrics(
        servers.redis,
        [
            metrics(
                zone_id, run_id="glow", window_end_ms=2 * 10**12, multiplier=3.0, open_requests=9
            )
            for zone_id in ZONE_BY_ID
        ],
    )
    expect(detail.locator(".multiplier")).to_have_text(f"3.0{TIMES}")
    expect(detail).to_contain_text("Open requests9")
    until(lambda: pixels_like(page, 800, 300, red, half_px=40) > 300, "it glows", DEADLINE_S)
    box = detail.bounding_box()
    assert box is not None
    card = (13, 20, 36)
    bare = pixels_like(page, box["x"] + box["width"] - 60, box["y"] + 75, card, half_px=8)
    assert bare > 150, "nothing of the map is drawn over a panel"
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)


def test_redis_goes_and_comes_back(page: Page, servers: Servers) -> None:
    publish_positions(servers.redis, [position("old", *HERE)])
    open_map(page, servers.address)
    servers.stop_redis()
    expect(page.get_by_role("alert")).to_contain_text("stands still")
    servers.start_redis()
    publish_positions(servers.redis, [position("new", *THERE)])
    until(lambda: drawn_at(page, "new"), "the map goes on", DEADLINE_S)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert drawn_at(page, "old") is None


def test_on_a_phone_the_map_comes_first(browser: Browser, servers: Servers) -> None:
    servers.redis.flushall()
    publish_positions(servers.redis, [position("one", *HERE)])
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    context.set_default_timeout(DEADLINE_S * 1000)
    page = context.new_page()
    watching = Watching(page, servers.address)
    try:
        open_map(page, servers.address)
        figures = page.get_by_role("region", name="Counts")
        expect(figures).to_be_hidden()
        page.get_by_role("button", name="Show figures").tap()
        expect(figures).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        context.close()
    watching.check()


@pytest.fixture
def closed(servers: Servers) -> Iterator[Servers]:
    """Return an API that gives no sessions, as when it is reached from elsewhere."""
    settings = {"FAROL_API_LOCAL_SESSION": "0", "FAROL_REDIS_URL": servers.redis_url}
    with running(settings, has_redis=False) as made:
        yield made


def test_without_a_session_the_page_asks_for_the_key(browser: Browser, closed: Servers) -> None:
    context = browser.new_context()
    context.set_default_timeout(DEADLINE_S * 1000)
    page = context.new_page()
    try:
        page.goto(closed.address)
        key = page.get_by_label("API key")
        key.fill("short")
        page.get_by_role("button", name="Open the map").click()
        expect(page.locator("#key-help")).to_contain_text("no key")
        key.fill(KEY)
        page.get_by_role("button", name="Open the map").click()
        until(lambda: state(page).get("connection") == "live", "live by form", DEADLINE_S)
        second = context.new_page()
        second.goto(f"{closed.address}/#key={KEY}")
        until(lambda: state(second).get("connection") == "live", "live by address", DEADLINE_S)
        assert KEY not in second.url
    finally:
        context.close()
