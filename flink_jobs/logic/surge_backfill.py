"""What a zone said between two instants, from all changes of its counts at once.

The rules are those of the running job; only the clock is another one. There it is the watermark,
here the changes themselves, in their order: nothing is late any more.
"""

from collections.abc import Iterable

from contracts.live import ZoneMetrics
from flink_jobs.logic.surge_deltas import ZoneDelta
from flink_jobs.logic.surge_zones import Zone, on_delta, on_watermark


def windows_between(
    zone_id: int, deltas: Iterable[ZoneDelta], from_ms: int, to_ms: int
) -> list[ZoneMetrics]:
    """Return what a zone says at the window ends after one instant, up to another one.

    Args:
        zone_id: The zone.
        deltas: All changes of its counts, from the first one on, in any order.
        from_ms: Windows end after this, epoch ms.
        to_ms: The last one ends here or before, epoch ms.
    """
    zone: Zone | None = None
    said: list[ZoneMetrics] = []
    for delta in sorted(deltas, key=lambda delta: (delta.at_ms, delta.run_id)):
        if delta.at_ms > to_ms:
            break
        step = on_watermark(zone, zone_id, delta.at_ms - 1)
        said += step.emit
        zone = on_delta(step.state, delta, delta.at_ms - 1).state
    said += on_watermark(zone, zone_id, to_ms).emit
    return [metrics for metrics in said if from_ms < metrics.window_end_ms <= to_ms]
