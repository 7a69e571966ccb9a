"""The key and the session of a local browser."""

from pathlib import Path

import pytest

from api.security import (
    SESSION_SECONDS,
    ApiKeyError,
    Caller,
    Gate,
    load_key,
    offered_protocols,
)

KEY = "k" * 20
HOST = "127.0.0.1:8000"


def gate(**settings: bool) -> Gate:
    return Gate(KEY, 8000, **({"local_session": True} | settings))


def caller(peer: str | None = "127.0.0.1", cookie: str | None = None, **headers: str) -> Caller:
    named = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    cookies = {} if cookie is None else {gate().cookie_name: cookie}
    return Caller(peer=peer, headers=named, cookies=cookies)


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "api_key"
    key = load_key(None, path)
    assert len(key) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(None, path) == key
    assert load_key(KEY, path) == KEY


@pytest.mark.parametrize("key", ["short", "x" * 20 + " y", "ü" * 20, ""])
def test_a_key_that_no_browser_could_send_is_refused(key: str, tmp_path: Path) -> None:
    path = tmp_path / "api_key"
    path.write_text(key)
    with pytest.raises(ApiKeyError, match="api_key"):
        load_key(None, path)


def test_the_right_key_is_enough_and_a_wrong_one_is_not_helped_by_a_cookie() -> None:
    far = Caller(peer="10.1.1.1", headers={"host": "farol.example"}, cookies={})
    assert gate().admits(far, KEY)
    assert not gate().admits(far, KEY + "x")
    assert not gate().admits(far, "")
    assert not gate().admits(far, "ü")
    assert not gate().admits(far, None)
    assert not gate().admits(caller(cookie=gate().new_session()), "wrong")


def test_a_session_lets_a_local_browser_in_until_it_ends() -> None:
    session = gate().new_session(now_s=1000)
    assert KEY not in session
    assert gate().session_fits(session, now_s=1000 + SESSION_SECONDS - 1)
    assert not gate().session_fits(session, now_s=1000 + SESSION_SECONDS + 1)
    assert gate().admits(caller(cookie=gate().new_session()), None)


@pytest.mark.parametrize("value", [None, "", "1", "9999999999.", "9999999999.00", "x.y", "é.é"])
def test_a_forged_session_is_refused(value: str | None) -> None:
    assert not gate().session_fits(value)


def test_a_session_of_another_key_or_with_a_later_end_is_refused() -> None:
    other = Gate("o" * 20, 8000, local_session=True).new_session()
    assert not gate().session_fits(other)
    ends, _, signature = gate().new_session().partition(".")
    assert not gate().session_fits(f"{int(ends) + 1}.{signature}")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:8000"},  # DNS rebinding: the name resolves here, but is not ours
        {"host": "127.0.0.1.evil.example"},
        {"host": ""},
        {"host": "[broken"},
        {"x_forwarded_for": "10.0.0.9"},
        {"forwarded": "for=10.0.0.9"},
        {"via": "1.1 proxy"},
    ],
)
def test_not_every_request_from_loopback_is_a_local_browser(headers: dict[str, str]) -> None:
    asking = caller(cookie=gate().new_session(), **headers)
    assert not gate().is_local_browser(asking)
    assert not gate().admits(asking, None)


def test_a_peer_elsewhere_or_a_closed_gate_gets_no_session() -> None:
    assert gate().is_local_browser(caller())
    assert not gate().is_local_browser(caller(peer="192.168.0.7"))
    assert not gate().is_local_browser(caller(peer=None))
    assert not gate(local_session=False).is_local_browser(caller())


def test_a_websocket_with_a_cookie_must_come_from_our_own_page() -> None:
    session = gate().new_session()
    own = caller(cookie=session, origin=f"http://{HOST}")
    assert gate().admits(own, None, needs_origin=True)
    for origin in ("http://127.0.0.1:9999", "http://evil.example", "null"):
        foreign = caller(cookie=session, origin=origin)
        assert not gate().admits(foreign, None, needs_origin=True)
        assert not gate().admits(foreign, None)
    assert not gate().admits(caller(cookie=session), None, needs_origin=True)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (None, None)),
        ("", (None, None)),
        ("farol.v1", (None, "farol.v1")),
        ("apikey.abc", ("abc", "apikey.abc")),
        ("apikey.abc, farol.v1", ("abc", "farol.v1")),
        ("farol.v1,apikey.abc", ("abc", "farol.v1")),
        ("chat", (None, None)),
        ("apikey.", ("", "apikey.")),
    ],
)
def test_offered_protocols(header: str | None, expected: tuple[str | None, str | None]) -> None:
    assert offered_protocols(header) == expected


def test_stacks_on_one_machine_have_cookies_of_their_own() -> None:
    assert gate().cookie_name != Gate(KEY, 8001, local_session=True).cookie_name
