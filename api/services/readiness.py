"""Answers: can this process serve, and what is degraded."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

WITHIN_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Dependency:
    """One thing the API leans on; without a required one it is not ready."""

    check: Callable[[], Awaitable[None]]
    is_required: bool


@dataclass(frozen=True, slots=True)
class Found:
    """How one dependency answered."""

    is_required: bool
    is_ok: bool
    detail: str


class ReadinessService:
    """Asks every dependency at the same time."""

    def __init__(self, dependencies: Mapping[str, Dependency]) -> None:
        self._dependencies = dependencies

    async def ask(self) -> tuple[str, dict[str, Found]]:
        """Return `ready`, `degraded` (something optional is missing) or `not_ready`."""
        answers = await asyncio.gather(
            *(self._ask_one(dependency) for dependency in self._dependencies.values())
        )
        found = dict(zip(self._dependencies, answers, strict=True))
        missing = [answer for answer in answers if not answer.is_ok]
        if any(answer.is_required for answer in missing):
            return "not_ready", found
        return ("degraded" if missing else "ready"), found

    @staticmethod
    async def _ask_one(dependency: Dependency) -> Found:
        try:
            async with asyncio.timeout(WITHIN_S):
                await dependency.check()
        except TimeoutError:
            return Found(dependency.is_required, False, f"no answer within {WITHIN_S:g} s")
        # A readiness check reports whatever a client library may raise; it must not fail itself.
        except Exception as error:
            return Found(dependency.is_required, False, f"{type(error).__name__}: {error}")
        return Found(dependency.is_required, True, "ok")
