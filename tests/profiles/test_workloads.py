"""The workloads of `profiles/`, really run in a tiny size."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from footprint.profiling.results import read_result
from tests.world.programs import ROOT, Program, program

__all__ = ["program"]

pytestmark = pytest.mark.world

SCRIPTS = [
    "all-MiniLM-L6-v2/encode.py",
    "all-MiniLM-L6-v2/finetune.py",
    "xlm-clm-ende-1024/workload.py",
    "xlm-mlm-enfr-1024/workload.py",
    "MiniLMv2/workload.py",
    "switch-c-2048/workload.py",
]

ALL = f"""
import runpy, sys
sys.argv = ["workload", "--quick"]
for script in {SCRIPTS}:
    print("==", script, flush=True)
    runpy.run_path(f"profiles/{{script}}", run_name="__main__")
"""

LAWS = """
import json, torch
from profiles.common.machine import prepare
from profiles.common.minilm import load
from profiles.common.sentences import pairs

device = prepare(quick=True)
model = load(device).eval()
chosen = [pair for pair in pairs(40, 3) if len(pair.text) < 80][:8]
texts, others = (torch.tensor(model.encode([pair[side] for pair in chosen])) for side in (0, 1))
alike = texts @ others.T

from transformers import SwitchTransformersConfig
from transformers.models.switch_transformers.modeling_switch_transformers import SwitchTransformersTop1Router as Router
switch = runpy.run_path("profiles/switch-c-2048/workload.py")
work = switch["work"](quick=True, device=device)
sent = []
for module in work.model.modules():
    if isinstance(module, Router):
        module.register_forward_hook(lambda _, __, out: sent.append(out[0].sum(-1).min().item()))
with torch.inference_mode():
    work.model.eval()(**work.inputs)

from transformers import RobertaModel, XLMWithLMHeadModel
from profiles.common import xlm
mini = runpy.run_path("profiles/MiniLMv2/workload.py")["work"]
with torch.device("meta"):
    sizes = [
        mini(quick=False).model.num_parameters(),
        *(xlm.work(vocabulary=v, causal=c, quick=False).model.num_parameters() for v, c in ((64_699, True), (64_139, False))),
    ]
print(json.dumps({
    "norms": texts.norm(dim=1).tolist(),
    "own": alike.diag().mean().item(),
    "others": (alike.sum() - alike.diag().sum()).item() / (alike.numel() - len(alike)),
    "routers": len(sent), "sent": sent, "sizes": sizes,
}))
"""


def test_all_of_them_run_and_are_what_they_are_said_to_be(program: Program, tmp_path: Path) -> None:
    (tmp_path / "profiles").symlink_to(ROOT / "profiles")
    done = program(ALL + LAWS)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert said.count("device: ") == len(SCRIPTS) + 1
    assert "dtype: float32" in said
    assert said.count("random weights") == 4
    losses = re.findall(r"loss over all pairs: ([\d.]+) before, ([\d.]+) after", said)
    assert len(losses) == 2
    assert len(set(losses)) == 1  # each repeat is the same work
    assert all(float(after) < float(before) for before, after in losses)

    found = json.loads(said.splitlines()[-1])
    assert found["norms"] == pytest.approx([1.0] * len(found["norms"]), abs=1e-4)
    assert found["own"] > found["others"] + 0.2
    # Each token is computed by one expert, in each of the layers.
    assert found["routers"] == 4
    assert set(found["sent"]) == {1}
    # 41 million (published); 142 million, of which the table of tokens is stored twice in the files of 835 and 830 MB.
    mini, ende, enfr = found["sizes"]
    assert round(mini / 1e6) == 41
    assert [round((size + vocabulary * 1024) * 4 / 1e6) for size, vocabulary in ((ende, 64_699), (enfr, 64_139))] == [835, 830]


def footprint(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "footprint", "profile", *words]
    environment = {"PATH": "/usr/bin:/bin", "FOOTPRINT_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)


def test_a_trial_gives_a_result_and_leaves_the_card_alone(tmp_path: Path) -> None:
    profile, card, found = ROOT / "profiles" / "MiniLMv2", tmp_path / "README.md", tmp_path / "results"
    found.mkdir()
    shutil.copy(profile / "README.md", card)
    done = footprint(
        str(profile / "profile.toml"), "--quick", "--output", str(found), "--card", str(card), home=tmp_path / "ledger"
    )
    assert done.returncode == 0, done.stderr
    result = read_result(next(found.iterdir()))
    assert result.is_complete
    assert result.workload.weights == "random"
    assert {repeat.amount for repeat in result.repeats} == {256}
    assert result.protocol.quick
    assert "not filled" in done.stderr  # what a tiny model takes would look like what the profile's takes
    assert card.read_bytes() == (profile / "README.md").read_bytes()


def test_weights_that_differ_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "all-MiniLM-L6-v2"
    for name in (folder.name, "common"):
        shutil.copytree(ROOT / "profiles" / name, tmp_path / name)
    profile = folder / "profile.toml"
    same = footprint(str(profile), "--dry-run", home=tmp_path / "ledger")
    assert same.returncode == 0, same.stderr  # the installed weights are those that are pinned
    profile.write_text(profile.read_text(encoding="utf-8").replace("53aa5117", "53aa5118"), encoding="utf-8")
    done = footprint(str(profile), "--dry-run", home=tmp_path / "ledger")
    assert done.returncode == 2
    assert "model.safetensors" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
