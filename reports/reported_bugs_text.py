"""The words of the reported bugs, the same in every report, and all of them as plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.reported_bugs import PRODUCTS, Answer, Bug, Told, columns
from reports.text import count, one_line

TITLE = "Reported bugs"
MEANING = (
    "Public reports, each as the smallest model that should show what was reported. Reproduced and not reproduced are "
    "said only of runtimes of the product that the report is about, from the status of the cell; a related product is "
    "called so. Not run makes no statement: nothing was run as far as the symptom. What a report says was fixed "
    "is its own claim."
)
RIGHTLY = "the reporter's own model, request or calibration is at fault: the refusal is right"


def told_text(told: Told | None) -> str:
    """Return what a cell says, with its status; empty where it says nothing."""
    return f"{told.answer.value} ({told.status.value.replace('_', ' ')})" if told else ""


def _with_reason(told: Told) -> str:
    return f"{told_text(told)}: {one_line(told.reason, 200)}" if told.reason else told_text(told)


def about_text(bug: Bug) -> str:
    """Return the product and versions that a report is about."""
    return f"{PRODUCTS.get(bug.report.product, bug.report.product)}: {bug.report.versions}"


def symptom_text(bug: Bug) -> str:
    """Return the reported symptom, and whose fault it is where it is the reporter's."""
    return f"{bug.report.symptom} ({RIGHTLY})" if bug.report.rightly_refused else bug.report.symptom


def fixed_text(bug: Bug) -> str:
    """Return what the report says of a fix."""
    return bug.report.fixed_in or "not said"


def tally_text(bugs: Sequence[Bug], column: str) -> str:
    """Return how many bugs a column answers how: "3 reproduced; 1 not reproduced"."""
    counts = Counter(bug.told[column].answer for bug in bugs if column in bug.told)
    return "; ".join(f"{counts[answer]:,} {answer.value}" for answer in Answer if answer in counts)


def render(bugs: Sequence[Bug]) -> str:
    """Return all of it as plain text."""
    if not bugs:
        return f"{TITLE}\n\nThe run has no case of a reported bug.\n"
    lines = [TITLE, MEANING, "", count(len(bugs), "report")]
    lines += [f"  {one_line(column)}: {tally_text(bugs, column)}" for column in columns(bugs)]
    for bug in bugs:
        lines += ["", one_line(bug.case), f"  {one_line(bug.link)}", f"  reported for {one_line(about_text(bug))}"]
        lines += [f"  symptom: {one_line(symptom_text(bug))}", f"  fixed in: {one_line(fixed_text(bug))}"]
        lines += [f"  {one_line(column)}: {_with_reason(told)}" for column, told in bug.told.items()]
        lines += [] if bug.told else ["  no runtime of that product in this run"]
    return "\n".join(lines) + "\n"
