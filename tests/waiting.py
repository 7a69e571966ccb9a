"""Waiting for what other processes do."""

import time
from collections.abc import Callable

import pytest


def eventually(condition: Callable[[], bool], what: str, timeout_s: float = 240) -> None:
    """Return once a condition holds; the test fails if it does not in time."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.5)
    pytest.fail(f"not within {timeout_s:.0f} s: {what}")
