"""What a finished cell is held against: its reference, and what the specification says to its parsed network."""

from __future__ import annotations

from dataclasses import replace

from matrix.execution.local import Finished
from matrix.ignored_inputs import ignored_inputs
from matrix.models.own_models import with_recorded
from matrix.references import References
from matrix.signed_codes import signed_codes
from matrix.verdict.reference import Reference


def reference_of(finished: Finished, references: References, *, always: bool = False) -> Reference:
    """Return the reference of a finished cell; unless ``always``, only where something ran that needs one."""
    ran = finished.reply is not None and finished.reply.executed
    if finished.folder is None or not (ran or always):
        references.learn(finished)
        return with_network(Reference(), finished, references)
    case = finished.cell.case
    if case.no_reference:
        return Reference(why=case.no_reference)
    return with_network(with_recorded(references.get(finished), case), finished, references)


def with_network(reference: Reference, finished: Finished, references: References) -> Reference:
    """Return ``reference`` with what the specification says to the parsed network of ``finished``."""
    return replace(reference, ignored=ignored_inputs(finished, references), signed=signed_codes(finished, references))
