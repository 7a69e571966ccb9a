import pytest

from contracts.timestamps import rfc3339
from sim.replay.errors import ReplayError
from sim.replay.local_time import LocalClock


def utc(text: str) -> str | None:
    instant_ms = LocalClock("America/New_York").epoch_ms(text)
    return None if instant_ms is None else rfc3339(instant_ms)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2019-01-15 03:36:12", "2019-01-15T08:36:12.000Z"),
        ("2019-07-15 03:36:12", "2019-07-15T07:36:12.000Z"),
        ("2019-01-15T03:36:12", "2019-01-15T08:36:12.000Z"),
        ("2019-01-15 03:36:12.250000", "2019-01-15T08:36:12.250Z"),
        ("2019-01-15T03:36:12Z", "2019-01-15T03:36:12.000Z"),
        ("2019-01-15 03:36:12-03:00", "2019-01-15T06:36:12.000Z"),
        ("01/15/2019 03:36:12 PM", "2019-01-15T20:36:12.000Z"),
        ("1/5/2019 12:00:00 am", "2019-01-05T05:00:00.000Z"),
        # Clocks go back: the hour from 01:00 comes twice, its first pass is daylight time.
        ("2019-11-03 00:59:59", "2019-11-03T04:59:59.000Z"),
        ("2019-11-03 01:30:00", "2019-11-03T05:30:00.000Z"),
        ("2019-11-03 02:00:00", "2019-11-03T07:00:00.000Z"),
        # Clocks go forward: 02:30 does not exist; the offset before the jump applies.
        ("2019-03-10 01:59:59", "2019-03-10T06:59:59.000Z"),
        ("2019-03-10 02:30:00", "2019-03-10T07:30:00.000Z"),
        ("2019-03-10 03:30:00", "2019-03-10T07:30:00.000Z"),
    ],
)
def test_local_times_become_utc(local: str, expected: str) -> None:
    assert utc(local) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "INVALID_TIMESTAMP",
        "2019-01-15",
        "2019-13-15 03:36:12",
        "2019-02-29 03:36:12",
        "2019-01-15 24:00:00",
        "2019-01-15 03:60:12",
        "2019-01-15 03:36:60",
        "2019-01-15 03-36-12",
        "2019-01-15 0\u0663:36:12",
        "13/15/2019 03:36:12 PM",
        "0000-01-01 00:00:00",
        "1547541372",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert utc(text) is None


def test_the_cached_hour_is_as_strict_as_the_first_reading() -> None:
    clock = LocalClock("America/New_York")
    assert clock.epoch_ms("2019-01-15 03:00:00") == 1547539200000
    assert clock.epoch_ms("2019-01-15 03:59:59") == 1547542799000
    for text in ("2019-01-15 03:60:00", "2019-01-15 03:00:61", "2019-01-15 03.00:00"):
        assert clock.epoch_ms(text) is None
        assert clock.epoch_ms("2019-01-15 03:+1:00") is None


def test_an_unknown_zone_is_refused_by_name() -> None:
    with pytest.raises(ReplayError, match="America/Gotham"):
        LocalClock("America/Gotham")
