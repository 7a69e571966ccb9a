"""Single pings: golden sequences, copies, and agreement with a rule that looks at everything."""

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.anomalies import REJECTION_LIMIT_MS, AnomalyKind
from contracts.events import EntityType
from contracts.live import Anomaly
from flink_jobs.logic.gps_track import Candidate, Point, Track, on_candidate, sign_ms
from flink_jobs.logic.ping_windows import Ping
from tests.anomaly_rules import Seen, single_ping_anomalies

VECTORS = json.loads(
    (Path(__file__).parents[4] / "contracts" / "rules_vectors" / "anomalies.json").read_text()
)


def judged(pings: list[Seen], only: set[str] | None = None) -> list[Anomaly]:
    """Return what the rule says of a driver's pings, given those of `only` (all by default)."""
    state: Track | None = None
    before: Point | None = None
    said: list[Anomaly] = []
    for ping in sorted(pings, key=lambda p: p.at_ms):
        here = Point(ping.at_ms, ping.lat, ping.lon)
        if only is None or ping.event_id in only:
            step = on_candidate(
                state,
                Candidate(
                    "run",
                    "d",
                    EntityType.DRIVER,
                    ping.event_id,
                    here,
                    ping.accuracy_m,
                    ping.status,
                    before,
                ),
            )
            state = step.state
            said += step.emit
        before = here
    return said


def briefly(anomalies: list[Anomaly]) -> list[tuple[str, str, str | None]]:
    return [(a.kind.value, a.phase.value, a.event_id) for a in anomalies]


def seen(vector: dict[str, Any]) -> list[Seen]:
    return [
        Seen(
            event_id=str(number),
            at_ms=row["at_ms"],
            lat=row["lat"],
            lon=row["lon"],
            accuracy_m=row.get("accuracy_m", 8.0),
            status=row.get("status", "on_trip"),
        )
        for number, row in enumerate(vector["pings"], start=1)
    ]


@pytest.mark.parametrize("vector", VECTORS["pings"], ids=lambda v: v["name"])
def test_golden_sequences(vector: dict[str, Any]) -> None:
    said = judged(seen(vector))
    wanted = [(row["kind"], row.get("phase", "raised"), row["event_id"]) for row in vector["said"]]
    assert briefly(said) == wanted
    for anomaly, row in zip(said, vector["said"], strict=True):
        for name in ("previous_event_time_ms", "lasted_ms", "reason"):
            if name in row:
                assert getattr(anomaly, name) == row[name], name
        if "speed_kmh" in row:
            assert anomaly.speed_kmh == pytest.approx(row["speed_kmh"], rel=1e-6)


def test_a_copy_says_nothing_and_every_alert_has_an_identifier_of_its_own() -> None:
    vector = next(v for v in VECTORS["pings"] if v["name"] == "one teleport")
    pings = seen(vector)
    twice = judged([p for ping in pings for p in (ping, ping)])
    assert [a.anomaly_id for a in twice] == [a.anomaly_id for a in judged(pings)]
    assert len({a.anomaly_id for a in twice}) == len(twice) == 1


moves = st.tuples(
    st.sampled_from([0, 1_000, 4_000, 4_000, 30_000, 400_000]),
    st.sampled_from([0.0, 0.0, 0.0004, 0.0008, 0.05, -0.05, 0.3, 0.9]),
    st.sampled_from([8.0, 8.0, 8.0, 500.0]),
    st.sampled_from(["on_trip", "on_trip", "available", None]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(moves, min_size=1, max_size=40))
def test_the_rule_agrees_with_one_that_remembers_everything(steps: list[Any]) -> None:
    at_ms, pings, track = 0, [], -23.56
    for number, (later_ms, north_deg, accuracy_m, status) in enumerate(steps):
        at_ms += later_ms
        lat = track + (north_deg if abs(north_deg) > 0.01 else 0.0)
        track += north_deg if abs(north_deg) <= 0.01 else 0.0
        pings.append(Seen(f"e{number}", at_ms, round(lat, 7), -46.63, accuracy_m, status))
    said = judged(pings)
    assert briefly(said) == single_ping_anomalies(pings)
    # what SQL leaves out changes nothing
    assert briefly(judged(pings, only=let_through(pings))) == briefly(said)


def let_through(pings: list[Seen], window_ms: int = 20_000) -> set[str]:
    """Return the events of the windows that `candidates.sql` lets through."""
    chosen: set[str] = set()
    last_sign_ms: int | None = None
    before: Ping | None = None
    packed = sorted((in_a_window(ping) for ping in pings), key=lambda p: p.at_ms)
    for _, group in groupby(packed, key=lambda ping: ping.at_ms // window_ms):
        window = list(group)
        sign = sign_ms(window, before)
        last_sign_ms = sign or last_sign_ms
        if sign is not None or (
            last_sign_ms is not None and window[0].at_ms - last_sign_ms <= REJECTION_LIMIT_MS
        ):
            chosen |= {ping.event_id for ping in window}
        before = window[-1]
    return chosen


def in_a_window(ping: Seen) -> Ping:
    return Ping(ping.at_ms, ping.lat, ping.lon, ping.accuracy_m, 30.0, ping.status, ping.event_id)


def test_a_window_without_a_sign_is_passed_over() -> None:
    calm = [Ping(at, -23.56 + at / 1e8, -46.63, 8.0, 30.0, "on_trip", str(at)) for at in (0, 4000)]
    assert sign_ms(calm, None) is None
    assert sign_ms(calm[1:], calm[0]) is None
    inaccurate = calm[0]._replace(accuracy_m=500.0)
    assert sign_ms([inaccurate], None) == 0
    assert sign_ms(calm[1:], inaccurate) == 0, "what follows an outlier is to be compared"
    far = calm[1]._replace(lat=-23.76)
    assert sign_ms([far], calm[0]) == 4000
    assert sign_ms([calm[0]._replace(at_ms=9000)], calm[0]) == 9000, "a standstill on a trip"


def test_the_vectors_name_every_kind_that_single_pings_show() -> None:
    kinds = {row["kind"] for vector in VECTORS["pings"] for row in vector["said"]}
    assert kinds == {kind.value for kind in AnomalyKind if kind is not AnomalyKind.ZOMBIE_DRIVER}
