"""The rules of anomalies once more, by brute force: every ping, every status, nothing left out.

Written from the words of the design, for comparison with the job; it shares the formulas in
`contracts` with it and nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.anomalies import outlier_reason
from contracts.rules import great_circle_m

SILENCE_MS = 600_000
FROZEN_MS = 60_000
SPEED_KMH = 200.0
MOVING = ("en_route", "on_trip")
Said = tuple[str, str, str | None]


@dataclass(frozen=True)
class Seen:
    """One ping of one driver."""

    event_id: str
    at_ms: int
    lat: float
    lon: float
    accuracy_m: float
    status: str | None


def single_ping_anomalies(pings: Iterable[Seen]) -> list[Said]:
    """Return (kind, phase, event id) of a driver's outliers, impossible speeds and standstills.

    Pings of equal time are in the order of the log; copies are among them.
    """
    said: list[Said] = []
    accepted: Seen | None = None
    known: set[str] = set()
    ordered = sorted(pings, key=lambda p: p.at_ms)
    still = _standstills(ordered)
    for ping in ordered:
        if ping.event_id in known:
            continue
        known.add(ping.event_id)
        if outlier_reason(ping.lat, ping.lon, ping.accuracy_m) is not None:
            said.append(("outlier", "raised", ping.event_id))
        elif accepted is not None and _is_too_fast(accepted, ping):
            said.append(("impossible_speed", "raised", ping.event_id))
        else:
            accepted = ping
        said += still.get(ping.event_id, [])
    return said


def _is_too_fast(one: Seen, other: Seen) -> bool:
    moved_m = great_circle_m(one.lat, one.lon, other.lat, other.lon)
    return moved_m * 3600 > SPEED_KMH * (other.at_ms - one.at_ms)


def _standstills(ordered: list[Seen]) -> dict[str, list[Said]]:
    """Return what is said of each event about the runs of pings from one point."""
    said: dict[str, list[Said]] = {}
    since: int | None = None
    is_raised = False
    known: set[str] = set()
    before: Seen | None = None
    for ping in ordered:
        if ping.event_id in known:
            before = ping
            continue
        known.add(ping.event_id)
        is_same = (
            before is not None
            and (before.lat, before.lon) == (ping.lat, ping.lon)
            and ping.status in MOVING
        )
        if is_same and before is not None:
            since = before.at_ms if since is None else since
            if not is_raised and ping.at_ms - since >= FROZEN_MS:
                is_raised = True
                said.setdefault(ping.event_id, []).append(("frozen_gps", "raised", ping.event_id))
        else:
            if is_raised:
                said.setdefault(ping.event_id, []).append(("frozen_gps", "cleared", ping.event_id))
            since, is_raised = None, False
        before = ping
    return said


def zombies(
    pings_ms: Iterable[int], shifts: Iterable[tuple[int, bool]], end_ms: int
) -> list[tuple[str, int]]:
    """Return (phase, instant) of one driver's silences up to the end of the run, inclusive.

    Args:
        pings_ms: When the driver pinged.
        shifts: (instant, on shift or not) of every status.
        end_ms: Newest event time of the run.
    """
    said: list[tuple[str, int]] = []
    signs = sorted([(at, 0, None) for at in pings_ms] + [(at, 1, is_on) for at, is_on in shifts])
    is_on_shift, heard_ms, is_zombie = False, -(10**15), False
    for at_ms, _, is_on in [*signs, (end_ms + 1, 2, None)]:
        due_ms = heard_ms + SILENCE_MS
        if is_on_shift and not is_zombie and due_ms < at_ms and due_ms <= end_ms:
            is_zombie = True
            said.append(("raised", due_ms))
        if at_ms > end_ms:
            break
        if is_zombie and not is_on:
            is_zombie = False
            said.append(("cleared", at_ms))
        if is_on is None:
            heard_ms = at_ms
        else:
            heard_ms = max(heard_ms, at_ms) if is_on and not is_on_shift else heard_ms
            is_on_shift = is_on
    return said
