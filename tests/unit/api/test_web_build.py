"""Limits and habits of the built page that need no browser."""

import gzip
import json
import re

import pytest

from api.settings import REPOSITORY

WEB = REPOSITORY / "api" / "web"
MAX_COMPRESSED_BYTES = 1_500_000


def test_the_lock_file_names_no_registry_and_hashes_everything() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages
    assert [name for name, one in packages.items() if "resolved" in one] == []
    assert [name for name, one in packages.items() if "integrity" not in one] == []


def test_versions_are_exact() -> None:
    package = json.loads((WEB / "package.json").read_text(encoding="utf-8"))
    for group in ("dependencies", "devDependencies", "overrides"):
        for name, version in package[group].items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version), name


def test_the_page_is_small() -> None:
    dist = WEB / "dist"
    if not dist.is_dir():
        pytest.skip("the map is not built: run `make setup`")
    total = sum(len(gzip.compress(p.read_bytes())) for p in dist.rglob("*") if p.is_file())
    assert total < MAX_COMPRESSED_BYTES
