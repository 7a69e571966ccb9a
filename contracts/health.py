"""Names used to ask servers whether they really answer; nothing of value is kept under them."""

from typing import Final

READINESS_TOPIC: Final = "farol.readiness"


def readiness_key() -> str:
    """Return the Redis key that a readiness check may overwrite."""
    return "farol:readiness"
