"""What the API promises in writing."""

from pathlib import Path

import pytest

from api.main import create_app
from api.settings import Settings

DOCUMENT = create_app(
    Settings.from_environment({"FAROL_API_KEY": "k" * 20, "FAROL_HOME": "/nonexistent"})
).openapi()
OPERATIONS = [
    (path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for operation in methods.values()
]


def test_every_promised_address_is_there() -> None:
    promised = {
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/surge",
        "/api/v1/surge/{zone_id}",
        "/api/v1/positions",
        "/api/v1/anomalies",
        "/api/v1/regions/{region_id}/windows",
        "/api/v1/zones",
        "/api/v1/stats",
    }
    assert promised <= set(DOCUMENT["paths"])


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_operation_is_described(path: str, operation: dict) -> None:  # type: ignore[type-arg]
    assert operation["summary"]
    assert operation["description"]
    if path.startswith("/api/"):
        assert operation["security"]
        assert {"401", "503"} <= set(operation["responses"])


def test_every_number_that_a_caller_chooses_is_bounded() -> None:
    for path, operation in OPERATIONS:
        for parameter in operation.get("parameters", []):
            if parameter["name"] == "limit":
                assert {"minimum", "maximum"} <= set(parameter["schema"]), path


def test_every_field_of_a_body_has_an_example_or_a_shape_of_its_own() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if not name.endswith("Body"):
            continue
        for field, described in schema["properties"].items():
            is_composite = "$ref" in str(described) or "enum" in described or "const" in described
            assert is_composite or described.get("examples"), f"{name}.{field}"


def test_nothing_is_loaded_from_other_hosts() -> None:
    app = create_app(
        Settings.from_environment({"FAROL_API_KEY": "k" * 20, "FAROL_HOME": str(Path("/none"))})
    )
    assert app.docs_url is None
    assert app.redoc_url is None
