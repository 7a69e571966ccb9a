import pytest

from deploy.local.flink_rest import RunningJob
from deploy.local.job_changes import with_parallelism
from deploy.local.job_commands import unhealthy_lines
from deploy.local.job_health import LOOP_S, STARTING_S, Health, JobStatus, judged

NOW_MS = 10_000_000_000
LONG_AGO_MS = NOW_MS - (LOOP_S + STARTING_S) * 1000


def job(state="RUNNING", running=2, started_at_ms=LONG_AGO_MS):
    return RunningJob("j", "surge", state, started_at_ms, {"running": running, "total": 2})


@pytest.mark.parametrize(
    ("present", "failures_ms", "health"),
    [
        (None, [], Health.MISSING),
        (job("FAILED"), [], Health.MISSING),
        (job(), [], Health.OK),
        (job(), [NOW_MS - 1, NOW_MS - 2], Health.OK),
        (job(), [NOW_MS - 1, NOW_MS - 2, NOW_MS - 3], Health.RESTARTING),
        (job(), [LONG_AGO_MS] * 16, Health.OK),
        (job("RESTARTING", 0), [NOW_MS - 1], Health.STARTING),
        (job("RUNNING", 1, NOW_MS - 1), [], Health.STARTING),
        (job("RUNNING", 1), [], Health.STUCK),
        (job("CREATED", 0), [LONG_AGO_MS], Health.STUCK),
    ],
)
def test_health_of_a_wanted_job(present, failures_ms, health):
    assert judged(present, failures_ms, is_wanted=True, now_ms=NOW_MS) == health


def test_what_nobody_wants_is_stopped():
    assert judged(None, [], is_wanted=False, now_ms=NOW_MS) == Health.STOPPED
    assert judged(job("CANCELED"), [], is_wanted=False, now_ms=NOW_MS) == Health.STOPPED


def test_unhealthy_jobs_are_told_with_their_cause():
    def status(name, health, cause=""):
        return JobStatus(name, "RUNNING", True, "j", 0, 0, 4, None, health, cause)

    rows = [status("a", Health.OK), status("b", Health.RESTARTING, "no topic x\nat y")]

    assert unhealthy_lines(rows) == ["b is restarting (4 restarts): no topic x"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("m", "--x", "1"),
        ("m", "--parallelism", "1", "--x", "1"),
        ("m", "--x", "1", "--parallelism=3"),
    ],
)
def test_a_new_parallelism_replaces_the_old_one(arguments):
    assert with_parallelism(arguments, 2) == ("m", "--x", "1", "--parallelism", "2")
