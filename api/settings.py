"""Settings of the API, read from the environment once, validated and frozen.

No other module of the API reads the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from contracts.ports import port

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PREFIX: Final = "FAROL_API_"
KNOWN: Final = frozenset(
    {
        "FAROL_API_KEY",
        "FAROL_API_HOST",
        "FAROL_API_LOCAL_SESSION",
        "FAROL_API_MAX_CLIENTS",
        "FAROL_API_CONNECTION_LIFETIME_S",
        "FAROL_API_FLUSH_INTERVAL_MS",
        "FAROL_API_TILE_URL",
        "FAROL_API_TILE_ATTRIBUTION",
    }
)


class SettingsError(Exception):
    """A variable of the environment has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the API is told from outside."""

    host: str
    port: int
    home: Path
    web_folder: Path
    given_key: str | None
    redis_url: str
    trino_url: str
    domain: str = "rideshare"
    local_session: bool = True
    max_clients: int = 100
    connection_lifetime_s: float = 3600.0
    flush_interval_ms: int = 40
    tile_url: str | None = None
    tile_attribution: str = ""

    @property
    def key_file(self) -> Path:
        """Return the file that holds the key of this stack."""
        return self.home / "secrets" / "api_key"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Return the settings that the environment describes.

        Raises:
            SettingsError: A value cannot be used, or a `FAROL_API_` variable is unknown.
        """
        unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in KNOWN)
        if unknown:
            raise SettingsError(
                f"{', '.join(unknown)} is not a setting; known are {', '.join(sorted(KNOWN))}"
            )
        offset = _integer(environ, "FAROL_PORT_OFFSET", 0, -65535, 65535)
        try:
            ports = {name: port(name, offset) for name in ("api", "redis", "trino")}
        except ValueError as error:
            raise SettingsError(str(error)) from error
        host = environ.get("FAROL_API_HOST") or "127.0.0.1"
        home = Path(environ.get("FAROL_HOME") or REPOSITORY / ".farol" / "state")
        return cls(
            host=host,
            port=ports["api"],
            home=home.expanduser().resolve(),
            web_folder=REPOSITORY / "api" / "web" / "dist",
            given_key=environ.get("FAROL_API_KEY") or None,
            redis_url=environ.get("FAROL_REDIS_URL") or f"redis://127.0.0.1:{ports['redis']}/0",
            trino_url=environ.get("FAROL_TRINO_URL") or f"http://127.0.0.1:{ports['trino']}",
            local_session=_switch(environ, "FAROL_API_LOCAL_SESSION") and is_loopback(host),
            max_clients=_integer(environ, "FAROL_API_MAX_CLIENTS", 100, 1, 10_000),
            connection_lifetime_s=_integer(
                environ, "FAROL_API_CONNECTION_LIFETIME_S", 3600, 10, 86_400
            ),
            flush_interval_ms=_integer(environ, "FAROL_API_FLUSH_INTERVAL_MS", 40, 10, 1000),
            tile_url=_tile_url(environ.get("FAROL_API_TILE_URL") or None),
            tile_attribution=environ.get("FAROL_API_TILE_ATTRIBUTION") or "",
        )


def is_loopback(host: str) -> bool:
    """Return whether a host name or address, without its port, is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _integer(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name) or str(default)
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise SettingsError(f"{name}={text!r}: set a whole number from {low} to {high}")
    return value


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name) or "1"
    if text not in {"0", "1"}:
        raise SettingsError(f"{name}={text!r}: set 1 (on) or 0 (off)")
    return text == "1"


def _tile_url(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or "{z}" not in url:
        raise SettingsError(
            f"FAROL_API_TILE_URL={url!r}: set an http(s) address with {{z}}, {{x}} and {{y}}"
        )
    return url
