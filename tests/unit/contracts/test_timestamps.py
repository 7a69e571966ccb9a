"""Event time as text and as epoch milliseconds."""

import pytest

from contracts.timestamps import epoch_ms, rfc3339


@pytest.mark.parametrize(
    ("moment_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_772_442_000_000, "2026-03-02T09:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
    ],
)
def test_both_ways(moment_ms: int, text: str) -> None:
    assert rfc3339(moment_ms) == text
    assert epoch_ms(text) == moment_ms


def test_digits_beyond_milliseconds_are_cut_off() -> None:
    assert epoch_ms("1970-01-01T00:00:00.001999Z") == 1
    assert epoch_ms("1970-01-01T00:00:01Z") == 1000


def test_an_offset_is_honoured_and_its_absence_refused() -> None:
    assert epoch_ms("2026-03-02T06:00:00-03:00") == 1_772_442_000_000
    with pytest.raises(ValueError, match=r"has no UTC offset: write it as"):
        epoch_ms("2026-03-02T09:00:00")


def test_instants_outside_the_calendar_are_refused() -> None:
    with pytest.raises(OverflowError):
        rfc3339(10**15)
