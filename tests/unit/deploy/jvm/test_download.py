import hashlib
from collections.abc import Callable

import httpx
import pytest

from deploy.jvm.download import Downloader, DownloadError
from deploy.jvm.lockfile import Coordinate, LockedFile

BYTES = bytes(range(256)) * 40
FILE = LockedFile("set", Coordinate("g", "a", "1"), hashlib.sha256(BYTES).hexdigest(), len(BYTES))


class Repository:
    """Answers with a script: one function per request, the last one for all further requests."""

    def __init__(self, *answers: Callable[[httpx.Request], httpx.Response]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answers.pop(0)(request) if len(self.answers) > 1 else self.answers[0](request)


def whole(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=BYTES)


def ranged(request: httpx.Request) -> httpx.Response:
    start = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
    return httpx.Response(206, content=BYTES[start:])


def cut(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=BYTES[:1000])


def other_bytes(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=BYTES[::-1])


def absent(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(404)


def broken_line(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route")


@pytest.fixture
def fetch(tmp_path):
    def run(*answers):
        repository = Repository(*answers)
        downloader = Downloader(
            tmp_path,
            repositories=("https://repository.test/m2",),
            transport=httpx.MockTransport(repository),
            backoff_s=0,
        )
        with downloader:
            return downloader.fetch(FILE), repository, downloader.path_of(FILE.coordinate)

    return run


def test_a_file_arrives_whole(fetch):
    path, repository, _ = fetch(whole)

    assert path.read_bytes() == BYTES
    assert str(repository.requests[0].url) == "https://repository.test/m2/g/a/1/a-1.jar"


def test_a_cut_download_is_continued_where_it_stopped(fetch):
    path, repository, _ = fetch(cut, ranged)

    assert path.read_bytes() == BYTES
    assert repository.requests[1].headers["range"] == "bytes=1000-"


def test_a_server_without_ranges_sends_it_all_again(fetch):
    path, _, _ = fetch(cut, whole)

    assert path.read_bytes() == BYTES


def test_wrong_bytes_are_thrown_away_and_fetched_again(fetch):
    path, _, _ = fetch(other_bytes, whole)

    assert path.read_bytes() == BYTES


def test_a_lost_connection_is_tried_again(fetch):
    path, _, _ = fetch(broken_line, broken_line, whole)

    assert path.read_bytes() == BYTES


def test_a_damaged_file_in_the_cache_is_fetched_again(fetch):
    path, _, _ = fetch(whole)
    path.write_bytes(BYTES + b"x")

    again, repository, _ = fetch(whole)

    assert again.read_bytes() == BYTES
    assert len(repository.requests) == 1


def test_what_is_in_the_cache_needs_no_network(fetch):
    fetch(whole)

    path, repository, _ = fetch(broken_line)

    assert path.read_bytes() == BYTES
    assert repository.requests == []


@pytest.mark.parametrize("answer", [absent, other_bytes, broken_line, cut])
def test_a_download_that_never_works_says_what_to_do_and_leaves_no_file(fetch, tmp_path, answer):
    with pytest.raises(DownloadError, match=r"cannot download g:a:1 .*make setup.*MAVEN") as caught:
        fetch(answer)

    assert "a-1.jar" not in {path.name for path in tmp_path.rglob("*")}
    assert caught.value.__cause__ is not None
