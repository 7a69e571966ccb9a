"""Silences: golden sequences, any order of arrival, and the clock of the run."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.live import Anomaly
from flink_jobs.logic import vigil
from flink_jobs.logic.ping_windows import FIELD_END, RECORD_END
from flink_jobs.logic.surge_deltas import Step
from flink_jobs.logic.vigil import Group, Sign, Tick
from tests.anomaly_rules import zombies

MINUTE_MS = 60_000
VECTORS = json.loads(
    (Path(__file__).parents[4] / "contracts" / "rules_vectors" / "anomalies.json").read_text()
)


def watched(signs: list[Sign], end_ms: int, rng: random.Random, stride: int = 1) -> list[Anomaly]:
    """Return what is said when the watermark moves on by `stride` minutes at a time.

    Pings are known by the first and the last of a minute once the minute is over, statuses at any
    time before the watermark passes them.
    """
    state: Group | None = None
    said: list[Anomaly] = []
    minutes = range(0, end_ms + 1, MINUTE_MS)
    for first in range(0, len(minutes), stride):
        arriving: list[Sign | Tick] = []
        for start_ms in minutes[first : first + stride]:
            inside = [s for s in signs if start_ms <= s.at_ms < start_ms + MINUTE_MS]
            arriving += [s for s in inside if s.is_on_shift is not None]
            pings = [s.at_ms for s in inside if s.is_on_shift is None]
            if pings:
                arriving += vigil.heard("d", min(pings), max(pings))
            arriving.append(Tick(start_ms + MINUTE_MS, min(start_ms + MINUTE_MS - 1, end_ms)))
        rng.shuffle(arriving)
        for each in arriving:
            step = (
                vigil.on_tick(state, each)
                if isinstance(each, Tick)
                else vigil.on_signs(state, (each,))
            )
            state = step.state
        watermark_ms = minutes[min(first + stride, len(minutes)) - 1] + MINUTE_MS
        step = vigil.on_watermark(state, "run", watermark_ms)
        state = step.state
        said += step.emit
    return said


def signs_of(vector: dict[str, Any]) -> list[Sign]:
    return [Sign("d", row["at_ms"], row.get("is_on_shift")) for row in vector["signs"]]


@pytest.mark.parametrize("stride", [1, 7, 100])
@pytest.mark.parametrize("vector", VECTORS["silences"], ids=lambda v: v["name"])
def test_golden_sequences(vector: dict[str, Any], stride: int) -> None:
    said = watched(signs_of(vector), vector["end_ms"], random.Random(1), stride)
    assert [(a.phase.value, a.event_time_ms) for a in said] == [
        (row["phase"], row["at_ms"]) for row in vector["said"]
    ]
    raised = [a for a in said if a.phase == "raised"]
    assert all(a.lasted_ms == 600_000 for a in raised)
    assert len({a.anomaly_id for a in raised}) == len(raised)
    cleared = {a.anomaly_id for a in said if a.phase == "cleared"}
    assert cleared <= {a.anomaly_id for a in raised}


signs = st.lists(
    st.tuples(st.integers(0, 3_600_000), st.sampled_from([None, None, None, True, False])),
    max_size=12,
    unique_by=lambda s: s[0],
)


@settings(max_examples=200, deadline=None)
@given(signs, st.integers(0, 3_600_000), st.integers(0, 2**32), st.integers(1, 70))
def test_any_order_and_any_pace_say_what_the_brute_rule_says(
    given_signs: list[tuple[int, bool | None]], end_ms: int, seed: int, stride: int
) -> None:
    known = [s for s in given_signs if s[0] <= end_ms]
    said = watched([Sign("d", *s) for s in known], end_ms, random.Random(seed), stride)
    wanted = zombies(
        [at for at, is_on in known if is_on is None],
        [(at, is_on) for at, is_on in known if is_on is not None],
        end_ms,
    )
    assert [(a.phase.value, a.event_time_ms) for a in said] == wanted


def test_a_watermark_alone_makes_no_zombie() -> None:
    """The end of a run moves the watermark far on; its clock has stopped."""
    group = vigil.on_signs(None, (Sign("d", 0, True), Sign("d", 1_000))).state
    group = vigil.on_tick(group, Tick(60_000, 59_000)).state
    assert vigil.on_watermark(group, "run", 900_000).emit == ()


def test_a_group_without_a_clock_is_forgotten_after_a_day_and_not_before() -> None:
    group = vigil.on_signs(None, (Sign("d", 0, True),)).state
    step = vigil.on_tick(group, Tick(60_000, 59_000))
    assert step.timer_ms == 60_000
    step = vigil.on_watermark(step.state, "run", 60_000)
    due_ms = 60_000 + vigil.RETENTION_MS
    assert step.timer_ms == due_ms
    assert vigil.on_watermark(step.state, "run", due_ms - 1).state == step.state
    assert vigil.on_watermark(step.state, "run", due_ms).state is None
    news = vigil.on_tick(step.state, Tick(120_000, 119_000)).state
    again = vigil.on_watermark(news, "run", due_ms)
    assert again.timer_ms == 120_000 + vigil.RETENTION_MS
    assert vigil.on_watermark(None, "run", due_ms) == Step(None)


def test_a_sign_may_come_after_the_clock_as_long_as_the_watermark_has_not() -> None:
    group = None
    for minute in range(1, 12):
        group = vigil.on_tick(group, Tick(minute * MINUTE_MS, minute * MINUTE_MS - 1)).state
    group = vigil.on_signs(group, (Sign("d", 5_000, True),)).state
    said = vigil.on_watermark(group, "run", 11 * MINUTE_MS).emit
    assert [(a.phase.value, a.event_time_ms) for a in said] == [("raised", 605_000)]


def test_signs_come_packed() -> None:
    lines = [("0", "9", "ping", "a\x1fb"), ("5", "5", "ping", "c"), ("7", "7", "on_shift", "d")]
    packed = RECORD_END.join(FIELD_END.join(fields) for fields in lines)
    assert list(vigil.unpack(packed)) == [
        Sign("a\x1fb", 0),
        Sign("a\x1fb", 9),
        Sign("c", 5),
        Sign("d", 7, True),
    ]
    assert list(vigil.unpack(packed.replace("on_shift", "off_shift")))[-1] == Sign("d", 7, False)
