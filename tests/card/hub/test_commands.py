"""`--hub` of `card fill` and `card check` as their users call them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from footprint.cli import call
from tests.card.hub.loopback import TOKEN, LoopbackHub, Model, Reply, refusal
from tests.card.samples import CORPUS, FACTS

CARD = (CORPUS / "template.md").read_bytes()
DISABLED = "Pull requests and discussions are disabled for this repository"
TUNED = (*FACTS, "--kind", "fine-tuning")


@pytest.fixture
def model(hub: LoopbackHub) -> Model:
    hub.models["org/one"] = Model(CARD)
    return hub.models["org/one"]


def test_nothing_is_sent_unless_told_to(hub: LoopbackHub, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", "--hub", "org/one", *TUNED]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("--- a/org/one/README.md\n+++ b/org/one/README.md\n")
    assert "\n+- **Carbon Emitted:** 78.3 kg CO2eq" in said.out
    assert "\norg/one: would fill hardware_type, hours_used, carbon_emitted" in said.out
    assert said.err == "footprint: nothing was sent; --create-pr opens a pull request with what is shown\n"
    assert hub.paths("POST") == []
    assert model.proposals == []


def test_what_is_shown_is_what_is_proposed(
    hub: LoopbackHub, model: Model, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert call(["card", "fill", "--hub", "org/one", *TUNED, "--create-pr"]) == 0
    shown, _, told = capfdbinary.readouterr().out.partition(b"\norg/one: proposed")
    assert f"pull request opened: {hub.url}/org/one/discussions/1".encode() in told
    card = tmp_path / "org" / "one" / "README.md"
    card.parent.mkdir(parents=True)
    card.write_bytes(CARD)
    subprocess.run(["patch", "-s", "-p1"], cwd=tmp_path, input=shown + b"\n", check=True)
    assert card.read_bytes() == model.commits[model.refs["refs/pr/1"]] != CARD
    assert model.commits[model.head] == CARD


def test_the_diff_stands_before_anything_is_sent(hub: LoopbackHub, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    hub.before = lambda method, path: refusal(403, "no") if method == "POST" else None
    assert call(["card", "fill", "--hub", "org/one", *TUNED, "--create-pr"]) == 2
    said = capsys.readouterr()
    assert said.out.startswith("--- a/org/one/README.md\n")
    assert "footprint: org/one: your token may not do this" in said.err


def test_what_a_pull_request_says_of_itself(hub: LoopbackHub, model: Model) -> None:
    model.push(CARD.replace(b"[More Information Needed]", b"@everyone <b>8 x A100</b>", 1))
    assert call(["card", "fill", "--hub", "org/one", *TUNED, "--create-pr", "--provider", "@someone"]) == 0
    said = model.proposals[0]["description"]
    assert "@" not in said
    assert "<" not in said
    assert said.startswith("This fills in what is known of the compute behind this model: ")
    assert "No other byte of the card is changed." in said


def test_a_second_call_proposes_nothing_new(hub: LoopbackHub, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["card", "fill", "--hub", "org/one", *TUNED, "--create-pr", "--json"]
    assert call(asked) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["cards"][0]["pull_request"] == f"{hub.url}/org/one/discussions/1"
    assert call(asked) == 0
    second = json.loads(capsys.readouterr().out)
    assert second["cards"][0]["pull_request"] == first["cards"][0]["pull_request"]
    assert f"a pull request with these bytes is open already: {hub.url}/org/one/discussions/1" in second["cards"][0]["notes"]
    # Merged, it is filled: nothing is left to propose.
    model.push(model.commits[model.refs["refs/pr/1"]])
    model.proposals[0]["status"] = "merged"
    assert call(asked) == 0
    third = json.loads(capsys.readouterr().out)["cards"][0]
    assert (third["changed"], third["pull_request"]) == (False, None)
    assert len(model.proposals) == 1


def test_a_whole_organisation(hub: LoopbackHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.models |= {f"org/m{index}": Model(CARD) for index in range(5)} | {"org/bare": Model(None), "org/off": Model(CARD)}
    hub.models["org/off"].discussions = False
    assert call(["card", "fill", "--hub", "org/*", *TUNED, "--create-pr", "--json"]) == 2
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert [card["path"] for card in told["cards"] if card["pull_request"]] == [f"org/m{index}" for index in range(5)]
    assert [card["refused"] for card in told["cards"] if card["refused"]] == [
        "org/bare: it has no card (README.md)",
        f"org/off: your token may not do this, or the model takes no pull requests: {DISABLED}",
    ]
    assert said.err.endswith("footprint: 2 of 7 cards were not filled\n")


def test_an_organisation_ends_where_the_hub_takes_no_more(hub: LoopbackHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.models |= {f"org/m{index}": Model(CARD) for index in range(4)}
    hub.before = lambda method, path: refusal(429, "slow down", Retry_After="86400") if "org/m1/resolve" in path else None
    assert call(["card", "fill", "--hub", "org/*", *TUNED, "--create-pr"]) == 2
    said = capsys.readouterr()
    assert len(hub.models["org/m0"].proposals) == 1
    assert hub.models["org/m2"].proposals == []
    assert said.err.splitlines()[-1] == (
        "footprint: org/m1: the Hub takes no more requests for now: wait 86400 s, then call again for the rest;"
        " 2 models not looked at"
    )


def test_check_says_whether_a_card_would_change(hub: LoopbackHub, model: Model) -> None:
    assert call(["card", "fill", "--hub", "org/one", *TUNED, "--check"]) == 1
    assert hub.paths("POST") == []


def test_a_diff_is_only_a_diff(hub: LoopbackHub, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["card", "fill", "--hub", "org/one", *TUNED, "--diff"]) == 0
    said = capsys.readouterr()
    assert said.out.count("--- a/org/one/README.md") == 1
    assert "would fill" not in said.out
    assert said.err == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--create-pr", "x.md"], "--create-pr is for cards on the Hub"),
        (
            ["--hub", "org/one", "x.md"],
            "name the cards to fill: files, folders or patterns, or models of the Hub with --hub, not both",
        ),
        ([], "name the cards to fill"),
        (["--hub", "org/one", "--create-pr", "--diff"], "--diff cannot be combined with --create-pr"),
        (["--hub", "org/one", "--resume", "state"], "--resume cannot be combined with --hub"),
        (["--hub", "org/one", "-o", "x.md"], "--output cannot be combined with --hub"),
        (["--hub", "no such"], "'no such' names no model of the Hub"),
    ],
)
def test_what_makes_no_sense_is_refused(
    hub: LoopbackHub, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert call(["card", "fill", *options, *TUNED]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"footprint: {said}")
    assert error.count("\n") == 1
    assert hub.asked == []


def test_a_pull_request_needs_a_token_before_anything_is_asked(nobody: LoopbackHub, capsys: pytest.CaptureFixture[str]) -> None:
    nobody.models["org/one"] = Model(CARD)
    assert call(["card", "fill", "--hub", "org/one", *TUNED, "--create-pr"]) == 2
    assert "sign in with `hf auth login`, or set HF_TOKEN" in capsys.readouterr().err
    assert nobody.asked == []


def test_cards_on_the_hub_are_checked(hub: LoopbackHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.models["org/wrong"] = Model(b"---\nco2_eq_emissions: 1.5e-05\n---\n# A model\n")
    hub.models["org/right"] = Model(CARD)
    assert call(["card", "check", "--hub", "org/*"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "org/wrong:2: error emissions-exponent: co2_eq_emissions has an exponent: the Hub's client reads 1.5"
    assert said[1] == "    write 0.000015"
    assert said[-1].startswith("2 cards checked: 1 error")


def test_a_revision_of_a_card_is_checked(hub: LoopbackHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.models["org/one"] = Model(b"---\nco2_eq_emissions: 12\n---\n")
    hub.models["org/one"].push(b"---\nco2_eq_emissions: 12,5\n---\n", "refs/pr/4")
    assert call(["card", "check", "--hub", "org/one"]) == 0
    assert call(["card", "check", "--hub", "org/one", "--revision", "refs/pr/4"]) == 1
    assert "emissions-thousands" in capsys.readouterr().out


def test_a_card_is_compared_with_the_base_model_that_it_names(hub: LoopbackHub, capsys: pytest.CaptureFixture[str]) -> None:
    fields = "# A model\n\n## Environmental Impact\n\n- **Hardware Type:** 64 x V100\n- **Carbon Emitted:** 31.4 kg\n"
    hub.models["maker/base"] = Model(fields.encode())
    for name, base in (
        ("one", "maker/base"),
        ("two", "[maker/base]"),
        ("lost", "maker/gone"),
        ("merge", "[maker/base, maker/b2]"),
    ):
        hub.models[f"org/{name}"] = Model(f"---\nbase_model: {base}\n---\n{fields}".encode())
    assert call(["card", "check", "--hub", "org/*", "--json"]) == 1
    said = capsys.readouterr()
    found = [(one["path"], one["line"]) for one in json.loads(said.out)["findings"] if one["code"] == "base-copied"]
    assert found == [("org/one", 9), ("org/two", 9)]
    assert said.err.count("the base model's card was not compared: maker/gone: private or not on the Hub") == 1
    assert len([path for path in hub.paths("GET") if "maker/base" in path]) == 1


def test_a_check_goes_on_after_a_card_that_cannot_be_read(hub: LoopbackHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.models |= {"org/a": Model(b"\0"), "org/b": Model(None), "org/c": Model(CARD)}
    assert call(["card", "check", "--hub", "org/*", "--json"]) == 2
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["summary"]["cards"] == 3
    assert told["refused"] == ["org/a: line 1: the card is binary, not text", "org/b: it has no card (README.md)"]


def test_the_programs_own_process_takes_endpoint_and_token_from_the_environment(
    hub: LoopbackHub, model: Model, tmp_path: Path
) -> None:
    environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "footprint.cli", "card", "fill", "--hub", "org/one", *TUNED, "--create-pr"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(model.proposals) == 1
    assert TOKEN not in done.stdout
    assert hub.tokens == {f"Bearer {TOKEN}"}
    # A failure of the transport is one line too, and no traceback.
    hub.before = lambda method, path: Reply(403) if method == "HEAD" else None
    done = subprocess.run(
        [sys.executable, "-m", "footprint.cli", "card", "check", "--hub", "org/one"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert re.fullmatch(r"footprint: .+\n", done.stderr)
    assert TOKEN not in done.stderr


def test_without_the_client_the_extra_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # as where it is not installed
    assert call(["card", "check", "--hub", "org/one"]) == 2
    assert "pip install 'footprint[hub]'" in capsys.readouterr().err
