import struct

import pytest

from deploy.local.savepoints import (
    Commit,
    SavedStateError,
    chain,
    check_is_newest,
    later_commits,
    read_state,
)

OPERATOR = "f475860b9fc17da8e0d41663a5c0de58"
JOB = "fda7f39c8380683ce0f945e6a26931a8"
OTHER = "408b1031dd5e9e994347dd0e3d983d5e"


def saved(tmp_path, folder=f"checkpoints/{JOB}/chk-7", number=7, content=OPERATOR):
    path = tmp_path / folder
    path.mkdir(parents=True)
    header = struct.pack(">Iiq", 0x4960672D, 6, number)
    (path / "_metadata").write_bytes(header + bytes.fromhex(content))
    state = read_state(f"file:{path}")
    assert state is not None
    return state


def commit(checkpoint, job=JOB, at_ms=0, operator=OPERATOR, snapshot_id=0):
    return Commit("bronze.taxi_trips", snapshot_id, at_ms, job, operator, checkpoint)


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}"])
def test_a_state_is_read_from_any_form_of_its_path(tmp_path, form):
    folder = saved(tmp_path).path.removeprefix("file:")

    state = read_state(form.format(folder))

    assert state is not None
    assert (state.number, state.job_prefix) == (7, JOB)
    assert state.holds_operator(OPERATOR)
    assert not state.holds_operator(JOB)


def test_a_savepoint_names_the_beginning_of_its_job(tmp_path):
    assert saved(tmp_path, "savepoint-fda7f3-cb0b0d10a2a2").job_prefix == "fda7f3"
    assert saved(tmp_path, "copy").job_prefix == ""


def test_what_is_not_in_the_file_system_is_left_to_flink():
    assert read_state("s3://bucket/savepoint-1") is None


def test_a_wrong_path_says_what_to_give(tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "_metadata").write_bytes(b"no metadata at all")

    with pytest.raises(SavedStateError, match=r"no checkpoint or savepoint at .*holds _metadata"):
        read_state(str(tmp_path / "nothing"))
    with pytest.raises(SavedStateError, match="is no metadata of a checkpoint"):
        read_state(str(tmp_path / "bad"))


@pytest.mark.parametrize(
    ("commits", "later"),
    [
        ([], 0),
        ([commit(6), commit(7)], 0),
        ([commit(6), commit(7), commit(8)], 1),
        ([commit(8)], 1),
        # another job went on, from this state or anew
        ([commit(7), commit(8, OTHER), commit(9, OTHER)], 2),
        ([commit(7), commit(1, OTHER)], 1),
        # earlier jobs, whatever their numbers
        ([commit(99, OTHER), commit(7)], 0),
    ],
)
def test_commits_after_a_state_are_found_by_job_number_and_order(tmp_path, commits, later):
    assert len(later_commits(saved(tmp_path), commits)) == later


def test_a_job_that_committed_nothing_knows_what_was_there_before(tmp_path):
    state = saved(tmp_path)
    before, after = state.written_at_ms - 1, state.written_at_ms + 1

    assert later_commits(state, [commit(50, OTHER, before)]) == []
    assert len(later_commits(state, [commit(3, OTHER, after)])) == 1


def test_a_moved_savepoint_knows_its_own_commit(tmp_path):
    state = saved(tmp_path, "copy")

    assert later_commits(state, [commit(7, at_ms=state.written_at_ms + 1)]) == []
    assert len(later_commits(state, [commit(8, at_ms=state.written_at_ms + 1)])) == 1


def test_only_tables_that_the_job_writes_count(tmp_path):
    state = saved(tmp_path)

    check_is_newest(state, [[commit(8, operator=OTHER)], [commit(7)]])
    with pytest.raises(SavedStateError, match=r"1 tables .*rollback_to_snapshot\(42\)"):
        check_is_newest(state, [[commit(7, snapshot_id=42), commit(8)]])


def test_a_rolled_back_table_counts_from_its_current_snapshot():
    def snapshot(number, parent, summary):
        return {
            "snapshot-id": number,
            "parent-snapshot-id": parent,
            "timestamp-ms": number,
            "summary": summary,
        }

    flink = {"flink.operator-id": OPERATOR, "flink.job-id": JOB}
    snapshots = [
        snapshot(1, None, {**flink, "flink.max-committed-checkpoint-id": "3"}),
        snapshot(2, 1, {"operation": "replace"}),
        snapshot(3, 2, {**flink, "flink.max-committed-checkpoint-id": "5"}),
    ]

    def numbers(current):
        found = chain("t", {"snapshots": snapshots, "current-snapshot-id": current})
        return [each.checkpoint for each in found]

    assert numbers(3) == [3, 5]
    assert numbers(2) == [3]
    assert numbers(-1) == []
