"""One question to a provider over HTTPS, and its answer as JSON that was checked; or one line that says why not.

Certificates are verified; plain HTTP is for this machine itself only. All tries together take no longer than the budget (the
look-up of a name excepted, which the system bounds): a server that sends a byte at a time is cut off by closing the socket
under it. No redirect leads to another host (the key would go there, too). The key stands in a header and nowhere else: no
address, message or file has it.
"""

from __future__ import annotations

import http.client
import ipaddress
import random
import socket
import ssl
import threading
import time
import zlib
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec

from footprint import __version__, text
from footprint.errors import ConfigError, IntensityError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from urllib.parse import SplitResult

T = TypeVar("T")

_CHUNK_BYTES: Final = 64 * 1024
_MOST_REDIRECTS: Final = 3
_OK, _TOO_MANY, _SERVER_ERROR = 200, 429, 500
_MOVED: Final = (301, 302, 303, 307, 308)
_AGAIN: Final = (408, 425, _TOO_MANY, 500, 502, 503, 504)
_SAID: Final = 160
_ERROR_BYTES: Final = 64 * 1024


class Limits(NamedTuple):
    """How long and how much: s for one try and for all of them, bytes of an answer, tries, s before the second try."""

    attempt_s: float = 10.0
    total_s: float = 30.0
    answer_bytes: int = 16 * 1024 * 1024
    tries: int = 3
    backoff_s: float = 0.5


