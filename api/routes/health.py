"""`/healthz`, `/readyz`, `/metrics`: for supervisors and Prometheus, without a key."""

from dataclasses import asdict

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.schemas import AliveBody, DependencyBody, ReadyBody

router = APIRouter(tags=["operation"])


@router.get("/healthz", summary="Is the process alive")
async def healthz() -> AliveBody:
    """Return that the process answers."""
    return AliveBody()


@router.get(
    "/readyz",
    summary="Can it serve",
    responses={503: {"model": ReadyBody, "description": "A required dependency is missing"}},
)
async def readyz(request: Request, response: Response) -> ReadyBody:
    """Return how every dependency answers; 503 when a required one does not."""
    status, found = await request.app.state.services.readiness.ask()
    if status == "not_ready":
        response.status_code = 503
    return ReadyBody(
        status=status,
        dependencies={name: DependencyBody(**asdict(answer)) for name, answer in found.items()},
    )


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return the counters and gauges of this process."""
    registry = request.app.state.telemetry.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
