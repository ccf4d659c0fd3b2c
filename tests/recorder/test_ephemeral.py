from __future__ import annotations

import os
from pathlib import Path

import pytest

from footprint.recorder.ephemeral import warning

OVERLAY = "1 0 0:50 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/l,upperdir=/u"
DISK = "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    return tmp_path / "mountinfo"


@pytest.mark.parametrize(
    ("lines", "vanishes"),
    [
        ([OVERLAY], True),
        ([DISK], False),
        ([OVERLAY, "2 1 8:2 /volumes/a /data rw - ext4 /dev/sdb rw"], False),
        ([OVERLAY, "2 1 0:60 / /data rw - tmpfs tmpfs rw"], True),
        ([OVERLAY, "2 1 0:60 / /data rw - nfs4 server:/x rw", "3 2 0:61 / /data/my\\040ledger rw - tmpfs tmpfs rw"], True),
        ([OVERLAY, "2 1 0:60 / /data/my rw - nfs4 server:/x rw"], True),  # /data/my is not above "/data/my ledger"
        ([OVERLAY, "2 1 8:2 /pods/1/volumes/kubernetes.io~empty-dir/scratch /data rw - ext4 /dev/sdb rw"], True),
        ([DISK, "2 1 0:50 / / rw - overlay overlay rw"], True),  # mounted over the first
        (["nonsense", OVERLAY], True),
        ([], False),
    ],
)
def test_a_ledger_in_a_containers_own_layer_vanishes(mounts: Path, lines: list[str], vanishes: bool) -> None:
    mounts.write_text("\n".join(lines))
    home = Path("/data/my ledger/footprint")
    said = warning(home, "docker", {}, mounts)
    assert (said is not None) == vanishes
    assert warning(home, None, {}, mounts) is None  # a plain machine
    if said is not None:
        assert "\n" not in said
        assert "/data/my ledger/footprint will vanish with this docker container" in said
        assert "FOOTPRINT_HOME" in said


@pytest.mark.parametrize(
    ("variable", "where"), [("COLAB_RELEASE_TAG", "Colab"), ("COLAB_GPU", "Colab"), ("KAGGLE_KERNEL_RUN_TYPE", "Kaggle")]
)
def test_notebooks_on_lent_machines(mounts: Path, variable: str, where: str) -> None:
    drive = "2 1 0:60 / /content/drive rw - fuse.drive drive rw"
    mounts.write_text(f"{OVERLAY}\n{drive}")
    said = warning(Path("/home/user/.local/share/footprint"), None, {variable: "1"}, mounts)
    assert said is not None
    assert f"this machine of {where}" in said
    assert warning(Path("/content/drive/MyDrive/footprint"), None, {variable: "1"}, mounts) is None


def test_what_cannot_be_read_is_no_reason(tmp_path: Path) -> None:
    assert warning(tmp_path, "docker", {}, tmp_path / "none") is None


def test_a_path_that_is_no_text_can_be_told(mounts: Path) -> None:
    mounts.write_text(OVERLAY)
    said = warning(Path(os.fsdecode(b"/\xff")), "docker", {}, mounts)
    assert said is not None
    said.encode()
