"""Both references of a case, computed once per digest, kept on disk, and shared by all runtimes and runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from matrix.case_folder import CaseFolder
from matrix.evaluator import Evaluator
from matrix.execution.local import Finished
from matrix.runtimes.environment import Environment
from matrix.runtimes.selection import Runtime
from matrix.second_reference import SecondReference
from matrix.verdict.reference import Answer, Reference
from matrix.verdict.reference.answer import choose
from matrix.verdict.reference.cache import AnswerCache
from matrix.verdict.reference.specification import fingerprint


class References:
    """The references of a run; use as a context manager, so that no process is left.

    An answer that depends on the case alone is kept on disk, a refusal as well. One that depends on the moment, such as
    a missed deadline, is remembered for this run only.
    """

    def __init__(self, cache: AnswerCache, second: SecondReference, folder: Path, *, deadline: float) -> None:
        self._cache = cache
        self._second = second
        self._evaluator = Evaluator(folder / "evaluator", deadline=deadline)
        self._latest: dict[str, tuple[str, Answer]] = {}  # reference -> digest, answer: cells of one case often follow
        self._passing: dict[tuple[str, str], Answer] = {}  # (reference, digest) -> what is not kept on disk

    def __enter__(self) -> References:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the evaluator's process."""
        self._evaluator.close()
        self._cache.prune()

    def get(self, finished: Finished) -> Reference:
        """Return what the outputs of ``finished``, which has a folder, are to be held against.

        Raises:
            OSError: a job directory cannot be written.
        """
        assert finished.folder is not None
        folder = allowed(finished.folder)
        first = self._known(fingerprint(), folder.digest)
        begun = "" if first else self._evaluator.start(folder)
        second = self._second_answer(finished, folder)
        first = first or self._finished(begun, folder.digest)
        return choose(first, second, itself=self._second.is_itself(finished))

    def specification(self, folder: CaseFolder) -> Answer:
        """Return what the first reference says to the inputs of ``folder``.

        Raises:
            OSError: a job directory cannot be written.
        """
        known = self._known(fingerprint(), folder.digest)
        return known or self._finished(self._evaluator.start(folder), folder.digest)

    def _finished(self, begun: Path | str, digest: str) -> Answer:
        """Return and keep the answer that the evaluator has begun with; text says why it has not."""
        found = self._evaluator.finish(begun, digest) if isinstance(begun, Path) else begun
        answer = found if isinstance(found, Answer) else Answer(why=found)
        self._keep(fingerprint(), digest, answer, lasting=isinstance(found, Answer))
        return answer

    def learn(self, finished: Finished) -> None:
        """Keep what a cell of the second reference's own runtime said, though there is nothing to hold against it."""
        if finished.folder is None or not finished.folder.digest or not self._second.may_be_itself(finished):
            return
        found, key, digest = self._second.answer_of(finished), self._second.key, finished.folder.digest
        if found is not None and self._known(key, digest) is None:
            self._keep(key, digest, found[0], lasting=found[1])

    def _second_answer(self, finished: Finished, folder: CaseFolder) -> Answer:
        key = self._second.key
        if not key:
            return Answer(why=self._second.why)
        second = self._known(key, folder.digest)
        if second is None:
            second, lasting = self._second.answer_of(finished) or self._second.compute(folder)
            self._keep(key, folder.digest, second, lasting=lasting)
        return second

    def _known(self, reference: str, digest: str) -> Answer | None:
        latest, answer = self._latest.get(reference, ("", None))
        if latest != digest:
            answer = self._passing.get((reference, digest)) or self._cache.get(reference, digest)
            if answer is not None:
                self._latest[reference] = digest, answer
        return answer

    def _keep(self, reference: str, digest: str, answer: Answer, *, lasting: bool) -> None:
        self._latest[reference] = digest, answer
        if lasting:
            self._cache.put(reference, digest, answer)
        else:
            self._passing[reference, digest] = answer


@contextmanager
def both_references(
    runtimes: Sequence[Runtime],
    environments: Mapping[str, Future[Environment]],
    *,
    cache: Path,
    folder: Path,
    cpu: str,
    deadline: float,
) -> Iterator[References]:
    """Yield the references of a run that works in ``folder``, and end their processes with the block."""
    with (
        SecondReference(
            runtimes, environments, cache=cache, folder=folder / "second", cpu=cpu, deadline=deadline
        ) as second,
        References(AnswerCache(cache / "references"), second, folder / "references", deadline=deadline) as references,
    ):
        yield references


def allowed(folder: CaseFolder) -> CaseFolder:
    """Leave out the points that the profile of the case forbids: no answer is right there."""
    points = tuple(point for point in folder.points if point["name"] not in folder.forbidden)
    return replace(folder, points=points)
