"""plotly.js, three ways: packed in the page, from its publisher's network, or as a file beside the page.

It is what the plotly package ships (MIT; its licence is in its first lines), byte for byte in each of them.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Final, Literal

from footprint.errors import ConfigError

Assets = Literal["inline", "cdn", "folder"]

# A browser unpacks either in some 20 ms; more takes longer to write than it saves.
_LEVEL: Final = 6
_CDN: Final = "https://cdn.plot.ly/plotly-{version}.min.js"
_VERSION: Final = re.compile(r"plotly\.js v(\d+\.\d+\.\d+)")


@cache
def source() -> str:
    """plotly.js as the plotly package ships it.

    Raises:
        ConfigError: if the package is not there.
    """
    try:
        return resources.files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError) as error:
        raise ConfigError("a page needs the plotly package, for its plotly.js: pip install plotly") from error


@cache
def packed() -> str:
    """plotly.js, gzipped, in base64: two megabytes where the file has five."""
    return base64.b64encode(gzip.compress(source().encode(), _LEVEL, mtime=0)).decode()


def version() -> str:
    """Which plotly.js it is, by its first lines."""
    found = _VERSION.search(source()[:500])
    if found is None:
        raise ConfigError("plotly's plotly.min.js does not say its version; use the page with --assets inline")
    return found[1]


def address() -> str:
    """Where its publisher serves this very version."""
    return _CDN.format(version=version())


def integrity() -> str:
    """What a browser holds the publisher's file against before it runs it."""
    return "sha384-" + base64.b64encode(hashlib.sha384(source().encode()).digest()).decode()


def file_name() -> str:
    """What the file beside a page is called; its name says its version, so that an older page keeps its own."""
    return f"plotly-{version()}.min.js"


def folder_files() -> dict[str, bytes]:
    """The files that a page with `assets="folder"` needs beside it, by their names."""
    return {file_name(): source().encode()}
