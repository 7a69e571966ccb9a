import msgspec
import pytest

from sim.domain.shocks import Shock, ShockCalendar

START_MS = 1_772_409_600_000
RAIN = Shock(name="rain", kind="weather", begin_s=60, end_s=120, speed_ratio=0.5)
SHOW = Shock(name="show", kind="event", begin_s=90, end_s=180, zone_ids=(78,), speed_ratio=0.5)
STRIKE = Shock(name="strike", kind="strike", begin_s=100, end_s=200, drivers_away_share=0.4)


def _at(second):
    return START_MS + second * 1000


@pytest.fixture
def calendar():
    return ShockCalendar((RAIN, SHOW, STRIKE), START_MS)


def test_a_shock_holds_from_its_begin_to_just_before_its_end(calendar):
    assert calendar.active(_at(59)) == ()
    assert calendar.active(_at(60)) == (0,)
    assert calendar.active(_at(119)) == (0, 1, 2)
    assert calendar.active(_at(120)) == (1, 2)
    assert calendar.active(_at(200)) == ()


def test_ratios_multiply_where_they_are_felt(calendar):
    assert calendar.speed_ratio(78, _at(95)) == 0.25
    assert calendar.speed_ratio(7, _at(95)) == 0.5
    assert calendar.speed_ratio(None, _at(95)) == 0.5
    assert calendar.speed_ratio(7, _at(150)) == 1.0


def test_every_combination_is_known(calendar):
    assert calendar.shocks == (RAIN, SHOW, STRIKE)
    assert set(calendar.combinations()) == {(), (0,), (0, 1), (0, 1, 2), (1, 2), (2,)}


def test_the_least_loyal_stay_away_until_the_last_strike_ends(calendar):
    assert calendar.away_until_ms(0.39, _at(110)) == _at(200)
    assert calendar.away_until_ms(0.4, _at(110)) is None
    assert calendar.away_until_ms(0.0, _at(200)) is None


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"end_s": 5}, "end_s: 5 is not after begin_s 10"),
        ({"zone_ids": [78, 999]}, r"zone_ids: outside the service area: \[999\]"),
        ({"zone_ids": [78], "drivers_away_share": 0.1}, "zone_ids: drivers stay away from"),
        ({"request_ratio": -1}, "request_ratio"),
        ({"speed_ratio": 0}, "speed_ratio"),
        ({"kind": "comet"}, "kind"),
        ({"loud": True}, "loud"),
    ],
)
def test_impossible_shocks_are_refused(fields, problem):
    value = {"name": "x", "kind": "event", "begin_s": 10, "end_s": 20} | fields
    with pytest.raises(msgspec.ValidationError, match=problem):
        msgspec.convert(value, Shock)
