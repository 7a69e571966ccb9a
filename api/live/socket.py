"""One WebSocket connection: handshake, wishes in, newest values out, and its end."""

import asyncio
import logging
from contextlib import suppress
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import WebSocket, WebSocketDisconnect

from api.live.hub import Client, Hub, HubFullError, lost_notice
from api.problems import ProblemError, problem_response
from api.security import Caller, Gate, offered_protocols
from api.settings import Settings
from contracts.live import Problem, Subscribe

HEARTBEAT_S: Final = 5.0
SUBSCRIBE_WITHIN_S: Final = 15.0
SEND_WITHIN_S: Final = 60.0
GATHER_S: Final = 0.01
WISH_PAUSE_S: Final = 0.05
CLOSE_NORMAL: Final = 1000
CLOSE_GOING_AWAY: Final = 1001
CLOSE_POLICY: Final = 1008
MAX_WISH_BYTES: Final = 4096
_LOG: Final = logging.getLogger("api.live")
_WISHES: Final = msgspec.json.Decoder(Subscribe)


class WishError(Exception):
    """A client's message could not be followed; the text says what to send."""


def parse_wish(text: str | bytes | None) -> Subscribe:
    """Return the subscription that a client's message asks for.

    Raises:
        WishError: It is no such message, or its viewport is no box.
    """
    example = '{"type":"subscribe","channels":["positions","surge","anomalies"]}'
    if text is None or len(text) > MAX_WISH_BYTES:
        raise WishError(f"Send one text message of at most {MAX_WISH_BYTES} bytes, e.g. {example}")
    try:
        wish = _WISHES.decode(text)
    except msgspec.DecodeError as error:
        raise WishError(f"The message was not understood ({error}); send e.g. {example}") from error
    if not wish.channels:
        raise WishError(f"`channels` is empty: name those that you want, e.g. {example}")
    box = wish.viewport
    if box is not None and (box.west > box.east or box.south > box.north):
        raise WishError("`viewport` is no box: west <= east and south <= north are needed")
    return wish


class LiveSocket:
    """Serves connections; one instance per process."""

    def __init__(self, hub: Hub, gate: Gate, settings: Settings) -> None:
        self._hub = hub
        self._gate = gate
        self._flush_s = settings.flush_interval_ms / 1000.0
        self._lifetime_s = settings.connection_lifetime_s

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection from its handshake to its end."""
        key, protocol = offered_protocols(socket.headers.get("sec-websocket-protocol"))
        caller = Caller(
            peer=socket.client.host if socket.client else None,
            headers=socket.headers,
            cookies=socket.cookies,
        )
        if not self._gate.admits(caller, key, needs_origin=True):
            await _refuse(
                socket,
                ProblemError(
                    HTTPStatus.UNAUTHORIZED,
                    "The key is missing or wrong.",
                    "Offer the subprotocol `apikey.<key>`; the key is in secrets/api_key.",
                ),
            )
            return
        try:
            client = self._hub.join()
        except HubFullError as error:
            await _refuse(
                socket,
                ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), "Try again in a minute."),
            )
            return
        try:
            await socket.accept(subprotocol=protocol)
            await self._converse(socket, client)
        except (WebSocketDisconnect, RuntimeError) as error:
            # Starlette reports a peer that vanished while we send as RuntimeError.
            _LOG.debug("live_client_gone", extra={"error": str(error)})
        finally:
            self._hub.leave(client)

    async def _converse(self, socket: WebSocket, client: Client) -> None:
        if not self._hub.is_connected:
            client.notices.append(lost_notice("not connected yet"))
            client.bell.set()
        tasks = [
            asyncio.create_task(self._receive(socket, client)),
            asyncio.create_task(self._send(socket, client)),
        ]
        try:
            done, _ = await asyncio.wait(
                tasks, timeout=self._lifetime_s, return_when=asyncio.FIRST_COMPLETED
            )
            code, reason = CLOSE_GOING_AWAY, "connection lifetime reached, connect again"
            for task in done:
                code, reason = task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(RuntimeError):
            await socket.close(code, reason)

    async def _receive(self, socket: WebSocket, client: Client) -> tuple[int, str]:
        while True:
            deadline_s = None if client.viewer.is_subscribed else SUBSCRIBE_WITHIN_S
            try:
                message = await asyncio.wait_for(socket.receive(), deadline_s)
            except TimeoutError:
                return CLOSE_POLICY, "no subscription came"
            if message["type"] == "websocket.disconnect":
                return CLOSE_NORMAL, "bye"
            try:
                client.viewer.subscribe(parse_wish(message.get("text")))
            except WishError as error:
                client.notices[:] = [msgspec.json.encode(Problem(message=str(error)))]
            client.bell.set()
            # A client that asks without pause fills its own socket, not our memory.
            await asyncio.sleep(WISH_PAUSE_S)

    async def _send(self, socket: WebSocket, client: Client) -> tuple[int, str]:
        clock = asyncio.get_running_loop().time
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(client.bell.wait(), HEARTBEAT_S)
            # A frame of the feeder comes as one message per cell: gathered, they leave together.
            await asyncio.sleep(GATHER_S)
            client.bell.clear()
            sent_at = clock()
            try:
                async with asyncio.timeout(SEND_WITHIN_S):
                    while client.notices:
                        await socket.send_text(client.notices.pop(0).decode())
                    if client.viewer.is_subscribed:
                        await socket.send_text(self._hub.next_message(client).decode())
            except TimeoutError:
                return CLOSE_POLICY, "too slow"
            await asyncio.sleep(max(0.0, self._flush_s - (clock() - sent_at)))


async def _refuse(socket: WebSocket, problem: ProblemError) -> None:
    await socket.send_denial_response(problem_response(problem, socket.url.path))
