"""uv sees nothing but a folder of tiny packages in every test here."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from matrix.runtimes.uv import find_uv


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with wheels of a runtime, of a numpy and of one whose module has another name."""
    folder = tmp_path_factory.mktemp("packages")
    for name, module in (("tinyrt", "tinyrt"), ("numpy", "numpy"), ("hollow", "another")):
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            info = f"{name}-1.0.dist-info"
            wheel.writestr(f"{module}.py", "__version__ = '1.0'\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture(autouse=True)
def uv_alone(packages: Path, uv_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv see nothing but the tiny packages: no network, no configuration, no cache of the user's."""
    monkeypatch.setenv("UV", find_uv())
    for name, value in {
        "UV_FIND_LINKS": str(packages),
        "UV_NO_INDEX": "1",
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(uv_cache),
        "UV_PYTHON_DOWNLOADS": "never",
    }.items():
        monkeypatch.setenv(name, value)
