"""What a server has done, as counters of work: requests that it answered, the tokens that they took, and parts of both.

`requests` are those that were answered (2xx), `tokens` those of their prompts and answers. What has a stroke in its name is a
part of the counter before it, or says more of it: `tokens/prompt`, `requests/model:NAME`, `requests/failed:4xx`.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Final

from footprint.recorder.redaction import HIDDEN, redacted

if TYPE_CHECKING:
    from footprint.integrations.asgi.usage import Usage

MODELS_LIMIT: Final = 8
OTHER: Final = "other"
UNKNOWN: Final = "requests/tokens unknown"
UNANSWERED: Final = "requests/unanswered"
CUT_SHORT: Final = "requests/cut short"
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.:@+-]*(?:/[\w.:@+-]+){0,2}", re.ASCII)
_NAME_LIMIT: Final = 96
_PATH: Final = re.compile(r"[~/\\.]|[A-Za-z]:[\\/]")


class Counts:
    """Counters that the event loops of a server add to, and that one thread takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._work: dict[str, float] = {}
        self._models: set[str] = set()

    def add(self, status: int | None, usage: Usage | None, *, is_whole: bool) -> None:
        """Add one request.

        Args:
            status: what it was answered with; null if it was not.
            usage: what the answer says of its tokens.
            is_whole: whether all of it was sent.
        """
        if status is None:  # its client has gone before
            self._count({"requests": 0, UNANSWERED: 1})
            return
        if not 200 <= status < 300:  # noqa: PLR2004 - as above
            self._count({"requests": 0, f"requests/failed:{min(max(status // 100, 1), 9)}xx": 1})
            return
        tokens = None if usage is None else usage.tokens
        work: dict[str, float] = {"requests": 1}
        if not is_whole:
            work[CUT_SHORT] = 1
        if usage is None or tokens is None:
            work[UNKNOWN] = 1
        else:
            work["tokens"] = tokens
            named = (("prompt", usage.prompt), ("completion", usage.completion), ("cached", usage.cached))
            work |= {f"tokens/{part}": number for part, number in (*named, ("reasoning", usage.reasoning)) if number}
        if usage is not None and usage.model:
            model = self._model(usage.model)
            work[f"requests/model:{model}"] = 1
            if tokens is not None:
                work[f"tokens/model:{model}"] = tokens
        self._count(work)

    def take(self) -> dict[str, float]:
        """What was counted since this was last asked."""
        with self._lock:
            work, self._work = self._work, {}
        return work

    def _count(self, work: dict[str, float]) -> None:
        with self._lock:
            for name, number in work.items():
                self._work[name] = self._work.get(name, 0) + number

    def _model(self, told: str) -> str:
        """A model's name as it is counted under: some servers repeat whatever a client sends, so it is taken for hostile."""
        name = clean_model(told)
        with self._lock:
            if name not in self._models:
                if len(self._models) >= MODELS_LIMIT:
                    return OTHER
                self._models.add(name)
        return name


def clean_model(told: str) -> str:
    """The name of a model that may be kept: of a path its last part; `other` for what no model is called, or may be a key."""
    if _PATH.match(told):
        told = re.split(r"[\\/]", told.rstrip("\\/"))[-1]
    if len(told) > _NAME_LIMIT or _NAME.fullmatch(told) is None or HIDDEN in redacted([told]):
        return OTHER
    return told
