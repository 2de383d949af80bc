"""`--model PATH` as a whole: its models as cases, their folders, and what was recorded of their outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cases.case import Case
from matrix.case_folder import CaseFolder, make_case_folder
from matrix.errors import OptionError
from matrix.models.asked import Asked
from matrix.models.case import ModelCase, model_case, unusable
from matrix.models.examiner import Examiner
from matrix.models.files import ModelFiles, find_models
from matrix.models.folder import make_model_folder
from matrix.models.inside import lies_inside
from matrix.models.interface import ModelError
from matrix.verdict.reference import Reference

RECORDED = "recorded outputs"


class OwnModels:
    """The models of one run.

    Raises:
        OptionError: the path holds no model; or it is a single one, which cannot be used.
    """

    def __init__(self, path: Path, asked: Asked) -> None:
        self._asked = asked
        self._examiner = Examiner()
        files = find_models(path)
        try:
            self.cases = tuple(self._case(each, alone=len(files) == 1) for each in files)
            self._check_names()
        except OptionError:
            self.close()
            raise

    def make_folder(self, case: Case, path: Path) -> CaseFolder:
        """Make the folder of any case, a user's model or one of the catalogue.

        Raises:
            OSError: the folder cannot be written.
        """
        return (
            make_model_folder(case, path, self._examiner)
            if isinstance(case, ModelCase)
            else make_case_folder(case, path)
        )

    def close(self) -> None:
        """End the process that opened the models."""
        self._examiner.close()

    def _case(self, files: ModelFiles, *, alone: bool) -> ModelCase:
        try:
            if not lies_inside(files.model, files.root) and not alone:
                raise ModelError("it is a link to a file outside the tree; copy the file itself there (cp -L)")
            if not files.model.is_file():
                raise ModelError("it is not a regular file; remove it")
            return model_case(files, self._examiner.describe(files.model), self._asked)
        except OSError as error:
            why = ModelError(f"it cannot be read: {error.strerror}")
        except ModelError as error:
            why = error
        if alone:
            raise OptionError(f"--model: {files.name}: {why}")
        return unusable(files, why)

    def _check_names(self) -> None:
        """Refuse a name that no model has; in a tree, one that some of them lack is not asked of these."""
        known = {item.name for case in self.cases if case.interface for item in case.interface.inputs}
        for name in self._asked.names:
            if name not in known:
                shown = ", ".join(repr(each) for each in sorted(known)[:10]) or "none"
                raise OptionError(f"--input-shapes, --profile: there is no input {name!r}; the inputs are {shown}")


def with_recorded(reference: Reference, case: Case) -> Reference:
    """Return ``reference`` with the recorded outputs of a user's model in its place, wherever there are some.

    The name says what judges at which point where it is not the same at all of them.
    """
    if not isinstance(case, ModelCase) or case.interface is None:
        return reference
    declared = case.interface.outputs
    data_sets = (case.data_sets or {}).items()
    try:
        recorded = {name: each.outputs(declared) for name, each in data_sets if each.has_outputs}
    except (ModelError, OSError) as error:  # they could be read when the run began
        return replace(reference, outputs=None, why=f"the recorded outputs changed during the run: {error}")
    if not recorded:
        return reference
    others = [point.name for point in case.points if point.name not in recorded]
    if not others:
        return replace(reference, name=RECORDED, outputs=recorded, why="")
    if reference.outputs is None:
        return replace(reference, name=RECORDED, outputs=recorded)
    name = f"{RECORDED}; at {', '.join(others)}: {reference.name}"
    return replace(reference, name=name, outputs={**reference.outputs, **recorded})
