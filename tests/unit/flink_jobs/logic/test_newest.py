from dataclasses import dataclass

from flink_jobs.logic.newest import Seen, newest, runs_of


@dataclass(frozen=True, slots=True)
class Value:
    entity: str
    at_ms: int
    seq: int = 0
    run_id: str = "run"


def keep(*values: Value) -> list[Value]:
    return newest(values, key=lambda v: v.entity, version=lambda v: (v.at_ms, v.seq))


def test_the_greatest_version_of_each_key_stays_in_the_order_of_the_keys() -> None:
    a1, b1, a2, b0 = Value("a", 1), Value("b", 1), Value("a", 2), Value("b", 0)
    assert keep(a1, b1, a2, b0) == [a2, b1]


def test_a_tie_in_time_is_broken_by_the_sequence_and_a_copy_changes_nothing() -> None:
    first, second = Value("a", 1, 1), Value("a", 1, 2)
    assert keep(first, second, first) == [second]
    assert keep(first, Value("a", 1, 1))[0] is first


def test_nothing_gives_nothing() -> None:
    assert keep() == []
    assert runs_of([], lambda v: 0) == {}


def test_a_run_is_known_by_its_first_record_and_its_newest_event() -> None:
    records = [
        (Value("a", 10), 500),
        (Value("b", 30), 400),
        (Value("a", 20), 600),
        (Value("c", 5, run_id="other"), 700),
    ]
    assert runs_of(records, lambda v: v.at_ms) == {"run": Seen(400, 30), "other": Seen(700, 5)}
