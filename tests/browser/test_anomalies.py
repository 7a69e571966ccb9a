"""Anomalies in a real browser: one appears, is flown to with its evidence, and clears."""

import msgspec
import pytest
from playwright.sync_api import Page, expect

from contracts.anomalies import AnomalyKind, AnomalyPhase
from tests.browser.watching import DEADLINE_S, open_map, pixels_like, state
from tests.integration.api.city import (
    START_MS,
    anomaly,
    position,
    publish_anomalies,
    publish_positions,
)
from tests.integration.api.servers import Servers, until

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.timeout(600)]

CYAN, YELLOW = (103, 232, 249), (253, 224, 71)
BEFORE, HERE = (-23.6300, -46.7000), (-23.6300, -46.6000)


def on_page(page: Page, lat: float, lon: float) -> tuple[float, float]:
    at = page.evaluate("([lon, lat]) => window.farol.onPage(lon, lat)", [lon, lat])
    return at["x"], at["y"]


def test_an_anomaly_appears_is_flown_to_and_clears(page: Page, servers: Servers) -> None:
    publish_positions(
        servers.redis,
        [position("near", -23.63, -46.65), position("far", -23.45, -46.50)],
    )
    open_map(page, servers.address)
    panel = page.get_by_role("region", name="Anomalies")
    expect(panel).to_contain_text("Nothing is wrong")
    leap = anomaly(
        "leap",
        AnomalyKind.IMPOSSIBLE_SPEED,
        entity_id="driver-7",
        lat=HERE[0],
        lon=HERE[1],
        previous_lat=BEFORE[0],
        previous_lon=BEFORE[1],
        previous_event_time_ms=START_MS - 4000,
        distance_m=10_200.0,
        speed_kmh=9180.0,
    )
    still = anomaly("still", AnomalyKind.FROZEN_GPS, entity_id="driver-8", lat=-23.52, lon=-46.65)
    silent = anomaly("silent", AnomalyKind.ZOMBIE_DRIVER, entity_id="driver-9")
    publish_anomalies(servers.redis, [leap, still, silent])
    row = panel.get_by_role("button", name="driver-7")
    expect(row).to_contain_text("10 km in 4 s (9,180 km/h)")
    expect(panel.get_by_role("button", name="driver-9")).to_contain_text("no place known")
    expect(panel).to_contain_text("1 critical")
    x, y = on_page(page, still.lat or 0, still.lon or 0)
    until(lambda: pixels_like(page, x, y, CYAN), "an open one is drawn", DEADLINE_S)

    # By keyboard: from the first row down to the leap, and Enter.
    panel.get_by_role("button", name="driver-9").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    expect(row).to_have_attribute("aria-current", "true")
    until(lambda: state(page)["viewport"], "it asks for what it shows", DEADLINE_S)
    middle = (HERE[0], (HERE[1] + BEFORE[1]) / 2)

    def line_drawn() -> int:
        # A quarter of the way: neither point's mark is near.
        return pixels_like(page, *on_page(page, middle[0], middle[1] + 0.02), YELLOW, half_px=6)

    until(line_drawn, "a line joins both points", DEADLINE_S)
    until(
        lambda: pixels_like(page, *on_page(page, *BEFORE), (226, 232, 240)),
        "the point before is marked",
        DEADLINE_S,
    )
    until(lambda: state(page)["positions"] == 1, "only who is in view is sent", DEADLINE_S)
    expect(page.get_by_role("region", name="Counts")).to_contain_text("Drivers in view")
    expect(panel.get_by_role("button", name="driver-8")).to_be_visible()

    cleared = msgspec.structs.replace(still, phase=AnomalyPhase.CLEARED, lasted_ms=240_000)
    publish_anomalies(servers.redis, [cleared])
    frozen = panel.get_by_role("button", name="driver-8")
    expect(frozen).to_contain_text("Cleared")
    expect(frozen).to_contain_text("stood on one point for 4 min")
    assert state(page)["anomaliesOnMap"] == ["leap"]
    panel.get_by_role("button", name="Impossible speed", exact=False).first.click()
    expect(row).to_have_count(0)
    page.keyboard.press("Escape")
    until(lambda: state(page)["anomaliesOnMap"] == [], "the hidden kind is gone", DEADLINE_S)

    page.get_by_role("button", name="Whole city").click()
    until(
        lambda: state(page)["viewport"] is None and state(page)["positions"] == 2,
        "zoomed out, everybody is there again",
        DEADLINE_S,
    )
