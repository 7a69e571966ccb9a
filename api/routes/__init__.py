"""HTTP only: parameters in, body out. `health` and `page` need no key, `/api/v1` does."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader

from api.problems import MEDIA_TYPE, ProblemError
from api.schemas import ProblemBody
from api.security import KEY_HEADER, Caller, Gate

_KEY_HEADER: Final = APIKeyHeader(
    name=KEY_HEADER,
    auto_error=False,
    description="$FAROL_API_KEY, else what secrets/api_key in the state folder holds.",
)


def caller_of(request: Request) -> Caller:
    """Return who sends a request."""
    peer = request.client.host if request.client else None
    return Caller(peer=peer, headers=request.headers, cookies=request.cookies)


def require_key(request: Request, key: Annotated[str | None, Depends(_KEY_HEADER)]) -> None:
    """Let a request pass that may read.

    Raises:
        ProblemError: The key is missing or wrong.
    """
    gate: Gate = request.app.state.gate
    if not gate.admits(caller_of(request), key):
        raise ProblemError(
            HTTPStatus.UNAUTHORIZED,
            "The key is missing or wrong." if key is None else "The key is wrong.",
            f"Send the key in the header {KEY_HEADER}; it is in $FAROL_API_KEY or secrets/api_key "
            "of the state folder ($FAROL_HOME).",
            headers={"WWW-Authenticate": f'ApiKey header="{KEY_HEADER}"'},
        )


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return how OpenAPI describes these errors."""
    return {
        status.value: {
            "description": status.phrase,
            "content": {MEDIA_TYPE: {"schema": ProblemBody.model_json_schema()}},
        }
        for status in statuses
    }
