"""The facts of reports.csv: which reports there are, what each says, and how its case is called."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("reports.csv")
# Projects whose repositories have the same name.
PROJECTS: Mapping[str, str] = {"pytorch/TensorRT": "torch_tensorrt"}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of reports.csv; what its columns mean: reports.md."""

    id: str
    url: str
    trt_versions: str
    kind: str
    op_or_pattern: str
    symptom: str
    minimal_pattern: str
    fixed_in: str

    @property
    def case_id(self) -> str:
        """The id of the report's case: ``bug-tensorrt-3963``."""
        owner, repository, _, number = self.url.split("/")[3:]
        project = PROJECTS.get(f"{owner}/{repository}", repository.lower().replace("-", "_"))
        return f"bug-{project}-{number}"


@cache
def facts() -> Mapping[str, Fact]:
    """Return every line of reports.csv by its name, in order."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        return {row["id"]: Fact(**row) for row in csv.DictReader(lines)}
