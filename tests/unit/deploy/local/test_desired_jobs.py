import struct

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


def savepoint(layout, name, number):
    folder = layout.home / "flink" / "savepoints" / name
    folder.mkdir(parents=True)
    (folder / "_metadata").write_bytes(struct.pack(">Iiq", 0x4960672D, 6, number))
    return folder


def test_a_savepoint_that_is_newer_than_all_checkpoints_comes_first(layout):
    job = DesiredJob(job_id="0123456789")
    own = checkpoint(layout, "0123456789", 7)
    savepoint(layout, "savepoint-012345-a", 6)
    savepoint(layout, "savepoint-999999-b", 9)
    (savepoint(layout, "savepoint-012345-c", 9) / "_metadata").write_bytes(b"")

    assert resume_point(layout, job) == f"file://{own}"
    left = savepoint(layout, "savepoint-012345-d", 8)
    assert resume_point(layout, job) == f"file://{left}"
    later = checkpoint(layout, "0123456789", 9)
    assert resume_point(layout, job) == f"file://{later}"


def test_a_new_job_has_nothing_to_resume_from(layout):
    assert resume_point(layout, DesiredJob()) is None
