"""`/api/v1`: what is live, for programs. All need the key, all only read."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.problems import Fault, ProblemError
from api.routes import problems, require_key
from api.schemas import (
    AnomaliesBody,
    AnomalyBody,
    MapSettingsBody,
    PositionBody,
    PositionsBody,
    StatsBody,
    SurgeBody,
    WindowBody,
    WindowsBody,
    ZoneMetricsBody,
    ZoneSurgeBody,
)
from api.services.anomalies import BadCursorError, Reported, Wanted
from api.services.positions import BadBoxError, parse_box
from api.services.registry import Services
from api.services.surge import UnknownZoneError, ZoneSurge
from api.services.windows import UnknownRegionError
from api.services.zones import zones_geojson
from contracts.anomalies import AnomalyKind, AnomalyPhase, Severity
from contracts.rules import SURGE_CAP

MAX_POSITIONS: Final = 5000
MAX_WINDOWS: Final = 500
MAX_ANOMALIES: Final = 500
_DENIED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE)

router = APIRouter(
    prefix="/api/v1",
    dependencies=[Depends(require_key)],
    responses=problems(*_DENIED),
    tags=["live data"],
)


def services_of(request: Request) -> Services:
    """Return the services of this process."""
    found: Services = request.app.state.services
    return found


Asked = Annotated[Services, Depends(services_of)]


@router.get("/surge", summary="Surge of every zone")
async def surge(services: Asked) -> SurgeBody:
    """Return the newest window of every zone that has one."""
    return SurgeBody(zones=[_zone_body(found) for found in await services.surge.everywhere()])


@router.get(
    "/surge/{zone_id}", summary="Surge of one zone", responses=problems(HTTPStatus.NOT_FOUND)
)
async def surge_of_zone(
    services: Asked,
    zone_id: Annotated[int, Path(description="district code, see /api/v1/zones", examples=[78])],
) -> ZoneSurgeBody:
    """Return the newest window of one zone."""
    try:
        return _zone_body(await services.surge.of(zone_id))
    except UnknownZoneError as error:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            str(error),
            "Ask for one of the zones that /api/v1/zones lists.",
            [Fault("path.zone_id", f"must be {error.lowest} to {error.highest}")],
        ) from error


@router.get("/positions", summary="Who is in a part of the map")
async def positions(
    services: Asked,
    bbox: Annotated[
        str,
        Query(
            description="west,south,east,north in degrees; at most 10 degrees wide and high",
            max_length=200,
            examples=["-46.70,-23.60,-46.60,-23.50"],
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=MAX_POSITIONS)] = 500,
) -> PositionsBody:
    """Return the newest positions inside a box, nearest to its middle first."""
    try:
        box = parse_box(bbox)
    except BadBoxError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"bbox cannot be used: {error}",
            "Write bbox=west,south,east,north in degrees, e.g. bbox=-46.70,-23.60,-46.60,-23.50",
            [Fault("query.bbox", str(error))],
        ) from error
    found, has_more = await services.positions.inside(box, limit)
    return PositionsBody(
        positions=[PositionBody.model_validate(position) for position in found],
        has_more=has_more,
    )


@router.get("/anomalies", summary="What is wrong with positions")
async def anomalies(
    services: Asked,
    kind: Annotated[AnomalyKind | None, Query(description="only this kind")] = None,
    severity: Annotated[Severity | None, Query(description="only this severity")] = None,
    entity_id: Annotated[
        str | None,
        Query(
            description="only of this driver or rider",
            min_length=1,
            max_length=200,
            examples=["driver-00042"],
        ),
    ] = None,
    phase: Annotated[
        AnomalyPhase | None, Query(description="only beginnings, or only ends")
    ] = None,
    only_open: Annotated[
        bool, Query(alias="open", description="only what lasts and has not been cleared")
    ] = False,
    limit: Annotated[int, Query(ge=1, le=MAX_ANOMALIES)] = 100,
    cursor: Annotated[
        str | None,
        Query(
            description="`next_cursor` of the answer before",
            max_length=40,
            examples=["1772442000123-0"],
        ),
    ] = None,
) -> AnomaliesBody:
    """Return anomalies out of the newest 10,000 entries of the log, newest first."""
    wanted = Wanted(kind, severity, entity_id, phase, only_open)
    try:
        found, next_cursor = await services.anomalies.newest(wanted, limit, cursor)
    except BadCursorError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"cursor cannot be used: {error}",
            "Leave cursor out for the newest entries, then send next_cursor of each answer.",
            [Fault("query.cursor", str(error))],
        ) from error
    return AnomaliesBody(
        anomalies=[_anomaly_body(reported) for reported in found], next_cursor=next_cursor
    )


@router.get(
    "/regions/{region_id}/windows",
    summary="Newest windows of a taxi region",
    responses=problems(HTTPStatus.NOT_FOUND),
)
async def windows(
    services: Asked,
    region_id: Annotated[int, Path(description="New York taxi zone, 1 to 265", examples=[132])],
    limit: Annotated[int, Query(ge=1, le=MAX_WINDOWS)] = 60,
) -> WindowsBody:
    """Return the newest 1-minute windows of a region that have not expired, newest first."""
    try:
        found = await services.windows.newest(region_id, limit)
    except UnknownRegionError as error:
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            str(error),
            "Ask for a taxi zone of New York by its TLC number.",
            [Fault("path.region_id", str(error))],
        ) from error
    return WindowsBody(
        region_id=region_id, windows=[WindowBody.model_validate(window) for window in found]
    )


@router.get(
    "/zones",
    summary="Outlines of the zones",
    response_class=Response,
    responses={
        200: {
            "description": "GeoJSON FeatureCollection, one MultiPolygon per zone",
            "content": {"application/geo+json": {"example": {"type": "FeatureCollection"}}},
        }
    },
)
async def zones() -> Response:
    """Return every zone as GeoJSON."""
    return Response(
        zones_geojson(),
        media_type="application/geo+json",
        headers={"Cache-Control": "private, max-age=300"},
    )


@router.get("/stats", summary="Counts")
async def stats(services: Asked) -> StatsBody:
    """Return counts of drivers, riders, zones and what the feeder wrote; at most a second old."""
    return StatsBody(**asdict(await services.stats.now()))


@router.get("/map", summary="Settings of the map page")
async def map_settings(request: Request) -> MapSettingsBody:
    """Return what the page needs to know before it draws."""
    settings = request.app.state.settings
    return MapSettingsBody(
        domain=settings.domain,
        tile_url=settings.tile_url,
        tile_attribution=settings.tile_attribution,
        surge_cap=SURGE_CAP,
    )


def _anomaly_body(reported: Reported) -> AnomalyBody:
    return AnomalyBody(**msgspec.structs.asdict(reported.anomaly), is_open=reported.is_open)


def _zone_body(found: ZoneSurge) -> ZoneSurgeBody:
    metrics = None
    if found.metrics is not None:
        fields = msgspec.structs.asdict(found.metrics)
        del fields["zone_id"]
        metrics = ZoneMetricsBody(**fields)
    return ZoneSurgeBody(
        zone_id=found.zone.zone_id,
        name=found.zone.name,
        subprefecture=found.zone.subprefecture,
        metrics=metrics,
    )
