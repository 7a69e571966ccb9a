"""When the demo takes a job for one that has read everything."""

import pytest

from deploy.local.demo.observe import JobLag


@pytest.mark.parametrize(
    ("lag_records", "checkpoints", "expected"),
    [
        (0, 0, True),
        (1, 9, False),
        pytest.param(None, 0, False, id="has only begun"),
        pytest.param(None, 2, True, id="its topics are empty"),
    ],
)
def test_has_read_everything(lag_records: int | None, checkpoints: int, expected: bool) -> None:
    job = JobLag("surge", "a1", "RUNNING", lag_records, checkpoints, restarts=0)
    assert job.has_read_everything is expected
