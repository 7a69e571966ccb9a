"""How the surge job's state is kept: one JSON document per key, with the version of its form.

A new form raises `VERSION` and adds a reader for the old one; samples of every version lie in
`tests/unit/flink_jobs/functions/surge_state_samples`, so that a savepoint of an older release can
be read.
"""

from typing import Final, Generic, TypeVar

import msgspec

VERSION: Final = 2
"""2: answers to offers; state of version 1 has none, and its fields have defaults."""

S = TypeVar("S")


class UnknownStateVersionError(Exception):
    """A savepoint was written by a newer release of the job."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"state of version {version}, this release reads up to {VERSION}: "
            "start the newer release, or submit the job without the savepoint"
        )
        self.version = version


class _Versioned(msgspec.Struct, frozen=True, array_like=True):
    version: int
    payload: msgspec.Raw


class StateCodec(Generic[S]):
    """Bytes to state and back, for one type of state."""

    def __init__(self, state: type[S]) -> None:
        self._payload = msgspec.json.Decoder(state)
        self._outer = msgspec.json.Decoder(_Versioned)

    def encode(self, state: S) -> bytes:
        """Return the bytes to keep."""
        return msgspec.json.encode(_Versioned(VERSION, msgspec.Raw(msgspec.json.encode(state))))

    def decode(self, data: bytes | None) -> S | None:
        """Return the state that was kept, None where there is none.

        Raises:
            UnknownStateVersionError: A newer release wrote it.
        """
        if data is None:
            return None
        kept = self._outer.decode(data)
        if not 1 <= kept.version <= VERSION:
            raise UnknownStateVersionError(kept.version)
        return self._payload.decode(kept.payload)
