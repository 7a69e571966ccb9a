import pytest

from contracts.rules import SURGE_SLIDES_PER_WINDOW
from deploy.audit.ledger import Status, Transition
from deploy.audit.truth_windows import (
    expected_windows,
    idle_intervals,
    open_intervals,
    tick_at_or_after,
)

ZONE = 7
T0 = 1_000_000_000_000


def trip(state: str, at_s: float, trip_id: str = "t1", zone: int | None = ZONE) -> Transition:
    name = f"{trip_id}-{state}"
    return Transition(name, trip_id, state, T0 + round(at_s * 1000), zone, None)


def status(text: str, at_s: float, driver: str = "d1", zone: int | None = ZONE) -> Status:
    return Status(f"{driver}-{at_s}", driver, text, T0 + round(at_s * 1000), zone)


def counts(
    transitions: list[Transition], statuses: list[Status], until_s: float
) -> dict[float, tuple[int, int]]:
    windows = expected_windows(transitions, statuses, T0 + round(until_s * 1000), "r1")
    return {
        (end_ms - T0) / 1000: (w.open_requests, w.idle_drivers)
        for (_, end_ms), w in windows.items()
    }


@pytest.mark.parametrize(("instant_ms", "tick"), [(0, 0), (1, 1), (10_000, 1), (10_001, 2)])
def test_an_event_belongs_to_the_tick_at_or_after_it(instant_ms: int, tick: int) -> None:
    assert tick_at_or_after(instant_ms) == tick


def test_a_request_is_open_from_its_first_waiting_state_to_its_first_other_one() -> None:
    states = ["OFFER_SENT", "REQUESTED", "OFFER_REJECTED", "MATCHED", "CANCELLED"]
    times = [8, 5, 20, 31, 40]
    transitions = [trip(state, at) for state, at in zip(states, times, strict=True)]
    assert open_intervals(transitions) == [(ZONE, T0 + 5000, T0 + 31_000)]
    found = counts(transitions, [], 50)
    assert found[10] == (1, 0)
    assert found[30] == (1, 0)
    assert found[40] == (0, 0)


def test_a_request_between_two_ticks_leaves_no_trace() -> None:
    assert counts([trip("REQUESTED", 1), trip("MATCHED", 9)], [], 400) == {}


def test_a_request_at_a_tick_and_matched_at_the_next_counts_once() -> None:
    found = counts([trip("REQUESTED", 10), trip("MATCHED", 20)], [], 20)
    assert found == {10: (1, 0), 20: (0, 0)}


def test_a_request_outside_all_zones_counts_nowhere() -> None:
    assert counts([trip("REQUESTED", 1, zone=None)], [], 100) == {}


def test_a_driver_counts_where_the_newest_status_says() -> None:
    statuses = [
        status("available", 5),
        status("available", 25, zone=8),
        status("en_route", 45, zone=8),
    ]
    assert idle_intervals(statuses) == [
        (7, T0 + 5000, T0 + 25_000),
        (8, T0 + 25_000, T0 + 45_000),
    ]
    windows = expected_windows([], statuses, T0 + 60_000, "r1")
    idle = {(zone, (end - T0) // 1000): w.idle_drivers for (zone, end), w in windows.items()}
    assert idle == {(7, 10): 1, (7, 20): 1, (7, 30): 0, (8, 30): 1, (8, 40): 1, (8, 50): 0}


def test_a_wave_is_smoothed_and_closed_by_one_record_at_rest() -> None:
    transitions = [
        *(trip("REQUESTED", 10, f"t{n}") for n in range(8)),
        *(trip("MATCHED", 20, f"t{n}") for n in range(8)),
    ]
    windows = expected_windows(transitions, [], T0 + 1_000_000, "r1")
    ends = sorted((end - T0) // 1000 for _, end in windows)
    # Open at 10 s; in the mean until it leaves the window of 30 samples; then one closing record.
    assert ends == [10 * n for n in range(1, SURGE_SLIDES_PER_WINDOW + 2)]
    first, last = windows[ZONE, T0 + 10_000], windows[ZONE, T0 + 310_000]
    assert (first.ratio, first.smoothed_ratio) == (8.0, round(8 / 30, 9))
    assert (last.ratio, last.smoothed_ratio, last.multiplier) == (0.0, 0.0, 1.0)


def test_sustained_demand_reaches_the_multiplier_of_the_rule() -> None:
    transitions = [trip("REQUESTED", 10, f"t{n}") for n in range(9)]
    windows = expected_windows(transitions, [status("available", 1)] * 3, T0 + 300_000, "r1")
    last = windows[ZONE, T0 + 300_000]
    assert (last.open_requests, last.smoothed_ratio) == (9, 9.0)
    assert last.multiplier == 3.0


def test_no_tick_lies_beyond_the_watermark() -> None:
    assert max(counts([], [status("available", 1)], 59.999)) == 50
    assert counts([], [status("available", 1)], -5) == {}
    assert expected_windows([], [], T0, "r1") == {}
