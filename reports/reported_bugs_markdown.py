"""The reported bugs as a section of `matrix.md`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reports.reported_bugs import Bug, columns
from reports.reported_bugs_text import MEANING, TITLE, about_text, fixed_text, symptom_text, tally_text, told_text

Spell = Callable[[str], str]


def section(bugs: Sequence[Bug], escape: Spell, code: Spell, link: Spell) -> list[str]:
    """Return the lines, none without bugs; ``escape``, ``code`` and ``link`` make strangers' text harmless."""
    if not bugs:
        return []
    names = columns(bugs)
    head = ["report", "about", "symptom", *map(code, names), "fixed in"]
    return [
        f"## {TITLE}",
        "",
        MEANING,
        "",
        *(f"* {code(name)}: {escape(tally_text(bugs, name))}" for name in names),
        "",
        f"| {' | '.join(head)} |",
        "|---" * len(head) + "|",
        *(f"| {' | '.join(_row(bug, names, escape, code, link))} |" for bug in bugs),
    ]


def _row(bug: Bug, names: Sequence[str], escape: Spell, code: Spell, link: Spell) -> list[str]:
    told = [escape(told_text(bug.told.get(name))) for name in names]
    words = [escape(about_text(bug)), escape(symptom_text(bug)), *told, escape(fixed_text(bug))]
    return [code(bug.case) + link(bug.link), *words]
