"""Names of Redis keys and channels.

Values are JSON unless said otherwise; numbers in names are plain decimal.
"""

from typing import Final

POSITION_CELL_RESOLUTION: Final = 5
"""H3 resolution of the channels that carry positions: about ten cells cover São Paulo."""


def positions(domain: str) -> str:
    """Hash: entity id -> `contracts.live.Position` as JSON, the newest by (event_time, seq)."""
    return f"{domain}:positions"


def positions_geo(domain: str) -> str:
    """Geo index (sorted set): entity id at its newest position."""
    return f"{domain}:positions:geo"


def positions_seen(domain: str) -> str:
    """Sorted set: entity id scored by the event time (epoch ms) of its newest position.

    It finds the silent ones.
    """
    return f"{domain}:positions:seen"


def positions_versions(domain: str) -> str:
    """Hash: entity id -> `<event_time_ms> <seq> <run_id>` of its newest position, plain text.

    The feeder's guard compares with it and needs not decode the position.
    """
    return f"{domain}:positions:versions"


def positions_of_run(domain: str, run_id: str) -> str:
    """Sorted set: entity id scored by event time, of the entities whose position is of a run."""
    return f"{domain}:positions:run:{run_id}"


def runs(domain: str) -> str:
    """Sorted set: run id scored by the wall time (epoch ms) of its first record."""
    return f"{domain}:runs"


def run_clocks(domain: str) -> str:
    """Hash: run id -> `<newest event_time_ms> <wall time of its last record>`, plain text."""
    return f"{domain}:runs:clocks"


def surge(domain: str) -> str:
    """Hash: zone id -> `contracts.live.ZoneMetrics` as JSON, the newest window per zone."""
    return f"{domain}:surge"


def anomalies(domain: str) -> str:
    """Stream, capped to the newest: field `anomaly` holds `contracts.live.Anomaly` as JSON."""
    return f"{domain}:anomalies"


def anomalies_known(domain: str) -> str:
    """Sorted set: `<anomaly_id> <phase>` scored by the wall time (epoch ms) of its first coming.

    It keeps a repeat out of the stream; what is older than any repeat is removed.
    """
    return f"{domain}:anomalies:known"


def stats(domain: str) -> str:
    """Hash of counters that the feeder keeps: field -> integer."""
    return f"{domain}:stats"


def window(region_id: int, window_start_ms: int) -> str:
    """String with TTL: one `contracts.live.RegionWindow` as JSON."""
    return f"region:{region_id}:window:{window_start_ms}"


def window_index(region_id: int) -> str:
    """Sorted set: window start (epoch ms, as text) scored by itself.

    It finds the newest windows of a region without a SCAN.
    """
    return f"region:{region_id}:windows"


def live_positions_channel(domain: str, cell: str) -> str:
    """Channel: `contracts.live.PositionFrame` as JSON for one coarse H3 cell."""
    return f"{domain}:live:positions:{cell}"


def live_surge_channel(domain: str) -> str:
    """Channel: a JSON array of `contracts.live.ZoneMetrics`."""
    return f"{domain}:live:surge"


def live_anomalies_channel(domain: str) -> str:
    """Channel: a JSON array of `contracts.live.Anomaly`."""
    return f"{domain}:live:anomalies"


def live_pattern(domain: str) -> str:
    """Pattern that matches every live channel of a domain."""
    return f"{domain}:live:*"
