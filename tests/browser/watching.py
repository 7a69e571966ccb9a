"""What a browser test asks of a page: its state, its pixels, and that it stays at home."""

import base64
from typing import Any

from playwright.sync_api import Page

from tests.integration.api.servers import until

DEADLINE_S = 120.0


class Watching:
    """Notes requests to other hosts and errors of the page's scripts."""

    def __init__(self, page: Page, address: str) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        own = (address, address.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(own) else self.outside.append(r.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def check(self) -> None:
        """Fail if the page asked another host for anything or one of its scripts broke."""
        assert self.outside == []
        assert self.errors == []


def state(page: Page) -> dict[str, Any]:
    """Return what the page knows, empty before it has started."""
    return dict(page.evaluate("window.farol ? window.farol.state() : {}"))


def open_map(page: Page, address: str) -> None:
    """Open the page and wait until it is live and has drawn."""
    page.goto(address)
    until(
        lambda: state(page).get("connection") == "live" and state(page)["frames"] > 3,
        "the map is live",
        DEADLINE_S,
    )


def drawn_at(page: Page, entity_id: str) -> dict[str, float] | None:
    """Return where a driver is drawn: lon, lat, and x, y on the page."""
    found = page.evaluate("id => window.farol.drawnAt(id)", entity_id)
    return None if found is None else dict(found)


def pixels_like(
    page: Page, x: float, y: float, colour: tuple[int, int, int], half_px: int = 10
) -> int:
    """Return how many pixels around a point of the page have about this colour."""
    clip = {"x": x - half_px, "y": y - half_px, "width": 2.0 * half_px, "height": 2.0 * half_px}
    picture = base64.b64encode(page.screenshot(clip=clip)).decode()  # type: ignore[arg-type]
    # Decoded in an empty page, whose canvas nothing else touches.
    reader = page.context.new_page()
    try:
        return int(
            reader.evaluate(
                """async ([picture, red, green, blue]) => {
                  const image = new Image();
                  image.src = "data:image/png;base64," + picture;
                  await image.decode();
                  const canvas = new OffscreenCanvas(image.width, image.height);
                  const pen = canvas.getContext("2d");
                  pen.drawImage(image, 0, 0);
                  const data = pen.getImageData(0, 0, image.width, image.height).data;
                  let found = 0;
                  for (let at = 0; at < data.length; at += 4) {
                    const far = Math.max(Math.abs(data[at] - red),
                      Math.abs(data[at + 1] - green), Math.abs(data[at + 2] - blue));
                    if (far < 40) found += 1;
                  }
                  return found;
                }""",
                [picture, *colour],
            )
        )
    finally:
        reader.close()
