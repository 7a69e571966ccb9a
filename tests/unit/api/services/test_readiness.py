"""Readiness: what is required, what is optional, what hangs."""

import asyncio

import pytest

from api.services import readiness
from api.services.readiness import Dependency, ReadinessService


async def fine() -> None:
    return


async def broken() -> None:
    raise ConnectionError("refused")


async def hanging() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("required", "optional", "status"),
    [(fine, fine, "ready"), (fine, broken, "degraded"), (broken, fine, "not_ready")],
)
def test_status_follows_from_what_is_missing(required, optional, status) -> None:  # type: ignore[no-untyped-def]
    service = ReadinessService(
        {
            "one": Dependency(required, is_required=True),
            "two": Dependency(optional, is_required=False),
        }
    )
    found_status, found = asyncio.run(service.ask())
    assert found_status == status
    assert [answer.is_ok for answer in found.values()] == [required is fine, optional is fine]
    for answer in found.values():
        assert answer.is_ok or "refused" in answer.detail


def test_a_dependency_that_hangs_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "WITHIN_S", 0.01)
    service = ReadinessService({"slow": Dependency(hanging, is_required=True)})
    status, found = asyncio.run(service.ask())
    assert status == "not_ready"
    assert "no answer within" in found["slow"].detail
