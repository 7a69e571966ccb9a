"""Who uses which table, as dbt's documentation draws it, is what is read."""

import re
from pathlib import Path

import pytest
import yaml

from contracts.tables import BRONZE_TABLES, STREAM_TABLES
from tests.stack_control import ROOT

EXPOSURES = {
    each["name"]: each
    for each in yaml.safe_load((ROOT / "dbt" / "models" / "exposures.yml").read_text("utf-8"))[
        "exposures"
    ]
}
QUERIES = sorted((ROOT / "sql" / "trino" / "queries").glob("*.sql"))
MODELS = {path.stem for path in (ROOT / "dbt" / "models").rglob("*.sql")}


def models_of(name: str) -> set[str]:
    found = (re.fullmatch(r"ref\('(\w+)'\)", text) for text in EXPOSURES[name]["depends_on"])
    return {match[1] for match in found if match}


def tables_in(text: str) -> set[str]:
    return set(re.findall(r"\b(?:silver|gold)\.\"?([a-z_]+)", text))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_question_says_what_it_reads(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    said = "\n".join(line for line in lines if line.startswith("-- Reads:"))
    statement = "\n".join(line for line in lines if not line.startswith("--"))
    assert tables_in(said) == tables_in(statement)
    assert tables_in(said) <= MODELS


def test_the_questions_are_exposed_with_all_that_they_read() -> None:
    assert models_of("named_questions") == {
        table for path in QUERIES for table in tables_in(path.read_text(encoding="utf-8"))
    }


def test_the_notebook_is_exposed_with_all_that_it_reads() -> None:
    text = (ROOT / "docs" / "notebooks" / "gold.ipynb").read_text(encoding="utf-8")
    assert models_of("notebook") == tables_in(text.replace("gold.ipynb", ""))


def test_api_and_map_read_topics_and_no_models() -> None:
    known = {spec.name for spec in (*BRONZE_TABLES, *STREAM_TABLES)}
    for name in ("live_map", "rest_api"):
        assert models_of(name) == set()
        sources = [
            re.fullmatch(r"source\('(?:bronze|stream)', '(\w+)'\)", text)
            for text in EXPOSURES[name]["depends_on"]
        ]
        assert all(found and found[1] in known for found in sources), name
