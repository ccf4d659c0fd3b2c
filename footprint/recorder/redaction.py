"""A command line without its secrets, for who asks that it be kept.

What is taken for a secret: the value of an option or a variable whose name says so (`--token`, `API_KEY=…`), the user and
password in an address, what the known services' keys look like, and any long word that looks random. Rather a word too many than
one too few: what remains is for a person to recognise the run by.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

HIDDEN: Final = "***"
LIMIT: Final = 200
"""Characters that are kept of a command line: as of any label."""

_PARTS: Final = frozenset(
    {"apikey", "apikeys", "auth", "authorization", "bearer", "cookie", "cred", "credential", "credentials", "creds", "dsn", "jwt"}
    | {
        "key",
        "keys",
        "otp",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pat",
        "pin",
        "pw",
        "pwd",
        "sas",
        "secret",
        "secrets",
    }
    | {"secrets", "session", "sig", "signature", "tok", "token"}
)
"""Of these is the last word of a secret's name, or the last but one before `id`, `value` and the like."""
_AFTERWORDS: Final = frozenset({"id", "value", "string", "hash", "base64"})
_GLUED: Final = re.compile(r"(?i).*(?:token|passw(?:or)?d|passphrase|secret|api_?key|credentials?)")
_OPTION: Final = re.compile(r"-{1,2}[A-Za-z][\w.-]*")
_ASSIGNED: Final = re.compile(
    r"""(?P<name>[A-Za-z_][\w.-]*)(?P<equals>\\?["']?\s*[=:]\s*(?!//))(?P<value>"[^"]*"?|'[^']*'?|[^\s,;&'"]+)"""
)
_HEADER: Final = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:key|token|auth)[\w-]*)(\s*:\s*)[^'\"\n]+"
)
_USER_INFO: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s]*@")
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+\S+")
_SHAPES: Final = re.compile(
    r"\b(?:hf_|sk-|pk_|rk_|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|AKIA|ASIA|AIza|ya29\.|eyJ|npm_|pypi-|dop_v1_|wandb_)[\w.+/=-]{8,}"
)
_WORD: Final = re.compile(r"[A-Za-z0-9+]{20,}={0,2}")
_HEX: Final = re.compile(r"\b[0-9a-fA-F]{32,}\b")
_PART: Final = re.compile(r"[-_.]|(?<=[a-z0-9])(?=[A-Z])")
_CHANGES: Final = 5
_SPACE: Final = re.compile(r"(\s+)")


def redacted(command: Sequence[str]) -> str:
    """A command line as a shell would take it, each secret replaced by `***`, in at most `LIMIT` characters."""
    words = [word if HIDDEN in word and not _SPACE.search(word) else shlex.quote(word) for word in _hidden(command)]
    told = " ".join(words)
    return told if len(told) <= LIMIT else told[: LIMIT - 1] + "…"


def _hidden(words: Sequence[str]) -> Iterator[str]:
    """The words, and none of the secrets among them; the value of an option is the word after it."""
    is_next = False
    for word in words:
        is_option = _OPTION.fullmatch(word) is not None
        if is_next and word and not (is_option and word.startswith("--")):
            yield HIDDEN
            is_next = False
            continue
        is_next = is_option and _is_secret(word.lstrip("-"))
        yield word if is_option else _inside(word)


def _inside(word: str) -> str:
    """One word, or a script that is one argument (`sh -c '…'`)."""
    word = _USER_INFO.sub(rf"\1{HIDDEN}@", word)
    word = _HEADER.sub(rf"\1\2{HIDDEN}", word)
    word = _BEARER.sub(rf"\1 {HIDDEN}", word)
    word = _ASSIGNED.sub(_assigned, word)
    if _SPACE.search(word):
        pieces = _SPACE.split(word)
        pieces[::2] = _hidden(pieces[::2])
        return "".join(pieces)
    word = _SHAPES.sub(HIDDEN, word)
    word = _HEX.sub(HIDDEN, word)
    return _WORD.sub(lambda found: HIDDEN if _looks_random(found[0]) else found[0], word)


def _assigned(found: re.Match[str]) -> str:
    return f"{found['name']}{found['equals']}{HIDDEN}" if _is_secret(found["name"]) else found[0]


def _is_secret(name: str) -> bool:
    parts = [part for part in _PART.split(name) if part]
    while len(parts) > 1 and parts[-1].lower() in _AFTERWORDS:
        parts.pop()
    return bool(parts) and (parts[-1].lower() in _PARTS or _GLUED.fullmatch(parts[-1]) is not None)


def _looks_random(word: str) -> bool:
    """Whether capitals, small letters and digits take turns as in no word of a language."""
    kinds = ["d" if c.isdigit() else "u" if c.isupper() else "l" for c in word]
    return len(set(kinds)) > 1 and sum(one != other for one, other in pairwise(kinds)) >= _CHANGES
