"""Trino, for now only its readiness; questions of history are asked here later."""

from typing import Final

import httpx
import msgspec

ANSWER_TIMEOUT_S: Final = 1.0


class _Info(msgspec.Struct):
    starting: bool = True


class TrinoStore:
    """Asks one Trino coordinator."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def ping(self) -> None:
        """Return when Trino has said that it takes queries.

        Raises:
            ConnectionError: It does not answer, or is still starting.
        """
        try:
            answer = await self._client.get(f"{self._url}/v1/info", timeout=ANSWER_TIMEOUT_S)
            answer.raise_for_status()
            info = msgspec.json.decode(answer.content, type=_Info)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise ConnectionError(f"no answer: {type(error).__name__} {error}".strip()) from error
        if info.starting:
            raise ConnectionError("still starting")
