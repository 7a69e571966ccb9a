"""Anomalies for viewers: each once, ended once, bounded on both sides."""

import random
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from api.live.anomalies import AnomalyBoard, AnomalyBuffer
from api.live.board import Board
from api.live.viewer import Viewer
from contracts.anomalies import AnomalyKind, AnomalyPhase
from contracts.live import Anomaly, Delta, Snapshot, Subscribe, Viewport
from tests.integration.api.city import anomaly

OUTLIER, ZOMBIE, FROZEN = AnomalyKind.OUTLIER, AnomalyKind.ZOMBIE_DRIVER, AnomalyKind.FROZEN_GPS
CLEARED = AnomalyPhase.CLEARED
BOX = Viewport(west=0.0, south=0.0, east=1.0, north=1.0)
MESSAGES = msgspec.json.Decoder(Snapshot | Delta)


def watching(board: Board, **wish: object) -> tuple[Viewer, list[str]]:
    viewer = Viewer()
    viewer.subscribe(Subscribe(channels=["anomalies"], **wish))  # type: ignore[arg-type]
    first = MESSAGES.decode(viewer.message(board, 1))
    assert isinstance(first, Snapshot)
    return viewer, ids(first.anomalies)


def told(viewer: Viewer, board: Board) -> Delta:
    message = MESSAGES.decode(viewer.message(board, 1))
    assert isinstance(message, Delta)
    return message


def note(board: Board, viewer: Viewer, *anomalies: Anomaly) -> None:
    viewer.note(*board.anomalies.note(anomalies))


def ids(anomalies: Sequence[Anomaly]) -> list[str]:
    return [one.anomaly_id for one in anomalies]


def test_a_repeat_is_no_news_and_an_end_takes_the_place_of_what_it_ends() -> None:
    board = AnomalyBoard()
    raised, cleared = anomaly("z", ZOMBIE), anomaly("z", ZOMBIE, phase=CLEARED)
    assert [n.anomaly for n in board.note([raised, raised])[0]] == [raised]
    assert [n.anomaly for n in board.note([cleared])[0]] == [cleared]
    assert board.note([raised, cleared]) == ([], [])
    assert [n.anomaly for n in board.noted.values()] == [cleared]


def test_what_is_open_stays_longest() -> None:
    board = AnomalyBoard(shown=3)
    board.note([anomaly("z", ZOMBIE), anomaly("a", OUTLIER), anomaly("b", OUTLIER)])
    assert board.note([anomaly("c", OUTLIER)])[1] == ["a"]
    assert set(board.noted) == {"z", "b", "c"}
    board.note([anomaly("z", ZOMBIE, phase=CLEARED)])
    news, gone = board.note([anomaly(name, FROZEN) for name in "defg"])
    assert set(board.noted) == {"e", "f", "g"}, "nothing but open ones: the oldest leaves"
    assert {n.anomaly.anomaly_id for n in news} == {"e", "f", "g"}
    assert set(gone) == {"b", "c", "z", "d"}


def test_an_end_that_returns_to_a_full_board_in_one_batch_is_not_gone() -> None:
    board = AnomalyBoard(shown=1)
    board.note([anomaly("z", ZOMBIE)])
    news, gone = board.note([anomaly("y", ZOMBIE), anomaly("z", ZOMBIE, phase=CLEARED)])
    assert set(board.noted) == {n.anomaly.anomaly_id for n in news} == {"y"}
    assert gone == ["z"]


def test_a_viewport_gets_what_is_inside_and_what_has_no_place() -> None:
    board = Board()
    board.anomalies.note([anomaly("in", OUTLIER, lat=0.5, lon=0.5), anomaly("out", OUTLIER)])
    viewer, first = watching(board, viewport=BOX)
    assert first == ["in"]
    note(board, viewer, anomaly("far", OUTLIER))
    assert not viewer.has_news
    note(board, viewer, anomaly("silent", ZOMBIE))
    assert ids(told(viewer, board).anomalies) == ["silent"]
    _, everywhere = watching(board, viewport=BOX, anomalies_everywhere=True)
    assert everywhere == ["in", "out", "far", "silent"]


def test_an_end_elsewhere_reaches_those_who_saw_the_beginning() -> None:
    board = Board()
    viewer, _ = watching(board, viewport=BOX)
    note(board, viewer, anomaly("still", FROZEN, lat=0.5, lon=0.5))
    told(viewer, board)
    note(board, viewer, anomaly("still", FROZEN, lat=5.0, lon=5.0, phase=CLEARED))
    assert [one.phase for one in told(viewer, board).anomalies] == [CLEARED]


def test_who_did_not_ask_is_told_nothing() -> None:
    board = Board()
    board.anomalies.note([anomaly("a", OUTLIER)])
    viewer = Viewer()
    viewer.subscribe(Subscribe(channels=["surge"]))
    first = MESSAGES.decode(viewer.message(board, 1))
    assert first.anomalies == []
    note(board, viewer, anomaly("b", OUTLIER))
    assert not viewer.has_news


def test_a_client_that_never_reads_holds_no_more_than_the_board() -> None:
    board, buffer = AnomalyBoard(shown=20), AnomalyBuffer()
    for number in range(1000):
        news, gone = board.note([anomaly(str(number), OUTLIER)])
        buffer.note(news)
        buffer.drop(gone)
    told_at_last, forgotten = buffer.take()
    assert len(told_at_last) == 20
    assert forgotten == [], "it was never told of those"


STEPS = st.lists(
    st.tuples(st.sampled_from(["raise", "clear", "flush", "end"]), st.integers(0, 9)), max_size=80
)


@settings(deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_a_client_that_applies_every_message_sees_what_the_board_holds(
    steps: list[tuple[str, int]], chance: random.Random
) -> None:
    board = Board()
    board.anomalies = AnomalyBoard(shown=4)
    viewer, _ = watching(board)
    seen: dict[str, Anomaly] = {}

    def flush() -> None:
        delta = told(viewer, board)
        seen.update({one.anomaly_id: one for one in delta.anomalies})
        for identifier in delta.removed_anomalies:
            del seen[identifier]

    for kind, number in steps:
        name, run_id = str(number), f"run-{number % 2}"
        if kind == "raise":
            which = chance.choice([ZOMBIE, OUTLIER])
            note(board, viewer, anomaly(name, which, run_id=run_id))
        elif kind == "clear":
            note(board, viewer, anomaly(name, ZOMBIE, run_id=run_id, phase=CLEARED))
        elif kind == "end":
            viewer.note([], board.anomalies.forget_runs({run_id}))
        else:
            flush()
    flush()
    assert seen == {key: noted.anomaly for key, noted in board.anomalies.noted.items()}
    assert len(seen) <= 4
