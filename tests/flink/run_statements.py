"""Runs Flink SQL on a local runtime: JSON on stdin, the rows as JSON on the last line.

A program of its own, started by tests with the Python of the environment `flink`: PyFlink warns
while it is imported and leaves sockets open, which pytest takes for errors of the test.
"""

import json
import sys

from pyflink.table import EnvironmentSettings, TableEnvironment


def main() -> None:
    """Execute every statement; a query gives its rows, `explain ...` a row with the plan."""
    request = json.load(sys.stdin)
    environment = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for key, value in request["configuration"].items():
        environment.get_config().set(key, value)
    answers = []
    for statement in request["statements"]:
        with environment.execute_sql(statement).collect() as rows:
            answers.append([[str(value) for value in row] for row in rows])
    sys.stdout.write("\n" + json.dumps(answers) + "\n")


if __name__ == "__main__":
    main()
