"""Errors as problem JSON (RFC 9457): what was wrong, where, and what to do."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from starlette.exceptions import HTTPException

MEDIA_TYPE: Final = "application/problem+json"
_LOG: Final = logging.getLogger("api.problems")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that was wrong with a request, e.g. where=`query.bbox`."""

    where: str
    problem: str


class ProblemError(Exception):
    """An answer other than the one asked for.

    Attributes:
        status: HTTP status.
        detail: What was wrong.
        fix: What to do about it.
        faults: The places, where there is more than one or it helps to name it.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        fix: str,
        faults: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.fix = fix
        self.faults = tuple(faults)
        self.headers = headers


def problem_response(problem: ProblemError, path: str) -> JSONResponse:
    """Return the HTTP answer of a problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "fix": problem.fix,
        "instance": path,
        "errors": [{"where": fault.where, "problem": fault.problem} for fault in problem.faults],
    }
    return JSONResponse(
        body, status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers
    )


def unavailable(error: Exception) -> ProblemError:
    """Return the problem for a store that does not answer."""
    return ProblemError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"Redis does not answer: {error}",
        "Try again in a few seconds; `farol status` and /readyz show what is down.",
        headers={"Retry-After": "2"},
    )


def install(app: FastAPI) -> None:
    """Make every error of the application a problem JSON."""

    @app.exception_handler(ProblemError)
    async def _problem(request: Request, error: ProblemError) -> JSONResponse:
        return problem_response(error, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [
            Fault(".".join(str(part) for part in item["loc"]), str(item["msg"]))
            for item in error.errors()
        ]
        named = "; ".join(f"{fault.where}: {fault.problem}" for fault in faults)
        problem = ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"The request was not understood: {named}",
            "Correct the named parameters; /openapi.json lists their types and limits.",
            faults,
        )
        return problem_response(problem, request.url.path)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        fixes = {
            HTTPStatus.NOT_FOUND: "The addresses that exist are listed in /openapi.json.",
            HTTPStatus.METHOD_NOT_ALLOWED: "The API only reads: use GET.",
        }
        problem = ProblemError(
            status,
            f"{request.method} {request.url.path}: {error.detail}",
            fixes.get(status, "See /openapi.json."),
            headers=dict(error.headers) if error.headers else None,
        )
        return problem_response(problem, request.url.path)

    @app.exception_handler(RedisConnectionError)
    @app.exception_handler(RedisTimeoutError)
    async def _redis_down(request: Request, error: Exception) -> JSONResponse:
        _LOG.warning("redis_unavailable", extra={"path": request.url.path, "error": str(error)})
        return problem_response(unavailable(error), request.url.path)

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("request_failed", extra={"path": request.url.path}, exc_info=error)
        problem = ProblemError(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "The API failed to answer.",
            "Look for `request_failed` in the log of the service `api` (`farol logs api`).",
        )
        return problem_response(problem, request.url.path)
