"""A stand-in of the Hub on this machine: what `upload_folder` asks of its HTTP interface, and the files as they were uploaded."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """Where it is, and the commits that it was sent: of each the summary, and the files by their paths."""

    def __init__(self) -> None:
        self.commits: list[tuple[str, dict[str, bytes]]] = []
        self.unknown: list[str] = []
        self.url = ""

    @property
    def environment(self) -> dict[str, str]:
        """What has the Hub's client talk to this one, and to no other."""
        return {"HF_ENDPOINT": self.url, "HF_HUB_OFFLINE": "0", "HF_TOKEN": "hf_none", "HF_HUB_DISABLE_TELEMETRY": "1"}

    def readme(self, at: int = -1) -> str:
        """The card as the n-th of the commits that hold one uploaded it."""
        return [files["README.md"] for _, files in self.commits if "README.md" in files][at].decode()

    def answer(self, method: str, path: str, body: bytes) -> Any:
        """To one request; null where nothing is known of it."""
        if (method, path) == ("POST", "/api/repos/create"):
            told = json.loads(body)
            name = f"{told.get('organization') or 'someone'}/{told['name']}"
            return {"url": f"{self.url}/{name}", "name": name}
        if (method, path) == ("POST", "/api/validate-yaml"):
            return {"errors": [], "warnings": []}
        if method == "POST" and re.fullmatch("/api/models/[^/]+/[^/]+/preupload/main", path):
            files = json.loads(body)["files"]
            return {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]}
        if method == "POST" and re.fullmatch("/api/models/[^/]+/[^/]+/commit/main", path):
            self.commits.append(_commit(body))
            oid = f"{len(self.commits):040x}"
            return {"success": True, "commitOid": oid, "commitUrl": f"{self.url}/someone/tiny/commit/{oid}", "hookOutput": ""}
        if method == "GET" and re.fullmatch("/api/models/[^/]+/[^/]+(/revision/main)?", path):
            return {"_id": "1", "id": "someone/tiny", "sha": f"{len(self.commits):040x}", "private": False, "siblings": []}
        self.unknown.append(f"{method} {path}")
        return None


def _commit(body: bytes) -> tuple[str, dict[str, bytes]]:
    lines = [json.loads(line) for line in body.splitlines() if line]
    (summary,) = (line["value"]["summary"] for line in lines if line["key"] == "header")
    files = (line["value"] for line in lines if line["key"] == "file")
    return summary, {one["path"]: base64.b64decode(one["content"]) for one in files}


@contextmanager
def serve() -> Iterator[Hub]:
    """A Hub on a port of its own, for as long as it is used."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = hub.answer(self.command, self.path.partition("?")[0], body)
            told = json.dumps({"error": "not found"} if found is None else found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(told)

        do_GET = do_POST = do_HEAD = _respond  # noqa: N815 - the names that the base class calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
