import pytest

from deploy.local import desired_jobs
from deploy.local.desired_jobs import DesiredJob, DesiredJobsError, newest_checkpoint, resume_point
from deploy.local.layout import Layout


@pytest.fixture
def layout(tmp_path):
    return Layout.from_environment({"FAROL_HOME": str(tmp_path)})


def checkpoint(layout, job_id, number, *, is_complete=True):
    folder = layout.home / "flink" / "checkpoints" / job_id / f"chk-{number}"
    folder.mkdir(parents=True)
    if is_complete:
        (folder / "_metadata").touch()
    return folder


def test_what_is_written_is_read_back(layout):
    job = DesiredJob(arguments=("m", "--x", "1"), job_id="ab", resume_from="file:///s")

    desired_jobs.write(layout, "surge", job)
    desired_jobs.write(layout, "other", DesiredJob())

    assert desired_jobs.read(layout) == {"surge": job, "other": DesiredJob()}


def test_a_damaged_file_is_named_with_what_to_do(layout):
    (layout.home / "jobs.json").write_text('{"jobs": {"surge": {"colour": 1}}}')

    with pytest.raises(DesiredJobsError, match=r"jobs\.json is damaged .*submit jobs again"):
        desired_jobs.read(layout)


def test_the_newest_complete_checkpoint_counts_by_number(layout):
    checkpoint(layout, "j", 9)
    newest = checkpoint(layout, "j", 10)
    checkpoint(layout, "j", 11, is_complete=False)

    assert newest_checkpoint(newest.parent) == f"file://{newest}"


def test_a_job_resumes_from_its_own_checkpoint_else_from_where_it_started(layout):
    job = DesiredJob(job_id="j", resume_from="file:///savepoint")

    assert resume_point(layout, job) == "file:///savepoint"
    own = checkpoint(layout, "j", 1)
    assert resume_point(layout, job) == f"file://{own}"


def test_a_new_job_has_nothing_to_resume_from(layout):
    assert resume_point(layout, DesiredJob()) is None
