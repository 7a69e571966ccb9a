"""REST against a real Redis: answers, limits, errors."""

import random
import socket

import httpx
import msgspec
import psutil
import pytest

from contracts import redis_keys
from contracts.live import RegionWindow
from contracts.ports import port
from contracts.zones import ZONES
from tests.integration.api.city import (
    DOMAIN,
    START_MS,
    metrics,
    position,
    publish_metrics,
    publish_positions,
)
from tests.integration.api.servers import KEY, Servers, until

pytestmark = pytest.mark.redis

BOX = (-46.70, -23.60, -46.60, -23.50)


@pytest.fixture(scope="module", autouse=True)
def city(servers: Servers) -> None:
    servers.redis.flushall()
    chance = random.Random(3)
    west, south, east, north = BOX
    placed = [
        position(
            f"driver-{number:04d}",
            chance.uniform(south - 0.05, north + 0.05),
            chance.uniform(west - 0.05, east + 0.05),
            event_time_ms=START_MS + number,
        )
        for number in range(2000)
    ]
    publish_positions(servers.redis, placed)
    publish_metrics(servers.redis, [metrics(1), metrics(78, multiplier=1.7, open_requests=4)])


def boxed(servers: Servers, limit: int) -> dict[str, object]:
    bbox = ",".join(str(side) for side in BOX)
    answer = servers.get(f"/api/v1/positions?bbox={bbox}&limit={limit}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_box_holds_exactly_those_inside(servers: Servers) -> None:
    stored = servers.redis.hvals(redis_keys.positions(DOMAIN))
    west, south, east, north = BOX
    inside = {
        value["entity_id"]
        for value in map(msgspec.json.decode, stored)
        if west <= value["lon"] <= east and south <= value["lat"] <= north
    }
    answer = boxed(servers, 5000)
    found = answer["positions"]
    assert isinstance(found, list)
    assert {one["entity_id"] for one in found} == inside
    assert len(found) == len(inside) > 300
    assert answer["has_more"] is False


def test_a_limit_keeps_the_nearest_to_the_middle(servers: Servers) -> None:
    everyone, few = boxed(servers, 5000), boxed(servers, 10)
    assert few["has_more"] is True
    assert few["positions"] == everyone["positions"][:10]  # type: ignore[index]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?bbox=1,2,3",
        "?bbox=-46.6,-23.6,-46.7,-23.5",
        "?bbox=-180,-80,180,80",
        "?bbox=a,b,c,d",
        "?bbox=-46.7,-23.6,-46.6,-23.5&limit=0",
        "?bbox=-46.7,-23.6,-46.6,-23.5&limit=5001",
        "?bbox=-46.7,-23.6,-46.6,-23.5&limit=x",
        "?bbox=" + "1" * 300,
    ],
)
def test_a_bad_box_or_limit_is_a_clear_422(servers: Servers, query: str) -> None:
    answer = servers.get(f"/api/v1/positions{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["fix"]
    assert body["errors"][0]["where"] in ("query.bbox", "query.limit")
    assert body["errors"][0]["problem"]


def test_surge_by_zone(servers: Servers) -> None:
    zones = servers.get("/api/v1/surge").json()["zones"]
    assert [zone["zone_id"] for zone in zones] == [1, 78]
    one = servers.get("/api/v1/surge/78").json()
    assert one == zones[1]
    assert one["metrics"]["multiplier"] == 1.7
    assert servers.get("/api/v1/surge/2").json()["metrics"] is None


@pytest.mark.parametrize("zone_id", ["0", "97", "-1", "99999999999"])
def test_an_unknown_zone_is_a_404_with_the_known_range(servers: Servers, zone_id: str) -> None:
    answer = servers.get(f"/api/v1/surge/{zone_id}")
    assert answer.status_code == 404
    assert f"{ZONES[0].zone_id} to {ZONES[-1].zone_id}" in answer.json()["detail"]


def test_windows_come_newest_first_without_the_expired(servers: Servers) -> None:
    client, minutes = servers.redis, 700
    for number in range(minutes):
        start_ms = START_MS + number * 60_000
        window = RegionWindow(
            region_id=132,
            window_start_ms=start_ms,
            window_end_ms=start_ms + 60_000,
            trip_count=number,
            average_fare_minor=1234.5,
            total_distance_m=100.0,
            average_duration_s=60.0,
            p50_duration_s=50.0,
            p95_duration_s=90.0,
            currency="USD",
        )
        client.zadd(redis_keys.window_index(132), {str(start_ms): start_ms})
        if number < minutes - 300:  # the newest 300 have expired, their index entries have not
            client.set(redis_keys.window(132, start_ms), msgspec.json.encode(window), ex=600)
    found = servers.get("/api/v1/regions/132/windows?limit=5").json()
    assert [w["trip_count"] for w in found["windows"]] == [399, 398, 397, 396, 395]
    assert found["windows"][0]["average_fare_minor"] == 1234.5
    assert servers.get("/api/v1/regions/7/windows").json() == {"region_id": 7, "windows": []}
    unknown = servers.get("/api/v1/regions/266/windows")
    assert unknown.status_code == 404
    assert "1 to 265" in unknown.json()["detail"]
    assert servers.get("/api/v1/regions/132/windows?limit=501").status_code == 422


def test_stats_count_what_is_there(servers: Servers) -> None:
    servers.redis.hset(redis_keys.stats(DOMAIN), mapping={"positions": 2000, "broken": "x"})
    stats = until(
        lambda: (found := servers.get("/api/v1/stats").json())["feeder"] and found, "counters"
    )
    assert stats["driver_count"] == stats["drivers_by_status"]["available"] == 2000
    assert (stats["zone_count"], stats["surging_zone_count"]) == (2, 1)
    assert stats["open_request_count"] == 4
    assert stats["newest_event_time_ms"] == START_MS + 1999
    assert stats["feeder"] == {"positions": 2000}


def test_a_value_that_breaks_its_contract_is_passed_over(servers: Servers) -> None:
    client, key = servers.redis, redis_keys.surge(DOMAIN)
    client.hset(key, "50", b'{"zone_id":"fifty"}')
    try:
        zones = servers.get("/api/v1/surge").json()["zones"]
        assert [zone["zone_id"] for zone in zones] == [1, 78]
        assert (
            'farol_api_undecodable_values_total{kind="ZoneMetrics"}' in servers.get("/metrics").text
        )
    finally:
        client.hdel(key, "50")


def test_zones_are_geojson(servers: Servers) -> None:
    answer = servers.get("/api/v1/zones")
    assert answer.headers["content-type"] == "application/geo+json"
    assert len(answer.json()["features"]) == len(ZONES)


@pytest.mark.parametrize("headers", [{"X-API-Key": "wrong-key-0123456789"}, {"Accept": "*/*"}])
def test_without_the_key_nothing_is_told(servers: Servers, headers: dict[str, str]) -> None:
    for path in ("surge", "surge/78", "positions?bbox=1", "stats", "zones", "regions/1/windows"):
        answer = servers.get(f"/api/v1/{path}", **headers)
        assert answer.status_code == 401
        assert "X-API-Key" in answer.json()["fix"]
        assert KEY not in answer.text


def test_unknown_addresses_and_methods_are_problems(servers: Servers) -> None:
    assert servers.get("/api/v2/nothing").json()["status"] == 404
    assert servers.get("/assets/..%2f..%2fmain.py").status_code == 404


def test_a_local_browser_gets_a_session_and_others_do_not(servers: Servers) -> None:
    with_session = servers.get("/", Accept="text/html")
    assert with_session.status_code == 200, "build the page: npm ci && npm run build in api/web"
    cookie = with_session.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert KEY not in cookie
    pair = cookie.split(";")[0]
    assert servers.get("/api/v1/stats", Cookie=pair).status_code == 200
    for foreign in ({"Host": "evil.example"}, {"X-Forwarded-For": "10.0.0.1"}):
        assert "set-cookie" not in servers.get("/", **foreign).headers
        assert servers.get("/api/v1/stats", Cookie=pair, **foreign).status_code == 401
    policy = with_session.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_ready_is_degraded_without_trino_and_alive_needs_no_key(servers: Servers) -> None:
    until(lambda: servers.get("/readyz").status_code == 200, "ready")
    ready = servers.get("/readyz").json()
    assert ready["status"] == "degraded"
    assert ready["dependencies"]["redis"] == {"is_required": True, "is_ok": True, "detail": "ok"}
    assert ready["dependencies"]["trino"]["is_required"] is False
    assert servers.get("/healthz", Accept="*/*").json() == {"status": "alive"}


def test_requests_are_counted_by_route_and_not_by_address(servers: Servers) -> None:
    servers.get("/api/v1/surge/1")
    text = servers.get("/metrics", Accept="*/*").text
    assert 'route="/api/v1/surge/{zone_id}",status="200"' in text
    assert "/api/v1/surge/1" not in text
    httpx.request("PROPFIND", servers.address + "/healthz", trust_env=False, timeout=30)
    text = servers.get("/metrics", Accept="*/*").text
    assert "PROPFIND" not in text
    assert 'method="other"' in text


def test_the_api_listens_on_loopback_only(servers: Servers) -> None:
    assert servers.api_process is not None
    listening = [
        connection.laddr
        for connection in psutil.Process(servers.api_process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert [(address.ip, address.port) for address in listening] == [
        ("127.0.0.1", port("api", servers.offset))
    ]
    with socket.create_connection(listening[0], timeout=5):
        pass
