"""Cards on the Hugging Face Hub, through its own client: which there are, their bytes, and a pull request with new ones.

The token is the client's own and is never read here. A card's bytes are held against the digest that the Hub states for them
(git's object id), before a fill and after it. A request is repeated where that is safe, after as long as the Hub asks for; a
commit of which nobody knows whether it arrived is looked for, never sent again.
"""

from __future__ import annotations

import hashlib
import re
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from footprint import text
from footprint.card.hub import errors as told
from footprint.card.read import MAX_BYTES
from footprint.errors import ConfigError, HubError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD: Final = "README.md"
TITLE: Final = "Fill in the environmental impact (footprint)"
"""The title of our pull requests: an open one is known by it, so that no second one is opened."""

_Answer = TypeVar("_Answer")
_GLOB: Final = re.compile(r"[*?\[]")
_NAME: Final = re.compile(r"(?:\w[\w.-]{0,95}/)?[\w*?\[][\w.*?\[\]!-]{0,199}")
_ADDRESS: Final = re.compile(r"(?:https?://[^/]{1,200}|hf:/)/(?P<id>[^/]{1,200}/[^/]{1,200})(?:/.{0,500})?")
_OPEN_LOOKED_AT: Final = 20


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How patient we are: how often one request is tried, and how long we wait for what.

    An answer may take `answer_s`, the Hub may ask for a wait of `longest_wait_s`; where it asks for none, the first wait is
    `first_wait_s`, and each further one twice as long.
    """

    tries: int = 5
    answer_s: float = 60.0
    longest_wait_s: float = 900.0
    first_wait_s: float = 1.0


class RemoteCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card on the Hub: the commit that it was read from, its bytes, and the Hub's digest of them."""

    model: str
    commit: str
    digest: str
    raw: bytes


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request that holds a card's new bytes; `existed` where it was open already. `notes` are what the Hub remarked."""

    url: str
    existed: bool
    notes: tuple[str, ...] = ()


