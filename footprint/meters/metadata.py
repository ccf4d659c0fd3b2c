"""What Google Compute Engine tells a machine of itself: the attributes that its metadata server gives.

Only asked where the firmware names that cloud, and only for what nothing else on the machine says. No proxy, no redirect, an
answer of 64 KB at most, all of it within a fifth of a second; anything else than the server's own answer counts as none.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket

_SERVER: Final = ("169.254.169.254", 80)
_DEADLINE_S: Final = 0.2
_MAX_BYTES: Final = 64 * 1024
_FLAVOR: Final = ("Metadata-Flavor", "Google")
_OK: Final = 200
_BOTH_WAYS: Final = 2  # socket.SHUT_RDWR


def google_attribute(name: str, server: tuple[str, int] = _SERVER, deadline_s: float = _DEADLINE_S) -> str | None:
    """An attribute of this instance (`accelerator-type`); None where there is none, or no answer in time.

    Args:
        name: the attribute's path below `instance/attributes/`.
        server: where the metadata server is.
        deadline_s: for all of it: the name, the connection, the answer to its last byte.
    """
    import threading

    answers: list[str | None] = []
    sockets: list[socket.socket] = []
    # The timeout of a socket is one of each step; a server that sends a byte at a time would take as long as it likes.
    asking = threading.Thread(target=lambda: answers.append(_ask(server, name, deadline_s, sockets)), daemon=True)
    asking.start()
    asking.join(deadline_s)
    for held in sockets:
        _hang_up(held)
    return answers[0] if answers else None


def _ask(server: tuple[str, int], name: str, deadline_s: float, sockets: list[socket.socket]) -> str | None:
    import http.client

    connection = http.client.HTTPConnection(*server, timeout=deadline_s)
    try:
        connection.connect()
        sockets.append(connection.sock)
        connection.request("GET", f"/computeMetadata/v1/instance/attributes/{name}", headers=dict([_FLAVOR]))
        answer = connection.getresponse()
        if answer.status != _OK or answer.getheader(_FLAVOR[0]) != _FLAVOR[1]:
            return None
        body = answer.read(_MAX_BYTES + 1)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body.decode("utf-8", "replace").strip() if len(body) <= _MAX_BYTES else None


def _hang_up(held: socket.socket) -> None:
    """End the conversation, also under a thread that still reads: from a socket that is only closed it would read on."""
    with suppress(OSError):
        held.shutdown(_BOTH_WAYS)
