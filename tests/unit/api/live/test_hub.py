"""The hub: who gets what, limits, loss of the source, and messages that cannot be read."""

import asyncio
import json
from collections.abc import AsyncIterator

import msgspec
import pytest

from api.live.anomalies import ANOMALIES_SHOWN
from api.live.hub import Client, Hub, HubFullError
from api.live.listener import Listener
from api.live.socket import MAX_WISH_BYTES, WishError, parse_wish
from api.telemetry import Telemetry
from contracts import metrics as names
from contracts import redis_keys
from contracts.anomalies import AnomalyKind, AnomalyPhase
from contracts.live import Anomaly, PositionFrame, Subscribe
from tests.integration.api.city import DOMAIN, anomaly, metrics, position


def hub(max_clients: int = 10) -> tuple[Hub, Telemetry]:
    telemetry = Telemetry()
    return Hub(telemetry, max_clients), telemetry


def joined(to: Hub) -> Client:
    client = to.join()
    client.viewer.subscribe(Subscribe(channels=["positions", "surge"]))
    to.next_message(client)
    client.bell.clear()
    return client


def figure(telemetry: Telemetry, name: str, **labels: str) -> float:
    value = telemetry.registry.get_sample_value(name, labels)
    assert value is not None, name
    return value


def test_every_client_has_its_own_pace() -> None:
    live, telemetry = hub()
    quick, slow = joined(live), joined(live)
    for seq in range(1, 4):
        live.place([position("a", 0, 0, seq=seq)])
        assert json.loads(live.next_message(quick))["positions"][0]["seq"] == seq
    assert slow.bell.is_set()
    assert [p["seq"] for p in json.loads(live.next_message(slow))["positions"]] == [3]
    assert figure(telemetry, names.API_OVERWRITTEN.name) == 2


def test_nobody_is_woken_for_what_is_no_news() -> None:
    live, _ = hub()
    client = joined(live)
    live.place([position("a", 0, 0)])
    live.next_message(client)
    client.bell.clear()
    live.place([position("a", 0, 0)])
    assert not client.bell.is_set()


def test_there_is_a_limit_of_clients() -> None:
    live, telemetry = hub(max_clients=2)
    first = live.join()
    live.join()
    with pytest.raises(HubFullError, match="2 clients"):
        live.join()
    live.leave(first)
    live.join()
    assert figure(telemetry, names.API_CLIENTS.name) == 2


def test_after_a_loss_everybody_is_told_and_then_gets_a_snapshot() -> None:
    live, _ = hub()
    live.source_found([], [])
    client = joined(live)
    live.source_lost("ConnectionError")
    live.source_lost("ConnectionError")
    assert len(client.notices) == 1
    assert json.loads(client.notices[0])["type"] == "error"
    live.source_found([position("a", 0, 0)], [metrics(1)])
    message = json.loads(live.next_message(client))
    assert message["type"] == "snapshot"
    assert [p["entity_id"] for p in message["positions"]] == ["a"]


def test_what_redis_dropped_is_removed_from_the_map() -> None:
    live, _ = hub()
    live.place([position("a", 0, 0), position("b", 0, 0)])
    client = joined(live)
    live.keep_only({"b"})
    assert json.loads(live.next_message(client))["removed"] == ["a"]


def test_anomalies_of_a_run_that_is_over_leave() -> None:
    live, _ = hub()
    old, new = (anomaly(run, AnomalyKind.ZOMBIE_DRIVER, run_id=run) for run in ("old", "new"))
    live.source_found([], [], [old, new])
    client = live.join()
    client.viewer.subscribe(Subscribe(channels=["anomalies"]))
    shown = json.loads(live.next_message(client))["anomalies"]
    assert [one["anomaly_id"] for one in shown] == ["old", "new"]
    client.bell.clear()
    live.forget_runs({"other"})
    assert not client.bell.is_set()
    live.forget_runs({"old"})
    assert client.bell.is_set()
    assert json.loads(live.next_message(client))["removed_anomalies"] == ["old"]


class Log:
    """A log of anomalies with one run that is over."""

    def __init__(self, entries: list[Anomaly]) -> None:
        self._entries = entries

    async def newest_first(self) -> AsyncIterator[tuple[str, Anomaly]]:
        for number, entry in enumerate(self._entries):
            yield f"{len(self._entries) - number}-0", entry

    async def ended_runs(self) -> set[str]:
        return {"over"}


