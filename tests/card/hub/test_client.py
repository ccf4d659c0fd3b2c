"""The Hub's real client against a server on this machine."""

from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path

import pytest
from huggingface_hub import constants, hf_hub_download

from footprint.card.hub.client import Hub, Limits, Proposal, git_digest, require_token
from footprint.errors import ConfigError, HubError
from tests.card.hub.loopback import TOKEN, LoopbackHub, Model, Reply, refusal
from tests.card.samples import CORPUS

CARD = (CORPUS / "template.md").read_bytes()
NEW = CARD + b"more\n"


class Patience:
    """What was said, and how long was waited for; nobody waits in a test."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.waits_s: list[float] = []


@pytest.fixture
def patience() -> Patience:
    return Patience()


@pytest.fixture
def client(hub: LoopbackHub, patience: Patience) -> Hub:
    hub.models["org/one"] = Model(CARD)
    return Hub(say=patience.said.append, sleep=patience.waits_s.append)


def propose(client: Hub, after: bytes = NEW) -> Proposal:
    return client.propose(client.read("org/one"), after, "what and why")


def test_a_card_is_read_as_it_stands(client: Hub, hub: LoopbackHub) -> None:
    read = client.read("org/one")
    assert read.raw == CARD
    assert read.commit == hub.models["org/one"].head
    assert read.digest == git_digest(CARD)
    assert hub.tokens == {f"Bearer {TOKEN}"}


def test_an_unchanged_card_costs_one_request_the_second_time(client: Hub, hub: LoopbackHub) -> None:
    client.read("org/one")
    hub.asked.clear()
    assert client.read("org/one").raw == CARD
    assert [method for method, _ in hub.asked] == ["HEAD"]


def test_what_the_cache_holds_is_never_taken_for_the_hubs(client: Hub, hub: LoopbackHub) -> None:
    client.read("org/one")
    hf_hub_download("org/one", "README.md", endpoint=hub.url)
    cached = next(Path(constants.HF_HUB_CACHE).rglob("README.md"))
    cached.resolve().write_bytes(b"edited in the cache\n")
    assert client.read("org/one").raw == CARD
    hub.models["org/one"].push(NEW)
    hub.before = lambda method, path: Reply(503)
    # The client alone hands out the card of yesterday.
    assert Path(hf_hub_download("org/one", "README.md", endpoint=hub.url)).read_bytes() == CARD
    with pytest.raises(HubError, match=r"the Hub refused the request \(503\)"):
        client.read("org/one")


def test_bytes_that_have_another_digest_are_refused(client: Hub, hub: LoopbackHub) -> None:
    def stale(method: str, path: str) -> Reply | None:
        head = {"ETag": f'"{git_digest(NEW)}"', "X-Repo-Commit": hub.models["org/one"].head}
        return Reply(200, CARD, head) if "/resolve/" in path else None

    hub.after = stale
    with pytest.raises(HubError, match="its digest differs"):
        client.read("org/one")


def test_a_card_in_large_file_storage_is_held_against_sha256(client: Hub, hub: LoopbackHub) -> None:
    import hashlib

    def large(method: str, path: str) -> Reply | None:
        head = {"X-Linked-Etag": f'"{hashlib.sha256(CARD).hexdigest()}"', "X-Repo-Commit": hub.models["org/one"].head}
        return Reply(200, CARD, {**head, "X-Linked-Size": str(len(CARD))}) if "/resolve/" in path else None

    hub.after = large
    assert client.read("org/one").raw == CARD


def test_a_card_that_is_too_large_is_not_fetched(client: Hub, hub: LoopbackHub) -> None:
    hub.models["org/one"].push(b"x" * 5_000_001)
    with pytest.raises(HubError, match="larger than 5 MB"):
        client.read("org/one")
    assert hub.paths("GET") == []


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("org/none", "org/none: private or not on the Hub: check its name and your token"),
        ("org/bare", r"org/bare: it has no card \(README.md\)"),
        ("nobody/at-all", "nobody/at-all: private or not on the Hub"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(client: Hub, hub: LoopbackHub, model: str, said: str) -> None:
    hub.models["org/bare"] = Model(None)
    with pytest.raises(HubError, match=said) as raised:
        client.read(model)
    assert "\n" not in str(raised.value)
    assert not raised.value.final


def test_a_revision_that_is_not_there(client: Hub) -> None:
    with pytest.raises(HubError, match="org/one: it has no such revision"):
        client.read("org/one", "v9")


def test_who_has_no_token_reads_what_is_public(nobody: LoopbackHub, patience: Patience) -> None:
    nobody.models |= {"org/one": Model(CARD), "org/secret": Model(CARD, private=True), "org/gated": Model(CARD, gated=True)}
    client = Hub(say=patience.said.append, sleep=patience.waits_s.append)
    assert client.read("org/one").raw == CARD
    assert nobody.tokens == {None}
    with pytest.raises(HubError, match="private or not on the Hub"):
        client.read("org/secret")
    with pytest.raises(HubError, match="gated: accept its conditions"):
        client.read("org/gated")
    with pytest.raises(ConfigError, match="a pull request needs a token of the Hub"):
        require_token()
    with pytest.raises(ConfigError, match="the Hub does not know who you are: sign in"):
        propose(client)
    assert nobody.models["org/one"].proposals == []


def test_a_token_that_is_none_of_the_hubs_ends_it_all(client: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_made_up")
    with pytest.raises(ConfigError, match="the Hub does not know who you are: sign in"):
        client.read("org/one")


def test_the_same_bytes_are_proposed_once(client: Hub, hub: LoopbackHub) -> None:
    made = propose(client)
    assert made == Proposal(url=f"{hub.url}/org/one/discussions/1", existed=False)
    model = hub.models["org/one"]
    assert model.commits[model.refs["refs/pr/1"]] == NEW
    assert model.commits[model.head] == CARD
    assert model.proposals[0]["description"] == "what and why"
    assert propose(client) == Proposal(url=made.url, existed=True)
    assert len(model.proposals) == 1


def test_two_open_proposals_would_undo_each_other(client: Hub, hub: LoopbackHub) -> None:
    first = propose(client)
    with pytest.raises(HubError, match=f"another pull request of footprint is open: merge or close it first: {first.url}"):
        propose(client, NEW + b"and more\n")
    hub.models["org/one"].proposals[0]["status"] = "closed"
    assert propose(client, NEW + b"and more\n").url.endswith("/discussions/2")


def test_a_card_that_changed_in_between_is_left_alone(client: Hub, hub: LoopbackHub) -> None:
    read = client.read("org/one")
    hub.models["org/one"].push(CARD + b"someone was faster\n")
    with pytest.raises(HubError, match="org/one: the card changed on the Hub while it was being filled"):
        client.propose(read, NEW, "")
    assert hub.paths("POST") == []


def test_other_files_may_change_in_between(client: Hub, hub: LoopbackHub) -> None:
    read = client.read("org/one")
    later = hub.models["org/one"].push(CARD)
    assert not client.propose(read, NEW, "").existed
    assert later != read.commit


@pytest.mark.parametrize("status", [409, 412])
def test_a_card_that_changes_at_the_last_moment_is_left_alone(client: Hub, hub: LoopbackHub, status: int) -> None:
    hub.before = lambda method, path: (
        refusal(status, "A commit has happened since. Please refresh and try again.") if "/commit/" in path else None
    )
    with pytest.raises(HubError, match="the card changed on the Hub while it was being filled; nothing was written"):
        propose(client)
    assert hub.models["org/one"].proposals == []


def test_a_token_that_may_not_write(client: Hub, hub: LoopbackHub) -> None:
    hub.before = lambda method, path: (
        refusal(403, "You don't have the rights to create a PR") if "/commit/" in path or "/preupload/" in path else None
    )
    with pytest.raises(HubError, match=r"your token may not do this.*You don't have the rights to create a PR"):
        propose(client)


def test_a_model_that_takes_no_pull_requests(client: Hub, hub: LoopbackHub) -> None:
    hub.models["org/one"].discussions = False
    with pytest.raises(HubError, match=r"takes no pull requests: .*disabled for this repository"):
        propose(client)


def test_bytes_that_are_no_utf8_are_not_sent(client: Hub, hub: LoopbackHub) -> None:
    with pytest.raises(HubError, match="line 2 is not UTF-8"):
        propose(client, b"# A card\n\xff\xfe\n")
    assert hub.paths("POST") == []


def test_front_matter_that_the_hub_refuses(client: Hub, hub: LoopbackHub) -> None:
    with pytest.raises(HubError, match="the Hub refuses the front matter: Invalid metadata"):
        propose(client, b"---\na: [\n---\n")
    assert hub.models["org/one"].proposals == []


def test_what_the_hub_remarks_is_passed_on(client: Hub) -> None:
    made = propose(client, b"# No front matter\n")
    assert made.notes == ("Warnings while validating metadata in README.md: - empty or missing yaml metadata in repo card",)


class Busy:
    """Answers that there are too many requests, so many times, to those whose path has a part."""

    def __init__(self, part: str, times: int, **headers: str) -> None:
        self.part = part
        self.left = times
        self.headers = headers

    def __call__(self, method: str, path: str) -> Reply | None:
        if self.part not in path or not self.left:
            return None
        self.left -= 1
        return refusal(429, "Too many requests", **self.headers)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry_After": "37"}, 37.0),
        ({"RateLimit": '"api";r=0;t=55', "RateLimit_Policy": '"fixed window";"api";q=500;w=300'}, 55.0),
        ({}, 1.0),
        ({"Retry_After": "soon"}, 1.0),
    ],
)
def test_a_busy_hub_is_given_the_time_that_it_asks_for(
    client: Hub, hub: LoopbackHub, patience: Patience, headers: dict[str, str], wait_s: float
) -> None:
    hub.before = Busy("/resolve/main", 1, **headers)
    assert client.read("org/one").raw == CARD
    assert patience.waits_s == [wait_s]
    assert patience.said == [f"org/one: the Hub does not answer yet, or asks for fewer requests: waiting {wait_s:.0f} s"]


def test_a_date_to_come_back_at_is_understood(client: Hub, hub: LoopbackHub, patience: Patience) -> None:
    hub.before = Busy("/resolve/main", 1, Retry_After=formatdate(time.time() + 500, usegmt=True))
    client.read("org/one")
    assert 400 < patience.waits_s[0] <= 500


def test_a_wait_beyond_all_patience_ends_it_all(client: Hub, hub: LoopbackHub, patience: Patience) -> None:
    hub.before = Busy("/resolve/main", 9, Retry_After="86400")
    with pytest.raises(HubError, match=r"takes no more requests for now: wait 86400 s, then call again for the rest") as raised:
        client.read("org/one")
    assert raised.value.final
    assert patience.waits_s == []
    assert len(hub.asked) == 1


def test_a_hub_that_stays_busy_is_left_alone(client: Hub, hub: LoopbackHub, patience: Patience) -> None:
    hub.before = Busy("/resolve/main", 99)
    with pytest.raises(HubError, match="takes no more requests"):
        client.read("org/one")
    assert patience.waits_s == [1.0, 2.0, 4.0, 8.0]


def test_a_commit_that_was_refused_for_the_rate_is_sent_again(client: Hub, hub: LoopbackHub, patience: Patience) -> None:
    hub.before = Busy("/commit/", 2, Retry_After="7")
    assert not propose(client).existed
    assert patience.waits_s == [7.0, 7.0]
    assert len(hub.models["org/one"].proposals) == 1


def test_a_hub_that_fails_for_a_moment(client: Hub, hub: LoopbackHub, patience: Patience) -> None:
    failing = [Reply(503), Reply(0), Reply(502)]
    hub.before = lambda method, path: failing.pop() if failing and "/resolve/main" in path else None
    assert client.read("org/one").raw == CARD
    assert patience.waits_s == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "lost",
    [
        Reply(0),
        Reply(502),
        Reply(200, b"{}"),
        Reply(200, b"thanks"),
        Reply(504, b"<html>gateway</html>", {"Content-Type": "text/html"}),
    ],
)
def test_a_commit_whose_answer_was_lost_is_found_and_not_sent_twice(client: Hub, hub: LoopbackHub, lost: Reply) -> None:
    hub.after = lambda method, path: lost if "/commit/" in path else None
    assert propose(client) == Proposal(url=f"{hub.url}/org/one/discussions/1", existed=False)
    assert len(hub.models["org/one"].proposals) == 1


def test_a_commit_that_was_lost_itself_is_not_sent_twice(client: Hub, hub: LoopbackHub) -> None:
    hub.before = lambda method, path: Reply(0) if "/commit/" in path else None
    with pytest.raises(HubError, match="whether a pull request was opened is not known: see its Community page"):
        propose(client)
    assert len([path for path in hub.paths("POST") if "/commit/" in path]) == 1


def test_a_pull_request_with_other_bytes_is_found_out(client: Hub, hub: LoopbackHub) -> None:
    def meddle(method: str, path: str) -> Reply | None:
        if "/commit/" in path:
            hub.models["org/one"].push(NEW.replace(b"\n", b"\r\n"), "refs/pr/1")
        return None

    hub.after = meddle
    with pytest.raises(HubError, match=r"discussions/1 holds other bytes than were sent; close it"):
        propose(client)


def test_a_page_of_a_proxy_is_no_hub(client: Hub, hub: LoopbackHub) -> None:
    hub.before = lambda method, path: Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"})
    with pytest.raises(HubError, match="does HF_ENDPOINT name a Hub"):
        client.read("org/one")
    with pytest.raises(HubError, match="the Hub's answer cannot be read"):
        list(client.names(["org/*"]))


def test_nobody_there(client: Hub, hub: LoopbackHub, patience: Patience) -> None:
    hub.server.shutdown()
    hub.server.server_close()
    quick = Hub(say=patience.said.append, sleep=patience.waits_s.append, limits=Limits(tries=2))
    with pytest.raises(HubError, match="org/one: the Hub cannot be reached") as raised:
        quick.read("org/one")
    assert raised.value.final
    assert patience.waits_s == [1.0]


def test_offline_is_offline(client: Hub, hub: LoopbackHub, patience: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match="unset HF_HUB_OFFLINE"):
        client.read("org/one")
    assert hub.asked == []
    assert patience.waits_s == []


def test_an_organisations_models_come_page_by_page(client: Hub, hub: LoopbackHub) -> None:
    hub.models |= {f"org/m{index}": Model(CARD) for index in range(7)} | {"other/m1": Model(CARD)}
    assert list(client.names(["org/*"])) == [*(f"org/m{index}" for index in range(7)), "org/one"]
    assert len(hub.paths("GET")) == 3
    assert list(client.names(["org/m[12]", "org/one", "org/m1"])) == ["org/m1", "org/m2", "org/one"]
    with pytest.raises(HubError, match=r"org/x\*: the Hub has no such model that you may see \(8 models of org\)"):
        list(client.names(["org/x*"]))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("gpt2", "gpt2"),
        ("org/m-1.5_b", "org/m-1.5_b"),
        ("https://huggingface.co/org/m", "org/m"),
        ("https://huggingface.co/org/m/blob/main/README.md", "org/m"),
        ("hf://org/m/", "org/m"),
    ],
)
def test_a_models_name_or_its_address(client: Hub, written: str, meant: str) -> None:
    assert list(client.names([written])) == [meant]


@pytest.mark.parametrize("written", ["", "org/", "*/m", "o rg/m", "../etc/passwd", "org/m;x", "a" * 400])
def test_what_names_no_model(client: Hub, hub: LoopbackHub, written: str) -> None:
    with pytest.raises(ConfigError, match="names no model of the Hub"):
        list(client.names([written]))
    assert hub.asked == []


def test_a_name_that_only_the_client_refuses(client: Hub) -> None:
    with pytest.raises(ConfigError, match="names no model of the Hub"):
        client.read("org/a--b")
