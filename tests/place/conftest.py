"""Providers of intensity, at a server on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.place.loopback import KEY, Loopback, serving


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Loopback]]:
    """Both providers, at a server on this machine."""
    contexts = []

    def start(*answers: Any) -> Loopback:
        context = serving(answers[0] if callable(answers[0]) else answers)
        server = context.__enter__()
        contexts.append(context)
        monkeypatch.setenv("FOOTPRINT_UK_INTENSITY_URL", server.url)
        monkeypatch.setenv("FOOTPRINT_ELECTRICITYMAPS_URL", server.url + "/")
        monkeypatch.setenv("ELECTRICITYMAPS_TOKEN", KEY)
        return server

    yield start
    for context in contexts:
        context.__exit__(None, None, None)
