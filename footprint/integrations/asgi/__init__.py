"""A server of models, tracked: `app.add_middleware(FootprintMiddleware, region="aws:eu-west-1", name="serve-llm")`.

For any ASGI application, by FastAPI, Starlette or none, that speaks the OpenAI format: vLLM, SGLang, transformers' server, or
one of your own. Each process that serves is a run of kind inference, from its start-up to its shutdown, and a new one each day
in UTC. Requests, and the tokens that their answers state, are its work. Nothing else is kept of a request or an answer, and
nothing of either is changed or held back: a message is sent on before it is looked at.

vLLM takes it without arguments: `vllm serve MODEL --middleware footprint.integrations.asgi.FootprintMiddleware`. Then the site's
defaults hold (`FOOTPRINT_REGION`, `footprint.toml`, …), and `FOOTPRINT_NAME` is its name.
"""

from __future__ import annotations

import fnmatch
import logging
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final

from footprint.errors import ConfigError, FootprintError, unknown_choice
from footprint.integrations.asgi.answers import Answer
from footprint.integrations.asgi.serving import Serving
from footprint.model import Outcome
from footprint.tracking import track

__all__ = ["IGNORED", "METHODS", "NAME_VARIABLE", "FootprintMiddleware"]

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

NAME_VARIABLE: Final = "FOOTPRINT_NAME"
METHODS: Final = ("POST",)
IGNORED: Final = (
    *("/health*", "/live*", "/ready*", "/ping", "/metrics*", "/version", "/docs*", "/openapi.json", "/server_info"),
    *("*/tokenize", "*/detokenize", "/tokenizer_info", "/apply-template", "*/render", "*/abort*", "*/cancel"),
    *("/load_model", "/reset*", "*/load_lora_adapter", "*/unload_lora_adapter", "/flush_cache", "/update_*", "/*_profile"),
    *("/pause*", "/resume*", "/sleep*", "/wake_up*", "/is_*", "/scale_*", "/collective_rpc"),
)
"""Paths that do no work of the model: probes, metrics, and what operators ask of vLLM, SGLang and transformers' server."""
ROLLS: Final = ("day", "never")
_MARK: Final = "footprint.middleware"
_FAILED: Final = 500
_log: Final = logging.getLogger("footprint")


