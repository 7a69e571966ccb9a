import random

import pytest

from flink_jobs.logic.surge_backfill import windows_between
from flink_jobs.logic.surge_deltas import ZoneDelta
from flink_jobs.logic.surge_zones import Zone, on_delta, on_watermark

SLIDE_MS = 10_000
SPAN_MS = 3_600_000


def changes(seed):
    """Requests that open and close, drivers that come and go."""
    rng = random.Random(seed)
    found = []
    for _ in range(60):
        start_ms = rng.randrange(SPAN_MS)
        end_ms = start_ms + rng.randrange(1, 600_000)
        kind = rng.choice(("open_change", "idle_change"))
        found += [
            ZoneDelta(7, start_ms, "run", **{kind: 1}),
            ZoneDelta(7, end_ms, "run", **{kind: -1}),
        ]
    rng.shuffle(found)
    return found


def live(deltas, to_ms):
    """Return what the running job says whose watermark follows closely."""
    zone: Zone | None = None
    said = []
    waiting = sorted(deltas, key=lambda delta: delta.at_ms)
    for watermark_ms in range(0, to_ms + 1, 1000):
        while waiting and waiting[0].at_ms <= watermark_ms:
            zone = on_delta(zone, waiting.pop(0), watermark_ms - 1000).state
        step = on_watermark(zone, 7, watermark_ms)
        zone, said = step.state, [*said, *step.emit]
    return said


@pytest.mark.parametrize("seed", range(5))
def test_it_says_what_the_running_job_says(seed):
    deltas, to_ms = changes(seed), SPAN_MS // 2

    expected = live(deltas, to_ms)

    assert windows_between(7, deltas, 0, to_ms) == [m for m in expected if m.window_end_ms > 0]
    assert any(metrics.open_requests for metrics in expected)


def test_only_windows_that_end_in_the_interval_are_said_and_know_the_past():
    deltas = [ZoneDelta(7, 5_000, "run", open_change=1), ZoneDelta(7, 95_000, "run", idle_change=1)]

    said = windows_between(7, deltas, 50_000, 80_000)

    assert [metrics.window_end_ms for metrics in said] == [60_000, 70_000, 80_000]
    assert {metrics.open_requests for metrics in said} == {1}
    assert {metrics.idle_drivers for metrics in said} == {0}


def test_a_zone_without_changes_says_nothing():
    assert windows_between(7, [], 0, SPAN_MS) == []
