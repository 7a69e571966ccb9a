"""Every chain of `deploy.local.schedule` as a DAG of Airflow 3.

Airflow has an environment of its own and imports no code of Farol but that table; tasks are `farol`
commands, in processes of their own, with the environment that Airflow was started with.
"""

import shlex
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, chain

REPOSITORY = Path(__file__).resolve().parents[3]
# Airflow adds the folder of the DAGs to the path, not the repository
sys.path.append(str(REPOSITORY))

from deploy.local.schedule import CHAINS, Chain  # noqa: E402 - the path comes first


def dag_of(wanted: Chain) -> DAG:
    """Return the DAG of a chain: its tasks in order, one run at a time, nothing made up for."""
    with DAG(
        dag_id=f"farol_{wanted.name.replace('-', '_')}",
        description=wanted.description,
        schedule=wanted.cron,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=timedelta(minutes=wanted.limit_minutes),
        default_args={"retries": wanted.retries, "retry_delay": timedelta(seconds=30)},
        tags=["farol"],
    ) as dag:
        tasks = [
            BashOperator(
                task_id=task.name.replace("-", "_"),
                bash_command=shlex.join([str(REPOSITORY / "farol"), *task.command]),
                cwd=str(REPOSITORY),
                append_env=True,
            )
            for task in wanted.tasks
        ]
        if len(tasks) > 1:
            chain(*tasks)
    return dag


for _chain in CHAINS:
    _dag = dag_of(_chain)
    globals()[_dag.dag_id] = _dag
