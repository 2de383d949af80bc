"""Every error that the harness raises itself; each message says what to do."""

from __future__ import annotations

from collections.abc import Iterable


class MatrixError(Exception):
    """A fault that the user can mend. ``str(error)`` is the whole message: no traceback is needed to act on it."""


class UnknownRuntimeError(MatrixError):
    """A release was asked for that releases.toml does not list."""

    def __init__(self, option: str, asked: str, known: Iterable[str]) -> None:
        super().__init__(f"{option}: no release is called {asked!r}. Known: {', '.join(known)}")


class ReleasesError(MatrixError):
    """The file releases.toml does not say what it must."""

    def __init__(self, why: str) -> None:
        super().__init__(f"matrix/runtimes/releases.toml: {why}")


class OptionError(MatrixError):
    """An option has a value that cannot be used."""


class ProvisionError(MatrixError):
    """The environment of a runtime could not be made; carries the installer's own words."""


class UvMissingError(ProvisionError):
    """The program uv was not found."""

    def __init__(self) -> None:
        super().__init__(
            "uv was not found, and it makes the environments: run `pip install uv`, or give an interpreter that has "
            "the runtime already: --runtime-python NAME=PATH"
        )


class ReportFolderError(MatrixError):
    """The report folder cannot be written."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"cannot write to the report folder {path}: {why}. Free space there, or give --report-dir PATH"
        )


class BaselineError(MatrixError):
    """A baseline file is not what --update-baseline writes."""


class RecordedRunError(MatrixError):
    """There are no records where a run was said to be."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}. Give a run folder, or a folder of run folders such as reports/out")


class KnownIssueError(MatrixError):
    """A file of known issues, or an entry of it, cannot be used."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}. See the head of matrix/known_issues.toml")


class BundleError(MatrixError):
    """A reproduction bundle cannot be written, or what was given is none."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
