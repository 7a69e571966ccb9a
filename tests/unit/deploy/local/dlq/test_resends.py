import pytest

from deploy.local.dlq.commands import printable, summary_lines
from deploy.local.dlq.replay import Summary
from deploy.local.dlq.resends import Resend, Resends

TOPIC = "taxi.trips"


def resend(offset):
    return Resend(TOPIC, (0, offset), "not_json", ".", "2026-01-01T00:00:00.000Z", None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "dlq" / "resends.sqlite"


def test_notes_outlive_the_process_that_made_them(path):
    with Resends.opened(path) as resends:
        resends.intend([resend(1), resend(2)], {0: 10, 1: 4})
        resends.settle(TOPIC, {(0, 1): (0, 11)})

    with Resends.opened(path) as resends:
        assert resends.doubtful(TOPIC) == {(0, 2)}
        assert resends.ends(TOPIC) == {0: 10, 1: 4}
        assert [each.sent for each in resends.all()] == [(0, 11), None]
        assert resends.all("rideshare.trips") == []


def test_only_what_is_in_doubt_can_be_taken_back(path):
    with Resends.opened(path) as resends:
        resends.intend([resend(1), resend(2)], {})
        resends.settle(TOPIC, {(0, 1): (0, 11)})

        resends.take_back(TOPIC, [(0, 1), (0, 2)])

        assert [each.origin for each in resends.all()] == [(0, 1)]


def test_no_record_is_noted_twice(path):
    with Resends.opened(path) as resends:
        resends.intend([resend(1)], {})
        with pytest.raises(Exception, match="UNIQUE"):
            resends.intend([resend(3), resend(1)], {})
        assert [each.origin for each in resends.all()] == [(0, 1)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "(null)"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff{", "\\xff{"),
        (b"\x1b[31mred\n", "\\x1b[31mred\\n"),
        (b"x" * 301, "x" * 300 + "… (301 bytes)"),
    ],
)
def test_bytes_are_printed_without_power_over_the_terminal(value, text):
    assert printable(value) == text


def test_a_summary_tells_each_fact_once():
    summary = Summary(sent=3, before=2)
    summary.refused["not_json"] += 1

    assert summary_lines(summary, is_dry=False) == [
        "3 sent again",
        "2 sent again before: never a second time",
        "1 refused: not_json",
    ]
    assert summary_lines(Summary(), is_dry=True) == ["0 records fit"]
