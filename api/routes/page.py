"""The live map: the built page, its assets, and the session of a local browser."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

from api.routes import caller_of
from api.security import SESSION_SECONDS, Gate
from api.settings import Settings

ASSET_TYPES: Final = {".js", ".css", ".svg", ".png", ".woff2", ".map"}
NOT_BUILT: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Farol</title>
<body style="background:#0b1020;color:#e6ebf5;font:16px system-ui;padding:3rem;line-height:1.6">
<h1>The map is not built yet</h1>
<p>Run <code>make setup</code>, or in <code>api/web</code>: <code>npm ci &amp;&amp; npm run
build</code>, then load this page again.</p> <p>The REST API works meanwhile: see <a
style="color:#7cc4ff" href="/openapi.json">/openapi.json</a>.</p> </body></html>"""

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page(request: Request) -> Response:
    """Return the page; a browser on this machine gets a session with it."""
    settings: Settings = request.app.state.settings
    gate: Gate = request.app.state.gate
    index = settings.web_folder / "index.html"
    if not index.is_file():
        return HTMLResponse(NOT_BUILT, status_code=503)
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": _policy(settings.tile_url),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    response = FileResponse(index, media_type="text/html", headers=headers)
    if gate.is_local_browser(caller_of(request)):
        response.set_cookie(
            gate.cookie_name,
            gate.new_session(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            path="/",
        )
    return response


@router.get("/assets/{name}")
async def asset(request: Request, name: str) -> Response:
    """Return one built file; names carry a hash of their content, so they never change."""
    settings: Settings = request.app.state.settings
    path = settings.web_folder / "assets" / Path(name).name
    if path.suffix not in ASSET_TYPES or not path.is_file():
        raise HTTPException(404, f"no built file {name!r}")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(path, headers=headers)


def _policy(tile_url: str | None) -> str:
    tiles = ""
    if tile_url is not None:
        parts = urlsplit(tile_url)
        tiles = f" {parts.scheme}://{parts.netloc}"
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            # MapLibre runs its worker from a blob and sets styles on its elements.
            "worker-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob:{tiles}",
            f"connect-src 'self'{tiles}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
