"""Default TCP ports of every service, internal listeners included.

`FAROL_PORT_OFFSET` moves all of them together, so that several stacks run side by side on one
machine. No other module names a port number.
"""

from types import MappingProxyType
from typing import Final

DEFAULT_PORTS: Final = MappingProxyType(
    {
        "kafka": 9092,
        "kafka_controller": 9093,
        "redis": 6379,
        "catalog": 8181,
        "flink": 8081,
        "flink_jobmanager_rpc": 6123,
        "flink_blob": 6124,
        "flink_taskmanager_rpc": 6125,
        "flink_taskmanager_data": 6126,
        "flink_jobmanager_query": 6127,
        "flink_taskmanager_query": 6128,
        "flink_jobmanager_metrics": 9249,
        "flink_taskmanager_metrics": 9250,
        "trino": 8080,
        "api": 8000,
        "feeder": 9301,
        "keeper": 9302,
        "sim": 8010,
        "prometheus": 9090,
        "grafana": 3001,
        "docs": 8580,
        "airflow": 8880,
    }
)


def port(service: str, offset: int = 0) -> int:
    """Return the port of a service.

    Args:
        service: A key of `DEFAULT_PORTS`.
        offset: `FAROL_PORT_OFFSET`, added to every port.

    Raises:
        KeyError: The service is unknown.
        ValueError: The resulting port lies outside 1..65535.
    """
    number = DEFAULT_PORTS[service] + offset
    if not 1 <= number <= 65535:
        raise ValueError(
            f"port of {service} with FAROL_PORT_OFFSET={offset} is {number}, outside 1..65535"
        )
    return number