class FootprintMiddleware:
    """Records what a server takes, and counts what it answers.

    Args:
        app: the application.
        name: what the runs are called; by default `FOOTPRINT_NAME`, else `server`. One that is stated is also the account of the
            server's workers and restarts.
        region: where, as a cloud region: `aws:eu-west-1`.
        zone: where, as a grid zone: `FRA`, `US-VA`.
        pue: the site's power usage effectiveness, at least 1.
        account: what the runs belong to, together with others.
        labels: anything to find the runs by.
        interval_s: seconds between two readings.
        roll: `day`: a run ends at midnight in UTC, and the next begins; `never`: one run for as long as the server lives.
        methods: the methods that are counted.
        ignored: the paths that are not, with `*` for any characters.
        **unknown: refused.

    Raises:
        ConfigError: if any of these cannot be used. An application that makes its middleware only when it is started (FastAPI,
            Starlette) does not start: the server says so and ends.
    """

    def __init__(
        self,
        app: Application,
        *,
        name: str | None = None,
        region: str | None = None,
        zone: str | None = None,
        pue: float | None = None,
        account: str | None = None,
        labels: Mapping[str, str] | None = None,
        interval_s: float = 1.0,
        roll: str = "day",
        methods: Sequence[str] = METHODS,
        ignored: Sequence[str] = IGNORED,
        **unknown: Any,
    ) -> None:
        self._app = app
        self._serving: Serving | None = None
        self._is_shut = self._is_told = False
        self._error: FootprintError | None = None
        try:
            named = os.environ.get(NAME_VARIABLE) or None if name is None else name
            self._settings: dict[str, Any] = {"name": "server" if named is None else named, "kind": "inference"}
            self._settings |= {"region": region, "zone": zone, "pue": pue}
            self._settings |= {"account": account, "labels": labels, "interval_s": interval_s}
            self._check(roll, unknown)
            self._named, self._daily = named, roll == "day"
            self._methods, self._is_ignored = _words("methods", methods), _pattern(_words("ignored", ignored))
        except FootprintError as error:
            if not _is_serving():
                raise
            self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        kind = scope["type"]
        if kind == "lifespan" and not self._is_inner(scope):
            await self._live(scope, receive, send)
        elif kind == "http" and self._is_counted(scope):
            await self._serve(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    # -- Its life ------------------------------------------------------------------------------------------------------

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin before the application starts, and end once it has shut down."""
        if self._error is not None:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": f"footprint: {self._error}"})
            return
        self._is_shut = False
        self._begin(wait=True)

        async def passed(message: Message) -> None:
            kind = message["type"]
            if kind == "lifespan.startup.failed":
                self._end("failed")
            elif kind in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
                self._end("completed" if kind.endswith("complete") else "failed")
            await send(message)

        await self._app(scope, receive, passed)  # one without a lifespan raises, and is served all the same

    def _begin(self, *, wait: bool) -> Serving | None:
        """The run of this process, begun if there is none: workers are forked after the application is made, too."""
        serving = self._serving
        if (serving is not None and serving.is_here) or self._is_shut:
            return serving
        try:
            serving = Serving(self._settings, self._named, daily=self._daily)
            self._serving = serving
            serving.begin(wait=wait)
        except Exception as error:  # noqa: BLE001 - the server goes on
            self._tell(f"the server is not recorded: {type(error).__name__}: {error}")
        return serving

    def _end(self, outcome: Outcome) -> None:
        serving, self._serving, self._is_shut = self._serving, None, True
        if serving is not None:
            try:
                serving.end(outcome)
            except Exception as error:  # noqa: BLE001 - the server ends as it would
                self._tell(f"the end of the server was not recorded: {type(error).__name__}: {error}")

    # -- Its requests --------------------------------------------------------------------------------------------------

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; each message is sent on as it is, and then looked at."""
        serving, answer = self._begin(wait=False), Answer()

        async def passed(message: Message) -> None:
            try:
                await send(message)
            finally:
                try:
                    answer.pass_by(message)
                except Exception as error:  # noqa: BLE001 - whatever the application sends is between it and the server
                    self._tell(f"an answer was not understood: {type(error).__name__}: {error}")

        try:
            await self._app(scope, receive, passed)
        except Exception:
            answer.status = answer.status or _FAILED  # as which the server answers
            raise
        finally:
            if serving is not None:
                serving.tell(lambda counts: counts.add(answer.status, answer.usage(), is_whole=answer.is_whole))

    def _is_counted(self, scope: Scope) -> bool:
        """Whether this is a request for work of the model, and none that another one of us counts."""
        if self._error is not None:
            self._tell(f"the server is not recorded: {self._error}")
            return False
        if scope.get("method") not in self._methods or self._is_inner(scope):
            return False
        path, root = str(scope.get("path", "")), str(scope.get("root_path", "")).rstrip("/")
        return not self._is_ignored(path.removeprefix(root) if root else path)

    def _is_inner(self, scope: Scope) -> bool:
        """Whether another one of us is around this one: it counts, and this one does not."""
        if scope.get(_MARK) is None:
            scope[_MARK] = self
            return False
        if scope[_MARK] is self:
            return False
        self._tell("FootprintMiddleware was added twice: the inner one counts nothing")
        return True

    # -- What is said --------------------------------------------------------------------------------------------------

    def _check(self, roll: object, unknown: Mapping[str, Any]) -> None:
        if unknown:
            known = [name for name in self._settings if name != "kind"]
            raise unknown_choice("setting of FootprintMiddleware", next(iter(unknown)), (*known, "roll", "methods", "ignored"))
        if roll not in ROLLS:
            raise unknown_choice("roll", str(roll), ROLLS)
        track(**self._settings)  # checks the others

    def _tell(self, sentence: str) -> None:
        """Say what went wrong, once: more of it would drown the server's own log."""
        if not self._is_told:
            self._is_told = True
            _log.warning("footprint: %s", sentence)


def _words(what: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(one, str) for one in value):
        raise ConfigError(f"{what}={value!r} is not a list of texts")
    return tuple(value)


def _pattern(words: Sequence[str]) -> Callable[[str], object]:
    return re.compile("|".join(fnmatch.translate(word) for word in words) or r"(?!)").match


def _is_serving() -> bool:
    """Whether an event loop runs already: what is raised then would be taken for an application that has no lifespan."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
