"""Fixtures for tests against real servers: a stack of their own, on free ports, in a fresh home.

`stack` is shared by all tests of a run and only grows (`stack.up("kafka")` is cheap when it is
up); `new_stack` makes stacks for tests that kill or reconfigure. Run tests that need servers in
one worker (`make test` does): every worker of pytest-xdist would start servers of its own.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.stack_control import TestStack, reserve_stack

StackFactory = Callable[..., TestStack]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the files of several workers: the whole loop, one long test, first; then the largest.

    Workers take file after file (`--dist loadfile --no-loadscope-reorder`), so what is long must
    not begin last, when the other workers have nothing left to do beside it.
    """
    if config.getoption("dist", "no") == "no":
        return
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.get_closest_marker("e2e") is None, -tests[item.path]))


@pytest.fixture(scope="session")
def _stacks(request: pytest.FixtureRequest) -> Iterator[StackFactory]:
    made: list[tuple[TestStack, Any]] = []

    def make(**settings: str) -> TestStack:
        made.append(reserve_stack(settings))
        return made[-1][0]

    yield make
    for stack, lock in made:
        stack.run("down", check=False)
        lock.truncate(0)
        lock.close()
        if request.session.testsfailed:  # keep what explains a failure
            for path in stack.home.iterdir():
                if path.name not in ("logs", "config") and path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
        else:
            shutil.rmtree(stack.home, ignore_errors=True)


@pytest.fixture(scope="session")
def stack(_stacks: StackFactory) -> TestStack:
    """Return the stack that all tests of this run share; start what you need with `stack.up`."""
    return _stacks(FAROL_CHECKPOINT_INTERVAL_S="5")


@pytest.fixture
def new_stack(_stacks: StackFactory) -> Iterator[StackFactory]:
    """Return a maker of stacks for one test, stopped at its end; keywords are settings (env)."""
    made: list[TestStack] = []

    def make(**settings: str) -> TestStack:
        made.append(_stacks(**settings))
        return made[-1]

    yield make
    for stack in made:
        stack.down()
