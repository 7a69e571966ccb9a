"""What a zone says, and when it is silent."""

from contracts.live import ZoneMetrics
from contracts.rules import SURGE_SLIDES_PER_WINDOW
from flink_jobs.logic.surge_deltas import ZoneDelta
from flink_jobs.logic.surge_zones import END_OF_INPUT_MS, Zone, on_delta, on_watermark

ZONE = 7
T = 1_800_000_000_000
"""A window end."""
SLIDE_MS = 10_000
EARLY = -(2**63)


def delta(
    at_ms: int, opened: int = 0, idle: int = 0, late: int = 0, run_id: str = "run-1"
) -> ZoneDelta:
    return ZoneDelta(ZONE, T + at_ms, run_id, opened, idle, late)


def feed(*deltas: ZoneDelta, zone: Zone | None = None, watermark_ms: int = EARLY) -> Zone | None:
    for each in deltas:
        zone = on_delta(zone, each, watermark_ms).state
    return zone


def said(zone: Zone | None, until_ms: int) -> list[ZoneMetrics]:
    return list(on_watermark(zone, ZONE, T + until_ms).emit)


def test_an_event_at_a_window_end_belongs_to_it_and_one_later_to_the_next() -> None:
    assert on_delta(None, delta(0, 1), EARLY).timer_ms == T
    assert on_delta(None, delta(1, 1), EARLY).timer_ms == T + SLIDE_MS


def test_a_zone_speaks_at_every_window_end_that_the_watermark_has_passed() -> None:
    zone = feed(delta(1, 2), delta(1, 0, 1), delta(15_000, -1))
    metrics = said(zone, 29_999)
    assert [m.window_end_ms - T for m in metrics] == [10_000, 20_000]
    assert [(m.open_requests, m.idle_drivers, m.ratio) for m in metrics] == [
        (2, 1, 2.0),
        (1, 1, 1.0),
    ]
    assert metrics[0].smoothed_ratio == round(2 / 30, 9)
    assert metrics[1].smoothed_ratio == round(3 / 30, 9)
    assert {m.window_end_ms - m.window_start_ms for m in metrics} == {300_000}


def test_the_next_timer_is_the_next_window_end() -> None:
    step = on_watermark(feed(delta(1, 1)), ZONE, T + 25_000)
    assert step.timer_ms == T + 30_000


def test_steps_of_the_watermark_do_not_matter() -> None:
    zone = feed(delta(1, 3), delta(55_000, -2), delta(90_000, -1), delta(700_000, 1))
    at_once = said(zone, 1_200_000)
    stepwise: list[ZoneMetrics] = []
    for until_ms in range(0, 1_200_001, 6_000):
        step = on_watermark(zone, ZONE, T + until_ms)
        zone = step.state
        stepwise += step.emit
    assert stepwise == at_once


def test_a_silent_zone_decays_closes_once_and_is_forgotten() -> None:
    step = on_watermark(feed(delta(1, 4), delta(10_001, -4)), ZONE, T + 10_000_000)
    assert step.state is None
    assert step.timer_ms is None
    assert len(step.emit) == SURGE_SLIDES_PER_WINDOW + 1
    closing = step.emit[-1]
    assert (closing.open_requests, closing.smoothed_ratio, closing.multiplier) == (0, 0.0, 1.0)
    assert step.emit[-2].smoothed_ratio > 0


def test_a_change_that_is_undone_within_one_slide_leaves_no_trace() -> None:
    step = on_watermark(feed(delta(1, 1), delta(9_000, -1)), ZONE, T + 60_000)
    assert (step.state, step.emit) == (None, ())


def test_late_records_are_shown_by_a_zone_at_rest_too() -> None:
    metrics = said(feed(delta(1, late=2)), 60_000)
    assert [(m.late_records, m.multiplier) for m in metrics] == [(2, 1.0), (0, 1.0)]


def test_a_zone_at_rest_waits_for_its_next_change() -> None:
    step = on_watermark(feed(delta(900_000, 1)), ZONE, T + 60_000)
    assert (step.emit, step.timer_ms) == ((), T + 900_000)


def test_the_newest_run_names_the_record() -> None:
    zone = feed(delta(1, 1, run_id="b"), delta(5, 1, run_id="a"), delta(3, 1, run_id="c"))
    assert said(zone, 10_000)[0].run_id == "a"


def test_a_change_for_a_window_that_has_passed_counts_at_the_next_one() -> None:
    zone = feed(delta(1, 1))
    zone = on_watermark(zone, ZONE, T + 20_000).state
    zone = feed(delta(5_000, 1), zone=zone, watermark_ms=T + 20_000)
    assert [m.open_requests for m in said(zone, 30_000)] == [2]


def test_a_watermark_that_goes_back_after_a_recovery_repeats_nothing() -> None:
    zone = on_watermark(feed(delta(1, 1)), ZONE, T + 20_000).state
    assert said(zone, 10_000) == []


def test_the_end_of_input_lets_a_zone_decay() -> None:
    zone = feed(delta(1, 4), delta(10_001, -4))
    step = on_watermark(zone, ZONE, END_OF_INPUT_MS)
    assert step.state is None
    assert len(step.emit) == SURGE_SLIDES_PER_WINDOW + 1


def test_the_end_of_input_stops_an_occupied_zone_after_its_last_change() -> None:
    step = on_watermark(feed(delta(1, 0, 1), delta(35_000, 0, 1)), ZONE, END_OF_INPUT_MS)
    assert [m.idle_drivers for m in step.emit] == [1, 1, 1, 2]
    assert step.timer_ms is None


def test_a_timer_of_a_zone_at_rest_does_nothing() -> None:
    assert on_watermark(None, ZONE, T).state is None


def answer(at_ms: int, accepted: int, eta_s: float | None = None) -> ZoneDelta:
    return ZoneDelta(
        ZONE,
        T + at_ms,
        "run-1",
        offers_answered=1,
        offers_accepted=accepted,
        eta_ms=round(eta_s * 1000) if eta_s else 0,
        eta_count=int(eta_s is not None),
    )


def test_answers_count_for_one_window() -> None:
    zone = feed(delta(1, 1), answer(1, 1, 120.0), answer(2_000, 0), answer(15_000, 1, 60.5))
    metrics = {(m.window_end_ms - T) // 1000: m for m in said(zone, 400_000)}
    assert (metrics[10].acceptance, metrics[10].mean_pickup_eta_s) == (0.5, 120.0)
    assert (metrics[20].acceptance, metrics[20].mean_pickup_eta_s) == (2 / 3, 90.25)
    assert metrics[300].acceptance == 2 / 3
    assert (metrics[310].acceptance, metrics[310].mean_pickup_eta_s) == (1.0, 60.5)
    assert (metrics[320].acceptance, metrics[320].mean_pickup_eta_s) == (None, None)


def test_answers_do_not_make_a_zone_speak_but_are_there_when_it_does() -> None:
    zone = feed(answer(1, 1, 100.0))
    step = on_watermark(zone, ZONE, T + 60_000)
    assert (step.emit, step.timer_ms) == ((), None)
    first = said(feed(delta(90_000, 1), zone=step.state), 100_000)[0]
    assert (first.acceptance, first.mean_pickup_eta_s) == (1.0, 100.0)
    late = said(feed(delta(900_000, 1), zone=step.state), 900_000)[0]
    assert late.acceptance is None
