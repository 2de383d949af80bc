"""What is known to go wrong, where, why, and until when: a reader of known_issues.toml.

An entry explains a status and never changes one. An entry that could explain nothing, because it names no case or no
release that there is, is an error.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase, translate
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from cases.catalogue import INVALID_ON_PURPOSE
from matrix.errors import KnownIssueError
from matrix.record import REFUSED, SILENT, KnownIssue, Precision, Record, RuntimeInfo, Status

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).resolve().parents[1] / "known_issues.toml"
MAX_BYTES = 1_000_000
REQUIRED = ("name", "cases", "runtimes", "reason", "link")
KEYS = (*REQUIRED, "statuses", "precisions", "expires")

EXPLAINABLE = tuple(
    status for status in Status if status not in {Status.MATCH, Status.BUILDS, Status.INVALID_CASE, *SILENT}
)
BY_DEFAULT = tuple(status for status in EXPLAINABLE if status is not Status.UNVERIFIED)
# A network that was built and not run cannot show these.
SHOWN_BY_VALUES = frozenset({Status.DRIFT, Status.RUN_FAILED, Status.UNVERIFIED})

_RANGE = re.compile(r"(\w+)\s*([<>=!~].*)")


@dataclass(frozen=True, kw_only=True)
class Runtimes:
    """Which runtimes: releases of a ``product`` in ``versions``, or those whose name fits the glob ``text``."""

    text: str
    product: str = ""
    versions: SpecifierSet | None = None

    def fit(self, runtime: RuntimeInfo) -> bool:
        """Say whether ``runtime`` is one of these, by the version that it loaded where that is known."""
        if self.versions is None:
            return fnmatchcase(runtime.name, self.text)
        version = version_of(runtime)
        return (
            runtime.product == self.product
            and version is not None
            and self.versions.contains(version, prereleases=True)
        )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of known_issues.toml."""

    name: str
    cases: tuple[str, ...]  # globs
    runtimes: tuple[Runtimes, ...]
    statuses: tuple[Status, ...] = BY_DEFAULT
    precisions: tuple[Precision, ...] = ()  # empty: every one
    reason: str
    link: str
    expires: Version | None = None

    def names(self, case: str) -> bool:
        """Say whether one of the globs fits the id ``case``."""
        return any(fnmatchcase(case, glob) for glob in self.cases)

    def fits(self, record: Record) -> bool:
        """Say whether the entry is about the cell of ``record``, whatever happened there."""
        return (  # the quickest to tell first: every entry is asked for every cell
            self.names(record.case.id)
            and (not self.precisions or record.precision in self.precisions)
            and any(runtimes.fit(record.runtime) for runtimes in self.runtimes)
        )

    def issue(self, runtime: RuntimeInfo) -> KnownIssue:
        """Return the entry as a record of ``runtime`` holds it."""
        version = version_of(runtime)
        return KnownIssue(
            name=self.name,
            reason=self.reason,
            link=self.link,
            expires=str(self.expires) if self.expires else "",
            expired=bool(self.expires and version and version >= self.expires),
        )


def explain(record: Record, entries: Iterable[Entry]) -> Record:
    """Return ``record`` with the first entry that explains its status, and with those that it should show and does not.

    An entry past its expiry is not missed where the cell is well: that is what it said.
    """
    fitting = [entry for entry in entries if entry.fits(record)]
    shown = [entry.issue(record.runtime) for entry in fitting if record.status in entry.statuses]
    absent = [entry.issue(record.runtime) for entry in fitting if _is_absent(record, entry)]
    return replace(
        record,
        known_issue=shown[0] if shown else None,
        absent_issues=tuple(issue for issue in absent if not issue.expired),
    )


