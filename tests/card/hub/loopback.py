"""A Hub on this machine that speaks the few endpoints that its client uses for cards. Not a test itself.

It keeps models with their commits, and refuses what the Hub refuses; a test can make it answer otherwise for a while.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from footprint.card.hub.client import git_digest

TOKEN = "hf_of_nobody"
PAGE = 3  # models on one page of a list


class Reply(NamedTuple):
    """What is sent; a status of 0 closes the connection without an answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - a tuple's default


def of_json(value: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


def refusal(status: int, message: str, code: str = "", **headers: str) -> Reply:
    """A refusal as the Hub words it: the message in the body and in a header, its code in another."""
    named = {"X_Error_Message": message} | ({"X_Error_Code": code} if code else {})
    return of_json({"error": message}, status, **named, **headers)


class Model:
    """A repository: its commits, each with the card as it was then, and its branches and pull requests by name."""

    def __init__(self, card: bytes | None, *, private: bool = False, gated: bool = False, discussions: bool = True) -> None:
        self.private = private
        self.gated = gated
        self.discussions = discussions
        self.commits: dict[str, bytes | None] = {}
        self.refs: dict[str, str] = {}
        self.proposals: list[dict[str, Any]] = []
        self.push(card)

    def push(self, card: bytes | None, ref: str = "main") -> str:
        """A new commit with this card."""
        oid = hashlib.sha1(f"{len(self.commits)}".encode() + (card or b"")).hexdigest()
        self.commits[oid] = card
        self.refs[ref] = oid
        return oid

    @property
    def head(self) -> str:
        return self.refs["main"]


class LoopbackHub:
    """The server. `asked` are the requests so far; `before` may answer one in the server's stead (None: it does as always)."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.asked: list[tuple[str, str]] = []
        self.tokens: set[str | None] = set()
        self.before: Callable[[str, str], Reply | None] = lambda method, path: None
        self.after: Callable[[str, str], Reply | None] = lambda method, path: None
        self.lock = threading.Lock()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with hub.lock:
                    reply = hub.reply(self.command, self.path, body, self.headers.get("Authorization"))
                if reply.status == 0:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                headers = {"Content-Length": str(len(reply.body)), **reply.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body)

            do_GET = do_HEAD = do_POST = _serve  # noqa: N815 - the names that http.server calls

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def paths(self, method: str) -> list[str]:
        return [path for asked, path in self.asked if asked == method]

    def reply(self, method: str, target: str, body: bytes, authorization: str | None) -> Reply:
        """Answer one request."""
        self.asked.append((method, target))
        if "/org/" in target:  # the client asks for other things, too, and needs nobody's leave for them
            self.tokens.add(authorization)
        token = authorization.removeprefix("Bearer ") if authorization else None
        early = self.before(method, target)
        if early is not None:
            return early
        if token is not None and token != TOKEN:
            return refusal(401, "Invalid credentials in Authorization header")
        reply = self._route(method, target, body, token)
        late = self.after(method, target)
        return reply if late is None else late

    def _route(self, method: str, target: str, body: bytes, token: str | None) -> Reply:
        url = urlsplit(target)
        path, query = url.path, parse_qs(url.query)
        if path == "/api/models":
            return self._list(query, token)
        if path == "/api/validate-yaml":
            return _validated(json.loads(body)["content"])
        if found := re.fullmatch(r"/([^/]+(?:/[^/]+)?)/resolve/([^/]+)/(.+)", path):
            return self._file(found[1], unquote(found[2]), found[3], token)
        if found := re.fullmatch(r"/api/models/([^/]+(?:/[^/]+)?)/(preupload|commit|discussions)(/[^/]+)?", path):
            return self._of_model(found[1], found[2], query, body, token)
        return refusal(404, "Sorry, we can't find the page you are looking for.")

    def _of_model(self, name: str, action: str, query: dict[str, list[str]], body: bytes, token: str | None) -> Reply:
        model, refused = self._model(name, token)
        if model is None:
            return refused
        if token is None and action != "discussions":
            return refusal(401, "Invalid username or password.")
        if not model.discussions:
            return refusal(403, "Pull requests and discussions are disabled for this repository")
        if action == "preupload":
            return _preupload(model, body)
        return self._commit(name, model, query, body) if action == "commit" else _discussions(name, model, query)

    def _model(self, name: str, token: str | None) -> tuple[Model | None, Reply]:
        model = self.models.get(name)
        if model is None or (model.private and token is None):
            # The Hub does not tell a stranger whether a model exists.
            return None, refusal(401 if token is None else 404, "Repository not found", "RepoNotFound")
        if model.gated and token is None:
            return None, refusal(401, "Access to this model is restricted.", "GatedRepo")
        return model, Reply()

    def _list(self, query: dict[str, list[str]], token: str | None) -> Reply:
        author = query["author"][0]
        ids = [name for name, model in self.models.items() if name.startswith(f"{author}/") and (token or not model.private)]
        start = int(query.get("cursor", ["0"])[0])
        page = [{"id": name, "modelId": name, "private": False, "tags": [], "downloads": 0} for name in ids[start : start + PAGE]]
        more = start + PAGE < len(ids)
        link = {"Link": f'<{self.url}/api/models?author={author}&cursor={start + PAGE}>; rel="next"'} if more else {}
        return of_json(page)._replace(headers=link)

    def _file(self, name: str, revision: str, file: str, token: str | None) -> Reply:
        model, refused = self._model(name, token)
        if model is None:
            return refused
        oid = model.refs.get(revision, revision)
        if oid not in model.commits:
            return refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        card = model.commits[oid]
        if card is None or file != "README.md":
            return refusal(404, "Entry not found", "EntryNotFound", X_Repo_Commit=oid)
        return Reply(200, card, {"ETag": f'"{git_digest(card)}"', "X-Repo-Commit": oid, "Content-Type": "text/plain"})

    def _commit(self, name: str, model: Model, query: dict[str, list[str]], body: bytes) -> Reply:
        lines = [json.loads(line) for line in body.splitlines()]
        header, file = lines[0]["value"], lines[1]["value"]
        card = base64.b64decode(file["content"])
        assert file["path"] == "README.md"
        if query.get("create_pr") != ["1"]:
            return refusal(403, "a commit to the main branch was not expected here")
        if header.get("parentCommit") not in model.commits:
            return refusal(412, "A commit has happened since. Please refresh and try again.")
        number = len(model.proposals) + 1
        oid = model.push(card, f"refs/pr/{number}")
        model.proposals.append(
            {"num": number, "title": header["summary"], "description": header["description"], "status": "open"}
        )
        url = f"{self.url}/{name}"
        return of_json({"commitUrl": f"{url}/commit/{oid}", "commitOid": oid, "pullRequestUrl": f"{url}/discussions/{number}"})


def _validated(card: str) -> Reply:
    """What the Hub says of front matter."""
    found = re.match(r"\s*---\r?\n([\s\S]*?)\r?\n---", card)
    try:
        data = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError as error:
        return of_json({"errors": [{"message": str(error)}], "warnings": []}, 400)
    warned = [] if data else [{"message": "empty or missing yaml metadata in repo card"}]
    return of_json({"errors": [], "warnings": warned})


def _preupload(model: Model, body: bytes) -> Reply:
    card = model.commits[model.head]
    files = [
        {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None if card is None else git_digest(card)}
        for file in json.loads(body)["files"]
    ]
    return of_json({"files": files})


def _discussions(name: str, model: Model, query: dict[str, list[str]]) -> Reply:
    wanted = query.get("status", ["open"])[0]
    found = [
        {
            "num": one["num"],
            "title": one["title"],
            "status": one["status"],
            "author": {"name": "someone"},
            "createdAt": "2026-11-20T12:00:00.000Z",
            "repo": {"name": name, "type": "model"},
            "isPullRequest": True,
        }
        for one in model.proposals
        if one["status"] == wanted
    ]
    return of_json({"discussions": found, "count": len(found), "start": 0})


@contextmanager
def a_hub(**models: Model) -> Iterator[LoopbackHub]:
    """A Hub for as long as the block lasts."""
    hub = LoopbackHub()
    hub.models.update(models)
    # The lists of what is served are polled often, so that the end is quick.
    thread = threading.Thread(target=hub.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.server.shutdown()
        hub.server.server_close()
        thread.join(5)
