"""The smallest job with a Python function and exactly-once output: doubles numbers between topics.

Arguments: broker, input topic, output topic.
"""

import sys

from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import DataTypes, StreamTableEnvironment
from pyflink.table.udf import udf

from flink_jobs.runtime.submission import execute


@udf(result_type=DataTypes.STRING())
def doubled(text: str) -> str:
    return str(int(text) * 2)


def main(broker: str, source: str, sink: str) -> None:
    environment = StreamExecutionEnvironment.get_execution_environment()
    table = StreamTableEnvironment.create(environment)
    table.create_temporary_function("doubled", doubled)
    table.execute_sql(f"""
        create table numbers (n string) with (
            'connector' = 'kafka', 'topic' = '{source}', 'format' = 'raw',
            'properties.bootstrap.servers' = '{broker}', 'properties.group.id' = 'doubling',
            'scan.startup.mode' = 'earliest-offset')""")
    table.execute_sql(f"""
        create table results (n string) with (
            'connector' = 'kafka', 'topic' = '{sink}', 'format' = 'raw',
            'properties.bootstrap.servers' = '{broker}',
            'sink.delivery-guarantee' = 'exactly-once',
            'sink.transactional-id-prefix' = 'doubling')""")
    statements = table.create_statement_set()
    statements.add_insert_sql("insert into results select doubled(n) from numbers")
    statements.attach_as_datastream()
    execute(environment, "doubling_job")


if __name__ == "__main__":
    main(*sys.argv[1:])
