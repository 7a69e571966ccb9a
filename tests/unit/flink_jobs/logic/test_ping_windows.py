"""Packed windows: order, copies, odd identifiers."""

import random

from hypothesis import given
from hypothesis import strategies as st

from flink_jobs.logic.ping_windows import FIELD_END, RECORD_END, Ping, unpack


def packed(ping: Ping, place: int) -> str:
    """Return the text that `packed_pings.sql` makes."""
    return FIELD_END.join(
        (
            f"{ping.at_ms:015}",
            f"{place:015}",
            str(ping.lat),
            str(ping.lon),
            str(ping.accuracy_m),
            str(ping.speed_kmh),
            ping.status or "",
            ping.event_id,
        )
    )


pings = st.builds(
    Ping,
    st.integers(0, 10**14),
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.sampled_from([None, "available"]),
    st.text(st.characters(exclude_characters=RECORD_END), min_size=1),
)


@given(st.lists(pings, unique_by=lambda ping: ping.event_id), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_order_of_the_log(
    log: list[Ping], chance: random.Random
) -> None:
    texts = [packed(ping, place) for place, ping in enumerate(log)]
    copies = [packed(ping, len(log) + place) for place, ping in enumerate(log)]
    arrived = texts + copies
    chance.shuffle(arrived)
    assert unpack(RECORD_END.join(arrived)) == sorted(log, key=lambda ping: ping.at_ms)


def test_no_window_has_no_pings() -> None:
    assert unpack(None) == unpack("") == []
