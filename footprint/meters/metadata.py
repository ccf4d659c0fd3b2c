"""What Google Compute Engine tells a machine of itself: the attributes that its metadata server gives.

Only asked where the firmware names that cloud, and only for what nothing else on the machine says. No proxy, no redirect, an
answer of 64 KB at most, all of it within a fifth of a second; anything else than the server's own answer counts as none.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import http.client
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

    call = _Call(server, name, deadline_s)
    # The timeout of a socket is one of each step; a server that sends a byte at a time would take as long as it likes.
    asking = threading.Thread(target=call.ask, daemon=True)
    asking.start()
    asking.join(deadline_s)
    answer = call.answer
    call.give_up()
    return answer


class _Call:
    """One question to the server, asked on a thread and given up on another."""

    def __init__(self, server: tuple[str, int], name: str, deadline_s: float) -> None:
        self.answer: str | None = None
        self._server, self._name, self._deadline_s = server, name, deadline_s
        self._given_up = False
        self._socket: socket.socket | None = None

    def ask(self) -> None:
        """Ask, and keep the answer if it is the server's own."""
        import http.client

        connection = http.client.HTTPConnection(*self._server, timeout=self._deadline_s)
        try:
            connection.connect()
            self._socket = connection.sock
            if not self._given_up:  # looked at after the socket is there for `give_up` to see: one of the two sees the other
                self.answer = self._told(connection)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def _told(self, connection: http.client.HTTPConnection) -> str | None:
        connection.request("GET", f"/computeMetadata/v1/instance/attributes/{self._name}", headers=dict([_FLAVOR]))
        answer = connection.getresponse()
        if answer.status != _OK or answer.getheader(_FLAVOR[0]) != _FLAVOR[1]:
            return None
        length = answer.length
        if length is None or length > _MAX_BYTES:
            return None
        body = answer.read(length)
        return body.decode("utf-8", "replace").strip() if len(body) == length else None  # half a `v3-32` is a `v3-3`

    def give_up(self) -> None:
        """End the conversation, also under a thread that still reads: from a socket that is only closed it would read on."""
        self._given_up = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(_BOTH_WAYS)
