"""WebSocket against a real Redis: handshake, snapshot, deltas, slow clients, loss and return."""

import contextlib
import json
import socket as socketlib
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from contracts import redis_keys
from contracts.ports import port
from tests.integration.api.city import (
    DOMAIN,
    metrics,
    position,
    publish_metrics,
    publish_positions,
)
from tests.integration.api.servers import DEADLINE_S, KEY, Servers, running, until

pytestmark = pytest.mark.redis

EVERYTHING = {"type": "subscribe", "channels": ["positions", "surge"]}


@pytest.fixture(autouse=True)
def empty(servers: Servers) -> None:
    servers.redis.flushall()
    until(lambda: servers.get("/readyz").status_code == 200, "ready")


@contextlib.contextmanager
def client(
    servers: Servers, protocols: tuple[str, ...] = ("farol.v1", f"apikey.{KEY}"), **options: Any
) -> Iterator[ClientConnection]:
    address = servers.address.replace("http", "ws") + "/ws"
    with connect(address, subprotocols=protocols, max_size=None, proxy=None, **options) as socket:  # type: ignore[arg-type]
        yield socket


def receive(socket: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(socket.recv(timeout=DEADLINE_S)))


def subscribe(socket: ClientConnection, **wish: object) -> dict[str, Any]:
    socket.send(json.dumps(EVERYTHING | wish))
    while (message := receive(socket))["type"] != "snapshot":
        assert message["type"] == "delta"
    return message


def until_delta(socket: ClientConnection, field: str) -> dict[str, Any]:
    """Return the next delta in which the field is not empty; numbers must have no gap."""
    sequence = None
    while True:
        message = receive(socket)
        assert message["type"] == "delta", message
        assert sequence is None or message["sequence"] == sequence + 1
        sequence = message["sequence"]
        if message[field]:
            return message


def test_a_snapshot_then_deltas(servers: Servers) -> None:
    with client(servers) as socket:
        assert socket.subprotocol == "farol.v1"
        snapshot = subscribe(socket)
        assert snapshot["sequence"] == 1
        publish_positions(servers.redis, [position("a", -23.5, -46.6)])
        assert until_delta(socket, "positions")["positions"][0]["entity_id"] == "a"
        publish_metrics(servers.redis, [metrics(78, multiplier=1.4, run_id="run-live")])
        assert until_delta(socket, "zones")["zones"][0]["multiplier"] == 1.4
    with client(servers) as late:
        snapshot = subscribe(late)
        assert [p["entity_id"] for p in snapshot["positions"]] >= ["a"]
        assert 78 in [z["zone_id"] for z in snapshot["zones"]]


def test_only_what_is_in_the_viewport(servers: Servers) -> None:
    box = {"west": -46.7, "south": -23.6, "east": -46.6, "north": -23.5}
    with client(servers) as socket:
        subscribe(socket, viewport=box)
        publish_positions(
            servers.redis, [position("far", -20.0, -40.0), position("near", -23.55, -46.65)]
        )
        assert [p["entity_id"] for p in until_delta(socket, "positions")["positions"]] == ["near"]
        publish_positions(servers.redis, [position("near", -23.0, -46.65, seq=2)])
        assert until_delta(socket, "removed")["removed"] == ["near"]


def test_a_client_that_offers_only_its_key_gets_that_protocol(servers: Servers) -> None:
    with client(servers, (f"apikey.{KEY}",)) as socket:
        assert socket.subprotocol == f"apikey.{KEY}"
        subscribe(socket)


@pytest.mark.parametrize("protocols", [("farol.v1",), ("farol.v1", "apikey.wrong-key-0123456789")])
def test_without_the_key_the_handshake_fails_with_a_reason(
    servers: Servers, protocols: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidStatus) as refused, client(servers, protocols):
        pass
    assert refused.value.response.status_code == 401
    assert "apikey.<key>" in json.loads(refused.value.response.body)["fix"]
    log = servers.api_log()
    assert KEY not in log
    assert '"level": "error"' not in log


def test_a_session_counts_only_from_our_own_page(servers: Servers) -> None:
    cookie = servers.get("/", Accept="text/html").headers["set-cookie"].split(";")[0]
    headers = {"Cookie": cookie}
    with client(servers, ("farol.v1",), additional_headers=headers, origin=servers.address) as own:
        subscribe(own)
    for origin in (None, "http://evil.example", "http://127.0.0.1:1"):
        with (
            pytest.raises(InvalidStatus),
            client(servers, ("farol.v1",), additional_headers=headers, origin=origin),
        ):
            pass


