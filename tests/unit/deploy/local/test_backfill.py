import pytest

from deploy.local.backfill import BACKFILLS, instant_ms
from deploy.local.jobs import JobError, reason_of


@pytest.mark.parametrize(
    "text", ["2026-01-05T08:00:00Z", "2026-01-05 08:00", "2026-01-05T05:00:00-03:00"]
)
def test_an_instant_is_read_in_any_zone_and_is_utc_without_one(text):
    assert instant_ms(text, "--from", 60_000) == 1_767_600_000_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yesterday", "--to 'yesterday' is no instant such as 2026-01-05T08:00:00Z"),
        ("2026-01-05T08:00:30Z", "lies inside a window: give a multiple of 60 s"),
    ],
)
def test_what_is_no_end_of_a_window_is_refused(text, message):
    with pytest.raises(JobError, match=message):
        instant_ms(text, "--to", 60_000)


def test_results_lie_beside_the_streamed_ones():
    for each in BACKFILLS.values():
        assert each.table.identifier == f"{each.topic.stream_table}_backfill"
        assert {"window_start_ms", "window_end_ms"} <= {c.name for c in each.table.columns}


def test_the_reason_of_a_refusal_is_the_jobs_own_or_the_innermost_cause(tmp_path):
    def logged(*lines):
        prefix = "INFO  org.apache.flink.client.python.PythonDriver   [] - "
        log = tmp_path / "jobmanager.log"
        log.write_text("".join(f"{prefix}{line}\n" for line in lines))
        return reason_of("Internal error.\nCaused by: java.lang.X: exits with code: 1", log, 0)

    own = "surge: error: unrecognized arguments: --no-such"
    java = (
        "py4j.protocol.Py4JJavaError: An error occurred",
        "Caused by: a.B: outer",
        "Caused by: c.D: refused",
    )
    assert logged(own, "usage: surge [-h]") == own
    assert logged(*java) == "c.D: refused"
    assert logged() == "java.lang.X: exits with code: 1"
