"""Settings of one job: the environment of the process, overridden by `--key value` arguments.

The same arguments work for `python -m flink_jobs.jobs.<job>`, for `flink run -pym` and in the
dashboard's submit form.
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from contracts.ports import port

DEFAULT_CHECKPOINT_INTERVAL_MS: Final = 30_000
DEFAULT_STATE_TTL_MS: Final = 600_000


class SettingsError(Exception):
    """An option or a variable of the environment has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option that only some jobs have: `--name`, a whole number.

    Attributes:
        name: As it is written on the command line, without dashes in front.
        default: Value where the option is not given.
        help: What it does, with its unit.
        minimum: Smallest value that is accepted.
    """

    name: str
    default: int
    help: str
    minimum: int = 0


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Everything a job is told from outside.

    Attributes:
        job: Name of the job; becomes `pipeline.name`.
        bootstrap_servers: Kafka, `host:port[,host:port]`.
        catalog_uri: Iceberg REST catalog.
        parallelism: Of every operator that does not set its own.
        checkpoint_interval_ms: Also how often Iceberg commits.
        state_ttl_ms: How long SQL state without an end of its own is kept after its last use
            (processing time).
        is_bounded: Read up to the end that the topics have now, then finish. For tests and benches.
        group_id: Kafka consumer group; offsets are committed with each checkpoint.
        options: Values of the job's own options by name.
        flink: Extra Flink configuration, applied last.
        out: Folder for the results of a backfill.
        mode: Flink's runtime mode: STREAMING, or BATCH for a backfill that needs no clock.
    """

    job: str
    bootstrap_servers: str
    catalog_uri: str
    parallelism: int = 1
    checkpoint_interval_ms: int = DEFAULT_CHECKPOINT_INTERVAL_MS
    state_ttl_ms: int = DEFAULT_STATE_TTL_MS
    is_bounded: bool = False
    group_id: str = ""
    options: Mapping[str, int] = field(default_factory=dict)
    flink: Mapping[str, str] = field(default_factory=dict)
    out: str = ""
    mode: str = "STREAMING"


class _Parser(argparse.ArgumentParser):
    """Raises instead of leaving the process, so that a caller decides what an error costs."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{self.prog}: {message}\n{self.format_usage().strip()}")


def parse(
    job: str,
    arguments: Sequence[str],
    environ: Mapping[str, str] | None = None,
    options: Sequence[Option] = (),
) -> JobSettings:
    """Return the settings of a job.

    Args:
        job: Name of the job.
        arguments: Command line without the program's name.
        environ: Environment of the process; `os.environ` by default.
        options: The job's own options.

    Raises:
        SettingsError: An option is unknown, lacks its value or cannot be used; the message says
            what to write instead.
    """
    env = os.environ if environ is None else environ
    offset = _port_offset(env)
    interval_ms = _checkpoint_interval_ms(env)
    parser = _Parser(prog=job, allow_abbrev=False)
    parser.add_argument("--bootstrap-servers", default=f"127.0.0.1:{port('kafka', offset)}")
    parser.add_argument("--catalog-uri", default=f"http://127.0.0.1:{port('catalog', offset)}")
    parser.add_argument("--parallelism", type=_at_least(1), default=1)
    parser.add_argument("--checkpoint-interval-ms", type=_at_least(100), default=interval_ms)
    parser.add_argument("--state-ttl-ms", type=_at_least(1000), default=DEFAULT_STATE_TTL_MS)
    parser.add_argument("--group-id", default=f"farol-{job}")
    parser.add_argument("--bounded", action="store_true", help="stop at the present end")
    parser.add_argument("--out", default="", metavar="FOLDER", help="results of a backfill")
    parser.add_argument(
        "--set", action="append", default=[], type=_key_value, metavar="KEY=VALUE", dest="flink"
    )
    for option in options:
        parser.add_argument(
            f"--{option.name}",
            type=_at_least(option.minimum),
            default=option.default,
            help=option.help,
        )
    known = vars(parser.parse_args(list(arguments)))
    return JobSettings(
        job=job,
        bootstrap_servers=_filled("bootstrap-servers", known["bootstrap_servers"]),
        catalog_uri=_filled("catalog-uri", known["catalog_uri"]),
        parallelism=known["parallelism"],
        checkpoint_interval_ms=known["checkpoint_interval_ms"],
        state_ttl_ms=known["state_ttl_ms"],
        is_bounded=known["bounded"],
        group_id=_filled("group-id", known["group_id"]),
        options={o.name: known[o.name.replace("-", "_")] for o in options},
        flink=dict(known["flink"]),
        out=known["out"],
    )


def _port_offset(environ: Mapping[str, str]) -> int:
    text = environ.get("FAROL_PORT_OFFSET") or "0"
    try:
        offset = int(text)
        for service in ("kafka", "catalog"):
            port(service, offset)
    except ValueError as error:
        raise SettingsError(
            f"FAROL_PORT_OFFSET={text!r} cannot be used ({error}): set a whole number such as 1000"
        ) from error
    return offset


def _checkpoint_interval_ms(environ: Mapping[str, str]) -> int:
    text = environ.get("FAROL_CHECKPOINT_INTERVAL_S")
    if not text:
        return DEFAULT_CHECKPOINT_INTERVAL_MS
    try:
        return _at_least(1)(text) * 1000
    except argparse.ArgumentTypeError as error:
        raise SettingsError(
            f"FAROL_CHECKPOINT_INTERVAL_S={text!r} cannot be used: {error} (seconds)"
        ) from None


def _at_least(minimum: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {minimum}")
        return number

    return whole_number


def _key_value(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not KEY=VALUE, e.g. python.fn-execution.bundle.size=500"
        )
    return key, value


def _filled(option: str, value: str) -> str:
    """Return the value; what ends up inside a quoted SQL option must not end the quotes."""
    if not value.strip() or "'" in value:
        raise SettingsError(f"--{option} {value!r} is empty or holds a quotation mark")
    return value
