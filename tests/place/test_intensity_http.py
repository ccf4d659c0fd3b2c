from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from footprint import __version__
from footprint.errors import ConfigError, IntensityError
from footprint.place.intensity.http import Limits, StatusError, get_json
from tests.place.loopback import Answer, of_json, serving

QUICK = Limits(attempt_s=5.0, total_s=10.0, answer_bytes=100_000, tries=3, backoff_s=0.01)
CERTIFICATE = Path(__file__).with_name("self_signed.pem")
"""Of 127.0.0.1, by itself, until 2126; with its key, which protects nothing."""
SECRET = "s3cr3t-key-0123456789"


def ask(url: str, limits: Limits = QUICK, **more: Any) -> dict[str, int]:
    return get_json(url, dict[str, int], who="The provider", limits=limits, **more)


def test_an_answer_is_checked_and_asked_for_by_name() -> None:
    with serving([of_json({"a": 1})]) as server:
        assert ask(f"{server.url}/x?y=1", headers={"auth-token": SECRET}) == {"a": 1}
        path, headers = server.asked[0]
        assert path == "/x?y=1"
        assert headers["user-agent"] == f"footprint/{__version__}"
        assert headers["auth-token"] == SECRET


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_one_line_and_not_asked_again(status: int) -> None:
    with serving([of_json({"error": "Invalid\nauth-token"}, status)]) as server:
        with pytest.raises(StatusError, match=rf"^The provider: answers {status}[^\n]*: Invalid auth-token$") as caught:
            ask(server.url)
        assert caught.value.status == status
        assert len(server.asked) == 1


def test_the_providers_own_words_come_without_the_key() -> None:
    body = {"error": {"code": "400", "message": f"no {SECRET} here \x1b[31m{'x' * 1000}"}}
    with serving([of_json(body, 400)]) as server:
        with pytest.raises(StatusError) as caught:
            ask(server.url, headers={"auth-token": SECRET}, secret=SECRET)
        assert SECRET not in str(caught.value)
        assert "\x1b" not in str(caught.value)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize("bad", [500, 502, 503, 504, 408])
def test_a_failing_server_is_asked_again(bad: int) -> None:
    with serving([of_json({}, bad), of_json({}, bad), of_json({"a": 2})]) as server:
        assert ask(server.url) == {"a": 2}
        assert len(server.asked) == 3


def test_no_more_than_so_many_tries() -> None:
    with serving([of_json({"message": "down"}, 500)]) as server:
        with pytest.raises(StatusError, match=r"answers 500.*down.*tried 3 times.*try again later.*--intensity-from"):
            ask(server.url)
        assert len(server.asked) == 3


def test_who_asks_to_wait_is_waited_for() -> None:
    with serving([of_json({}, 429, Retry_After="1"), of_json({"a": 3})]) as server:
        begin = time.monotonic()
        assert ask(server.url) == {"a": 3}
        assert time.monotonic() - begin >= 1.0


def test_who_asks_to_wait_until_a_time_is_waited_for() -> None:
    now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    headers = {"Date": format_datetime(now, usegmt=True), "Retry-After": format_datetime(now + timedelta(seconds=1), usegmt=True)}
    with serving([Answer(429, b"{}", headers), of_json({"a": 3})]) as server:
        begin = time.monotonic()
        assert ask(server.url) == {"a": 3}
        assert time.monotonic() - begin >= 1.0


@pytest.mark.parametrize("stated", ["3600", "9" * 400])
def test_who_asks_to_wait_too_long_is_left_at_once(stated: str) -> None:
    with serving([of_json({}, 429, Retry_After=stated)]) as server:
        with pytest.raises(StatusError, match=r"answers 429.*it asks to wait .*try again later"):
            ask(server.url)
        assert len(server.asked) == 1


@pytest.mark.parametrize("stated", ["soon", "-5", "Fri, 99 Nov 2026", "\u00b2"])
def test_a_wait_that_is_none_is_overlooked(stated: str) -> None:
    raw = f"HTTP/1.1 429 x\r\nRetry-After: {stated}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with serving([Answer(raw=raw), of_json({"a": 4})]) as server:
        assert ask(server.url) == {"a": 4}


@pytest.mark.parametrize(
    "slow",
    [Answer(200, b"{}", wait_s=30.0), Answer(200, b'{"a": 1}' + b" " * 5000, drip_s=0.05)],
    ids=["silent", "a byte at a time"],
)
def test_a_slow_server_is_cut_off(slow: Answer) -> None:
    limits = Limits(attempt_s=0.5, total_s=1.5, tries=2, backoff_s=0.01)
    with serving([slow]) as server:
        with pytest.raises(IntensityError, match="no answer in time"):
            ask(server.url, limits)
        assert server.answered == 0  # thirty seconds of silence, four minutes of dripping were not waited for


