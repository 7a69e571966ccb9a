from contracts.rules import SURGE_SLIDES_PER_WINDOW, smoothed_ratio, surge_multiplier
from sim.policies.surge import FlatSurge, ModelSurge, StreamedSurge, ZoneCounts


def test_flat_never_surges():
    assert FlatSurge().sample({1: ZoneCounts(50, 0)}) == {}


def test_model_follows_the_rule_slide_by_slide():
    surge = ModelSurge()
    for slides in range(1, 2 * SURGE_SLIDES_PER_WINDOW):
        raised = surge.sample({7: ZoneCounts(9, 2)})
        ratios = [4.5] * min(slides, SURGE_SLIDES_PER_WINDOW)
        expected = surge_multiplier(smoothed_ratio(ratios))
        assert raised == ({7: expected} if expected > 1 else {})


def test_a_silent_zone_decays_to_nothing_within_one_window():
    surge = ModelSurge()
    for _ in range(SURGE_SLIDES_PER_WINDOW):
        surge.sample({7: ZoneCounts(9, 0)})
    seen = [surge.sample({}).get(7, 1.0) for _ in range(SURGE_SLIDES_PER_WINDOW)]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > 1.0
    assert seen[-1] == 1.0
    assert surge.sample({}) == {}


def test_zones_without_requests_are_not_kept():
    assert ModelSurge().sample({3: ZoneCounts(0, 5)}) == {}


def test_streamed_says_what_was_last_received():
    surge = StreamedSurge()
    assert surge.sample({7: ZoneCounts(50, 0)}) == {}
    surge.receive(7, 1.4)
    surge.receive(8, 2.0)
    surge.receive(7, 1.3)
    assert surge.sample({}) == {7: 1.3, 8: 2.0}
    surge.receive(8, 1.0)
    assert surge.sample({}) == {7: 1.3}
