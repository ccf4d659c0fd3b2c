from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footprint.recorder.redaction import LIMIT, redacted

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["python", "train.py", "--token", SECRET, "--lr", "3e-4"], "python train.py --token *** --lr 3e-4"),
        (["x", "--api-key=hunter2", "--use-auth-token", "--epochs", "3"], "x --api-key=*** --use-auth-token --epochs 3"),
        (["x", "--db.password", SECRET, "-password", SECRET], "x --db.password *** -password ***"),
        (["x", "--hfToken", SECRET, "--wandb_apikey", SECRET], "x --hfToken *** --wandb_apikey ***"),
        (
            ["env", "WANDB_API_KEY=hunter2", "AWS_SECRET_ACCESS_KEY=x", "python"],
            "env WANDB_API_KEY=*** AWS_SECRET_ACCESS_KEY=*** python",
        ),
        (["git", "clone", "https://me:hunter2@host/x.git"], "git clone https://***@host/x.git"),
        (["psql", "postgresql://hunter2@h/db?sslpassword=hunter2"], "psql 'postgresql://***@h/db?sslpassword=***'"),
        (["curl", "http://h/p?a=1&token=hunter2&x=1"], "curl http://h/p?a=1&token=***&x=1"),
        (["curl", "-H", "Authorization: Bearer hunter2"], "curl -H 'Authorization: ***'"),
        (["curl", "-H", "X-Api-Key: hunter2"], "curl -H 'X-Api-Key: ***'"),
        (["x", "hf_abcdefghijklmnop", "sk-proj-abcdef1234567", "ghp_0123456789abcdef"], "x *** *** ***"),
        (["x", "a8F3kd92JDks82hdKs02ks", "d41d8cd98f00b204e9800998ecf8427e"], "x *** ***"),
        (["x", '{"token": "hunter2", "lr": 1}'], 'x \'{"token": ***, "lr": 1}\''),
    ],
)
def test_secrets_are_hidden(command: list[str], told: str) -> None:
    found = redacted(command)
    assert SECRET not in found
    assert found.replace("'", "") == told.replace("'", "")


def test_secrets_in_a_script_that_is_one_argument_are_hidden() -> None:
    script = "export HF_TOKEN='hunter2 b'; mysql --password hunter2 -u me && curl -H 'Authorization: Bearer hunter2' http://x"
    found = redacted(["bash", "-c", script])
    assert SECRET not in found
    assert "mysql --password *** -u me" in found
    assert "http://x" in found


@pytest.mark.parametrize(
    "command",
    [
        "python -m train /data/models/Meta-Llama-3-8B-Instruct/checkpoint-00001",
        "torchrun --nproc_per_node=8 --rdzv-id=job1 train.py --tokenizer bert-base-uncased --max-new-tokens 100",
        "x --num-key-value-heads 8 monkey=1 keyboard=2 --author me --design flat",
        "python train.py --learning_rate=2e-5 --output_dir=out/2026-11-22T10_00_00 --seed 42",
    ],
)
def test_what_is_no_secret_is_kept(command: str) -> None:
    assert redacted(command.split()) == command


@given(st.lists(st.text(max_size=40), max_size=12))
def test_any_command_is_told_in_one_piece(command: list[str]) -> None:
    assert len(redacted(command)) <= LIMIT


@given(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=30), st.sampled_from(["--", "-", "ENV="])
)
def test_the_value_of_a_secret_option_is_never_told(secret: str, how: str) -> None:
    secret = f"zq{secret}"  # in no other word of the command
    command = (
        ["train", f"X_TOKEN={secret}"] if how == "ENV=" else ["train", f"{how}api-token", secret, f"{how}api-token={secret}"]
    )
    assert secret not in redacted(command)
