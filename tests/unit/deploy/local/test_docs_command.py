"""The pages of `farol docs` come from one folder, to this machine only."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.docs_command import DocsError, server


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<p>tables", encoding="utf-8")
    (site / "deep").mkdir()
    (tmp_path / "secret").write_text("not for browsers", encoding="utf-8")
    with server(site, 0) as pages:
        assert pages.server_address[0] == "127.0.0.1"
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{pages.server_port}"
        pages.shutdown()


def test_it_serves_the_page_and_lets_it_ask_nobody_else(address: str):
    answer = httpx.get(address, trust_env=False)
    assert answer.text == "<p>tables"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/deep/", "/none"])
def test_it_serves_nothing_else(address: str, path: str):
    assert httpx.get(f"{address}{path}", trust_env=False).status_code == 404


def test_a_taken_port_is_told(tmp_path: Path):
    with server(tmp_path, 0) as pages, pytest.raises(DocsError, match="--port"):
        server(tmp_path, pages.server_port)
