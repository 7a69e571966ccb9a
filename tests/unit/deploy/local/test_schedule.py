"""The table of chains, and a loop that keeps its promises without any server."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from apscheduler.triggers.cron import CronTrigger

from deploy.local.layout import Layout
from deploy.local.schedule import CHAINS, LAKEHOUSE, STEPS, Chain, Task, selection
from deploy.local.schedule_loop import (
    Runner,
    ScheduleError,
    chain_named,
    run_at_once,
    run_for_ever,
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Return a layout whose `farol` writes its words to a file and does what the first says."""
    farol = tmp_path / "farol"
    farol.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, subprocess, sys, time\n"
        f"done = pathlib.Path({str(tmp_path / 'done')!r})\n"
        "done.open('a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "print('<said>')\n"
        "if sys.argv[1] == 'sleep':\n"
        "    child = subprocess.Popen(['sleep', '60'])\n"
        "    done.with_name('child').write_text(str(child.pid))\n"
        "    time.sleep(60)\n"
        "if sys.argv[1] == 'once' and len(done.read_text().splitlines()) == 1:\n"
        "    sys.exit(3)\n"
        "sys.exit(2 if sys.argv[1] == 'fail' else 0)\n",
        encoding="utf-8",
    )
    farol.chmod(0o755)
    return Layout(repository=tmp_path, home=tmp_path, cache=tmp_path, port_offset=0)


def chain(*words: str, **changes: object) -> Chain:
    tasks = tuple(Task(f"task-{n}", (word,)) for n, word in enumerate(words))
    return Chain("test", "a test", "* * * * *", tasks, **changes)  # type: ignore[arg-type]


def done(layout: Layout) -> list[str]:
    path = layout.home / "done"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def _child(layout: Layout) -> int | None:
    """Return the process that the sleeping task has started, None before it has."""
    path = layout.home / "child"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return int(text) if text else None


def _lives(layout: Layout) -> bool:
    """Return whether what the sleeping task has started is still there."""
    child = _child(layout)
    if child is None:
        return False
    return psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE


def test_every_chain_has_a_time_and_commands_that_exist():
    from deploy.local.lake_commands import app

    known = {command.name for command in app.registered_commands} | {
        command.callback.__name__.replace("_", "-")
        for command in app.registered_commands
        if command.callback
    }
    for each in CHAINS:
        CronTrigger.from_crontab(each.cron)
        for task in each.tasks:
            assert task.command[0] == "lake"
            assert task.command[1] in known


def test_silver_comes_before_gold_and_dimensions_before_facts_before_aggregates():
    assert [task.name for task in LAKEHOUSE.tasks] == ["bronze-freshness", *STEPS, "health"]
    assert list(STEPS) == ["silver", "gold-dimensions", "gold-facts", "gold-aggregates"]


def test_steps_name_every_folder_of_models():
    models = Path(__file__).parents[4] / "dbt" / "models"
    named = {word.removeprefix("path:") for words in STEPS.values() for word in words}
    for sql in models.rglob("*.sql"):
        path = f"models/{sql.relative_to(models)}"
        assert sum(path.startswith(f"{prefix}/") for prefix in named) == 1, path


def test_a_step_leaves_tests_of_later_tables_to_later_steps():
    assert selection("gold-facts") == (
        "--select",
        "path:models/gold/facts",
        "--exclude",
        "path:models/gold/aggregates",
    )
    assert "--exclude" not in selection("gold-aggregates")


def test_tasks_run_in_order_and_what_follows_a_failure_does_not(layout: Layout):
    said: list[str] = []
    ran = Runner(layout, said.append, retry_after_s=0).run(chain("first", "fail", "never"))
    assert [each.exit_code for each in ran] == [0, 2]
    assert done(layout) == ["first", "fail", "fail"], "a failure is tried once more"
    assert any("<said>" in line for line in said)
    assert said[-1] == "test ended at task-1; the next run tries again"


def test_what_succeeds_the_second_time_lets_the_chain_go_on(layout: Layout):
    ran = Runner(layout, lambda _line: None, retry_after_s=0).run(chain("once", "second"))
    assert [each.exit_code for each in ran] == [0, 0]
    assert done(layout) == ["once", "once", "second"]


def test_a_task_that_takes_too_long_is_ended(layout: Layout):
    said: list[str] = []
    slow = chain("sleep", retries=0, limit_minutes=0)
    (ran,) = Runner(layout, said.append).run(slow)
    assert ran.exit_code != 0
    assert "test.task-0 has taken too long and is ended" in said
    assert not _lives(layout)


def test_run_at_once_runs_all_and_names_what_failed(layout: Layout):
    runner = Runner(layout, lambda _line: None, retry_after_s=0)
    with pytest.raises(ScheduleError, match="test failed"):
        run_at_once(runner, [chain("fail"), chain("other")])
    assert done(layout)[-1] == "other"


def test_an_unknown_chain_names_the_known_ones():
    with pytest.raises(ScheduleError, match="lakehouse, dlq-watch, maintenance"):
        chain_named("nightly")


def test_the_loop_runs_at_once_and_ends_what_runs_when_told_to(layout: Layout):
    said: list[str] = []
    runner = Runner(layout, said.append)

    def interrupt() -> None:
        until = time.monotonic() + 30
        while _child(layout) is None and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt).start()
    began = time.monotonic()
    run_for_ever(runner, [chain("sleep", "never")], is_now=True, say=said.append)
    assert time.monotonic() - began < 50, "the sleeping task was ended"
    assert done(layout) == ["sleep"]
    assert _child(layout) is not None
    assert not _lives(layout)
    assert said[-1] == "stopping" or "stopping" in said
