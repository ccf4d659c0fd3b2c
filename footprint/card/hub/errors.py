"""What the Hub's client raises, in one line of ours: what is wrong, and what to do; and how long to wait before asking again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from footprint import text
from footprint.errors import ConfigError, FootprintError, HubError

_OFFLINE: Final = "OfflineModeIsEnabled"
_TOO_MANY: Final = 429
_UNKNOWN_USER: Final = 401
_PASSING: Final = frozenset({408, 500, 502, 503, 504})
_RESET: Final = re.compile(r"r\s{0,9}=\s{0,9}0\s{0,9};\s{0,9}t\s{0,9}=\s{0,9}(\d{1,9})")
_SENT: Final = re.compile(r"/commit/[^/]+$")
CHANGED: Final = "the card changed on the Hub while it was being filled; nothing was written, fill it again"
_STATUSES: Final = {
    401: "private, not on the Hub, or not for your token (`hf auth whoami`)",
    403: "your token may not do this, or the model takes no pull requests",
    404: "not on the Hub",
    409: CHANGED,
    412: CHANGED,
}
# The client's own names for refusals, and what they mean for a card.
_KINDS: Final = {
    "GatedRepoError": "gated: accept its conditions on the Hub with the account of your token",
    "DisabledRepoError": "disabled on the Hub",
    "RevisionNotFoundError": "it has no such revision",
    "EntryNotFoundError": "it has no card (README.md)",
    "RepositoryNotFoundError": "private or not on the Hub: check its name and your token (`hf auth whoami`)",
}


class Unclear(FootprintError):  # noqa: N818 - it says what is the matter
    """A commit was sent and no answer came: it may have arrived."""


def failures() -> tuple[type[Exception], ...]:
    """What the client may raise: its own errors, its transport's, and what unreadable answers make it stumble over."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    transport = next(one for one in HfHubHTTPError.__mro__ if one.__module__.split(".")[0] in {"httpx2", "httpx", "requests"})
    broken = (KeyError, TypeError, AttributeError)  # an answer in which the client finds no field that it counts on
    return (HfHubHTTPError, EntryNotFoundError, transport, OSError, ValueError, *broken)


def wait_s(error: Exception, otherwise_s: float) -> float | None:
    """How many seconds to wait before the same request may be made again; None if that would not help, or could do harm."""
    error = _inner(error)
    status = _status(error)
    if type(error).__name__ == _OFFLINE:
        return None
    if status == _TOO_MANY:
        asked = _asked_s(error)
        return otherwise_s if asked is None else asked
    is_passing = status in _PASSING if status is not None else _is_transport(error)
    return otherwise_s if is_passing and not _was_commit(error) else None


def reason(error: Exception, model: str, waiting_s: float | None, *, is_commit: bool = False) -> FootprintError:
    """The error as ours: a `ConfigError` for what no other model would change, else a `HubError`.

    Of a commit without a refusal it is `Unclear`: the client may have stumbled over the answer to what had arrived.
    """
    error = _inner(error)
    status = _status(error)
    if status is None:
        return _unanswered(error, model, is_commit=is_commit)
    if status == _TOO_MANY:
        wait = f"wait {waiting_s or 0:.0f} s, then call again for the rest"
        return HubError(f"{model}: the Hub takes no more requests for now: {wait}", final=True)
    said = _server_said(error)
    if status == _UNKNOWN_USER and "invalid" in said.lower():
        return ConfigError(f"the Hub does not know who you are: sign in with `hf auth login`, or set HF_TOKEN{said}")
    if status in _PASSING and _was_commit(error):
        return Unclear(f"the Hub failed ({status}){said}")
    kind = next((_KINDS[one.__name__] for one in type(error).__mro__ if one.__name__ in _KINDS), None)
    if kind is None:
        kind = _STATUSES.get(status, f"the Hub refused the request ({status})") + said
    return HubError(f"{model}: {kind}")


def _unanswered(error: Exception, model: str, *, is_commit: bool) -> FootprintError:
    """What the client raises without an answer, or because it could make nothing of one."""
    kind = type(error).__name__
    said = _line(str(error) or kind)
    if kind == _OFFLINE:
        return ConfigError("the Hub's client is told to stay offline: unset HF_HUB_OFFLINE")
    if kind == "HFValidationError":
        return ConfigError(f"{model!r} names no model of the Hub; write ORG/MODEL, or 'ORG/*' for all of an organisation's")
    if said.startswith("Invalid metadata"):
        return HubError(f"{model}: the Hub refuses the front matter: {said}")
    if is_commit:
        return Unclear(f"the Hub's answer did not come, or cannot be read ({kind}: {said})")
    if not isinstance(error, ValueError) and (_is_transport(error) or isinstance(error, OSError)):
        return HubError(f"{model}: the Hub cannot be reached: {said}", final=True)
    return HubError(f"{model}: the Hub's answer cannot be read ({kind}: {said})")


def _inner(error: Exception) -> Exception:
    """What lies behind an error that only says that nothing is in the cache."""
    behind = error.__cause__
    return behind if type(error).__name__ == "LocalEntryNotFoundError" and isinstance(behind, Exception) else error


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    return status if isinstance(status, int) else None


def _asked_s(error: Exception) -> float | None:
    """The wait that an answer asks for, in `Retry-After` (seconds or a date) or in `RateLimit`."""
    headers: Any = getattr(getattr(error, "response", None), "headers", {})
    if found := _RESET.search(headers.get("ratelimit") or ""):
        return float(found[1])
    stated = (headers.get("retry-after") or "").strip()
    if stated.isdecimal() and len(stated) < 10:  # noqa: PLR2004 - more seconds than a life has are no seconds
        return float(stated)
    return _until_s(stated)


def _until_s(stated: str) -> float | None:
    """The seconds until an HTTP date; None if it is none."""
    from email.utils import parsedate_to_datetime

    try:
        when = parsedate_to_datetime(stated)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _is_transport(error: Exception) -> bool:
    """Whether no answer came at all: refused, reset, timed out."""
    names = {one.__name__ for one in type(error).__mro__}
    return bool(names & {"TransportError", "RequestException", "ConnectionError", "TimeoutError"})


def _was_commit(error: Exception) -> bool:
    """Whether it was the commit itself that was sent, the one request that must not be made twice."""
    try:
        request: Any = getattr(error, "response", None)
        request = request.request if request is not None else error.request  # type: ignore[attr-defined]  # the transport's
        return request.method == "POST" and _SENT.search(str(request.url).partition("?")[0]) is not None
    except (AttributeError, RuntimeError):  # it knows of no request
        return False


def _server_said(error: Exception) -> str:
    said = getattr(error, "server_message", None)
    return f": {_line(said)}" if isinstance(said, str) and said.strip() else ""


def _line(message: str) -> str:
    """A message as one clean line."""
    return text.clean(" ".join(message.split()), limit=300)
