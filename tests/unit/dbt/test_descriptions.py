"""Every model says what one of its rows is."""

from pathlib import Path

import pytest
import yaml

from tests.stack_control import ROOT

MODELS = sorted((ROOT / "dbt" / "models").rglob("*.sql"))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_is_described_by_its_grain(path: Path) -> None:
    described = yaml.safe_load(path.with_suffix(".yml").read_text(encoding="utf-8"))
    (model,) = [m for m in described["models"] if m["name"] == path.stem]
    assert model["description"].startswith("One row per ")
