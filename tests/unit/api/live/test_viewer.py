"""One client's buffer: snapshot, deltas, viewport, and newest value wins."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.live.board import Board
from api.live.viewer import DeltaMessage, SnapshotMessage, Viewer
from contracts.live import Delta, Position, Snapshot, Subscribe, Viewport
from tests.integration.api.city import metrics, position

EVERYTHING = Subscribe(channels=["positions", "surge"])
BOX = Viewport(west=0.0, south=0.0, east=1.0, north=1.0)
MESSAGES = msgspec.json.Decoder(Snapshot | Delta)


def subscribed(board: Board, subscription: Subscribe = EVERYTHING) -> tuple[Viewer, Snapshot]:
    viewer = Viewer()
    viewer.subscribe(subscription)
    first = MESSAGES.decode(viewer.message(board, 1))
    assert isinstance(first, Snapshot)
    return viewer, first


def delta_of(viewer: Viewer, board: Board) -> Delta:
    message = MESSAGES.decode(viewer.message(board, 1))
    assert isinstance(message, Delta)
    return message


@pytest.mark.parametrize(("ours", "promised"), [(SnapshotMessage, Snapshot), (DeltaMessage, Delta)])
def test_messages_have_the_fields_that_the_contract_promises(
    ours: type[msgspec.Struct], promised: type[msgspec.Struct]
) -> None:
    assert ours.__struct_fields__ == promised.__struct_fields__
    assert ours.__struct_config__.tag == promised.__struct_config__.tag
    assert ours.__struct_config__.tag_field == promised.__struct_config__.tag_field


def test_a_snapshot_comes_first_then_what_changed() -> None:
    board = Board()
    board.place([position("a", 0.5, 0.5)])
    board.measure([metrics(3)])
    viewer, snapshot = subscribed(board)
    assert [p.entity_id for p in snapshot.positions] == ["a"]
    assert [z.zone_id for z in snapshot.zones] == [3]
    assert not viewer.has_news
    viewer.move(board.place([position("a", 0.6, 0.5, seq=2), position("b", 0.1, 0.1)]))
    viewer.measure(board.measure([metrics(3, window_end_ms=10**13)]))
    delta = delta_of(viewer, board)
    assert delta.sequence == snapshot.sequence + 1
    assert {p.entity_id: p.lat for p in delta.positions} == {"a": 0.6, "b": 0.1}
    assert [z.window_end_ms for z in delta.zones] == [10**13]
    assert not viewer.has_news
    heartbeat = delta_of(viewer, board)
    assert heartbeat.sequence == delta.sequence + 1
    assert (heartbeat.positions, heartbeat.zones, heartbeat.removed) == ([], [], [])


def test_a_slow_client_skips_steps_and_the_skipped_are_counted() -> None:
    board = Board()
    viewer, _ = subscribed(board)
    for seq in range(1, 101):
        viewer.move(board.place([position("a", seq / 200, 0.5, seq=seq)]))
    delta = delta_of(viewer, board)
    assert [p.seq for p in delta.positions] == [100]
    assert viewer.overwritten == 99


def test_a_viewport_shows_what_is_inside_and_tells_what_left() -> None:
    board = Board()
    board.place([position("in", 0.5, 0.5), position("out", 5, 5)])
    viewer, snapshot = subscribed(board, Subscribe(channels=["positions"], viewport=BOX))
    assert [p.entity_id for p in snapshot.positions] == ["in"]
    viewer.move(board.place([position("out", 6, 6, seq=2)]))
    assert not viewer.has_news
    viewer.move(board.place([position("in", 0.5, 1.1, seq=2), position("out", 1, 1, seq=3)]))
    delta = delta_of(viewer, board)
    assert delta.removed == ["in"]
    assert [p.entity_id for p in delta.positions] == ["out"]


def test_who_came_and_left_between_two_messages_is_not_mentioned() -> None:
    board = Board()
    viewer, _ = subscribed(board, Subscribe(channels=["positions"], viewport=BOX))
    viewer.move(board.place([position("a", 0.5, 0.5, seq=1)]))
    viewer.move(board.place([position("a", 5, 5, seq=2)]))
    assert not viewer.has_news


def test_channels_that_were_not_asked_for_stay_silent() -> None:
    board = Board()
    board.place([position("a", 0, 0)])
    board.measure([metrics(1)])
    viewer, snapshot = subscribed(board, Subscribe(channels=["surge"]))
    assert snapshot.positions == []
    viewer.move(board.place([position("a", 1, 1, seq=2)]))
    assert not viewer.has_news


def test_a_new_wish_starts_with_a_new_snapshot_and_the_numbers_go_on() -> None:
    board = Board()
    board.place([position("a", 0.5, 0.5), position("b", 5, 5)])
    viewer, first = subscribed(board)
    viewer.move(board.place([position("a", 0.6, 0.6, seq=2)]))
    viewer.subscribe(Subscribe(channels=["positions"], viewport=BOX))
    second = MESSAGES.decode(viewer.message(board, 1))
    assert isinstance(second, Snapshot)
    assert second.sequence == first.sequence + 1
    assert [(p.entity_id, p.seq) for p in second.positions] == [("a", 2)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.sampled_from("abcd"), st.floats(-1, 2), st.floats(-1, 2)),
        st.tuples(st.just("flush"), st.just(""), st.just(0.0), st.just(0.0)),
        st.tuples(st.just("gone"), st.sampled_from("abcd"), st.just(0.0), st.just(0.0)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(STEPS)
def test_a_client_that_applies_every_message_sees_what_is_in_its_viewport(
    steps: list[tuple[str, str, float, float]],
) -> None:
    board = Board()
    viewer, _ = subscribed(board, Subscribe(channels=["positions"], viewport=BOX))
    seen: dict[str, Position] = {}

    def flush() -> None:
        delta = delta_of(viewer, board)
        seen.update({p.entity_id: p for p in delta.positions})
        for entity_id in delta.removed:
            del seen[entity_id]

    for number, (kind, entity_id, lat, lon) in enumerate(steps):
        if kind == "move":
            viewer.move(board.place([position(entity_id, lat, lon, seq=number)]))
        elif kind == "gone":
            viewer.remove(board.keep_only(set(board.positions) - {entity_id}))
        else:
            flush()
    flush()
    inside = {
        entity_id: placed.position
        for entity_id, placed in board.positions.items()
        if 0 <= placed.position.lat <= 1 and 0 <= placed.position.lon <= 1
    }
    assert seen == inside
