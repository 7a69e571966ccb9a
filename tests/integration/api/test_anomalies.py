"""Anomalies against a real Redis: the log by REST, news and ends by WebSocket."""

import time
from collections.abc import Sequence

import msgspec
import pytest

from contracts import redis_keys
from contracts.anomalies import AnomalyKind, AnomalyPhase
from contracts.live import Anomaly
from tests.integration.api.city import DOMAIN, anomaly, publish_anomalies
from tests.integration.api.servers import Servers, until
from tests.integration.api.test_live import client, receive, subscribe, until_delta

pytestmark = pytest.mark.redis

OUTLIER, ZOMBIE, FROZEN = AnomalyKind.OUTLIER, AnomalyKind.ZOMBIE_DRIVER, AnomalyKind.FROZEN_GPS
BOX = {"west": -46.7, "south": -23.6, "east": -46.6, "north": -23.5}
ONLY = {"channels": ["anomalies"]}


@pytest.fixture(autouse=True)
def empty(servers: Servers) -> None:
    servers.redis.flushall()
    until(lambda: servers.get("/readyz").status_code == 200, "ready")


def listed(servers: Servers, query: str = "") -> list[dict[str, object]]:
    answer = servers.get(f"/api/v1/anomalies?{query}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["anomalies"])


def ids(found: Sequence[dict[str, object]]) -> list[object]:
    return [one["anomaly_id"] for one in found]


def ended(begun: Anomaly) -> Anomaly:
    return msgspec.structs.replace(begun, phase=AnomalyPhase.CLEARED)


def test_the_log_is_newest_first_and_can_be_filtered(servers: Servers) -> None:
    back = anomaly("back", ZOMBIE)
    publish_anomalies(
        servers.redis, [back, anomaly("far", OUTLIER), anomaly("still", FROZEN), ended(back)]
    )
    servers.redis.xadd(redis_keys.anomalies(DOMAIN), {"anomaly": b"{"})
    assert ids(listed(servers)) == ["back", "still", "far", "back"], "what cannot be read is left"
    assert ids(listed(servers, "kind=outlier")) == ["far"]
    assert ids(listed(servers, "severity=critical&phase=raised")) == ["back"]
    assert ids(listed(servers, "entity_id=driver-of-still")) == ["still"]
    assert ids(listed(servers, "open=true")) == ["still"]
    (far,) = listed(servers, "kind=outlier")
    assert (far["lat"], far["is_open"], far["lasted_ms"]) == (-23.55, False, None)


def test_pages_go_through_the_whole_log_without_gap_or_repeat(servers: Servers) -> None:
    count = 2500
    publish_anomalies(servers.redis, [anomaly(f"a-{n}", OUTLIER) for n in range(count)])
    seen, cursor = list[object](), ""
    for _ in range(6):
        answer = servers.get(f"/api/v1/anomalies?limit=500{cursor}").json()
        seen += ids(answer["anomalies"])
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
        publish_anomalies(servers.redis, [anomaly(f"late-{len(seen)}", OUTLIER)])
    assert seen == [f"a-{n}" for n in reversed(range(count))]


@pytest.mark.parametrize(
    ("query", "where", "advice"),
    [
        ("kind=ghost", "query.kind", "zombie_driver"),
        ("severity=mild", "query.severity", "critical"),
        ("open=perhaps", "query.open", "/openapi.json"),
        ("limit=501", "query.limit", "500"),
        ("entity_id=", "query.entity_id", "1 character"),
        ("cursor=yesterday", "query.cursor", "next_cursor"),
    ],
)
def test_what_cannot_be_answered_says_what_to_do(
    servers: Servers, query: str, where: str, advice: str
) -> None:
    answer = servers.get(f"/api/v1/anomalies?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [fault["where"] for fault in answer.json()["errors"]] == [where]
    assert advice in answer.text


def test_news_and_ends_reach_a_client_and_a_later_one_gets_them_with_its_snapshot(
    servers: Servers,
) -> None:
    silent = anomaly("silent", ZOMBIE)
    with client(servers) as socket:
        subscribe(socket, **ONLY)
        publish_anomalies(servers.redis, [silent])
        (begun,) = until_delta(socket, "anomalies")["anomalies"]
        assert (begun["anomaly_id"], begun["phase"]) == ("silent", "raised")
        publish_anomalies(servers.redis, [silent, ended(silent)])
        (over,) = until_delta(socket, "anomalies")["anomalies"]
        assert (over["anomaly_id"], over["phase"]) == ("silent", "cleared")
    with client(servers) as later:
        shown = subscribe(later, **ONLY)["anomalies"]
        assert [one["phase"] for one in shown if one["anomaly_id"] == "silent"] == ["cleared"]


def test_a_viewport_gets_those_inside_and_those_without_a_place(servers: Servers) -> None:
    news = [
        anomaly("view-out", OUTLIER, lat=-20.0, lon=-40.0),
        anomaly("view-in", OUTLIER, lat=-23.55, lon=-46.65),
        anomaly("view-silent", ZOMBIE),
    ]
    with client(servers) as near, client(servers) as city:
        subscribe(near, **ONLY, viewport=BOX)
        subscribe(city, **ONLY, viewport=BOX, anomalies_everywhere=True)
        publish_anomalies(servers.redis, news)
        assert ids(until_delta(near, "anomalies")["anomalies"]) == ["view-in", "view-silent"]
        assert ids(until_delta(city, "anomalies")["anomalies"]) == [n.anomaly_id for n in news]


def test_nothing_stays_open_for_a_run_that_a_newer_one_has_followed(servers: Servers) -> None:
    now_ms = int(time.time() * 1000)
    with client(servers) as socket:
        subscribe(socket, **ONLY)
        publish_anomalies(
            servers.redis,
            [anomaly("left", ZOMBIE, run_id="old"), anomaly("here", ZOMBIE, run_id="new")],
        )
        until_delta(socket, "anomalies")
        assert ids(listed(servers, "open=true")) == ["here", "left"]
        servers.redis.zadd(redis_keys.runs(DOMAIN), {"old": now_ms - 999_000, "new": now_ms})
        clocks = {"old": f"1 {now_ms - 90_000}", "new": f"1 {now_ms + 600_000}"}
        servers.redis.hset(redis_keys.run_clocks(DOMAIN), mapping=clocks)  # type: ignore[arg-type]
        assert ids(listed(servers, "open=true")) == ["here"]
        assert until_delta(socket, "removed_anomalies")["removed_anomalies"] == ["left"]


def test_after_a_loss_a_snapshot_holds_what_the_log_holds(servers: Servers) -> None:
    back = anomaly("again", ZOMBIE)
    with client(servers) as socket:
        subscribe(socket, **ONLY)
        publish_anomalies(servers.redis, [back, anomaly("kept", FROZEN), ended(back)])
        servers.redis.client_kill_filter(_type="pubsub")
        while (message := receive(socket))["type"] != "snapshot":
            pass
    phases = {one["anomaly_id"]: one["phase"] for one in message["anomalies"]}
    assert phases == {"kept": "raised", "again": "cleared"}
