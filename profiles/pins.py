"""The checksums of the shared programs in each `profile.toml`, so that another version of them is not taken for the same work.

`python -m profiles.pins` renews them after a change in `common/`.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
_PIN: Final = re.compile(r'\{ path = "\.\./common/([a-z]+\.py)", sha256 = "[0-9a-f]*" \}')


def renewed(profile: str) -> str:
    """A profile's text with the checksums of the shared programs as they are."""
    return _PIN.sub(lambda found: f'{{ path = "../common/{found[1]}", sha256 = "{_sha256(found[1])}" }}', profile)


def _sha256(name: str) -> str:
    return hashlib.sha256((HERE / "common" / name).read_bytes()).hexdigest()


if __name__ == "__main__":
    for path in sorted(HERE.glob("*/profile.toml")):
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