class Hub:
    """The Hub, or what `HF_ENDPOINT` names instead.

    Args:
        say: is told why we wait.
        limits: how patient we are.
        sleep: waits some seconds.

    Raises:
        ConfigError: if the Hub's client is not installed.
    """

    def __init__(
        self, *, say: Callable[[str], None], limits: Limits | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.say = say
        self.limits = limits if limits is not None else Limits()
        self.sleep = sleep
        self.api = _client()
        self.failures = told.failures()

    def names(self, asked: Iterable[str]) -> Iterator[str]:
        """The models that some names mean: a model by its id or its address, all of an organisation's by `ORG/*`.

        Raises:
            ConfigError: for what can be no name of a model.
            HubError: if the Hub does not answer, or has no such organisation.
        """
        seen: set[str] = set()
        for name in asked:
            for model in self._meant(_cleaned(name)):
                if model not in seen:
                    seen.add(model)
                    yield model

    def read(self, model: str, revision: str = "main") -> RemoteCard:
        """A card's bytes as they are now, not as a cache remembers them; held against the Hub's digest.

        Raises:
            HubError: if there is none, it may not be read, or the bytes are others than the Hub says.
        """
        commit, digest, size = self._stand(model, revision)
        if size is not None and size > MAX_BYTES:
            raise HubError(
                f"{model}: its card is larger than {MAX_BYTES // 1_000_000} MB; a model card is text of some kilobytes"
            )
        # A file of the cache may have been edited, or be half of one: then it is fetched once more.
        for fresh in (False, True):
            path = self._ask(
                model,
                lambda fresh=fresh: self.api.hf_hub_download(model, CARD, revision=commit, force_download=fresh),  # type: ignore[misc]
            )
            raw = Path(path).read_bytes()
            if _has_digest(raw, digest):
                return RemoteCard(model=model, commit=commit, digest=digest, raw=raw)
        raise HubError(f"{model}: the card that arrived is not the one that the Hub has (its digest differs); try again")

    def propose(self, card: RemoteCard, after: bytes, description: str) -> Proposal:
        """Open a pull request with a card's new bytes, and read it back.

        An open one of ours with the same bytes is returned instead of a second one. The commit is made on the state in which
        the card has still the bytes that were read; the Hub refuses it, or shows a conflict, if it changes meanwhile.

        Raises:
            HubError: if the card changed since it was read, if another pull request of ours is open, if the Hub refuses, or if
                the pull request holds other bytes than these.
        """
        wanted = git_digest(after)
        commit, digest, _ = self._stand(card.model, "main")
        if digest != card.digest:
            raise HubError(
                f"{card.model}: the card changed on the Hub while it was being filled; nothing was sent, fill it again"
            )
        if (found := self._open(card.model, wanted)) is not None:
            return found
        notes: list[str] = []
        try:
            made = self._commit(card.model, after, commit, description, notes)
        except told.Unclear as error:
            # Whether it arrived is not known from here; the Hub knows.
            if (found := self._open(card.model, wanted)) is not None:
                return msgspec.structs.replace(found, existed=False)
            raise HubError(
                f"{card.model}: {error}; whether a pull request was opened is not known: see its Community page"
            ) from None
        if not made.pr_url:
            raise HubError(f"{card.model}: the Hub took the card but opened no pull request; see its Community page")
        url = text.clean(made.pr_url, limit=300)
        _, found_digest, _ = self._stand(card.model, made.pr_revision)
        if found_digest != wanted:
            raise HubError(f"{card.model}: the pull request {url} holds other bytes than were sent; close it")
        return Proposal(url=url, existed=False, notes=tuple(notes))

    def _meant(self, name: str) -> list[str]:
        """The models that one name means."""
        if not _GLOB.search(name):
            return [name]
        author = name.partition("/")[0]
        found = self._ask(author, lambda: sorted(model.id for model in self.api.list_models(author=author)))
        chosen = [model for model in found if fnmatchcase(model, name)]
        if not chosen:
            raise HubError(f"{name}: the Hub has no such model that you may see ({text.plural(len(found), 'model')} of {author})")
        return chosen

    def _stand(self, model: str, revision: str) -> tuple[str, str, int | None]:
        """The commit, the card's digest and its size in bytes at a revision."""
        from huggingface_hub import hf_hub_url

        def ask() -> Any:
            url = hf_hub_url(model, CARD, revision=revision, endpoint=self.api.endpoint)
            return self.api.get_hf_file_metadata(url=url)

        stand = self._ask(model, ask)
        if not stand.commit_hash or not stand.etag:
            raise HubError(f"{model}: the answer names no commit and no digest; does HF_ENDPOINT name a Hub?")
        return stand.commit_hash, stand.etag, stand.size

    def _open(self, model: str, wanted: str) -> Proposal | None:
        """Our own open pull request with these bytes, or None.

        Raises:
            HubError: if one of ours is open with other bytes: two at once would undo each other.
        """

        def ours() -> list[Any]:
            opened = self.api.get_repo_discussions(model, discussion_type="pull_request", discussion_status="open")
            return [one for one in opened if one.title == TITLE][:_OPEN_LOOKED_AT]

        others = []
        for one in self._ask(model, ours):
            url = f"{self.api.endpoint}/{model}/discussions/{one.num}"
            if self._stand(model, f"refs/pr/{one.num}")[1] == wanted:
                return Proposal(url=url, existed=True)
            others.append(url)
        if others:
            raise HubError(f"{model}: another pull request of footprint is open: merge or close it first: {others[0]}")
        return None

    def _commit(self, model: str, after: bytes, parent: str, description: str, notes: list[str]) -> Any:
        """Send a commit as a pull request; what the Hub remarks of the front matter goes into the notes."""
        from huggingface_hub import CommitOperationAdd

        def send() -> Any:
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                made = self.api.create_commit(
                    model,
                    [CommitOperationAdd(CARD, after)],
                    commit_message=TITLE,
                    commit_description=description,
                    create_pr=True,
                    parent_commit=parent,
                )
            notes[:] = [text.clean(str(one.message), limit=300) for one in heard if issubclass(one.category, UserWarning)]
            return made

        try:
            after.decode()
        except UnicodeDecodeError as error:
            line = after[: error.start].count(b"\n") + 1
            raise HubError(f"{model}: line {line} is not UTF-8, which the Hub asks of a card; nothing was sent") from None
        return self._ask(model, send, is_commit=True)

    def _ask(self, model: str, call: Callable[[], _Answer], *, is_commit: bool = False) -> _Answer:
        """Ask, and ask again after a while where that may help and does no harm.

        Raises:
            HubError: with what the Hub said, in words of ours.
            Unclear: if it is not known whether a commit arrived.
        """
        session = _utilities().get_session
        for tried in range(1, self.limits.tries + 1):
            session().timeout = self.limits.answer_s  # the client's own is none at all
            try:
                return call()
            except self.failures as error:
                wait_s = told.wait_s(error, self.limits.first_wait_s * 2 ** (tried - 1))
                if wait_s is None or tried == self.limits.tries or wait_s > self.limits.longest_wait_s:
                    raise told.reason(error, model, wait_s, is_commit=is_commit) from None
            self.say(f"{model}: the Hub does not answer yet, or asks for fewer requests: waiting {wait_s:.0f} s")
            self.sleep(wait_s)
        raise AssertionError


def git_digest(raw: bytes) -> str:
    """Git's object id of a file's bytes (SHA-1), which the Hub states for files that it keeps in git."""
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()


def _has_digest(raw: bytes, digest: str) -> bool:
    """Whether bytes have a digest: git's, or SHA-256 of a file in large-file storage."""
    return digest in {git_digest(raw), hashlib.sha256(raw).hexdigest()}


def _client() -> HfApi:
    """The Hub's client as its user has set it up, at the endpoint that the environment names now."""
    import os

    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise ConfigError("--hub needs the Hub's client: pip install 'footprint[hub]'") from None
    from footprint import __version__

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a user who has set the bars by a variable of the environment has the last word
        _utilities().disable_progress_bars()
    return HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="footprint", library_version=__version__)


def _utilities() -> Any:
    """The client's helpers; some of its versions do not name them as exported."""
    import importlib

    return importlib.import_module("huggingface_hub.utils")


def _cleaned(name: str) -> str:
    """The id in a name or an address of a model."""
    address = _ADDRESS.fullmatch(name)
    plain = address["id"] if address else name
    if not _NAME.fullmatch(plain) or (_GLOB.search(plain) and "/" not in plain):
        raise ConfigError(f"{name!r} names no model of the Hub; write ORG/MODEL, or 'ORG/*' for all of an organisation's")
    return plain


def require_token() -> None:
    """Make sure, before any work, that there is a token to open a pull request with.

    Raises:
        ConfigError: if there is none.
    """
    from huggingface_hub import get_token

    if not get_token():
        raise ConfigError("a pull request needs a token of the Hub: sign in with `hf auth login`, or set HF_TOKEN")
