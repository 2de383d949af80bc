"""Whether a path that a stranger chose stays in the folder that it belongs to."""

from __future__ import annotations

import os
from pathlib import Path


def lies_inside(path: Path, folder: Path) -> bool:
    """Say whether ``path``, with every link followed, lies in ``folder``.

    A loop of links ends where it was entered: `Path.resolve` raises RuntimeError there before Python 3.13.
    """
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