def test_at_first_viewers_see_the_newest_and_whatever_is_open() -> None:
    zombie, outlier = AnomalyKind.ZOMBIE_DRIVER, AnomalyKind.OUTLIER
    entries = [
        *(anomaly(f"bad-{number}", outlier) for number in range(ANOMALIES_SHOWN + 10)),
        anomaly("back", zombie, phase=AnomalyPhase.CLEARED),
        anomaly("back", zombie),
        anomaly("lost", zombie, run_id="over"),
        anomaly("silent", zombie),
    ]
    live, telemetry = hub()
    hears = Listener(None, None, Log(entries), live, DOMAIN, telemetry)  # type: ignore[arg-type]
    found = asyncio.run(hears.newest_anomalies())
    assert [one.anomaly_id for one in found[:2]] == ["silent", f"bad-{ANOMALIES_SHOWN - 1}"]
    assert len(found) == ANOMALIES_SHOWN + 1
    live.source_found([], [], found)
    assert "silent" in live.board.anomalies.noted, "the oldest of all, but open"
    assert len(live.board.anomalies.noted) == ANOMALIES_SHOWN


@pytest.fixture
def listener() -> tuple[Listener, Hub, Telemetry]:
    live, telemetry = hub()
    # `take` touches neither client, store nor log
    hears = Listener(None, None, None, live, DOMAIN, telemetry)  # type: ignore[arg-type]
    return hears, live, telemetry


def test_frames_and_zones_reach_the_board(listener: tuple[Listener, Hub, Telemetry]) -> None:
    hears, live, _ = listener
    frame = PositionFrame(cell="85a8100bfffffff", positions=[position("a", 1, 1)])
    channel = redis_keys.live_positions_channel(DOMAIN, frame.cell).encode()
    hears.take(channel, msgspec.json.encode(frame))
    surge = redis_keys.live_surge_channel(DOMAIN).encode()
    hears.take(surge, msgspec.json.encode([metrics(5)]))
    assert set(live.board.positions) == {"a"}
    assert set(live.board.zones) == {5}
    anomalies = redis_keys.live_anomalies_channel(DOMAIN).encode()
    hears.take(anomalies, msgspec.json.encode([anomaly("x", AnomalyKind.OUTLIER)]))
    assert set(live.board.anomalies.noted) == {"x"}


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff", b'{"cell":1}', b'{"cell":"x","positions":[{"lat":91}]}']
)
def test_garbage_is_counted_and_passed_over(
    listener: tuple[Listener, Hub, Telemetry], data: bytes
) -> None:
    hears, live, telemetry = listener
    hears.take(redis_keys.live_positions_channel(DOMAIN, "x").encode(), data)
    assert not live.board.positions
    assert figure(telemetry, names.API_UNDECODABLE.name, kind="live_message") == 1


def test_a_channel_of_another_kind_is_left_alone(
    listener: tuple[Listener, Hub, Telemetry],
) -> None:
    hears, live, telemetry = listener
    hears.take(redis_keys.live_pattern(DOMAIN).replace("*", "trips").encode(), b"{}")
    assert not live.board.positions
    assert figure(telemetry, names.API_LIVE_MESSAGES.name) == 1


def test_a_wish_is_a_subscription() -> None:
    wish = parse_wish('{"type":"subscribe","channels":["positions"]}')
    assert wish == Subscribe(channels=["positions"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "one text message"),
        ("x" * (MAX_WISH_BYTES + 1), "one text message"),
        ("hello", "not understood"),
        ("{}", "not understood"),
        ('{"type":"unsubscribe"}', "unsubscribe"),
        ('{"type":"subscribe","channels":["trips"]}', "trips"),
        ('{"type":"subscribe","channels":[]}', "empty"),
        ('{"type":"subscribe","channels":["surge"],"colour":1}', "colour"),
        (
            '{"type":"subscribe","channels":["surge"],'
            '"viewport":{"west":2,"south":0,"east":1,"north":1}}',
            "no box",
        ),
        (
            '{"type":"subscribe","channels":["surge"],'
            '"viewport":{"west":-200,"south":0,"east":1,"north":1}}',
            "west",
        ),
    ],
)
def test_a_wish_that_cannot_be_followed_says_what_to_send(text: str | None, said: str) -> None:
    with pytest.raises(WishError, match=said):
        parse_wish(text)
