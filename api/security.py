"""Who may ask: the API key, and the session of a browser on this machine.

The key travels in `X-API-Key` or in the WebSocket subprotocol `apikey.<key>`. A browser that opens
the page on loopback gets a signed cookie instead, so that the address alone opens the map; why that
is safe stands in docs/decisions. Nothing here logs a key or sends one back, apart from the
subprotocol that its sender offered.
"""

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from api.settings import is_loopback

KEY_HEADER: Final = "X-API-Key"
PROTOCOL: Final = "farol.v1"
KEY_PROTOCOL_PREFIX: Final = "apikey."
SESSION_SECONDS: Final = 12 * 3600
MIN_KEY_LENGTH: Final = 16
# A WebSocket subprotocol is an HTTP token; a key outside these characters could not be sent by a
# browser.
KEY_PATTERN: Final = re.compile(r"[A-Za-z0-9_.~-]+")
FORWARDING_HEADERS: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class ApiKeyError(Exception):
    """The API key cannot be used."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What one request says about who sends it; header names are lower case."""

    peer: str | None
    headers: Mapping[str, str]
    cookies: Mapping[str, str]


def load_key(given: str | None, path: Path) -> str:
    """Return the given key, else the one in the file, which is made (mode 0600) if absent.

    Raises:
        ApiKeyError: The key is too short or holds characters that a subprotocol cannot carry.
    """
    if given is not None:
        return _checked(given, "FAROL_API_KEY")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        # O_EXCL: two services that start together must end up with one key.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _checked(path.read_text(encoding="ascii", errors="replace").strip(), str(path))
    key = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key + "\n")
    return key


def _checked(key: str, source: str) -> str:
    if len(key) < MIN_KEY_LENGTH or not KEY_PATTERN.fullmatch(key):
        raise ApiKeyError(
            f"the API key in {source} cannot be used: give at least {MIN_KEY_LENGTH} of "
            "A-Z a-z 0-9 . _ ~ - (or remove the file, or unset the variable, and one is made)"
        )
    return key


class Gate:
    """Decides whether a caller may read, by key or by the session of a browser on this machine."""

    def __init__(self, key: str, api_port: int, *, local_session: bool) -> None:
        self._key = key.encode()
        self._local_session = local_session
        # Cookies know no ports: two stacks on one machine would overwrite each other's.
        self.cookie_name = f"farol_session_{api_port}"

    def key_fits(self, offered: str | None) -> bool:
        """Return whether the key is right; takes the same time for every wrong one."""
        return offered is not None and hmac.compare_digest(offered.encode(), self._key)

    def is_local_browser(self, caller: Caller) -> bool:
        """Return whether a request comes from this machine, to this machine, through no proxy.

        The name in `Host` is what stops DNS rebinding: a page of a foreign name that resolves to
        loopback sends its own.
        """
        if not self._local_session or caller.peer is None or not is_loopback(caller.peer):
            return False
        if any(name in caller.headers for name in FORWARDING_HEADERS):
            return False
        return is_loopback(_host_name(caller.headers.get("host", "")))

    def new_session(self, now_s: float | None = None) -> str:
        """Return a cookie value: when it ends, signed with the key (never the key itself)."""
        ends_s = int((time.time() if now_s is None else now_s) + SESSION_SECONDS)
        return f"{ends_s}.{self._signature(str(ends_s))}"

    def session_fits(self, value: str | None, now_s: float | None = None) -> bool:
        """Return whether a cookie value was signed with the present key and has not ended."""
        ends_s, dot, signature = (value or "").partition(".")
        if not dot or not hmac.compare_digest(signature.encode(), self._signature(ends_s).encode()):
            return False
        return int(ends_s) > (time.time() if now_s is None else now_s)

    def admits(
        self, caller: Caller, offered_key: str | None, *, needs_origin: bool = False
    ) -> bool:
        """Return whether the caller may read.

        Args:
            caller: Who asks.
            offered_key: The key that came along, if any.
            needs_origin: A WebSocket: browsers open those across origins, so a cookie counts only
                with our own `Origin`.
        """
        if offered_key is not None:
            return self.key_fits(offered_key)
        origin = caller.headers.get("origin")
        if origin is None and needs_origin:
            return False
        if origin is not None and origin != f"http://{caller.headers.get('host', '')}":
            return False
        return self.is_local_browser(caller) and self.session_fits(
            caller.cookies.get(self.cookie_name)
        )

    def _signature(self, ends_s: str) -> str:
        message = f"farol live map session until {ends_s}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def offered_protocols(header: str | None) -> tuple[str | None, str | None]:
    """Return (key, subprotocol to answer with) of a `Sec-WebSocket-Protocol` header.

    `farol.v1` is answered where offered, so that a key need not come back; a client that offers
    nothing but its key gets that one back, because a browser gives up on a handshake that answers
    none.
    """
    offers: Sequence[str] = [part.strip() for part in (header or "").split(",") if part.strip()]
    keys = [offer for offer in offers if offer.startswith(KEY_PROTOCOL_PREFIX)]
    key = keys[0].removeprefix(KEY_PROTOCOL_PREFIX) if keys else None
    if PROTOCOL in offers:
        return key, PROTOCOL
    return key, keys[0] if keys else None


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
