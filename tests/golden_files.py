"""Golden files: what a report must be, byte for byte.

``UPDATE_GOLDEN=1`` in the environment writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).with_name("golden")


def check_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    written = text.encode("utf-8", "replace").decode()
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(written, encoding="utf-8", newline="\n")
    assert written == path.read_bytes().decode(), f"{name} is not what it was; see tests/golden_files.py"
