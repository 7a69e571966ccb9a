"""The headless browser of the toolchain, or the one that $CHROMIUM names."""

import os
from pathlib import Path

from playwright.sync_api import Browser, Playwright

from tests.integration.api.servers import ROOT

TOOLS = ROOT / ".farol" / "tools" / "browser"
# Software WebGL; without --no-sandbox the packaged browser does not start for every user.
ARGUMENTS = [
    "--ignore-gpu-blocklist",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def executable() -> Path:
    """Return where the browser should be."""
    given = os.environ.get("CHROMIUM")
    return Path(given) if given else TOOLS / "chromium"


def launch(playwright: Playwright) -> Browser:
    """Return a started browser that can reach this machine only."""
    environment: dict[str, str | float | bool] = dict(os.environ)
    if "CHROMIUM" not in os.environ:
        environment["LD_LIBRARY_PATH"] = str(TOOLS / "lib")
    return playwright.chromium.launch(
        executable_path=executable(), args=ARGUMENTS, env=environment, timeout=120_000
    )