HALF = {
    "shorter than it says": Answer(200, b'{"a": 1', length=500),
    "chunks without an end": Answer(raw=b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":'),
    "a status line alone": Answer(raw=b"HTTP/1.1 200"),
    "nothing": Answer(raw=b""),
    "no HTTP": Answer(raw=b"SSH-2.0-OpenSSH\r\n"),
    "half a gzip": Answer(200, gzip.compress(json.dumps({"a": 1}).encode() * 100)[:-20], {"Content-Encoding": "gzip"}),
    "no gzip": Answer(200, b"plain", {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("half", HALF.values(), ids=HALF.keys())
def test_half_an_answer_is_none_and_asked_for_again(half: Answer) -> None:
    with serving([half, of_json({"a": 5})]) as server:
        assert ask(server.url) == {"a": 5}
        assert len(server.asked) == 2
    with serving([half]) as server, pytest.raises(IntensityError, match="The provider: "):
        ask(server.url)


def test_whole_chunks_are_an_answer() -> None:
    raw = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n3\r\n 6}\r\n0\r\n\r\n'
    with serving([Answer(raw=raw)]) as server:
        assert ask(server.url) == {"a": 6}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a": 1', "no JSON"),
        (b"<html>", "no JSON"),
        (b"", "no JSON"),
        (b'{"a": "x"}', "documentation"),
        (b"[]", "documentation"),
    ],
)
def test_an_answer_of_another_shape_is_refused(body: bytes, said: str) -> None:
    with serving([Answer(200, body)]) as server, pytest.raises(IntensityError, match=said):
        ask(server.url)


def test_gzip_is_unpacked_within_bounds() -> None:
    packed = {"Content-Encoding": "gzip"}
    with serving([Answer(200, gzip.compress(b'{"a": 7}'), packed)]) as server:
        assert ask(server.url) == {"a": 7}
    bomb = gzip.compress(b" " * 10_000_000)
    assert len(bomb) < 100_000
    with serving([Answer(200, bomb, packed)]) as server, pytest.raises(IntensityError, match="larger than 100,000 bytes"):
        ask(server.url)
    with serving([Answer(200, b"x", {"Content-Encoding": "br"})]) as server, pytest.raises(IntensityError, match="packed as br"):
        ask(server.url)


@pytest.mark.parametrize("length", [10_000_000, None], ids=["stated", "not stated"])
def test_a_huge_answer_is_not_read(length: int | None) -> None:
    with serving([Answer(200, b" " * 2_000_000, length=length)]) as server, pytest.raises(IntensityError, match="larger than"):
        ask(server.url)


def test_no_redirect_leads_away() -> None:
    with serving([of_json({"a": 8})]) as other:
        for status in (301, 302, 307, 308):
            moved = Answer(status, b"", {"Location": f"{other.url}/elsewhere"})
            with serving([moved]) as server, pytest.raises(IntensityError, match=r"another host .* not followed"):
                ask(server.url, headers={"auth-token": SECRET})
        assert other.asked == []


def test_a_redirect_on_the_same_host_is_followed_but_not_for_ever() -> None:
    with serving([Answer(301, b"", {"Location": "/there"}), of_json({"a": 9})]) as server:
        assert ask(f"{server.url}/here") == {"a": 9}
        assert [path for path, _ in server.asked] == ["/here", "/there"]
    with serving([Answer(302, b"", {"Location": "/"})]) as server, pytest.raises(IntensityError, match="circle"):
        ask(server.url)


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1/x",
        "http://example.test/x",
        "ftp://127.0.0.1/x",
        "https://",
        "https://me:pw@example.test/",
        "http://[::1",
        "x",
    ],
)
def test_nothing_is_sent_to_an_address_that_is_not_safe(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^The provider: [^\n]*$") as caught:
        ask(url)
    assert "pw" not in str(caught.value)


def test_a_server_that_is_not_there_is_said_to_be() -> None:
    with serving([of_json({})]) as server:
        url = server.url
    with pytest.raises(IntensityError, match="it cannot be reached"):
        ask(url)


def test_a_certificate_that_nobody_vouches_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with serving([of_json({"a": 1})], certificate=CERTIFICATE) as server:
        with pytest.raises(IntensityError, match=r"its certificate is not trusted \(self.signed certificate\)"):
            ask(server.url, headers={"auth-token": SECRET})
        assert server.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))  # who trusts it is answered
        assert ask(server.url) == {"a": 1}
        with pytest.raises(IntensityError, match="certificate is not trusted"):
            ask(server.url.replace("127.0.0.1", "localhost"))  # which it is not made for
        assert len(server.asked) == 1


def test_a_handshake_that_is_drawn_out_is_cut_off() -> None:
    """The head of a long TLS record and then a byte at a time, each of them sooner than a socket's own limit."""
    sent: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def draw_out() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 400:
                    connection.sendall(bytes([byte]))
                    sent.append(byte)
                    time.sleep(0.05)

        thread = threading.Thread(target=draw_out, daemon=True)
        thread.start()
        with pytest.raises(IntensityError, match="no answer in time"):
            ask(f"https://127.0.0.1:{listening.getsockname()[1]}", Limits(attempt_s=0.5, total_s=0.5, tries=1))
        thread.join()
    assert len(sent) < 400


def test_a_proxy_that_is_none_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    for stated in ("http://127.0.0.1:port", "socks5://127.0.0.1:1080", "http://[::1"):
        monkeypatch.setenv("https_proxy", stated)
        with pytest.raises(ConfigError, match="the proxy that HTTPS_PROXY names must be"):
            ask("https://provider.invalid/x")


def test_a_proxy_is_not_asked_about_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving([of_json({"a": 1})]) as proxy, serving([of_json({"a": 2})]) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert ask(server.url) == {"a": 2}
        assert proxy.asked == []


def test_a_proxy_is_asked_for_a_tunnel_and_never_sees_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving([Answer(403, b"")]) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url.replace("http://", "http://me:pw@"))
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(IntensityError, match="it cannot be reached") as caught:
            ask("https://provider.invalid/x", headers={"auth-token": SECRET})
        path, headers = proxy.asked[0]
        assert path == "provider.invalid:443"
        assert SECRET not in str(headers)
        assert headers["proxy-authorization"].startswith("Basic ")
        assert "pw" not in str(caught.value)
