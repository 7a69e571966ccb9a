"""One random generator per purpose, all derived from the root seed by the purpose's name.

A new purpose changes no other; the order in which purposes are first used does not matter.
"""

import hashlib

import numpy as np


class Streams:
    """Generators by purpose."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generators: dict[str, np.random.Generator] = {}

    def of(self, purpose: str) -> np.random.Generator:
        """Return the generator of a purpose; the same object every time."""
        if purpose not in self._generators:
            digest = hashlib.sha256(purpose.encode()).digest()
            key = tuple(int.from_bytes(digest[i : i + 4], "big") for i in range(0, 16, 4))
            sequence = np.random.SeedSequence(self._seed, spawn_key=key)
            self._generators[purpose] = np.random.Generator(np.random.PCG64(sequence))
        return self._generators[purpose]