def test_nonsense_is_answered_and_the_connection_lives_on(servers: Servers) -> None:
    with client(servers) as socket:
        socket.send("hello")
        problem = receive(socket)
        assert problem["type"] == "error"
        assert "subscribe" in problem["message"]
        socket.send(b"\x00")
        assert receive(socket)["type"] == "error"
        subscribe(socket)


def test_a_message_beyond_the_limit_ends_the_connection(servers: Servers) -> None:
    with client(servers) as socket:
        socket.send("x" * 10_000)
        with pytest.raises(ConnectionClosed):
            receive(socket)


def test_a_driver_that_redis_forgot_vanishes(servers: Servers) -> None:
    with client(servers) as socket:
        subscribe(socket)
        publish_positions(servers.redis, [position("gone", -23.5, -46.6)])
        until_delta(socket, "positions")
        servers.redis.hdel(redis_keys.positions(DOMAIN), "gone")
        assert "gone" in until_delta(socket, "removed")["removed"]


def test_a_client_that_does_not_read_slows_nobody(servers: Servers) -> None:
    crowd, steps = [f"driver-{number:04d}" for number in range(1500)], 16
    with _reluctant(servers) as slow, client(servers) as quick:
        slow.send(json.dumps(EVERYTHING))
        subscribe(quick)
        newest = 0
        for seq in range(1, steps + 1):
            moved = [position(one, -23.5, -46.6, seq=seq) for one in crowd]
            publish_positions(servers.redis, moved)
            while newest < seq:
                newest = max(p["seq"] for p in until_delta(quick, "positions")["positions"])
        # The one that did not read has skipped steps, and still ends with the newest of everybody.
        seen: dict[str, int] = {}
        messages = 0
        while len(seen) < len(crowd) or min(seen.values()) < steps:
            moved_now = receive(slow)["positions"]
            messages += bool(moved_now)
            seen |= {p["entity_id"]: p["seq"] for p in moved_now}
        assert messages < steps


@contextlib.contextmanager
def _reluctant(servers: Servers) -> Iterator[ClientConnection]:
    # Small buffers on this side, so that what is not read soon waits on the server's.
    plain = socketlib.socket()
    plain.setsockopt(socketlib.SOL_SOCKET, socketlib.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", port("api", servers.offset)))
    with client(servers, sock=plain, max_queue=1, ping_interval=None) as socket:
        yield socket


def test_clients_are_counted(servers: Servers) -> None:
    def clients() -> float:
        text = servers.get("/metrics").text
        line = next(
            x for x in text.splitlines() if x.startswith("farol_api_websocket_clients_count")
        )
        return float(line.split()[1])

    until(lambda: clients() == 0, "all gone")
    with client(servers) as one, client(servers):
        subscribe(one)
        assert clients() == 2
    until(lambda: clients() == 0, "all gone again")


@pytest.fixture
def own() -> Iterator[Servers]:
    """Return servers that a test may break."""
    settings = {"FAROL_API_MAX_CLIENTS": "2", "FAROL_API_CONNECTION_LIFETIME_S": "10"}
    with running(settings) as made:
        until(lambda: made.get("/readyz").status_code == 200, "ready")
        yield made


def test_redis_lost_and_found(own: Servers) -> None:
    publish_positions(own.redis, [position("before", -23.5, -46.6)])
    with client(own) as socket:
        subscribe(socket)
        own.stop_redis()
        while (message := receive(socket))["type"] != "error":
            pass
        assert "lost" in message["message"]
        assert own.get("/readyz").status_code == 503
        lost = own.get("/api/v1/surge")
        assert lost.status_code == 503
        assert "Redis" in lost.json()["detail"]
        assert own.get("/healthz").status_code == 200
        own.start_redis()
        publish_positions(own.redis, [position("after", -23.5, -46.6)])
        try:
            while (message := receive(socket))["type"] != "snapshot":
                pass
        except ConnectionClosed:  # its lifetime ended meanwhile: a new connection must see the same
            with client(own) as again:
                message = subscribe(again)
        assert [p["entity_id"] for p in message["positions"]] == ["after"]
    until(lambda: own.get("/readyz").status_code == 200, "ready again")


def _read_to_the_end(socket: ClientConnection) -> None:
    while True:
        receive(socket)


def test_the_number_of_clients_and_their_lifetime_are_capped(own: Servers) -> None:
    with client(own) as first, client(own) as second:
        subscribe(first)
        with pytest.raises(InvalidStatus) as refused, client(own):
            pass
        assert refused.value.response.status_code == 503
        assert "limit" in json.loads(refused.value.response.body)["detail"]
        with pytest.raises(ConnectionClosed) as ended:
            _read_to_the_end(first)
        assert ended.value.rcvd is not None
        assert "lifetime" in ended.value.rcvd.reason
        second.close()
    until(lambda: "clients_count 0.0" in own.get("/metrics").text, "places are free again")
