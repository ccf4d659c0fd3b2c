"""Prometheus' HTTP API, as far as raw samples are asked of it; no other address than the one that is stated.

Samples are asked for by a range selector (`metric{…}[3h]`), which answers with those that were scraped, at their own times. A
query by steps would repeat the last value for five minutes after a series has ended, and hide its gaps.
"""

from __future__ import annotations

import base64
import json
import math
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

from footprint.errors import LedgerError
from footprint.text import clean

CHUNK_S: Final = 10_800
"""Asked for at once: at one sample a second fewer than the 11,000 points that Prometheus gives of a series."""
MOST_CHUNKS: Final = 10_000
_LIMIT_BYTES: Final = 256 * 2**20
_TIMEOUT_S: Final = 60.0
SELECTOR: Final = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[^"{}]|"(?:[^"\\]|\\.)*")*)\})?')

Labels = frozenset[tuple[str, str]]
Found = dict[Labels, dict[float, float]]
"""Samples of each series: s since 1970, and the value."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Nobody is asked but the address that was stated."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""
        return


class Server:
    """A Prometheus, by the address of its root.

    Raises:
        LedgerError: if that is no address of HTTP.
    """

    def __init__(self, address: str) -> None:
        parts = urllib.parse.urlsplit(address)
        try:
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            raise LedgerError(f"{clean(address)} is no address: the port is no number") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise LedgerError(f"{clean(address)} is no address such as http://127.0.0.1:9090")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.shown = clean(f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}", limit=200)
        self._root = f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
        self._headers = {"Accept": "application/json"}
        if parts.username is not None:
            secret = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def samples(self, selector: str, begin_s: float, end_s: float) -> Found:
        """The samples of all series of a selector in a stretch of time, by the series' labels.

        Raises:
            LedgerError: if the server does not answer, refuses, or answers what is not meant.
        """
        found: Found = {}
        chunks = max(1, math.ceil((end_s - begin_s) / CHUNK_S))
        if chunks > MOST_CHUNKS:
            raise LedgerError(f"{chunks} requests would be made for this time: import it in parts (--set start=… end=…)")
        for chunk in range(chunks):
            until_s = min(end_s, begin_s + (chunk + 1) * CHUNK_S)
            length_s = math.ceil(until_s - (begin_s + chunk * CHUNK_S))
            answer = self._ask({"query": f"{selector}[{max(1, length_s)}s]", "time": f"{until_s:.3f}"})
            for labels, values in self._series(answer):
                found.setdefault(labels, {}).update((t_s, value) for t_s, value in values if begin_s <= t_s <= end_s)
        return found

    def _ask(self, query: dict[str, str]) -> dict[str, Any]:
        body = urllib.parse.urlencode(query).encode()
        request = urllib.request.Request(f"{self._root}/api/v1/query", data=body, headers=self._headers)  # noqa: S310 - http(s)
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                data = answer.read(_LIMIT_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                told = error.read(4096)
            raise LedgerError(f"{self.shown} refuses: HTTP {error.code}{_reason(told)}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise LedgerError(f"{self.shown} does not answer: {clean(str(reason))}") from None
        if len(data) > _LIMIT_BYTES:
            raise LedgerError(f"{self.shown} answers more than {_LIMIT_BYTES // 2**20} MiB: name fewer series (--set query=…)")
        return self._answer(data)

    def _answer(self, data: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or answer.get("status") != "success" or not isinstance(answer.get("data"), dict):
            raise LedgerError(f"{self.shown} answers what is not Prometheus' API{_reason(data[:4096])}")
        if answer["data"].get("resultType") != "matrix" or not isinstance(answer["data"].get("result"), list):
            raise LedgerError(f"{self.shown} answers no samples but {clean(str(answer['data'].get('resultType')))}")
        return answer

    def _series(self, answer: dict[str, Any]) -> Iterator[tuple[Labels, list[tuple[float, float]]]]:
        for one in answer["data"]["result"]:
            try:
                labels = frozenset((str(name), str(value)) for name, value in one["metric"].items())
                values = [(float(t_s), float(value)) for t_s, value in one.get("values", [])]
            except (TypeError, ValueError, KeyError, AttributeError):
                raise LedgerError(f"{self.shown} answers a series that cannot be read: {clean(str(one), limit=80)}") from None
            yield labels, [(t_s, value) for t_s, value in values if math.isfinite(t_s) and math.isfinite(value)]


def _reason(told: bytes) -> str:
    """What an answer gives as the reason, if it is JSON that does."""
    try:
        found = json.loads(told)
        reason = found.get("error") if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        reason = None
    return f": {clean(str(reason), limit=160)}" if reason else ""
