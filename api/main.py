"""Composition root: `python -m api.main` serves REST, WebSocket and the map with uvicorn."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from starlette.middleware.gzip import GZipMiddleware

from api import logs, problems
from api.live.hub import Hub
from api.live.listener import Listener
from api.live.socket import MAX_WISH_BYTES, LiveSocket
from api.routes import health, live_data, page
from api.security import ApiKeyError, Gate, load_key
from api.services.anomalies import AnomalyService
from api.services.positions import PositionService
from api.services.readiness import Dependency, ReadinessService
from api.services.registry import Services
from api.services.stats import StatsService
from api.services.surge import SurgeService
from api.services.windows import WindowService
from api.settings import Settings, SettingsError
from api.stores.anomalies import AnomalyLog
from api.stores.redis import RedisStore, connect
from api.stores.trino import TrinoStore
from api.telemetry import Telemetry

VERSION: Final = "1.0.0"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
DESCRIPTION: Final = """
Newest positions, surge by zone, anomalies, windows of taxi regions, and counts, as the streaming
jobs wrote them. Everything under `/api/v1` needs the key in `X-API-Key`. Errors are problem JSON
and say what was wrong, where, and what to do.

**Live**: WebSocket `/ws` with subprotocols `farol.v1, apikey.<key>`; send
`{"type":"subscribe","channels":["positions","surge","anomalies"],"viewport":{"west":-46.7,"south":-23.6,"east":-46.6,"north":-23.5}}`
(`viewport` is optional). A `snapshot` follows, then `delta`s; `sequence` rises by one per message,
a `delta` without content is a heartbeat. `error` says what to do. A new `subscribe` starts with a
new snapshot. Of anomalies the newest 500 are kept for viewers: what lasts comes again with phase
`cleared`, `removed_anomalies` names those that made room. With a viewport come those inside it and
those without a place, with `"anomalies_everywhere":true` all of them.
"""
_LOG: Final = logging.getLogger("api")


def create_app(settings: Settings) -> FastAPI:
    """Return the application; its clients are made when it starts and closed when it stops.

    Raises:
        ApiKeyError: The API key cannot be used.
    """
    gate = Gate(
        load_key(settings.given_key, settings.key_file),
        settings.port,
        local_session=settings.local_session,
    )
    telemetry = Telemetry()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        reader, subscriber = connect(settings.redis_url), connect(settings.redis_url, retries=0)
        hub = Hub(telemetry, settings.max_clients)
        store = RedisStore(reader, settings.domain, telemetry.undecodable)
        log = AnomalyLog(reader, settings.domain, telemetry.undecodable)
        async with httpx.AsyncClient(trust_env=False) as http:
            app.state.services = _services(store, log, TrinoStore(http, settings.trino_url), hub)
            app.state.live = LiveSocket(hub, gate, settings)
            listener = Listener(subscriber, store, log, hub, settings.domain, telemetry)
            task = asyncio.create_task(listener.run())
            task.add_done_callback(_report_end)
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                await reader.aclose()
                await subscriber.aclose()

    app = FastAPI(
        title="Farol",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        # Their pages load scripts from other hosts; the document itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings, app.state.gate, app.state.telemetry = settings, gate, telemetry
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    _count_requests(app, telemetry)
    problems.install(app)
    app.include_router(health.router)
    app.include_router(live_data.router)
    app.include_router(page.router)

    @app.websocket("/ws")
    async def live(socket: WebSocket) -> None:
        await app.state.live.serve(socket)

    return app


def _services(redis: RedisStore, log: AnomalyLog, trino: TrinoStore, hub: Hub) -> Services:
    async def live_source() -> None:
        if not hub.is_connected:
            raise ConnectionError("not subscribed to the live channels yet")

    return Services(
        anomalies=AnomalyService(log),
        positions=PositionService(redis),
        readiness=ReadinessService(
            {
                "redis": Dependency(redis.ping, is_required=True),
                "live_source": Dependency(live_source, is_required=True),
                "trino": Dependency(trino.ping, is_required=False),
            }
        ),
        stats=StatsService(redis),
        surge=SurgeService(redis),
        windows=WindowService(redis),
    )


def _count_requests(app: FastAPI, telemetry: Telemetry) -> None:
    @app.middleware("http")
    async def count(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        began = time.perf_counter()
        response = await call_next(request)
        # The template, never the address: one series per route, however many zones are asked for.
        route = getattr(request.scope.get("route"), "path", "none")
        # Whatever word a client puts there; only those with a route get a series of their own.
        method = request.method if request.method in METHODS else "other"
        telemetry.requests.labels(method, route, response.status_code).inc()
        telemetry.latency.labels(method, route).observe(time.perf_counter() - began)
        return response


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        # Without its listener the process would serve a map that stands still: let the supervisor
        # start it anew.
        _LOG.critical("live_listener_died", exc_info=error)
        os._exit(1)


def main() -> None:
    """Serve until a signal comes."""
    logs.configure()
    try:
        settings = Settings.from_environment(os.environ)
        app = create_app(settings)
    except (SettingsError, ApiKeyError, OSError) as error:
        sys.stderr.write(f"farol api: {error}\n")
        sys.exit(2)
    _LOG.info("api_starting", extra={"address": f"http://{settings.host}:{settings.port}"})
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws_max_size=MAX_WISH_BYTES,
        # A busy browser may take a while to answer; what it misses meanwhile costs us nothing.
        ws_ping_timeout=60,
        # On loopback compressing costs more than it saves; a proxy in front may do it.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