def read_known_issues(path: Path, *, cases: Sequence[str], releases: Sequence[RuntimeInfo]) -> tuple[Entry, ...]:
    """Return the entries of the file ``path``; every one fits some case of ``cases`` and some of ``releases``.

    Raises:
        KnownIssueError: there is no such file, it is not TOML, or an entry has an unknown or missing key, a value of
            another type or form, a link that is not http(s), or names no case or no release at all.
    """
    try:
        content = path.read_bytes()
        if len(content) > MAX_BYTES:
            raise KnownIssueError(path.name, f"it is larger than {MAX_BYTES:,} bytes")
        tables = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise KnownIssueError(str(path), f"it cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # tomllib's own error is a ValueError, and so is a number too long
        raise KnownIssueError(path.name, f"it is not TOML: {error}") from error
    unknown = sorted(tables.keys() - {"issue"})
    listed = tables.get("issue", [])
    if unknown or not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        raise KnownIssueError(path.name, f"it holds {', '.join(unknown) or 'issue'}; it may hold [[issue]] only")
    entries = [_entry(table, f"{path.name}, entry {_called(table, number)}") for number, table in enumerate(listed, 1)]
    for number, entry in enumerate(entries):
        where = f"{path.name}, entry {entry.name!r}"
        if any(entry.name == other.name for other in entries[:number]):
            raise KnownIssueError(where, "there are two of this name")
        _check_alive(entry, where, cases, releases)
    return tuple(entries)


def version_of(runtime: RuntimeInfo) -> Version | None:
    """Return the version that the library reported, the release's where it reported none; None if it is no version."""
    for text in (runtime.version, runtime.requested):
        try:
            return Version(text)
        except InvalidVersion:
            continue
    return None


def _is_absent(record: Record, entry: Entry) -> bool:
    """Say whether the cell is well although it could show the issue.

    A cell that failed in another way may hide it, and one that was built and not run shows nothing of its values.
    """
    if record.status is Status.BUILDS:
        return not SHOWN_BY_VALUES.issuperset(entry.statuses)
    refusal_is_right = INVALID_ON_PURPOSE in record.case.tags
    return record.status is Status.MATCH or (refusal_is_right and record.status in REFUSED - {*entry.statuses})


def _called(table: Mapping[str, Any], number: int) -> str:
    return repr(table["name"]) if isinstance(table.get("name"), str) else f"number {number}"


def _entry(table: Mapping[str, Any], where: str) -> Entry:
    unknown = sorted(table.keys() - set(KEYS))
    if unknown:
        raise KnownIssueError(where, f"unknown key {unknown[0]!r}; known are {', '.join(KEYS)}")
    missing = [key for key in REQUIRED if key not in table]
    if missing:
        raise KnownIssueError(where, f"it lacks {', '.join(missing)}")
    expires = _text(table, "expires", where) if "expires" in table else ""
    link = _text(table, "link", where)
    if not re.fullmatch(r"https?://[^\s<>\"'`\\]+", link):
        raise KnownIssueError(where, f"link = {link!r} is not an address that starts with http:// or https://")
    return Entry(
        name=_text(table, "name", where),
        cases=_texts(table, "cases", where),
        runtimes=tuple(_runtimes(text, where) for text in _texts(table, "runtimes", where)),
        statuses=_words(table, "statuses", EXPLAINABLE, where) or BY_DEFAULT,
        precisions=_words(table, "precisions", tuple(Precision), where),
        reason=_text(table, "reason", where),
        link=link,
        expires=_version(expires, where) if expires else None,
    )


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise KnownIssueError(where, f"{key} = {value!r} is not a text")
    return " ".join(value.split())


def _texts(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Return a list of texts; a text alone is a list of one."""
    value = table[key]
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not items or not all(isinstance(item, str) and item.strip() for item in items):
        raise KnownIssueError(where, f"{key} = {value!r} is not a text or a list of texts")
    return tuple(item.strip() for item in items)


def _words(table: Mapping[str, Any], key: str, allowed: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    found = _texts(table, key, where) if key in table else ()
    for word in found:
        if word not in allowed:
            raise KnownIssueError(where, f"{key}: {word!r} is not one of {', '.join(allowed)}")
    return tuple(item for item in allowed if item in found)


def _runtimes(text: str, where: str) -> Runtimes:
    found = _RANGE.fullmatch(text)
    if not found:
        return Runtimes(text=text)
    try:
        return Runtimes(text=text, product=found[1], versions=SpecifierSet(found[2]))
    except InvalidSpecifier as error:
        raise KnownIssueError(
            where, f"runtimes: {found[2]!r} is not a range of versions, for example 'tensorrt_rtx >=1.4,<1.8'"
        ) from error


def _version(text: str, where: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise KnownIssueError(where, f"expires = {text!r} is not the version of a release") from error


def _check_alive(entry: Entry, where: str, cases: Sequence[str], releases: Sequence[RuntimeInfo]) -> None:
    for glob in entry.cases:
        pattern = re.compile(translate(glob))
        if not any(pattern.match(case) for case in cases):
            nearest = ", ".join(get_close_matches(glob, cases, n=3, cutoff=0.0))
            raise KnownIssueError(where, f"no case is called {glob!r}; the nearest are {nearest or 'none'}")
    for runtimes in entry.runtimes:
        if not any(runtimes.fit(release) for release in releases):
            names = ", ".join(f"{release.name} ({release.product} {release.requested})" for release in releases)
            raise KnownIssueError(where, f"no release fits {runtimes.text!r}; known are {names}")
