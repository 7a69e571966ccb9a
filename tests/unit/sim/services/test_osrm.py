"""Against a real HTTP server on the loopback address that speaks OSRM's contract."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from sim.domain.geometry import distance_m
from sim.domain.scenario import Osrm
from sim.policies.routing import MAX_POINTS, GridRouting
from sim.services.osrm import OsrmRouting

START, END = (-23.5505, -46.6333), (-23.5605, -46.6533)


class Server:
    """One way with many corners; `code` other than Ok, or broken, on demand."""

    def __init__(self):
        self.asked = []
        self.code = "Ok"
        self.body = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                body = outer.body or json.dumps(outer.answer(self.path)).encode()
                self.send_response(200 if outer.code == "Ok" else 400)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, path):
        if self.code != "Ok":
            return {"code": self.code, "message": "Impossible route between points"}
        parts = urlsplit(path)
        assert parts.path.startswith("/route/v1/driving/")
        assert parse_qs(parts.query)["geometries"] == ["geojson"]
        ends = [
            tuple(map(float, pair.split(",")))
            for pair in parts.path.removeprefix("/route/v1/driving/").split(";")
        ]
        (lon_a, lat_a), (lon_b, lat_b) = ends
        corners = [
            [lon_a + (lon_b - lon_a) * k / 40, lat_a + (lat_b - lat_a) * (k // 2 * 2) / 40]
            for k in range(41)
        ]
        return {
            "code": "Ok",
            "routes": [
                {
                    "distance": 4321.0,
                    "duration": 600.0,
                    "geometry": {"type": "LineString", "coordinates": corners},
                }
            ],
            "waypoints": [],
        }

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture
def routing(server, tmp_path):
    made = OsrmRouting(Osrm(url=server.url), GridRouting(), tmp_path / "ways.sqlite")
    yield made
    made.close()


def test_the_way_is_the_servers_and_the_time_is_ours(server, routing):
    route = routing.route(START, END, 30.0)
    assert route.points[0] == START
    assert route.points[-1] == END
    assert 2 < len(route.points) <= MAX_POINTS
    assert route.distance_mm == pytest.approx(4_321_000, rel=1e-3)
    assert route.duration_ms == pytest.approx(4321 / 30 * 3600, rel=1e-3)
    assert list(route.at_ms) == sorted(set(route.at_ms))
    assert server.asked[0].split("?")[0].endswith("-46.6333000,-23.5505000;-46.6533000,-23.5605000")


def test_the_same_way_is_asked_for_once_even_across_runs(server, routing, tmp_path):
    first = routing.route(START, END, 30.0)
    assert routing.route(START, END, 30.0) == first
    again = OsrmRouting(Osrm(url=server.url), GridRouting(), tmp_path / "ways.sqlite")
    assert again.route(START, END, 30.0) == first
    again.close()
    assert len(server.asked) == 1
    assert (again.answers, again.remembered) == (0, 1)


@pytest.mark.parametrize("trouble", ["NoRoute", "broken"])
def test_without_a_usable_answer_it_falls_back(server, routing, trouble):
    if trouble == "broken":
        server.body = b"<html>gateway</html>"
    else:
        server.code = trouble
    expected = GridRouting().route(START, END, 30.0)
    assert routing.route(START, END, 30.0) == expected
    assert routing.fallbacks == 1
    server.code, server.body = "Ok", None
    # that there was no answer is kept: a repeated run must see the same ways
    assert routing.route(START, END, 30.0) == expected


def test_an_absent_server_is_not_asked_for_every_way(tmp_path):
    routing = OsrmRouting(
        Osrm(url="http://127.0.0.1:9", timeout_s=0.5), GridRouting(), tmp_path / "ways.sqlite"
    )
    for step in range(1, 200):
        end = (END[0] + step * 1e-4, END[1])
        assert routing.route(START, end, 30.0) == GridRouting().route(START, end, 30.0)
    assert routing.fallbacks == 199
    routing.close()


def test_points_that_coincide_need_no_server(server, routing):
    assert routing.route(START, START, 30.0).duration_ms == 0
    assert server.asked == []


def test_kept_corners_follow_the_street(routing):
    route = routing.route(START, END, 30.0)
    straight_m = distance_m(*START, *END)
    way_m = sum(distance_m(*a, *b) for a, b in zip(route.points, route.points[1:], strict=False))
    assert straight_m < way_m < 2 * straight_m
