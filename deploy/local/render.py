"""Fill the templates of `deploy/config` with the paths and ports of one stack.

Placeholders are values, never logic; a missing one raises.
"""

from pathlib import Path
from string import Template
from typing import Final

from deploy.local.layout import Layout
from deploy.setup.folders import place
from deploy.setup.homes import JOB_JAR, flink_java_options

TASK_SLOTS: Final = 12
_LOOPBACK_OPTIONS: Final = (
    "--add-exports=jdk.httpserver/sun.net.httpserver=ALL-UNNAMED "
    "-Dcom.sun.net.httpserver.HttpServerProvider=farol.LoopbackHttpServerProvider"
)


def template_folder(layout: Layout) -> Path:
    """Return the folder of the templates."""
    return layout.repository / "deploy" / "config"


def _values(layout: Layout) -> dict[str, dict[str, object]]:
    home = layout.home
    return {
        "kafka/server.properties": {
            "port": layout.port("kafka"),
            "controller_port": layout.port("kafka_controller"),
            "data": home / "kafka",
        },
        "kafka/log4j2.properties": {},
        "redis/redis.conf": {"port": layout.port("redis"), "data": home / "redis"},
        "catalog/catalog.xml": {
            "port": layout.port("catalog"),
            "database": home / "catalog" / "catalog.db",
            "warehouse": home / "warehouse",
        },
        "flink/config.yaml": {
            "java_options": (
                f"{flink_java_options(layout.tools / 'flink-home')} {_LOOPBACK_OPTIONS}"
            ),
            "logs": layout.logs / "flink",
            "home": home / "flink",
            "python": layout.python("flink"),
            "slots": TASK_SLOTS,
            "checkpoint_interval_s": layout.checkpoint_interval_s,
            "rest_port": layout.port("flink"),
            "jobmanager_rpc_port": layout.port("flink_jobmanager_rpc"),
            "blob_port": layout.port("flink_blob"),
            "taskmanager_rpc_port": layout.port("flink_taskmanager_rpc"),
            "taskmanager_data_port": layout.port("flink_taskmanager_data"),
        },
        "trino/jvm.config": {"heap_mib": layout.trino_heap_mib},
        "trino/config.properties": {
            "port": layout.port("trino"),
            "query_mib": layout.trino_heap_mib * 2 // 5,
        },
        "trino/log.properties": {},
        "trino/catalog/lake.properties": {
            "catalog_port": layout.port("catalog"),
            "warehouse": home / "warehouse",
        },
    }


def render(layout: Layout) -> None:
    """Write the configuration of every server and make the folders they write to."""
    for name, values in _values(layout).items():
        text = (template_folder(layout) / name).read_text(encoding="utf-8")
        target = layout.config / name
        target.parent.mkdir(parents=True, exist_ok=True)
        rendered = Template(text).substitute({k: str(v) for k, v in values.items()})
        target.write_text(rendered, encoding="utf-8")
    for folder in (
        "kafka",
        "redis",
        "catalog",
        "warehouse",
        "trino",
        "logs/flink",
        "flink/tmp",
        "flink/blob",
        "flink/pid",
        "flink/checkpoints",
        "flink/savepoints",
        "flink/web/flink-web-upload",
        "run",
    ):
        (layout.home / folder).mkdir(parents=True, exist_ok=True)
    flink_home = layout.tools / "flink-home"
    for name in ("log4j-console.properties", "log4j-cli.properties", "log4j.properties"):
        source = flink_home / "conf" / name
        target = layout.config / "flink" / name
        target.write_bytes(source.read_bytes())
    # pre-loaded, so the dashboard's submit form offers it
    place(flink_home / "usrlib" / JOB_JAR, layout.home / "flink/web/flink-web-upload" / JOB_JAR)
