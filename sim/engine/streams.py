"""One random generator per purpose, all derived from the root seed by the purpose's name.

A new purpose changes no other; the order in which purposes are first used does not matter.
"""

import hashlib
from functools import cache

import numpy as np


class Streams:
    """Generators by purpose."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generators: dict[str, np.random.Generator] = {}

    def of(self, purpose: str) -> np.random.Generator:
        """Return the generator of a purpose; the same object every time."""
        if purpose not in self._generators:
            self._generators[purpose] = self._generator(_key(purpose))
        return self._generators[purpose]

    def numbered(self, purpose: str, number: int) -> np.random.Generator:
        """Return a new generator for one of many, e.g. the 17th request.

        What others have drawn does not change it, so that two scenarios with the same seed can be
        compared request by request.
        """
        return self._generator((*_key(purpose), number))

    def word(self, purpose: str) -> int:
        """Return 64 bits for a purpose whose numbers are made without a generator."""
        digest = hashlib.sha256(f"{self._seed}/{purpose}".encode()).digest()
        return int.from_bytes(digest[:8], "big")

    def states(self) -> dict[str, str]:
        """Return the state of every generator in use, as text."""
        return {
            purpose: repr(generator.bit_generator.state)
            for purpose, generator in sorted(self._generators.items())
        }

    def _generator(self, key: tuple[int, ...]) -> np.random.Generator:
        sequence = np.random.SeedSequence(self._seed, spawn_key=key)
        return np.random.Generator(np.random.PCG64(sequence))


@cache
def _key(purpose: str) -> tuple[int, ...]:
    digest = hashlib.sha256(purpose.encode()).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4))