class StatusError(IntensityError):
    """The provider refused; `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


class _AgainError(Exception):
    """This try failed in a way that another may not; the message says how, `wait_s` is how long the provider asks to wait."""

    def __init__(self, message: str, wait_s: float | None = None, status: int | None = None) -> None:
        self.wait_s, self.status = wait_s, status
        super().__init__(message)


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def get_json(
    url: str, kind: type[T], *, who: str, headers: Mapping[str, str] | None = None, secret: str = "", limits: Limits | None = None
) -> T:
    """Ask for a JSON document of a known shape.

    Args:
        url: where; HTTPS, or this machine itself.
        kind: the type that msgspec checks the answer against.
        who: what the provider is called in messages.
        headers: what to send along: the key, if there is one.
        secret: what must not stand in a message, should the provider repeat it.
        limits: other than the usual ones.

    Raises:
        StatusError: if the provider refuses.
        IntensityError: if it cannot be reached, does not answer in time, or answers what cannot be used.
        ConfigError: if the address is not one to send anything to.
    """
    limits = limits or Limits()
    answer = _asked(url, {**(headers or {})}, who, secret, limits)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.ValidationError as error:
        raise IntensityError(f"{who}: the answer is not what the documentation says: {_clean(str(error), secret)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise IntensityError(f"{who}: the answer is no JSON ({len(answer.body)} bytes)") from None


def _asked(url: str, headers: dict[str, str], who: str, secret: str, limits: Limits) -> _Answer:
    """The answer of the first try that worked."""
    deadline_s = time.monotonic() + limits.total_s
    for attempt in range(1, limits.tries + 1):
        try:
            answer = _followed(url, headers, who, limits, deadline_s)
        except _AgainError as error:
            failure = error
        else:
            if answer.status == _OK:
                return answer
            if answer.status not in _AGAIN:
                raise StatusError(f"{who}: {_refusal(answer, secret)}", answer.status)
            failure = _AgainError(_refusal(answer, secret), _retry_after_s(answer), answer.status)
        left_s = deadline_s - time.monotonic()
        # Jitter: those who were refused together do not come back together.
        wait_s = max(failure.wait_s or 0.0, random.uniform(0.5, 1.0) * limits.backoff_s * 2 ** (attempt - 1))  # noqa: S311
        if attempt == limits.tries or wait_s >= left_s:
            tried = f" (tried {attempt} times)" if attempt > 1 else ""
            asks = f"; it asks to wait {text.duration(failure.wait_s)}" if failure.wait_s else ""
            message = f"{who}: {failure}{tried}{asks}; try again later, or give a file with --intensity-from FILE.csv"
            raise StatusError(message, failure.status) if failure.status else IntensityError(message)
        time.sleep(wait_s)
    raise AssertionError("the last try returns or raises")


def _followed(url: str, headers: dict[str, str], who: str, limits: Limits, deadline_s: float) -> _Answer:
    """One try: the answer, after redirects on the same host."""
    for _ in range(_MOST_REDIRECTS + 1):
        target = checked(url, who)
        answer = _once(target, headers, who, limits, deadline_s)
        if answer.status not in _MOVED or not answer.headers.get("location"):
            return answer
        url = urljoin(url, answer.headers["location"])
        there = urlsplit(url)
        if (there.scheme, there.netloc) != (target.scheme, target.netloc):
            raise IntensityError(f"{who}: the answer leads to another host ({text.clean(there.netloc, limit=80)}): not followed")
    raise IntensityError(f"{who}: the answers lead round in a circle")


def checked(url: str, who: str) -> SplitResult:
    """An address that something may be sent to.

    Raises:
        ConfigError: if it is neither HTTPS nor this machine, or holds a name and password.
    """
    try:
        target = urlsplit(url)
        _ = target.port
    except ValueError:
        raise ConfigError(f"{who}: {text.clean(url, limit=80)!r} is no address") from None
    if not target.hostname or target.username is not None or target.password is not None:
        raise ConfigError(f"{who}: the address must name a host, and no user or password")
    if target.scheme != "https" and not (target.scheme == "http" and _is_this_machine(target.hostname)):
        raise ConfigError(f"{who}: {text.clean(target.netloc, limit=80)} must be asked over https")
    return target


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _once(target: SplitResult, headers: dict[str, str], who: str, limits: Limits, deadline_s: float) -> _Answer:
    """One question and its answer, cut off when its time is up.

    Raises:
        _AgainError: if nothing usable came.
        IntensityError: if another try would be no better.
    """
    left_s = min(limits.attempt_s, deadline_s - time.monotonic())
    if left_s <= 0:
        raise _AgainError("no answer in time")
    connection = _connection(target, left_s)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        sock = connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # a reading thread wakes up with an end of file

    watchdog = threading.Timer(left_s, give_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        connection.request("GET", path, headers=_HEADERS | headers)
        with connection.getresponse() as response:
            return _read(response, who, limits, late)
    except ssl.SSLCertVerificationError as error:
        raise IntensityError(f"{who}: its certificate is not trusted ({text.clean(error.verify_message)})") from None
    except (OSError, http.client.HTTPException) as error:
        raise _AgainError(_failure(error, is_late=late.is_set())) from None
    finally:
        watchdog.cancel()
        connection.close()


_HEADERS: Final = {
    "User-Agent": f"footprint/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Connection": "close",
}


def _connection(target: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    """The connection, through the proxy that the environment names, if it names one for this host."""
    assert target.hostname is not None, "it was checked"
    if target.scheme == "http":  # this machine itself
        return http.client.HTTPConnection(target.hostname, target.port, timeout=timeout_s)
    context = ssl.create_default_context()
    proxy = getproxies().get("https", "")
    if not proxy or _is_this_machine(target.hostname) or proxy_bypass(target.hostname):
        return http.client.HTTPSConnection(target.hostname, target.port, timeout=timeout_s, context=context)
    try:
        via = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = via.port or 80
    except ValueError:
        via, port = urlsplit(""), 0
    if not via.hostname or via.scheme != "http":
        raise ConfigError("the proxy that HTTPS_PROXY names must be http://HOST:PORT")
    connection = http.client.HTTPSConnection(via.hostname, port, timeout=timeout_s, context=context)
    connection.set_tunnel(target.hostname, target.port or 443, headers=_to_proxy(via))
    return connection


def _to_proxy(via: SplitResult) -> dict[str, str]:
    if via.username is None:
        return {}
    import base64

    pair = f"{unquote(via.username)}:{unquote(via.password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}


def _read(response: http.client.HTTPResponse, who: str, limits: Limits, late: threading.Event) -> _Answer:
    """An answer as a whole.

    Raises:
        _AgainError: if its end is missing.
        IntensityError: if it is too large, or packed in a way that was not asked for.
    """
    headers = {name.lower(): value for name, value in response.getheaders()}
    most = limits.answer_bytes if response.status == _OK else _ERROR_BYTES
    stated = headers.get("content-length", "")
    length = int(stated) if stated.isascii() and stated.isdigit() else None
    body = bytearray()
    while chunk := response.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > most and response.status == _OK:
            raise IntensityError(f"{who}: the answer is larger than {most:,} bytes")
        if len(body) >= most or (length is not None and len(body) >= length):
            break
    if late.is_set() and (length is None or len(body) < length):
        raise _AgainError("no answer in time")
    if length is not None and len(body) < min(length, most):
        raise _AgainError(f"the answer broke off after {len(body):,} of {length:,} bytes")
    if not body and length is None:
        raise _AgainError("the answer is empty")
    return _Answer(response.status, headers, _unpacked(bytes(body), headers.get("content-encoding", ""), who, most))


def _unpacked(body: bytes, encoding: str, who: str, most: int) -> bytes:
    """The body without its compression; a small one that holds a large one is refused."""
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise IntensityError(f"{who}: the answer is packed as {text.clean(encoding, limit=40)}, which was not asked for")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise _AgainError("the answer is damaged") from None
    if len(plain) > most:
        raise IntensityError(f"{who}: the answer is larger than {most:,} bytes")
    if not unpacker.eof:
        raise _AgainError("the answer broke off")
    return plain


def _failure(error: Exception, *, is_late: bool) -> str:
    """What went wrong below HTTP, without addresses."""
    if is_late or isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer broke off"
    if isinstance(error, socket.gaierror):
        return "its name is not known here: is there a network?"
    if isinstance(error, OSError):
        return f"it cannot be reached ({text.clean(error.strerror or type(error).__name__)})"
    return f"the answer is not HTTP ({type(error).__name__})"


class _Complaint(msgspec.Struct):
    """The ways in which providers say why: `{"error": "…"}`, `{"error": {"message": "…"}}`, `{"message": "…"}`."""

    error: object = None
    message: object = None


def _refusal(answer: _Answer, secret: str) -> str:
    """A refusal in words, with the provider's own where it gives some."""
    said: object = None
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        complaint = msgspec.json.decode(answer.body, type=_Complaint)
        said = complaint.error or complaint.message
        if isinstance(said, dict):
            said = said.get("message")
    own = f": {_clean(said, secret)}" if isinstance(said, str) and said.strip() else ""
    reason = http.client.responses.get(answer.status, "")
    return f"answers {answer.status}{' ' + reason if reason else ''}{own}"


def _clean(said: str, secret: str) -> str:
    """Words from outside: a line, without the key."""
    return text.clean(said.replace(secret, "…") if secret else said, limit=_SAID, empty="nothing more")


def _retry_after_s(answer: _Answer) -> float | None:
    """How long the provider asks to wait, s: a number, or a date by its own clock where it tells one."""
    stated = answer.headers.get("retry-after", "").strip()
    if not stated:
        return None
    if stated.isascii() and stated.isdigit():
        return float(stated[:9])
    try:
        until, now = _date(stated), answer.headers.get("date")
        return max(0.0, (until.timestamp() - (_date(now).timestamp() if now else time.time())))
    except (ValueError, TypeError, IndexError):
        return None


def _date(stated: str) -> datetime:
    return parsedate_to_datetime(stated)
