"""State that an older release has written is read; state of a newer one is refused clearly."""

from pathlib import Path

import pytest

from flink_jobs.functions.surge_state import VERSION, StateCodec, UnknownStateVersionError
from flink_jobs.logic.surge_drivers import Driver, Status
from flink_jobs.logic.surge_trips import Moment, OpenTrip
from flink_jobs.logic.surge_zones import TickChange, Zone

SAMPLES = Path(__file__).parent / "surge_state_samples"
T = 1_772_442_000_000
STATES = {
    "trip": OpenTrip(7, "run-1", T + 21_600_000, Moment(T, T)),
    "driver": Driver(
        (Status(T, "e1", T, 7), Status(T + 5_000, "e2", T + 60_000, None)),
        "run-1",
        T + 93_600_000,
    ),
    "zone": Zone(
        T + 10_000,
        2,
        1,
        (0.5, 2.0),
        True,
        T + 9_000,
        "run-1",
        (TickChange(T + 20_000, -1, 0, 1, T + 12_000, "run-1"),),
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_samples_of_every_version_are_read(name: str) -> None:
    for version in range(1, VERSION + 1):
        data = (SAMPLES / f"v{version}_{name}.json").read_bytes()
        assert StateCodec(type(STATES[name])).decode(data) == STATES[name]


@pytest.mark.parametrize("name", STATES)
def test_what_is_written_has_the_form_of_the_newest_sample(name: str) -> None:
    sample = (SAMPLES / f"v{VERSION}_{name}.json").read_bytes().strip()
    assert StateCodec(type(STATES[name])).encode(STATES[name]) == sample


def test_no_state_is_none() -> None:
    assert StateCodec(Zone).decode(None) is None


def test_a_newer_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnknownStateVersionError, match="without the savepoint"):
        StateCodec(Zone).decode(b"[99,{}]")
